use serde_json::{Value, json};

use crate::{engine, oracle};

pub(crate) const DEV: &str = "arn:aws:sts::111111111111:assumed-role/Dev/ann";
pub(crate) const ANN: &str = "arn:aws:iam::111111111111:user/ann";
pub(crate) const OBJECT: &str = "arn:aws:s3:::b/k";
pub(crate) const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:q";

const NAMES: &[(&str, &str)] = &[
    ("@ann", ANN),
    ("@dev", DEV),
    ("@eve", "arn:aws:iam::222222222222:user/eve"),
    ("@role", "arn:aws:iam::111111111111:role/Dev"),
    ("@path", "arn:aws:iam::111111111111:role/p/Dev"),
    ("@root", "arn:aws:iam::111111111111:root"),
    (
        "@linked",
        "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX",
    ),
    ("@sns", "sns.amazonaws.com"),
    ("@idp", "arn:aws:iam::111111111111:saml-provider/Idp"),
    ("@object", OBJECT),
    ("@bucket", "arn:aws:s3:::b"),
    ("@queue", QUEUE),
    ("@key", "arn:aws:kms:eu-west-1:111111111111:key/k1"),
    ("@ops", "arn:aws:iam::111111111111:role/Ops"),
    (
        "@reserved",
        "arn:aws:iam::111111111111:role/aws-reserved/sso.amazonaws.com/X",
    ),
    ("@managed", "arn:aws:iam::aws:policy/X"),
    (
        "@instance",
        "arn:aws:ec2:eu-west-1:111111111111:instance/i-1",
    ),
];

pub(crate) struct Row {
    name: String,
    case: Value,
    wants: String,
}

pub(crate) fn row(name: impl Into<String>, case: Value, wants: &str) -> Row {
    let wants = match wants {
        "A" | "yes" => "Allowed",
        "XD" => "ExplicitlyDenied",
        "ID" | "no" => "ImplicitlyDenied",
        code => code,
    };
    Row {
        name: name.into(),
        case,
        wants: wants.to_owned(),
    }
}

pub(crate) fn check(table: &str, rows: Vec<Row>) {
    assert!(!rows.is_empty(), "{table} has no rows");
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

pub(crate) fn lines(table: &str) -> Vec<Vec<&str>> {
    let lines = table.lines().map(str::trim);
    let rows = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    rows.map(|line| line.split(" | ").map(str::trim).collect())
        .collect()
}

pub(crate) fn requests(table: &str) -> Vec<Row> {
    let request = |cells: Vec<&str>| {
        let [name, asked, fields, wants] = cells[..] else {
            panic!("four cells: {cells:?}");
        };
        let asked: Vec<String> = asked.split(' ').map(long).collect();
        let fields = expand(&json_of(fields));
        let mut case = case(&asked[0], &asked[1], &asked[2], &fields);
        if asked[0] == "nobody" {
            case["principal"] = json!({ "anonymous": true });
        }
        row(name, case, wants)
    };
    lines(table).into_iter().map(request).collect()
}

pub(crate) fn json_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

fn long(text: &str) -> String {
    let name = NAMES.iter().find(|(name, _)| *name == text);
    name.map_or(text, |(_, long)| long).to_owned()
}

/// Expands short forms: `"@ann"` a name; `"+s3:*"` and `"-s3:*"` a policy that allows or denies an
/// action; `{"to": P}`, `{"trusts": P}` and `{"except": P}` a resource policy that allows all to a
/// principal, a trust policy, and one that denies to all others.
pub(crate) fn expand(value: &Value) -> Value {
    match value {
        Value::String(text) if text.starts_with('+') => allow(&text[1..]),
        Value::String(text) if text.starts_with('-') => deny(&text[1..]),
        Value::String(text) => json!(long(text)),
        Value::Array(list) => list.iter().map(expand).collect(),
        Value::Object(object) => {
            let only = object.iter().next().filter(|_| object.len() == 1);
            match only.map(|(key, inner)| (key.as_str(), expand(inner))) {
                Some(("to", who)) => one(&json!({ "Effect": "Allow", "Principal": who,
                    "Action": "*", "Resource": "*" })),
                Some(("trusts", who)) => {
                    one(&json!({ "Effect": "Allow", "Principal": who, "Action": "*" }))
                }
                Some(("except", who)) => one(&json!({ "Effect": "Deny", "NotPrincipal": who,
                    "Action": "*", "Resource": "*" })),
                Some(("denied", who)) => one(&json!({ "Effect": "Deny", "Principal": who,
                    "Action": ["s3:*", "kms:*"], "Resource": "*" })),
                _ => {
                    let members = object.iter();
                    members
                        .map(|(key, inner)| (key.clone(), expand(inner)))
                        .collect()
                }
            }
        }
        other => other.clone(),
    }
}

pub(crate) fn one(statement: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

pub(crate) fn allow_all() -> Value {
    allow("*")
}

pub(crate) fn allow(action: &str) -> Value {
    one(&json!({ "Effect": "Allow", "Action": action, "Resource": "*" }))
}

pub(crate) fn deny(action: &str) -> Value {
    one(&json!({ "Effect": "Deny", "Action": action, "Resource": "*" }))
}

pub(crate) fn case(principal: &str, action: &str, resource: &str, fields: &Value) -> Value {
    let mut case =
        json!({ "id": "c", "principal": principal, "action": action, "resource": resource });
    for (name, value) in fields.as_object().unwrap() {
        case[name.as_str()] = value.clone();
    }
    case
}
