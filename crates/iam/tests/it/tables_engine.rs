//! The tables of `policies.md` §2.2 and §2.5 to §3, through the engine and through the oracle.

use serde_json::{Value, json};

use crate::engine;
use crate::rows::*;

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
            spoiled(
                "/identityPolicies/0/Statement/0",
                json!({ "effect": "Allow", "Action": "*", "Resource": "*" }),
            ),
            "E_ELEMENT",
        ),
        row(
            "two elements, one in lower case",
            spoiled(&at("effect"), json!("Allow")),
            "E_ELEMENT",
        ),
        row(
            "an account that is none",
            spoiled("/resourceAccount", json!("1111")),
            "E_FIELD",
        ),
        row(
            "no list is as no policies",
            spoiled("/identityPolicies", Value::Null),
            "A",
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
            spoiled(
                "/rcps",
                json!([[one(json!({ "Effect": "Allow", "Principal": "*",
                "Action": "s3:*", "Resource": "*" }))]]),
            ),
            "E_EFFECT",
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
