//! How a table of the specification becomes a test: rows, and the small policies they are made of.

use serde_json::{Value, json};

use crate::{engine, oracle};

pub(crate) const DEV: &str = "arn:aws:sts::111111111111:assumed-role/Dev/ann";
pub(crate) const ANN: &str = "arn:aws:iam::111111111111:user/ann";
pub(crate) const OBJECT: &str = "arn:aws:s3:::b/k";
pub(crate) const QUEUE: &str = "arn:aws:sqs:eu-west-1:111111111111:q";
pub(crate) const KEY: &str = "arn:aws:kms:eu-west-1:111111111111:key/k1";
pub(crate) const OPS: &str = "arn:aws:iam::111111111111:role/Ops";

/// One row: what it is called, the case, and the word or code that must come out.
pub(crate) struct Row {
    name: String,
    case: Value,
    wants: &'static str,
}

pub(crate) fn row(name: impl Into<String>, case: Value, wants: &'static str) -> Row {
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
pub(crate) fn check(table: &str, rows: Vec<Row>) {
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
pub(crate) fn one(statement: Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

pub(crate) fn allow_all() -> Value {
    one(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }))
}

pub(crate) fn allow(action: &str) -> Value {
    one(json!({ "Effect": "Allow", "Action": action, "Resource": "*" }))
}

pub(crate) fn deny(action: &str) -> Value {
    one(json!({ "Effect": "Deny", "Action": action, "Resource": "*" }))
}

/// A resource policy that allows everything to a principal element.
pub(crate) fn to(principal: Value) -> Value {
    one(json!({ "Effect": "Allow", "Principal": principal, "Action": "*", "Resource": "*" }))
}

/// A trust policy that allows everything to a principal element.
pub(crate) fn trust(principal: Value) -> Value {
    one(json!({ "Effect": "Allow", "Principal": principal, "Action": "*" }))
}

/// A case with some fields set over the rest.
pub(crate) fn case(principal: &str, action: &str, resource: &str, fields: Value) -> Value {
    let mut case =
        json!({ "id": "c", "principal": principal, "action": action, "resource": resource });
    for (name, value) in fields.as_object().unwrap() {
        case[name.as_str()] = value.clone();
    }
    case
}
