//! Invalid input gets the right code and never a panic (`policies.md` §1 to §3).

use hallpass_iam::{LoadErrorCode, Policy, PolicyType};
use serde_json::{Value, json};

use crate::{engine, oracle};

fn sample() -> Value {
    let statement = json!({ "Sid": "One", "Effect": "Allow", "Action": ["s3:Get*", "s3:Put*"],
        "Resource": "arn:aws:s3:::b/${aws:username}*",
        "Condition": { "StringLike": { "aws:PrincipalTag/t": ["a*", "ä"] }, "Bool": { "k": true } } });
    let by_resource = json!({ "Effect": "Deny", "NotPrincipal": { "AWS": ["111111111111"] },
        "NotAction": "s3:*", "NotResource": "*" });
    let policy = |statement: &Value| json!({ "Version": "2012-10-17", "Statement": [statement] });
    let full = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let rcp = json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" });
    json!({
        "id": "c1",
        "principal": "arn:aws:iam::111111111111:user/ann",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::b/ann",
        "resourceAccount": "111111111111",
        "context": { "aws:username": "ann", "aws:TagKeys": ["a", 1] },
        "identityPolicies": [policy(&statement), { "name": "P", "policy": policy(&full) }],
        "scps": [[policy(&full)]],
        "rcps": [[policy(&rcp)]],
        "resourcePolicy": policy(&by_resource),
        "boundary": policy(&full),
        "session": policy(&full),
        "flags": { "managementAccount": false, "rootUser": false },
        "expected": "Allowed",
    })
}

fn code(line: &str) -> String {
    engine::word(&engine::answer(line, true)).unwrap_or_else(|code| code)
}

#[test]
fn the_sample_is_good() {
    assert_eq!(
        engine::decision(&sample()),
        Ok(oracle::decision(&sample()).unwrap().to_owned())
    );
}

#[test]
fn cut_anywhere_it_is_no_json() {
    let line = sample().to_string();
    for (end, _) in line.char_indices() {
        let answer = engine::answer(&line[..end], false);
        assert_eq!(answer["error"]["code"], "E_JSON", "cut at {end}: {answer}");
        assert_eq!((&answer["id"], &answer["line"]), (&Value::Null, &json!(1)));
    }
}

#[test]
fn what_is_not_json() {
    let lines = [
        "",
        " ",
        "{",
        "}",
        "nul",
        "{}{}",
        "{} x",
        "{'id':1}",
        "{\"id\":1,}",
        "[1,]",
        "{\"a\"}",
        "// c\n{}",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":NaN}",
        "{\"a\":1e}",
        "\u{feff}{}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\t\"}",
        "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\\udc00\\ud800\"}",
        "{\"a\":\"\\ud800\\u0041\"}",
        "{\"\\ud800\":1}",
        "{\"a\":\"\u{0}\"}",
        "\u{a0}{}",
        "{\"a\":tru}",
        "{\"a\" 1}",
    ];
    let wrong: Vec<_> = lines.iter().filter(|line| code(line) != "E_JSON").collect();
    assert!(wrong.is_empty(), "{wrong:?}");
    // surrogate pairs and characters outside the BMP are valid
    let mut case = sample();
    case["context"]["aws:username"] = json!("😀");
    let escaped = case.to_string().replace('😀', "\\ud83d\\ude00");
    assert_eq!(code(&escaped), code(&case.to_string()));
}

fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    match value {
        Value::Array(list) => {
            for (index, one) in list.iter().enumerate() {
                places(one, &format!("{at}/{index}"), all);
            }
        }
        Value::Object(object) => {
            for (key, one) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                places(one, &format!("{at}/{key}"), all);
            }
        }
        _ => {}
    }
}

#[test]
fn a_wrong_type_anywhere() {
    let wrong_types = [
        json!(null),
        json!(true),
        json!(7),
        json!(""),
        json!("x"),
        json!([]),
        json!([null]),
        json!([[]]),
        json!({}),
        json!({ "a": 1 }),
        json!({ "a": { "b": {} } }),
    ];
    let sample = sample();
    let mut all = Vec::new();
    places(&sample, "", &mut all);
    assert!(all.len() > 80, "only {} places", all.len());
    let mut differ = Vec::new();
    for place in &all {
        for value in &wrong_types {
            let mut case = sample.clone();
            *case.pointer_mut(place).unwrap() = value.clone();
            let engine = code(&case.to_string());
            let oracle = oracle::decision(&case).unwrap_or_else(|code| code);
            if engine != oracle {
                differ.push(format!(
                    "{value} at {place}: engine {engine}, oracle {oracle}"
                ));
            }
        }
    }
    none_differ(&differ);
}

fn none_differ(differ: &[String]) {
    let all = differ.join("\n");
    assert!(differ.is_empty(), "{} differ:\n{all}", differ.len());
}

#[test]
fn a_missing_member_anywhere() {
    let sample = sample();
    let mut all = Vec::new();
    places(&sample, "", &mut all);
    let mut differ = Vec::new();
    for place in all.iter().filter(|place| !place.is_empty()) {
        let (parent, _) = place.rsplit_once('/').unwrap();
        let mut case = sample.clone();
        let child = case.pointer(place).unwrap().clone();
        match case.pointer_mut(parent).unwrap() {
            Value::Array(list) => list.retain(|one| *one != child),
            Value::Object(object) => {
                let key = place.rsplit('/').next().unwrap().replace("~1", "/");
                object.remove(&key);
            }
            other => panic!("{other}"),
        }
        let engine = code(&case.to_string());
        let oracle = oracle::decision(&case).unwrap_or_else(|code| code);
        if engine != oracle {
            differ.push(format!("without {place}: engine {engine}, oracle {oracle}"));
        }
    }
    none_differ(&differ);
}

#[test]
fn a_key_twice_in_any_object() {
    let line = sample().to_string();
    let mut seen = 0;
    for (at, _) in line.match_indices('{') {
        let rest = &line[at + 1..];
        let Some((key, _)) = rest
            .split_once("\":")
            .filter(|(key, _)| key.starts_with('"'))
        else {
            continue;
        };
        let twice = format!("{}{key}\":null,{rest}", &line[..=at]);
        assert_eq!(code(&twice), "E_DUP_KEY", "{twice}");
        seen += 1;
    }
    assert!(seen > 15, "only {seen} objects");
    // a key spelled with an escape is the same key
    let escaped = line.replacen("\"Effect\"", "\"\\u0045ffect\":\"Allow\",\"Effect\"", 1);
    assert_eq!(code(&escaped), "E_DUP_KEY");
}

fn nested(levels: usize) -> String {
    let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
    format!("{{\"Statement\":{open}{close}}}")
}

#[test]
fn limits() {
    let parse = |text: &str| Policy::parse(text, PolicyType::Identity).map_err(|error| error.code);
    assert_eq!(parse(&nested(64)).unwrap_err(), LoadErrorCode::Element);
    assert_eq!(parse(&nested(65)).unwrap_err(), LoadErrorCode::Limit);
    assert_eq!(parse(&nested(500_000)).unwrap_err(), LoadErrorCode::Limit);
    let policy = json!({ "Statement": { "Effect": "Allow", "Action": "*", "Resource": "*" } });
    let padded = |bytes: usize| {
        let text = policy.to_string();
        format!("{text}{}", " ".repeat(bytes - text.len()))
    };
    assert!(parse(&padded(1024 * 1024)).is_ok());
    assert_eq!(
        parse(&padded(1024 * 1024 + 1)).unwrap_err(),
        LoadErrorCode::Limit
    );
    let mut case = sample();
    for (policy, wants) in [
        (nested(64), "E_ELEMENT"),
        (nested(65), "E_LIMIT"),
        (nested(100_000), "E_LIMIT"),
        (
            format!("{{\"Id\":\"{}\"}}", "x".repeat(1024 * 1024)),
            "E_LIMIT",
        ),
    ] {
        case["boundary"] = json!("HERE");
        let line = case.to_string().replace("\"HERE\"", &policy);
        assert_eq!(code(&line), wants, "{} bytes", policy.len());
    }
}

#[test]
fn stars_do_not_blow_up() {
    let text = format!("arn:aws:s3:::b/{}", "a".repeat(10_000));
    let begun = std::time::Instant::now();
    for pattern in [
        "a*".repeat(5_000),
        "*a".repeat(5_000),
        "?*".repeat(4_000),
        "*a?".repeat(2_000),
    ] {
        let case = json!({ "id": "c", "principal": "arn:aws:iam::111111111111:user/ann",
            "action": "s3:GetObject", "resource": text, "identityPolicies": [{ "Statement":
            { "Effect": "Allow", "Action": "*", "Resource": format!("arn:aws:s3:::b/{pattern}b") } }] });
        assert_eq!(code(&case.to_string()), "ImplicitlyDenied");
    }
    // the promise is 10 ms for one on a server; this is four, unoptimized, on a busy machine
    assert!(begun.elapsed().as_secs() < 2, "{:?}", begun.elapsed());
}
