//! The tables of `policies.md` §2.2, §2.3 and §3, through engine and oracle.

use serde_json::{Value, json};

use crate::engine;
use crate::rows::{
    ANN, OBJECT, QUEUE, allow, allow_all, case, check, expand, json_of, lines, one, row,
};

#[test]
fn actions() {
    let mut rows = Vec::new();
    let table = "
        *             s3:GetObject                                        A
        S3:GETOBJECT  s3:GetObject                                        A
        s3:Get*       s3:GetObject                                        A
        s3:Get*       s3:Get                                              A
        s3:Get?bject  s3:GetObject                                        A
        s3:Get?       s3:Get                                              ID
        s3:*Object    s3:PutObject                                        A
        *:*           s3:GetObject                                        A
        *:Get*        s3:GetObject                                        E_ACTION
        s*:Get*       s3:GetObject                                        E_ACTION
        s3*           s3:GetObject                                        E_ACTION
        route53:*     route53-recovery-cluster:UpdateRoutingControlState  ID
    ";
    for [pattern, action, wants] in hallpass_base::testing::rows(table) {
        let fields = json!({ "identityPolicies": [allow(pattern)] });
        rows.push(row(
            format!("{pattern} on {action}"),
            case(ANN, action, OBJECT, &fields),
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
        ("arn:aws:s3:*:b/k", OBJECT, "A"),
        ("arn:*:b/k", OBJECT, "A"),
        ("arn:aws:s*:b/k", OBJECT, "A"),
        ("arn:aws:*3:b/k", OBJECT, "ID"),
        ("arn:aws:s3:*x:b/k", OBJECT, "ID"),
        ("arn:aws:s3", OBJECT, "ID"),
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
        let fields = json!({ "identityPolicies": [one(&statement)], "context": context });
        rows.push(row(
            format!("{pattern} on {resource}"),
            case(ANN, "s3:GetObject", resource, &fields),
            wants,
        ));
    }
    let old = json!({ "Statement": { "Effect": "Allow", "Action": "*",
        "Resource": "arn:aws:s3:::b/${aws:username}" } });
    for (resource, wants) in [
        ("arn:aws:s3:::b/ann", "ID"),
        ("arn:aws:s3:::b/${aws:username}", "A"),
    ] {
        let fields = json!({ "identityPolicies": [old], "context": { "aws:username": "ann" } });
        rows.push(row(
            format!("old version on {resource}"),
            case(ANN, "s3:GetObject", resource, &fields),
            wants,
        ));
    }
    check("§2.2, §2.3 resources", rows);
}

#[test]
fn excluded_resources() {
    let mut rows = Vec::new();
    for (pattern, resource, wants) in [
        ("arn:aws:s3:::b/*", OBJECT, "ID"),
        ("arn:aws:s3:::c/*", OBJECT, "A"),
        ("arn:aws:s3:::c/*", "*", "A"),
        ("*", "*", "ID"),
        ("arn:aws:s3:::c/${x:absent}", OBJECT, "ID"),
    ] {
        let statement = json!({ "Effect": "Allow", "Action": "*", "NotResource": pattern });
        let fields = json!({ "identityPolicies": [one(&statement)] });
        rows.push(row(
            format!("not {pattern} on {resource}"),
            case(ANN, "s3:GetObject", resource, &fields),
            wants,
        ));
    }
    check("§2.2, §2.3 excluded resources", rows);
}

fn spoiled(pointer: &str, value: Value) -> Value {
    let mut case = case(
        ANN,
        "s3:GetObject",
        OBJECT,
        &json!({ "identityPolicies": [allow_all()],
        "resourcePolicy": expand(&json!({ "to": "*" })), "scps": [[allow_all()]], "rcps": [], "context": {}, "flags": {} }),
    );
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match case.pointer_mut(parent).unwrap() {
        Value::Array(items) => items[last.parse::<usize>().unwrap()] = value,
        Value::Object(object) => {
            object.insert(last.to_owned(), value);
        }
        other => panic!("{other}"),
    }
    case
}

const BAD: &str = r#"
/resource | "arn:aws:s3:::b/other" | A
/action | "GetObject" | E_ACTION
/action | null | E_FIELD
/resource | "bucket" | E_ARN
/principal | "bucket" | E_ARN
/principal | {"anonymous": false} | E_FIELD
/scps | [{}] | E_FIELD
S/Effect | "allow" | E_EFFECT
S/NotAction | "*" | E_ELEMENT
S/NotResource | "*" | E_ELEMENT
S/Principal | "*" | E_ELEMENT
/scps/0/0/Statement/0/Principal | "*" | E_ELEMENT
/resourcePolicy/Statement/0/NotPrincipal | "*" | E_ELEMENT
/resourcePolicy | "+*" | E_ELEMENT
S/Condition | {"StringMatches": {"k": "a"}} | E_OPERATOR
S | {"effect": "Allow", "Action": "*", "Resource": "*"} | E_ELEMENT
S/effect | "Allow" | E_ELEMENT
S/Action | [] | E_ELEMENT
/identityPolicies/0/Comment | "x" | E_ELEMENT
/identityPolicies/0/Version | "2012-10-07" | E_VERSION
/identityPolicies/0/Statement | [] | E_ELEMENT
/identityPolicies | null | A
/resourceAccount | "1111" | E_FIELD
/resourcePolicy/Statement/0/Principal | {"AWS": "arn:aws:iam::111111111111:role/*"} | E_PRINCIPAL_WILDCARD
/resourcePolicy/Statement/0 | {"Effect": "Allow", "NotPrincipal": {"AWS": "@ann"}, "Action": "*", "Resource": "*"} | E_ELEMENT
/context | {"aws:SourceIp": "::", "AWS:sourceip": "::"} | E_CONTEXT_DUP
/rcps | [[{"Statement": {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"}}]] | E_EFFECT
/rcps | [[{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "ec2:*", "Resource": "*"}}]] | E_RCP_SERVICE
/rcps | [[{"Statement": {"Effect": "Deny", "Principal": "*", "Action": "*", "Resource": "*"}}]] | E_RCP_SERVICE
/rcps | [[{"Statement": {"Effect": "Deny", "Principal": "*", "NotAction": "s3:*", "Resource": "*"}}]] | E_ELEMENT
"#;

#[test]
fn bad_lines() {
    let mut rows = vec![
        row(
            "no policies",
            case(ANN, "s3:GetObject", OBJECT, &json!({})),
            "ID",
        ),
        row("only an id", json!({ "id": "x" }), "E_FIELD"),
    ];
    for cells in lines(BAD) {
        let [place, value, wants] = cells[..] else {
            panic!("{cells:?}");
        };
        let pointer = match place.strip_prefix('S') {
            Some(rest) => format!("/identityPolicies/0/Statement/0{rest}"),
            None => place.to_owned(),
        };
        let case = spoiled(&pointer, expand(&json_of(value)));
        rows.push(row(format!("{value} at {place}"), case, wants));
    }
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
