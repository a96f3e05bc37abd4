//! Validates a case and its policies (`policies.md` §2.1, §3); returns the code of the first error.

use serde_json::{Map, Value};

use super::condition::operator;
use super::glob::arn;
use super::principal::Who;
use super::{document, many, text_of};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Resource,
    Trust,
    Scp,
    Rcp,
}

/// Services that support resource control policies, limited to those in the test cases.
const RCP_SERVICES: &[&str] = &["s3", "sts", "sqs", "kms", "secretsmanager"];

type Check = Result<(), &'static str>;

pub(super) fn check_case(case: &Value) -> Check {
    let case = case.as_object().ok_or("E_FIELD")?;
    case.get("id").and_then(Value::as_str).ok_or("E_FIELD")?;
    Who::read(case.get("principal").ok_or("E_FIELD")?)?;
    check_action(case)?;
    let resources = resources_of(case)?;
    for resource in &resources {
        if *resource != "*" && arn(resource).is_none() {
            return Err("E_ARN");
        }
    }
    check_account(case)?;
    check_context(case)?;
    check_flags(case)?;
    for policy in list(case.get("identityPolicies"))? {
        check_policy(policy, Kind::Plain)?;
    }
    for (field, kind) in [("scps", Kind::Scp), ("rcps", Kind::Rcp)] {
        for level in list(case.get(field))? {
            for policy in level.as_array().ok_or("E_FIELD")? {
                check_policy(policy, kind)?;
            }
        }
    }
    let trust = resources.iter().any(|resource| is_role(resource));
    let resource_kind = if trust { Kind::Trust } else { Kind::Resource };
    for (field, kind) in [
        ("resourcePolicy", resource_kind),
        ("boundary", Kind::Plain),
        ("session", Kind::Plain),
    ] {
        if let Some(policy) = case.get(field).filter(|policy| !policy.is_null()) {
            match policy {
                // several session policies: `policies.md` §2.1 has up to eleven of them
                Value::Array(list) if field == "session" => {
                    list.iter()
                        .try_for_each(|policy| check_policy(policy, kind))?;
                }
                one => check_policy(one, kind)?,
            }
        }
    }
    Ok(())
}

pub(super) fn is_role(resource: &str) -> bool {
    arn(resource).is_some_and(|arn| arn[2] == "iam" && arn[5].starts_with("role/"))
}

fn resources_of(case: &Map<String, Value>) -> Result<Vec<&str>, &'static str> {
    if let Some(list) = case.get("resources") {
        let list = list
            .as_array()
            .filter(|list| !list.is_empty())
            .ok_or("E_FIELD")?;
        return list
            .iter()
            .map(|one| one.as_str().ok_or("E_FIELD"))
            .collect();
    }
    Ok(vec![
        case.get("resource")
            .and_then(Value::as_str)
            .ok_or("E_FIELD")?,
    ])
}

fn check_action(case: &Map<String, Value>) -> Check {
    let action = case
        .get("action")
        .and_then(Value::as_str)
        .ok_or("E_FIELD")?;
    let word = |text: &str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    match action.split_once(':') {
        Some((service, name)) if word(service) && word(name) => Ok(()),
        _ => Err("E_ACTION"),
    }
}

fn check_account(case: &Map<String, Value>) -> Check {
    match case.get("resourceAccount") {
        None | Some(Value::Null) => Ok(()),
        Some(Value::String(id)) if is_account(id) => Ok(()),
        Some(_) => Err("E_FIELD"),
    }
}

pub(super) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

fn check_context(case: &Map<String, Value>) -> Check {
    let Some(context) = case.get("context").filter(|context| !context.is_null()) else {
        return Ok(());
    };
    let mut seen = Vec::new();
    for (key, value) in context.as_object().ok_or("E_FIELD")? {
        if many(value).into_iter().any(|one| text_of(one).is_none()) {
            return Err("E_FIELD");
        }
        let key = key.to_lowercase();
        if seen.contains(&key) {
            return Err("E_CONTEXT_DUP");
        }
        seen.push(key);
    }
    Ok(())
}

fn check_flags(case: &Map<String, Value>) -> Check {
    let Some(flags) = case.get("flags").filter(|flags| !flags.is_null()) else {
        return Ok(());
    };
    let flags = flags.as_object().ok_or("E_FIELD")?;
    if flags.values().all(Value::is_boolean) {
        Ok(())
    } else {
        Err("E_FIELD")
    }
}

fn list(value: Option<&Value>) -> Result<Vec<&Value>, &'static str> {
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::Array(list)) => Ok(list.iter().collect()),
        Some(_) => Err("E_FIELD"),
    }
}

fn check_policy(policy: &Value, kind: Kind) -> Check {
    if !policy.is_object() {
        return Err("E_FIELD");
    }
    let document = document(policy).as_object().ok_or("E_ELEMENT")?;
    for (name, value) in document {
        match (name.as_str(), value) {
            ("Version", Value::String(version)) => {
                if version != "2012-10-17" && version != "2008-10-17" {
                    return Err("E_VERSION");
                }
            }
            ("Id", Value::String(_)) | ("Statement", Value::Object(_) | Value::Array(_)) => {}
            _ => return Err("E_ELEMENT"),
        }
    }
    let statements = many(document.get("Statement").ok_or("E_ELEMENT")?);
    if statements.is_empty() {
        return Err("E_ELEMENT");
    }
    for statement in statements {
        check_statement(statement.as_object().ok_or("E_ELEMENT")?, kind)?;
    }
    Ok(())
}

fn check_statement(statement: &Map<String, Value>, kind: Kind) -> Check {
    const NAMES: &[&str] = &[
        "Sid",
        "Effect",
        "Principal",
        "NotPrincipal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition",
    ];
    let effect_in_any_case = |name: &String| name.eq_ignore_ascii_case("Effect");
    if !statement.keys().any(effect_in_any_case) {
        return Err("E_EFFECT");
    }
    if statement.keys().any(|name| !NAMES.contains(&name.as_str())) {
        return Err("E_ELEMENT");
    }
    if statement.get("Sid").is_some_and(|sid| !sid.is_string()) {
        return Err("E_ELEMENT");
    }
    let effect = statement
        .get("Effect")
        .and_then(Value::as_str)
        .ok_or("E_EFFECT")?;
    if effect != "Allow" && effect != "Deny" {
        return Err("E_EFFECT");
    }
    let has = |name: &str| statement.contains_key(name);
    let pair = |name: &str| (has(name), has(&format!("Not{name}")));
    let exactly_one = |(a, b): (bool, bool)| a != b;
    let none = |(a, b): (bool, bool)| !a && !b;
    let resource_fits = match kind {
        Kind::Trust => none(pair("Resource")),
        // an omitted Resource is the resource of the policy
        Kind::Resource => exactly_one(pair("Resource")) || none(pair("Resource")),
        _ => exactly_one(pair("Resource")),
    };
    let principal_fits = match kind {
        Kind::Plain | Kind::Scp => none(pair("Principal")),
        Kind::Resource | Kind::Trust => exactly_one(pair("Principal")),
        Kind::Rcp => statement.get("Principal") == Some(&Value::from("*")) && !has("NotPrincipal"),
    };
    if !exactly_one(pair("Action")) || !resource_fits || !principal_fits {
        return Err("E_ELEMENT");
    }
    if has("NotPrincipal") && effect == "Allow" {
        return Err("E_ELEMENT");
    }
    for name in ["Action", "NotAction", "Resource", "NotResource"] {
        check_strings(statement.get(name))?;
    }
    for name in ["Action", "NotAction"] {
        check_services(statement.get(name))?;
    }
    for name in ["Principal", "NotPrincipal"] {
        statement.get(name).map_or(Ok(()), check_principal)?;
    }
    if kind == Kind::Rcp {
        check_rcp(statement, effect)?;
    }
    statement.get("Condition").map_or(Ok(()), check_condition)
}

fn check_strings(value: Option<&Value>) -> Check {
    let Some(value) = value else { return Ok(()) };
    let list = many(value);
    if list.is_empty() || list.iter().any(|one| !one.is_string()) {
        return Err("E_ELEMENT");
    }
    Ok(())
}

/// No wildcard in the service of an action, except `*` alone or `*:*`.
fn check_services(value: Option<&Value>) -> Check {
    let listed = value.map(many).unwrap_or_default();
    for action in listed.into_iter().filter_map(Value::as_str) {
        let service = action.split(':').next().unwrap_or_default();
        let all = action == "*" || action == "*:*";
        if service.contains(['*', '?']) && !all {
            return Err("E_ACTION");
        }
    }
    Ok(())
}

fn check_principal(value: &Value) -> Check {
    let Some(object) = value.as_object() else {
        return if value == "*" {
            Ok(())
        } else {
            Err("E_ELEMENT")
        };
    };
    if object.is_empty() {
        return Err("E_ELEMENT");
    }
    for (kind, entries) in object {
        if !["AWS", "Service", "Federated", "CanonicalUser"].contains(&kind.as_str()) {
            return Err("E_ELEMENT");
        }
        check_strings(Some(entries))?;
        for entry in many(entries).into_iter().filter_map(Value::as_str) {
            if entry.contains(['*', '?']) && !(kind == "AWS" && entry == "*") {
                return Err("E_PRINCIPAL_WILDCARD");
            }
        }
    }
    Ok(())
}

fn check_rcp(statement: &Map<String, Value>, effect: &str) -> Check {
    let star = |name: &str| statement.get(name) == Some(&Value::from("*"));
    let full = star("Action") && star("Resource") && !statement.contains_key("Condition");
    if effect == "Allow" && full {
        // AWS's own RCPFullAWSAccess; "must be Deny" applies to customer RCPs
        return Ok(());
    }
    if effect != "Deny" {
        return Err("E_EFFECT");
    }
    if statement.contains_key("NotAction") {
        return Err("E_ELEMENT");
    }
    for action in many(&statement["Action"])
        .into_iter()
        .filter_map(Value::as_str)
    {
        let service = action
            .split(':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        if !RCP_SERVICES.contains(&service.as_str()) {
            return Err("E_RCP_SERVICE");
        }
    }
    Ok(())
}

fn check_condition(block: &Value) -> Check {
    for (name, keys) in block.as_object().ok_or("E_ELEMENT")? {
        operator(name).ok_or("E_OPERATOR")?;
        for values in keys.as_object().ok_or("E_ELEMENT")?.values() {
            if many(values)
                .into_iter()
                .any(|value| text_of(value).is_none())
            {
                return Err("E_ELEMENT");
            }
        }
    }
    Ok(())
}
