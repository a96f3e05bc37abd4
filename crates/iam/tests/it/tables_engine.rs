//! The tables of `policies.md` §2 and §3, row by row, through the engine and through the oracle.

use serde_json::{Value, json};

use crate::{engine, oracle};

const DEV: &str = "arn:aws:sts::111111111111:assumed-role/Dev/ann";
const ANN: &str = "arn:aws:iam::111111111111:user/ann";
const OBJECT: &str = "arn:aws:s3:::b/k";
const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:q";
const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/k1";
const OPS: &str = "arn:aws:iam::111111111111:role/Ops";

/// One row: what it is called, the case, and the word or code that must come out.
struct Row {
    name: String,
    case: Value,
    wants: &'static str,
}

fn row(name: impl Into<String>, case: Value, wants: &'static str) -> Row {
    let wants = match wants {
        "A" | "yes" => "Allowed",
        "XD" => "ExplicitlyDenied",
        "ID" | "no" => "ImplicitlyDenied",
        code => code,
    };
    Row {
        name: name.into(),
        case,
        wants,
    }
}

/// Runs every row through both before it fails.
fn check(table: &str, rows: Vec<Row>) {
    let mut wrong = Vec::new();
    for Row { name, case, wants } in rows {
        let engine = engine::decision(&case).unwrap_or_else(|code| code);
        let oracle = oracle::decision(&case).unwrap_or_else(|code| code);
        for (who, got) in [("engine", engine.as_str()), ("oracle", oracle)] {
            if got != wants {
                wrong.push(format!(
                    "{name}: {who} says {got}, the table {wants}\n    {case}"
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{table}:\n{}", wrong.join("\n"));
}

/// A policy of one statement.
fn one(statement: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

fn allow_all() -> Value {
    one(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }))
}

fn allow(action: &str) -> Value {
    one(json!({ "Effect": "Allow", "Action": action, "Resource": "*" }))
}

fn deny(action: &str) -> Value {
    one(json!({ "Effect": "Deny", "Action": action, "Resource": "*" }))
}

/// A resource policy that allows everything to a principal element.
fn to(principal: Value) -> Value {
    one(json!({ "Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*" }))
}

/// A trust policy that allows everything to a principal element.
fn trust(principal: Value) -> Value {
    one(json!({ "Effect": "Allow", "Principal": principal, "Action": "*" }))
}

/// A case with some fields set over the rest.
fn case(principal: &str, action: &str, resource: &str, fields: Value) -> Value {
    let mut case =
        json!({ "id": "c", "principal": principal, "action": action, "resource": resource });
    for (name, value) in fields.as_object().unwrap() {
        case[name.as_str()] = value.clone();
    }
    case
}

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

#[test]
fn actions() {
    let mut rows = Vec::new();
    for (pattern, action, wants) in [
        ("*", "s3:GetObject", "A"),
        ("S3:GETOBJECT", "s3:GetObject", "A"),
        ("s3:Get*", "s3:GetObject", "A"),
        ("s3:Get*", "s3:Get", "A"),
        ("s3:Get?bject", "s3:GetObject", "A"),
        ("s3:Get?", "s3:Get", "ID"),
        ("s3:*Object", "s3:PutObject", "A"),
        ("*:Get*", "s3:GetObject", "A"),
        (
            "route53:*",
            "route53-recovery-cluster:UpdateRoutingControlState",
            "ID",
        ),
    ] {
        let fields = json!({ "identityPolicies": [allow(pattern)] });
        rows.push(row(
            format!("{pattern} on {action}"),
            case(ANN, action, OBJECT, fields),
            wants,
        ));
    }
    check("§2.2 actions", rows);
}

#[test]
fn resources() {
    let mut rows = Vec::new();
    for (pattern, resource, wants) in [
        ("*", OBJECT, "A"),
        ("arn:aws:s3:::b/*", OBJECT, "A"),
        ("arn:aws:s3:::B/*", OBJECT, "ID"),
        ("arn:aws:s3:*:b/k", OBJECT, "ID"),
        ("arn:*:b/k", OBJECT, "ID"),
        ("arn:aws:s3*", OBJECT, "A"),
        ("arn:aws:*", QUEUE, "A"),
        ("arn:aws", OBJECT, "ID"),
        ("arn:aws:sqs:*:*:?", QUEUE, "A"),
        ("arn:aws:sqs:*:11111111111?:q", QUEUE, "A"),
        ("arn:aws:s3:::*", "arn:aws:s3:::b/x:y/z", "A"),
        ("bucket", OBJECT, "ID"),
        ("*", "*", "A"),
        ("arn:aws:s3:::*", "*", "ID"),
        ("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/ann", "A"),
        ("arn:aws:s3:::b/${AWS:UserName}", "arn:aws:s3:::b/ann", "A"),
        ("arn:aws:s3:::b/${aws:username}", "arn:aws:s3:::b/bob", "ID"),
        ("arn:aws:s3:::b/${x:absent}", "arn:aws:s3:::b/", "ID"),
        ("arn:aws:s3:::b/${x:empty}", "arn:aws:s3:::b/", "ID"),
        ("arn:aws:s3:::b/${x:absent, 'd'}", "arn:aws:s3:::b/d", "A"),
        ("arn:aws:s3:::b/${x:many}", "arn:aws:s3:::b/m", "ID"),
        ("arn:aws:s3:::b/${x:star}", "arn:aws:s3:::b/abc", "ID"),
        ("arn:aws:s3:::b/${x:star}", "arn:aws:s3:::b/a*", "A"),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/*", "A"),
        ("arn:aws:s3:::b/${*}", "arn:aws:s3:::b/abc", "ID"),
        ("arn:aws:s3:::b/${?}${$}", "arn:aws:s3:::b/?$", "A"),
    ] {
        let statement = json!({ "Effect": "Allow", "Action": "*", "Resource": pattern });
        let context =
            json!({ "aws:username": "ann", "x:empty": "", "x:many": ["m"], "x:star": "a*" });
        let fields = json!({ "identityPolicies": [one(statement)], "context": context });
        rows.push(row(
            format!("{pattern} on {resource}"),
            case(ANN, "s3:GetObject", resource, fields),
            wants,
        ));
    }
    for (pattern, resource, wants) in [
        ("arn:aws:s3:::b/*", OBJECT, "ID"),
        ("arn:aws:s3:::c/*", OBJECT, "A"),
        ("arn:aws:s3:::c/*", "*", "A"),
        ("*", "*", "ID"),
        ("arn:aws:s3:::c/${x:absent}", OBJECT, "ID"),
    ] {
        let statement = json!({ "Effect": "Allow", "Action": "*", "NotResource": pattern });
        let fields = json!({ "identityPolicies": [one(statement)] });
        rows.push(row(
            format!("not {pattern} on {resource}"),
            case(ANN, "s3:GetObject", resource, fields),
            wants,
        ));
    }
    // without the newer version nothing is a variable
    let old = json!({ "Statement": { "Effect": "Allow", "Action": "*",
        "Resource": "arn:aws:s3:::b/${aws:username}" } });
    for (resource, wants) in [
        ("arn:aws:s3:::b/ann", "ID"),
        ("arn:aws:s3:::b/${aws:username}", "A"),
    ] {
        let fields = json!({ "identityPolicies": [old], "context": { "aws:username": "ann" } });
        rows.push(row(
            format!("old version on {resource}"),
            case(ANN, "s3:GetObject", resource, fields),
            wants,
        ));
    }
    check("§2.2, §2.3 resources", rows);
}

#[test]
fn inheritance() {
    let fa = allow_all;
    let s3 = || allow("s3:*");
    let no = || deny("ec2:*");
    let admin = DEV;
    let linked =
        "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
    let table = [
        (
            "FA FA FA",
            json!([[fa()], [fa()], [fa()]]),
            admin,
            false,
            "A",
            "A",
        ),
        (
            "FA FA+deny FA",
            json!([[fa()], [fa(), no()], [fa()]]),
            admin,
            false,
            "XD",
            "A",
        ),
        (
            "FA s3 FA",
            json!([[fa()], [s3()], [fa()]]),
            admin,
            false,
            "ID",
            "A",
        ),
        (
            "FA s3 FA+deny",
            json!([[fa()], [s3()], [fa(), no()]]),
            admin,
            false,
            "XD",
            "A",
        ),
        (
            "FA (empty) FA",
            json!([[fa()], [], [fa()]]),
            admin,
            false,
            "ID",
            "ID",
        ),
        (
            "s3 FA FA",
            json!([[s3()], [fa()], [fa()]]),
            admin,
            false,
            "ID",
            "A",
        ),
        (
            "management account",
            json!([[fa()], [fa(), no()], [fa()]]),
            admin,
            true,
            "A",
            "A",
        ),
        (
            "service-linked",
            json!([[fa()], [fa(), no()], [fa()]]),
            linked,
            false,
            "A",
            "A",
        ),
    ];
    let mut rows = Vec::new();
    for (name, scps, principal, management, run, get) in table {
        let fields = json!({ "identityPolicies": [allow_all()], "scps": scps,
            "flags": { "managementAccount": management } });
        let instance = "arn:aws:ec2:eu-west-1:111111111111:instance/i-1";
        rows.push(row(
            format!("{name}: ec2:Run"),
            case(principal, "ec2:RunInstances", instance, fields.clone()),
            run,
        ));
        rows.push(row(
            format!("{name}: s3:Get"),
            case(principal, "s3:GetObject", OBJECT, fields),
            get,
        ));
    }
    let root = "arn:aws:iam::111111111111:root";
    let fields = json!({ "scps": [[fa(), no()]], "flags": { "rootUser": true } });
    rows.push(row(
        "member root is not exempt",
        case(root, "ec2:RunInstances", "*", fields),
        "XD",
    ));
    check("§2.5", rows);
}

#[test]
fn same_and_cross_account() {
    let id = || json!([allow_all()]);
    let aws = |arn: &str| to(json!({ "AWS": arn }));
    let mut rows = Vec::new();
    let mut add = |name: &str, principal: &str, resource: &str, fields: Value, wants| {
        let action = if resource == KEY {
            "kms:Decrypt"
        } else if resource == OPS {
            "sts:AssumeRole"
        } else {
            "sqs:SendMessage"
        };
        rows.push(row(name, case(principal, action, resource, fields), wants));
    };
    let other = "arn:aws:iam::222222222222:user/eve";
    add(
        "same: identity",
        ANN,
        QUEUE,
        json!({ "identityPolicies": id() }),
        "A",
    );
    add(
        "same: resource, direct",
        ANN,
        QUEUE,
        json!({ "resourcePolicy": aws(ANN) }),
        "A",
    );
    add(
        "same: resource, role",
        DEV,
        QUEUE,
        json!({ "resourcePolicy": aws("arn:aws:iam::111111111111:role/p/Dev") }),
        "A",
    );
    add(
        "same: resource, account",
        ANN,
        QUEUE,
        json!({ "resourcePolicy": aws("111111111111") }),
        "ID",
    );
    add(
        "same: resource, root",
        ANN,
        QUEUE,
        json!({ "resourcePolicy": aws("arn:aws:iam::111111111111:root") }),
        "ID",
    );
    add("same: neither", ANN, QUEUE, json!({}), "ID");
    add(
        "cross: identity only",
        other,
        QUEUE,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    add(
        "cross: resource only",
        other,
        QUEUE,
        json!({ "resourcePolicy": aws(other) }),
        "ID",
    );
    add(
        "cross: both, direct",
        other,
        QUEUE,
        json!({ "identityPolicies": id(), "resourcePolicy": aws(other) }),
        "A",
    );
    add(
        "cross: both, account",
        other,
        QUEUE,
        json!({ "identityPolicies": id(), "resourcePolicy": aws("222222222222") }),
        "A",
    );
    let trusts = |arn: &str| trust(json!({ "AWS": arn }));
    add(
        "trust: direct",
        ANN,
        OPS,
        json!({ "resourcePolicy": trusts(ANN) }),
        "A",
    );
    add(
        "trust: role",
        DEV,
        OPS,
        json!({ "resourcePolicy": trusts("arn:aws:iam::111111111111:role/Dev") }),
        "A",
    );
    add(
        "trust: account alone",
        ANN,
        OPS,
        json!({ "resourcePolicy": trusts("111111111111") }),
        "ID",
    );
    add(
        "trust: account and identity",
        ANN,
        OPS,
        json!({ "resourcePolicy": trusts("111111111111"), "identityPolicies": id() }),
        "A",
    );
    add(
        "trust: identity alone",
        ANN,
        OPS,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    add(
        "kms: direct",
        ANN,
        KEY,
        json!({ "resourcePolicy": aws(ANN) }),
        "A",
    );
    add(
        "kms: account alone",
        ANN,
        KEY,
        json!({ "resourcePolicy": aws("111111111111") }),
        "ID",
    );
    add(
        "kms: account and identity",
        ANN,
        KEY,
        json!({ "resourcePolicy": aws("111111111111"), "identityPolicies": id() }),
        "A",
    );
    add(
        "kms: identity alone",
        ANN,
        KEY,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    let service = "sns.amazonaws.com";
    add(
        "service: named",
        service,
        QUEUE,
        json!({ "resourcePolicy": to(json!({ "Service": service })) }),
        "A",
    );
    add(
        "service: identity does not count",
        service,
        QUEUE,
        json!({ "identityPolicies": id() }),
        "ID",
    );
    add(
        "service: another",
        service,
        QUEUE,
        json!({ "resourcePolicy": to(json!({ "Service": "s3.amazonaws.com" })) }),
        "ID",
    );
    let idp = "arn:aws:iam::111111111111:saml-provider/Idp";
    add(
        "federated: trusted",
        idp,
        OPS,
        json!({ "resourcePolicy": trust(json!({ "Federated": idp })) }),
        "A",
    );
    add(
        "federated: another",
        idp,
        OPS,
        json!({ "resourcePolicy": trust(json!({ "Federated": "accounts.google.com" })) }),
        "ID",
    );
    let nobody = |fields: Value| {
        let mut case = case("", "sqs:SendMessage", QUEUE, fields);
        case["principal"] = json!({ "anonymous": true });
        case
    };
    rows.push(row(
        "anonymous: *",
        nobody(json!({ "resourcePolicy": to(json!("*")) })),
        "A",
    ));
    rows.push(row(
        "anonymous: AWS *",
        nobody(json!({ "resourcePolicy": aws("*") })),
        "A",
    ));
    rows.push(row(
        "anonymous: account",
        nobody(json!({ "resourcePolicy": aws("111111111111") })),
        "ID",
    ));
    check("§2.6 cases", rows);
}

#[test]
fn implicit_denies_beside_resource_grants() {
    let narrow = || allow("ec2:*");
    let role = "arn:aws:iam::111111111111:role/Dev";
    // who is granted, by whom it is asked, and the word when identity, boundary, session are silent
    let table = [
        ("user ARN", json!({ "AWS": ANN }), ANN, ["A", "A", "A"]),
        ("*", json!("*"), ANN, ["A", "A", "ID"]),
        ("* for a session", json!("*"), DEV, ["A", "A", "ID"]),
        ("role ARN", json!({ "AWS": role }), DEV, ["A", "ID", "ID"]),
        (
            "role ARN by the role",
            json!({ "AWS": role }),
            role,
            ["A", "ID", "ID"],
        ),
        ("session ARN", json!({ "AWS": DEV }), DEV, ["A", "A", "A"]),
        (
            "account",
            json!({ "AWS": "111111111111" }),
            ANN,
            ["ID", "ID", "ID"],
        ),
    ];
    let mut rows = Vec::new();
    for (name, principal, who, wants) in table {
        let policy = to(principal);
        let layers = [
            (
                "identity",
                json!({ "identityPolicies": [narrow()], "resourcePolicy": policy }),
            ),
            (
                "boundary",
                json!({ "boundary": narrow(), "resourcePolicy": policy }),
            ),
            (
                "session",
                json!({ "session": narrow(), "resourcePolicy": policy }),
            ),
        ];
        for ((layer, fields), wants) in layers.into_iter().zip(wants) {
            rows.push(row(
                format!("{name}, {layer} silent"),
                case(who, "sqs:SendMessage", QUEUE, fields),
                wants,
            ));
        }
    }
    let eve = "arn:aws:iam::222222222222:user/eve";
    for layer in ["boundary", "session"] {
        let mut fields = json!({ "identityPolicies": [allow_all()], "resourcePolicy": to(json!({ "AWS": eve })) });
        fields[layer] = narrow();
        rows.push(row(
            format!("cross account, {layer} silent"),
            case(eve, "sqs:SendMessage", QUEUE, fields),
            "ID",
        ));
    }
    let except = one(
        json!({ "Effect": "Deny", "NotPrincipal": { "AWS": ANN }, "Action": "*", "Resource": "*" }),
    );
    let fields = json!({ "identityPolicies": [allow_all()], "resourcePolicy": except });
    rows.push(row(
        "NotPrincipal, listed",
        case(ANN, "sqs:SendMessage", QUEUE, fields.clone()),
        "A",
    ));
    rows.push(row(
        "NotPrincipal, not listed",
        case(DEV, "sqs:SendMessage", QUEUE, fields.clone()),
        "XD",
    ));
    let mut bounded = fields;
    bounded["boundary"] = allow_all();
    rows.push(row(
        "NotPrincipal, listed, with a boundary",
        case(ANN, "sqs:SendMessage", QUEUE, bounded),
        "XD",
    ));
    check("§2.6 implicit denies", rows);
}

#[test]
fn root_and_exceptions() {
    let root = "arn:aws:iam::111111111111:root";
    let flags = json!({ "rootUser": true });
    let deny_all =
        || one(json!({ "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*" }));
    let bucket = "arn:aws:s3:::b";
    let reserved = "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/X";
    let all = || json!({ "identityPolicies": [allow_all()] });
    let with = |policy: Value| json!({ "resourcePolicy": policy, "flags": flags });
    let rows = vec![
        row(
            "root alone",
            case(root, "sqs:SendMessage", QUEUE, json!({ "flags": flags })),
            "A",
        ),
        row(
            "root: identity does not exist",
            case(
                root,
                "sqs:SendMessage",
                QUEUE,
                json!({ "flags": flags, "identityPolicies": [deny("*")], "boundary": deny("*") }),
            ),
            "A",
        ),
        row(
            "root: bucket policy",
            case(root, "s3:GetBucketPolicy", bucket, with(deny_all())),
            "XD",
        ),
        row(
            "root: delete the bucket policy",
            case(root, "s3:DeleteBucketPolicy", bucket, with(deny_all())),
            "A",
        ),
        row(
            "root: put the bucket policy",
            case(root, "s3:PutBucketPolicy", bucket, with(deny_all())),
            "A",
        ),
        row(
            "root: SCP",
            case(
                root,
                "sqs:SendMessage",
                QUEUE,
                json!({ "flags": flags, "scps": [[]] }),
            ),
            "ID",
        ),
        row(
            "root: key without a policy",
            case(root, "kms:Decrypt", KEY, json!({ "flags": flags })),
            "ID",
        ),
        row(
            "root: key policy",
            case(root, "kms:Decrypt", KEY, with(to(json!({ "AWS": root })))),
            "A",
        ),
        row(
            "caller identity",
            case(
                ANN,
                "sts:GetCallerIdentity",
                "*",
                json!({ "identityPolicies": [deny("*")] }),
            ),
            "A",
        ),
        row(
            "reserved role: write",
            case(DEV, "iam:PutRolePolicy", reserved, all()),
            "ID",
        ),
        row(
            "reserved role: read",
            case(DEV, "iam:GetRole", reserved, all()),
            "A",
        ),
        row(
            "managed policy of AWS: write",
            case(DEV, "iam:DeletePolicy", "arn:aws:iam::aws:policy/X", all()),
            "ID",
        ),
        row(
            "managed policy of AWS: denied",
            case(
                DEV,
                "iam:DeletePolicy",
                "arn:aws:iam::aws:policy/X",
                json!({ "identityPolicies": [deny("iam:*")] }),
            ),
            "XD",
        ),
    ];
    check("§2.6 root and exceptions", rows);
}

#[test]
fn resource_control_policies() {
    let rcp = || {
        json!([[one(
            json!({ "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*" })
        )]])
    };
    let linked =
        "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
    let fields = json!({ "identityPolicies": [allow_all()], "rcps": rcp() });
    let mut management = fields.clone();
    management["flags"] = json!({ "managementAccount": true });
    let mut elsewhere = management.clone();
    elsewhere["resourceAccount"] = json!("222222222222");
    let rows = vec![
        row(
            "denies",
            case(DEV, "s3:GetObject", OBJECT, fields.clone()),
            "XD",
        ),
        row(
            "others pass",
            case(DEV, "sqs:SendMessage", QUEUE, fields.clone()),
            "A",
        ),
        row(
            "empty levels only subtract",
            case(
                DEV,
                "s3:GetObject",
                OBJECT,
                json!({ "identityPolicies": [allow_all()], "rcps": [[], []] }),
            ),
            "A",
        ),
        row(
            "service-linked role",
            case(linked, "s3:GetObject", OBJECT, fields),
            "A",
        ),
        row(
            "resource of the management account",
            case(DEV, "s3:GetObject", OBJECT, management),
            "A",
        ),
        row(
            "management account, resource elsewhere",
            case(DEV, "s3:GetObject", OBJECT, elsewhere),
            "XD",
        ),
    ];
    check("§2.5 RCPs", rows);
}

/// A case with one place replaced.
fn spoiled(pointer: &str, value: Value) -> Value {
    let mut case = case(
        ANN,
        "s3:GetObject",
        OBJECT,
        json!({ "identityPolicies": [allow_all()],
        "resourcePolicy": to(json!("*")), "scps": [[allow_all()]], "rcps": [], "context": {}, "flags": {} }),
    );
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match case.pointer_mut(parent).unwrap() {
        Value::Array(list) => list[last.parse::<usize>().unwrap()] = value,
        Value::Object(object) => {
            object.insert(last.to_owned(), value);
        }
        other => panic!("{other}"),
    }
    case
}

#[test]
fn bad_lines() {
    let s = "/identityPolicies/0/Statement/0";
    let at = |name: &str| format!("{s}/{name}");
    let rows = vec![
        row(
            "no policies",
            case(ANN, "s3:GetObject", OBJECT, json!({})),
            "ID",
        ),
        row("only an id", json!({ "id": "x" }), "E_FIELD"),
        row(
            "action without a service",
            spoiled("/action", json!("GetObject")),
            "E_ACTION",
        ),
        row(
            "resource no ARN",
            spoiled("/resource", json!("bucket")),
            "E_ARN",
        ),
        row(
            "scps no list of lists",
            spoiled("/scps", json!([{}])),
            "E_FIELD",
        ),
        row(
            "Effect allow",
            spoiled(&at("Effect"), json!("allow")),
            "E_EFFECT",
        ),
        row(
            "Action and NotAction",
            spoiled(&at("NotAction"), json!("*")),
            "E_ELEMENT",
        ),
        row(
            "Resource and NotResource",
            spoiled(&at("NotResource"), json!("*")),
            "E_ELEMENT",
        ),
        row(
            "Principal in an identity policy",
            spoiled(&at("Principal"), json!("*")),
            "E_ELEMENT",
        ),
        row(
            "Principal in an SCP",
            spoiled("/scps/0/0/Statement/0/Principal", json!("*")),
            "E_ELEMENT",
        ),
        row(
            "no Principal in a resource policy",
            spoiled("/resourcePolicy", allow_all()),
            "E_ELEMENT",
        ),
        row(
            "operator",
            spoiled(&at("Condition"), json!({ "StringMatches": { "k": "a" } })),
            "E_OPERATOR",
        ),
        row(
            "element in lower case",
            spoiled(&at("effect"), json!("Allow")),
            "E_ELEMENT",
        ),
        row(
            "unknown element",
            spoiled("/identityPolicies/0/Comment", json!("x")),
            "E_ELEMENT",
        ),
        row(
            "version",
            spoiled("/identityPolicies/0/Version", json!("2012-10-07")),
            "E_VERSION",
        ),
        row(
            "no statements",
            spoiled("/identityPolicies/0/Statement", json!([])),
            "E_ELEMENT",
        ),
        row(
            "wildcard in a principal",
            spoiled(
                "/resourcePolicy/Statement/0/Principal",
                json!({ "AWS": "arn:aws:iam::111111111111:role/*" }),
            ),
            "E_PRINCIPAL_WILDCARD",
        ),
        row(
            "Allow with NotPrincipal",
            spoiled(
                "/resourcePolicy",
                one(json!({ "Effect": "Allow",
            "NotPrincipal": { "AWS": ANN }, "Action": "*", "Resource": "*" })),
            ),
            "E_ELEMENT",
        ),
        row(
            "a context key twice",
            spoiled(
                "/context",
                json!({ "aws:SourceIp": "::", "AWS:sourceip": "::" }),
            ),
            "E_CONTEXT_DUP",
        ),
        row(
            "RCP that allows",
            spoiled("/rcps", json!([[to(json!("*"))]])),
            "E_ELEMENT",
        ),
        row(
            "RCP of a service without",
            spoiled(
                "/rcps",
                json!([[one(json!({ "Effect": "Deny",
            "Principal": "*", "Action": "ec2:*", "Resource": "*" }))]]),
            ),
            "E_RCP_SERVICE",
        ),
    ];
    check("§3 bad lines", rows);
}

#[test]
fn bad_lines_name_the_place() {
    let s = "/identityPolicies/0/Statement/0";
    let table = [
        (json!({ "id": "x" }), "E_FIELD", "/principal".to_owned()),
        (
            spoiled("/scps", json!([{}])),
            "E_FIELD",
            "/scps/0".to_owned(),
        ),
        (
            spoiled(&format!("{s}/Effect"), json!("allow")),
            "E_EFFECT",
            format!("{s}/Effect"),
        ),
        (
            spoiled("/action", json!("GetObject")),
            "E_ACTION",
            "/action".to_owned(),
        ),
        (
            spoiled("/resource", json!("bucket")),
            "E_ARN",
            "/resource".to_owned(),
        ),
    ];
    for (case, code, pointer) in table {
        assert_eq!(
            engine::error(&case.to_string()),
            Some((code.to_owned(), pointer)),
            "{case}"
        );
    }
}
