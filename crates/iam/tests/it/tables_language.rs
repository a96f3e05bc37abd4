//! The tables of `policies.md` §2.1 (elements allowed per type), §2.7 (several resources) and §3
//! (derived keys).

use hallpass_iam::{CaseOptions, Policy, PolicyType, ScpLanguage, simulate_line};
use serde_json::{Value, json};

use crate::rows::{ANN, DEV, OBJECT, allow, allow_all, case, check, deny, one, row};
use crate::{engine, rows};

fn load(text: &Value, kind: PolicyType, language: ScpLanguage) -> &'static str {
    match Policy::parse_with(&text.to_string(), kind, language) {
        Ok(_) => "ok",
        Err(error) => error.code.as_str(),
    }
}

#[test]
fn what_each_type_allows() {
    let deny = |more: Value| {
        let mut statement = json!({ "Effect": "Deny", "Action": "s3:*" });
        for (name, value) in more.as_object().unwrap() {
            statement[name.as_str()] = value.clone();
        }
        one(&statement)
    };
    let kinds = [
        PolicyType::Identity,
        PolicyType::Boundary,
        PolicyType::Session,
        PolicyType::Resource,
        PolicyType::Trust,
        PolicyType::Scp,
        PolicyType::Rcp,
    ];
    let no = "E_ELEMENT";
    let table = [
        (
            "Resource",
            deny(json!({ "Resource": "*" })),
            ["ok", "ok", "ok", no, no, "ok", no],
        ),
        ("nothing", deny(json!({})), [no; 7]),
        (
            "Principal *, Resource",
            deny(json!({ "Principal": "*", "Resource": "*" })),
            [no, no, no, "ok", no, no, "ok"],
        ),
        (
            "Principal account, Resource",
            deny(json!({ "Principal": { "AWS": "111111111111" }, "Resource": "*" })),
            [no, no, no, "ok", no, no, no],
        ),
        (
            "Principal {AWS: *}, Resource",
            deny(json!({ "Principal": { "AWS": "*" }, "Resource": "*" })),
            [no, no, no, "ok", no, no, no],
        ),
        (
            "Principal",
            deny(json!({ "Principal": "*" })),
            [no, no, no, "ok", "ok", no, no],
        ),
        (
            "NotPrincipal, NotResource",
            deny(json!({ "NotPrincipal": { "AWS": ANN }, "NotResource": "*" })),
            [no, no, no, "ok", no, no, no],
        ),
    ];
    let mut wrong = Vec::new();
    for (name, text, wants) in table {
        for (kind, wants) in kinds.into_iter().zip(wants) {
            let got = load(&text, kind, ScpLanguage::Full);
            if got != wants {
                wrong.push(format!("{name} in {kind:?}: {got}, the table {wants}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn scp(effect: &str, more: &Value) -> Value {
    let mut statement = json!({ "Effect": effect, "Action": "s3:*", "Resource": "*" });
    for (name, value) in more.as_object().unwrap() {
        statement[name.as_str()] = value.clone();
    }
    for name in ["Action", "Resource"] {
        if statement.get(format!("Not{name}")).is_some() {
            statement.as_object_mut().unwrap().remove(name);
        }
    }
    one(&statement)
}

#[test]
fn the_languages_of_scps() {
    let no = "E_ELEMENT";
    let condition = json!({ "Condition": { "StringEquals": { "k": "a" } } });
    let table = [
        ("Allow", scp("Allow", &json!({})), "ok"),
        (
            "Allow, a list",
            scp("Allow", &json!({ "Action": ["s3:Get*", "*"] })),
            "ok",
        ),
        ("Allow, Condition", scp("Allow", &condition), no),
        (
            "Allow, a resource",
            scp("Allow", &json!({ "Resource": OBJECT })),
            no,
        ),
        (
            "Allow, NotResource",
            scp("Allow", &json!({ "NotResource": OBJECT })),
            no,
        ),
        (
            "Allow, NotAction",
            scp("Allow", &json!({ "NotAction": "s3:*" })),
            no,
        ),
        (
            "Allow, * in the middle",
            scp("Allow", &json!({ "Action": "s3:*Object" })),
            no,
        ),
        ("Deny", scp("Deny", &json!({})), "ok"),
        ("Deny, Condition", scp("Deny", &condition), "ok"),
        (
            "Deny, a resource",
            scp("Deny", &json!({ "Resource": OBJECT })),
            "ok",
        ),
        (
            "Deny, NotAction",
            scp("Deny", &json!({ "NotAction": "s3:*" })),
            "ok",
        ),
    ];
    let mut wrong = Vec::new();
    for (name, text, classic) in table {
        for (language, wants) in [(ScpLanguage::Full, "ok"), (ScpLanguage::Classic, classic)] {
            let got = load(&text, PolicyType::Scp, language);
            if got != wants {
                wrong.push(format!("{name} in {language:?}: {got}, the table {wants}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn several_resources() {
    let on = |effect: &str, resource: &str| {
        one(&json!({ "Effect": effect, "Action": "*", "Resource": resource }))
    };
    let queue = |name: &str| format!("arn:aws:sqs:eu-west-1:111111111111:{name}");
    let several = |policies: Value| {
        let mut case = case(
            ANN,
            "sqs:SendMessage",
            "*",
            &json!({ "identityPolicies": policies }),
        );
        case.as_object_mut().unwrap().remove("resource");
        case["resources"] = json!([queue("a"), queue("b"), queue("c")]);
        case
    };
    let (a, b, c) = (queue("a"), queue("b"), queue("c"));
    let each = [on("Allow", &a), on("Allow", &b), on("Allow", &c)];
    let table = [
        ("all", several(json!(each)), "A", None),
        ("two of three", several(json!(each[..2])), "ID", Some(&c)),
        ("one of three", several(json!(each[1..2])), "ID", Some(&a)),
        (
            "one denied",
            several(json!([allow_all(), on("Deny", &b)])),
            "XD",
            Some(&b),
        ),
        (
            "none allowed, last denied",
            several(json!([on("Deny", &c)])),
            "XD",
            Some(&c),
        ),
    ];
    for (name, case, _, blocking) in &table {
        let answer = engine::answer(&case.to_string(), true);
        assert_eq!(
            answer.get("resource"),
            blocking.map(|arn| json!(arn)).as_ref(),
            "{name}"
        );
    }
    let rows = table
        .into_iter()
        .map(|(name, case, wants, _)| row(name, case, wants));
    check("§2.7", rows.collect());
    let mut empty = several(json!([]));
    empty["resources"] = json!([]);
    check("§2.7 bad", vec![row("no resource", empty, "E_FIELD")]);
}

#[test]
fn derived_keys() {
    let account = "111111111111";
    let root = "arn:aws:iam::111111111111:root";
    let role = "arn:aws:iam::111111111111:role/p/Dev";
    let arn = "aws:PrincipalArn";
    let table = [
        (ANN, arn, Some(ANN)),
        (DEV, arn, Some("arn:aws:iam::111111111111:role/Dev")),
        (role, arn, Some(role)),
        (root, arn, Some(root)),
        (ANN, "aws:PrincipalAccount", Some(account)),
        (DEV, "aws:principalaccount", Some(account)),
        ("sns.amazonaws.com", "aws:PrincipalAccount", None),
        (ANN, "aws:username", Some("ann")),
        (
            "arn:aws:iam::111111111111:user/p/ann",
            "aws:username",
            Some("ann"),
        ),
        (DEV, "aws:username", None),
        (root, "aws:username", None),
        (ANN, "aws:CurrentTime", None),
    ];
    let mut wrong = Vec::new();
    for (principal, key, value) in table {
        let condition = match value {
            Some(value) => json!({ "StringEquals": { key: value } }),
            None => json!({ "Null": { key: "true" } }),
        };
        let statement = json!({ "Effect": "Deny", "Principal": "*", "Action": "*",
            "Resource": "*", "Condition": condition });
        let case = case(
            principal,
            "s3:GetObject",
            OBJECT,
            &json!({ "resourcePolicy": one(&statement), "resourceAccount": account }),
        );
        for (no_derive, denied) in [(false, true), (true, value.is_none())] {
            let options = CaseOptions {
                no_derive,
                ..CaseOptions::default()
            };
            let answer = simulate_line(&case.to_string(), 1, &options);
            if (answer.decision().unwrap().as_str() == "ExplicitlyDenied") != denied {
                wrong.push(format!("{principal} {key} {value:?}, without: {no_derive}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn given_keys_are_not_derived_and_now_is_an_argument() {
    let condition = json!({ "StringEquals": { "aws:username": "bob" },
        "DateEquals": { "aws:CurrentTime": "2025-01-01T00:00:00Z", "aws:EpochTime": "1735689600" } });
    let statement =
        json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition });
    let case = case(
        ANN,
        "s3:GetObject",
        OBJECT,
        &json!({ "identityPolicies": [one(&statement)], "context": { "AWS:UserName": "bob" } }),
    );
    let now = ("2025-01-01T00:00:00Z".to_owned(), "1735689600".to_owned());
    for (now, wants) in [(Some(now), "Allowed"), (None, "ImplicitlyDenied")] {
        let options = CaseOptions {
            now,
            ..CaseOptions::default()
        };
        let answer = simulate_line(&case.to_string(), 1, &options);
        assert_eq!(answer.decision().unwrap().as_str(), wants);
    }
}

#[test]
fn explanations_name_who_decided() {
    let sids = |mut policy: Value, sid: &str| {
        policy["Statement"][0]["Sid"] = json!(sid);
        policy
    };
    let by = |fields: Value| {
        let answer = engine::answer(
            &case(ANN, "sqs:SendMessage", rows::QUEUE, &fields).to_string(),
            true,
        );
        let by = &answer["decidedBy"];
        format!(
            "{} {} {} {} {}",
            answer["decision"], by["layer"], by["level"], by["sid"], by["index"]
        )
        .replace('"', "")
    };
    let all = || sids(allow_all(), "All");
    let rows = [
        (
            json!({ "identityPolicies": [all()] }),
            "Allowed identity null All 0",
        ),
        (
            json!({ "identityPolicies": [all(), sids(deny("sqs:*"), "No")] }),
            "ExplicitlyDenied identity null No 0",
        ),
        (
            json!({ "identityPolicies": [sids(deny("*"), "Mine")], "boundary": sids(deny("*"), "B"),
                "scps": [[all()], [all(), sids(deny("*"), "Org")]] }),
            "ExplicitlyDenied scp 1 Org 0",
        ),
        (
            json!({ "identityPolicies": [all()], "scps": [[all()], [], [allow("s3:*")]] }),
            "ImplicitlyDenied scp 1 null null",
        ),
        (
            json!({ "identityPolicies": [all()], "boundary": allow("s3:*") }),
            "ImplicitlyDenied boundary null null null",
        ),
        (json!({}), "ImplicitlyDenied identity null null null"),
    ];
    let mut wrong = Vec::new();
    for (fields, wants) in rows {
        let got = by(fields.clone());
        if got != wants {
            wrong.push(format!("{got}, the table {wants}: {fields}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
