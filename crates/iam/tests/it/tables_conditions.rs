//! The tables of `policies.md` §2.4: conditions, through the engine and through the oracle.

use serde_json::{Value, json};

use crate::rows::{ANN, OBJECT, Row, case, check, one, row};

/// `s3:GetObject` by a user who is allowed it under a condition, in a context.
fn under(condition: &Value, context: &Value) -> Value {
    let statement =
        json!({ "Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition });
    case(
        ANN,
        "s3:GetObject",
        OBJECT,
        json!({ "identityPolicies": [one(statement)], "context": context }),
    )
}

/// Rows of one condition: contexts and whether it holds.
fn holds(rows: &mut Vec<Row>, condition: Value, contexts: &[(Value, &'static str)]) {
    for (context, wants) in contexts {
        rows.push(row(
            format!("{condition} with {context}"),
            under(&condition, context),
            wants,
        ));
    }
}

#[test]
fn conditions() {
    let mut rows = Vec::new();
    let r = &mut rows;
    let k = |value: Value| json!({ "k": value });
    let none = || json!({});
    holds(
        r,
        json!({ "StringNotEquals": { "k": ["a", "b"] } }),
        &[
            (k(json!("a")), "no"),
            (k(json!("c")), "yes"),
            (none(), "yes"),
        ],
    );
    holds(
        r,
        json!({ "StringEqualsIfExists": { "k": "a" } }),
        &[(none(), "yes"), (k(json!("b")), "no")],
    );
    holds(
        r,
        json!({ "StringNotEquals": { "k": "${aws:PrincipalTag/t}" } }),
        &[(k(json!("x")), "yes"), (none(), "yes")],
    );
    holds(
        r,
        json!({ "StringEquals": { "k": "${aws:PrincipalTag/t, 'none'}" } }),
        &[(k(json!("none")), "yes"), (k(json!("x")), "no")],
    );
    holds(
        r,
        json!({ "ForAllValues:StringEquals": { "k": ["a", "b"] } }),
        &[
            (k(json!(["a"])), "yes"),
            (k(json!(["a", "c"])), "no"),
            (k(json!([])), "yes"),
            (none(), "yes"),
        ],
    );
    holds(
        r,
        json!({ "ForAnyValue:StringNotEquals": { "k": ["a", "b"] } }),
        &[
            (k(json!(["a", "b"])), "no"),
            (k(json!(["a", "c"])), "yes"),
            (none(), "no"),
        ],
    );
    holds(
        r,
        json!({ "ForAllValues:StringNotLike": { "k": ["p/*"] } }),
        &[
            (k(json!(["p/1"])), "no"),
            (k(json!(["q"])), "yes"),
            (none(), "yes"),
        ],
    );
    holds(
        r,
        json!({ "Null": { "k": "true" }, "StringEquals": { "k": "a" } }),
        &[(k(json!("a")), "no"), (k(json!("b")), "no"), (none(), "no")],
    );
    let ip = |address: &str| json!({ "aws:SourceIp": address });
    holds(
        r,
        json!({ "IpAddress": { "aws:SourceIp": ["10.0.0.0/8", "2001:db8::/32"] } }),
        &[
            (ip("10.9.9.9"), "yes"),
            (ip("2001:db8::1"), "yes"),
            (ip("11.0.0.1"), "no"),
            (none(), "no"),
        ],
    );
    holds(
        r,
        json!({ "NotIpAddress": { "aws:SourceIp": "10.0.0.0/8" } }),
        &[(ip("2001:db8::1"), "yes"), (none(), "yes")],
    );
    let issued = |time: &str| json!({ "aws:TokenIssueTime": time });
    holds(
        r,
        json!({ "DateLessThan": { "aws:TokenIssueTime": "2025-01-01T00:00:00Z" } }),
        &[
            (issued("1735689599"), "yes"),
            (issued("1735689600"), "no"),
            (none(), "no"),
        ],
    );
    holds(
        r,
        json!({ "Bool": { "aws:MultiFactorAuthPresent": "false" } }),
        &[(none(), "no")],
    );
    holds(
        r,
        json!({ "BoolIfExists": { "aws:MultiFactorAuthPresent": "false" } }),
        &[(none(), "yes")],
    );
    let keys = |n: &str| json!({ "s3:max-keys": n });
    holds(
        r,
        json!({ "NumericLessThanEquals": { "s3:max-keys": "10" } }),
        &[
            (keys("10"), "yes"),
            (keys("10.5"), "no"),
            (keys("ten"), "no"),
        ],
    );
    let arn = |path: &str| json!({ "aws:PrincipalArn": format!("arn:aws:iam::111111111111:role/{path}") });
    holds(
        r,
        json!({ "ArnLike": { "aws:PrincipalArn": "arn:aws:iam::*:role/x-*" } }),
        &[(arn("x-1"), "yes"), (arn("p/x-1"), "no")],
    );
    holds(
        r,
        json!({ "StringEquals": { "k": "a*" } }),
        &[(k(json!("a*")), "yes"), (k(json!("ab")), "no")],
    );
    check("§2.4", rows);
}

#[test]
fn conditions_in_words() {
    let mut rows = Vec::new();
    let r = &mut rows;
    let k = |value: Value| json!({ "k": value });
    let none = || json!({});
    // an empty value list
    holds(
        r,
        json!({ "StringEquals": { "k": [] } }),
        &[(k(json!("a")), "no"), (none(), "no")],
    );
    holds(
        r,
        json!({ "StringNotEquals": { "k": [] } }),
        &[(k(json!("a")), "yes"), (none(), "yes")],
    );
    // keys and operators in any case
    holds(
        r,
        json!({ "sTRINGeQUALS": { "AWS:ResourceTag/K": "a" } }),
        &[(json!({ "aws:resourcetag/k": "a" }), "yes")],
    );
    // case folding is the simple one
    holds(
        r,
        json!({ "StringEqualsIgnoreCase": { "k": "straße" } }),
        &[(k(json!("STRAßE")), "yes"), (k(json!("STRASSE")), "no")],
    );
    holds(
        r,
        json!({ "StringEqualsIgnoreCase": { "k": "ΣΑΣ" } }),
        &[(k(json!("σας")), "yes")],
    );
    // numbers and booleans of JSON
    holds(
        r,
        json!({ "NumericEquals": { "k": 10 } }),
        &[(k(json!("10.0")), "yes"), (k(json!(10)), "yes")],
    );
    holds(
        r,
        json!({ "Bool": { "k": true } }),
        &[(k(json!("TRUE")), "yes"), (k(json!(false)), "no")],
    );
    // times
    holds(
        r,
        json!({ "DateEquals": { "k": "2025-01-01" } }),
        &[
            (k(json!("2025-01-01T00:00:00Z")), "yes"),
            (k(json!("2025-01")), "yes"),
            (k(json!("2025-01-01T02:00:00.000+02:00")), "yes"),
            (k(json!("1735689600000")), "yes"),
            (k(json!("2024-12-31T19:00-05:00")), "yes"),
            (k(json!("2025")), "no"),
        ],
    );
    holds(
        r,
        json!({ "DateLessThan": { "k": "1970-01-01T01:00:00Z" } }),
        &[(k(json!("2025")), "yes")],
    );
    // addresses
    holds(
        r,
        json!({ "IpAddress": { "k": "10.1.2.3/8" } }),
        &[
            (k(json!("10.200.0.1")), "yes"),
            (k(json!("::ffff:10.0.0.1")), "no"),
        ],
    );
    holds(
        r,
        json!({ "IpAddress": { "k": "::ffff:10.0.0.0/104" } }),
        &[
            (k(json!("::ffff:10.0.0.1")), "yes"),
            (k(json!("10.0.0.1")), "no"),
        ],
    );
    // bytes
    holds(
        r,
        json!({ "BinaryEquals": { "k": "QUI=" } }),
        &[
            (k(json!("QUI=")), "yes"),
            (k(json!("QUE=")), "no"),
            (k(json!("!")), "no"),
        ],
    );
    // the wrong type fails, negated or not
    for operator in [
        "NumericEquals",
        "NumericNotEquals",
        "DateEquals",
        "DateNotEquals",
        "Bool",
        "IpAddress",
        "NotIpAddress",
        "ArnLike",
        "ArnNotLike",
        "BinaryEquals",
    ] {
        holds(
            r,
            json!({ operator: { "k": "?" } }),
            &[(k(json!("?")), "no")],
        );
    }
    holds(
        r,
        json!({ "NumericNotEquals": { "k": ["ten", "1"] } }),
        &[(k(json!("2")), "no")],
    );
    holds(
        r,
        json!({ "NumericEquals": { "k": ["ten", "1"] } }),
        &[(k(json!("1")), "yes")],
    );
    // a list without a set operator
    holds(
        r,
        json!({ "StringEquals": { "k": "a" } }),
        &[(k(json!(["a", "b"])), "no")],
    );
    holds(
        r,
        json!({ "StringNotEquals": { "k": "c" } }),
        &[(k(json!(["a", "b"])), "no")],
    );
    // a single value under a set operator; IfExists behind one
    holds(
        r,
        json!({ "ForAnyValue:StringEquals": { "k": ["a", "b"] } }),
        &[(k(json!("a")), "yes")],
    );
    holds(
        r,
        json!({ "ForAnyValue:StringEqualsIfExists": { "k": "a" } }),
        &[(none(), "no")],
    );
    holds(
        r,
        json!({ "ForAllValues:StringEqualsIfExists": { "k": "a" } }),
        &[(none(), "yes")],
    );
    // a variable may stand for a whole ARN
    let arns = |a: &str, b: &str| {
        let role = |name: &str| format!("arn:aws:iam::111111111111:role/{name}");
        json!({ "aws:SourceArn": role(a), "x:owner": role(b) })
    };
    let owner = "${x:owner}";
    let none_known = json!({ "aws:SourceArn": "arn:aws:iam::111111111111:role/a" });
    holds(
        r,
        json!({ "ArnEquals": { "aws:SourceArn": owner } }),
        &[
            (arns("a", "a"), "yes"),
            (arns("a", "b"), "no"),
            (arns("a", "*"), "no"),
        ],
    );
    holds(
        r,
        json!({ "ArnNotEquals": { "aws:SourceArn": owner } }),
        &[
            (arns("a", "a"), "no"),
            (arns("a", "b"), "yes"),
            (none_known, "yes"),
        ],
    );
    let no_arn = json!({ "aws:SourceArn": "arn:aws:iam::111111111111:role/a", "x:owner": "a" });
    holds(
        r,
        json!({ "ArnNotEquals": { "aws:SourceArn": owner } }),
        &[(no_arn, "no")],
    );
    // Null
    holds(
        r,
        json!({ "Null": { "k": "true" } }),
        &[
            (none(), "yes"),
            (k(json!([])), "yes"),
            (k(json!("")), "no"),
            (k(json!(["a"])), "no"),
        ],
    );
    holds(
        r,
        json!({ "Null": { "k": false } }),
        &[(none(), "no"), (k(json!("a")), "yes")],
    );
    for operator in [
        "NullIfExists",
        "ForAllValues:Null",
        "ForAnyValue:Null",
        "StringMatches",
        "ForSomeValues:StringEquals",
        "StringEqualsIfExistsIfExists",
        "BoolNotEquals",
    ] {
        let condition = json!({ operator: { "k": "true" } });
        r.push(row(operator, under(&condition, &none()), "E_OPERATOR"));
    }
    check("§2.4 in words", rows);
}
