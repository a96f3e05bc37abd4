use hallpass_aws_model::EventPattern;
use serde_json::{Value, json};

fn event() -> Value {
    json!({
        "source": "aws.signin", "detail-type": "AWS Console Sign In via CloudTrail", "region": "eu-west-1",
        "detail": {
            "eventName": "ConsoleLogin", "sourceIPAddress": "10.1.2.3", "count": 7, "none": null, "empty": "",
            "many": ["a", "b"], "rows": [{ "x": 1, "y": 1 }, { "x": 2, "y": 2 }], "whole": 300,
        },
    })
}

fn take(rows: &[(Value, bool)]) {
    for (pattern, expected) in rows {
        let read =
            EventPattern::read(&pattern.to_string()).unwrap_or_else(|it| panic!("{pattern}: {it}"));
        assert_eq!(read.takes(&event()), *expected, "{pattern}");
    }
}

#[test]
fn patterns_of_texts_take_what_they_describe() {
    let name = |wanted: Value| json!({ "detail": { "eventName": [wanted] } });
    take(&[
        (json!({ "source": ["x", "aws.signin"] }), true),
        (
            json!({ "source": ["aws.signin"], "region": ["us-east-1"] }),
            false,
        ),
        (name(json!({ "prefix": "Console" })), true),
        (name(json!({ "prefix": "console" })), false),
        (
            name(json!({ "prefix": { "equals-ignore-case": "console" } })),
            true,
        ),
        (name(json!({ "suffix": "Login" })), true),
        (
            name(json!({ "suffix": { "equals-ignore-case": "LOGIN" } })),
            true,
        ),
        (name(json!({ "equals-ignore-case": "consolelogin" })), true),
        (name(json!({ "wildcard": "C*so*Login" })), true),
        (name(json!({ "wildcard": "*Login*" })), true),
        (name(json!({ "wildcard": "C*Login*n" })), false),
        (name(json!({ "wildcard": "Console\\*" })), false),
        (name(json!({ "anything-but": "ConsoleLogin" })), false),
        (name(json!({ "anything-but": ["a", "b"] })), true),
        (
            name(json!({ "anything-but": { "prefix": ["x", "Con"] } })),
            false,
        ),
        (name(json!({ "anything-but": { "wildcard": "*x*" } })), true),
    ]);
}

#[test]
fn patterns_take_what_is_there_numbers_addresses_and_alternatives() {
    let detail = |wanted: Value| json!({ "detail": wanted });
    take(&[
        (detail(json!({ "eventName": [{ "exists": true }] })), true),
        (detail(json!({ "errorCode": [{ "exists": false }] })), true),
        (
            json!({ "detail": { "deep": { "er": [{ "exists": false }] } } }),
            true,
        ),
        (
            detail(json!({ "errorCode": [{ "anything-but": "x" }] })),
            false,
        ),
        (
            detail(json!({ "count": [{ "numeric": [">", 0, "<=", 7] }] })),
            true,
        ),
        (detail(json!({ "count": [{ "numeric": ["<", 7] }] })), false),
        (
            detail(json!({ "count": [{ "numeric": ["=", 7.0] }] })),
            true,
        ),
        (detail(json!({ "whole": [300.0] })), false),
        (
            detail(json!({ "sourceIPAddress": [{ "cidr": "10.0.0.0/8" }] })),
            true,
        ),
        (
            detail(json!({ "sourceIPAddress": [{ "cidr": "10.1.2.4/31" }] })),
            false,
        ),
        (
            detail(json!({ "sourceIPAddress": [{ "cidr": "0.0.0.0/0" }] })),
            true,
        ),
        (
            detail(json!({ "sourceIPAddress": [{ "cidr": "::/0" }] })),
            false,
        ),
        (detail(json!({ "none": [null], "empty": [""] })), true),
        (detail(json!({ "many": ["b"] })), true),
        (detail(json!({ "rows": { "x": [1], "y": [1] } })), true),
        (detail(json!({ "rows": { "x": [1], "y": [2] } })), false),
        (
            json!({ "$or": [{ "source": ["x"] }, { "detail": { "count": [7] } }] }),
            true,
        ),
        (
            json!({ "region": ["us-east-1"], "$or": [{ "source": ["aws.signin"] }, { "source": ["x"] }] }),
            false,
        ),
    ]);
}

#[test]
fn what_is_no_pattern_is_refused_with_a_reason() {
    for (pattern, reason) in [
        ("{", "Invalid JSON"),
        ("[]", "Filter is not an object"),
        ("{}", "Empty objects"),
        (
            r#"{"source": "aws.s3"}"#,
            "\"source\" must be an object or an array",
        ),
        (r#"{"source": []}"#, "Empty arrays"),
        (r#"{"source": [["a"]]}"#, "Match value must be"),
        (
            r#"{"source": [{"begins": "a"}]}"#,
            "Unrecognized match type begins",
        ),
        (
            r#"{"source": [{"prefix": "a", "suffix": "b"}]}"#,
            "Only one key",
        ),
        (r#"{"source": [{"prefix": 1}]}"#, "must be a string"),
        (r#"{"source": [{"exists": "yes"}]}"#, "either true or false"),
        (
            r#"{"source": [{"wildcard": "a**"}]}"#,
            "Consecutive wildcard",
        ),
        (r#"{"source": [{"wildcard": "a\\b"}]}"#, "Invalid escape"),
        (r#"{"n": [{"numeric": [">"]}]}"#, "one or two operators"),
        (
            r#"{"n": [{"numeric": ["~", 1]}]}"#,
            "Unrecognized numeric range operator",
        ),
        (r#"{"n": [{"numeric": ["<", 6e9]}]}"#, "between -5.0E9"),
        (r#"{"n": [{"cidr": "10.0.0.0/33"}]}"#, "Malformed CIDR"),
        (r#"{"n": [{"cidr": "10.0.0.0"}]}"#, "Malformed CIDR"),
        (r#"{"n": [{"anything-but": []}]}"#, "Empty arrays"),
        (
            r#"{"n": [{"anything-but": {"numeric": ["<", 1]}}]}"#,
            "Unsupported anything-but",
        ),
        (r#"{"$or": [{"source": ["a"]}]}"#, "at least 2"),
    ] {
        let refused = EventPattern::read(pattern).expect_err(pattern);
        assert!(refused.to_string().contains(reason), "{pattern}: {refused}");
    }
}

#[test]
fn patterns_for_sign_ins_take_what_they_describe() {
    let of_user = |wanted: Value| json!({ "detail": { "userIdentity": { "type": wanted } } });
    let event = json!({
        "source": "aws.signin", "detail-type": "AWS Console Sign In via CloudTrail",
        "detail": { "eventName": "ConsoleLogin", "userIdentity": { "type": "Root" } },
    });
    for (pattern, expected) in [
        (
            json!({ "detail-type": ["AWS Console Sign In via CloudTrail"] }),
            true,
        ),
        (of_user(json!(["Root", "IAMUser"])), true),
        (of_user(json!(["IAMUser"])), false),
        (of_user(json!([{ "anything-but": "Root" }])), false),
        (of_user(json!([{ "anything-but": ["IAMUser"] }])), true),
        (json!({ "source": [{ "prefix": "aws.s" }] }), true),
        (json!({ "source": [{ "suffix": ".s3" }] }), false),
        (
            json!({ "detail": { "eventName": [{ "exists": false }] } }),
            false,
        ),
        // an object has no value
        (
            json!({ "detail": { "userIdentity": [{ "exists": true }] } }),
            false,
        ),
        (json!({ "source": [{ "cidr": "10.0.0.0/8" }] }), false),
        (json!({ "nothing": { "x": [1] } }), false),
    ] {
        let read = EventPattern::read(&pattern.to_string()).unwrap();
        assert_eq!(read.takes(&event), expected, "{pattern}");
    }
}
