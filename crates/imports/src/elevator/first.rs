//! Statements of the first release (0.0.1): a single statement instead of a list, or an object of
//! people, permission sets and accounts.

use serde_json::{Map, Value, json};

/// Converts a single statement or a first-release object to a list; returns other values unchanged.
///
/// # Errors
/// The object does not have the first release's form.
pub(super) fn as_list(key: &str, value: Value) -> Result<Value, String> {
    let object = match value {
        Value::Object(object) => object,
        other => return Ok(other),
    };
    if !has_first_keys(&object) {
        return Ok(Value::Object(object));
    }
    if object.contains_key("users") {
        let refused = |why: String| format!("`{key}` has the form of the first release: {why}");
        return statements(&object).map(Value::Array).map_err(refused);
    }
    Ok(json!([object]))
}

pub(super) fn is_first(value: &Value) -> bool {
    value.as_object().is_some_and(has_first_keys)
}

fn has_first_keys(object: &Map<String, Value>) -> bool {
    object.contains_key("users") || object.contains_key("Resource")
}

/// One statement per account: its people may request, its approvers approve.
fn statements(object: &Map<String, Value>) -> Result<Vec<Value>, String> {
    known_keys(object, &["users", "permission_sets", "accounts"])?;
    let mut people = Vec::new();
    let mut approving = Vec::new();
    for user in objects(
        object,
        "users",
        &["email", "slack_id", "sso_id", "can_approve"],
    )? {
        let email = text(user, "email")?;
        match user.get("can_approve") {
            Some(Value::Bool(true)) => approving.push(email),
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(_) => return Err("`can_approve` is true or false".to_owned()),
        }
        people.push(email);
    }
    let sets = objects(object, "permission_sets", &["name", "arn"])?;
    let sets: Vec<&str> = { sets.into_iter() }
        .map(|it| text(it, "name"))
        .collect::<Result<_, _>>()?;
    let mut statements = Vec::new();
    for account in objects(object, "accounts", &["name", "id", "approvers"])? {
        let id = text(account, "id")?;
        let approvers = account.get("approvers").and_then(Value::as_array);
        let approvers = approvers.into_iter().flatten().map(Value::as_str);
        let approvers: Option<Vec<&str>> = approvers.collect();
        let approvers = approvers.filter(|them| !them.is_empty());
        let approvers = approvers.ok_or_else(|| format!("no approver for account `{id}`"))?;
        if let Some(one) = approvers.iter().find(|it| !approving.contains(it)) {
            return Err(format!(
                "`{one}` approves for account `{id}`, and is no entry of `users` with `can_approve`"
            ));
        }
        statements.push(
            json!({"ResourceType": "Account", "Resource": id, "PermissionSet": sets,
            "Approvers": approvers, "AllowedUsers": people}),
        );
    }
    Ok(statements)
}

/// Requires at least one object, with known keys only.
fn objects<'a>(
    object: &'a Map<String, Value>,
    key: &str,
    known: &[&str],
) -> Result<Vec<&'a Map<String, Value>>, String> {
    let items = object.get(key).and_then(Value::as_array);
    let items = items.filter(|items| !items.is_empty());
    let items = items.ok_or_else(|| format!("`{key}` is missing or no list of objects"))?;
    let objects: Option<Vec<_>> = items.iter().map(Value::as_object).collect();
    let objects = objects.ok_or_else(|| format!("`{key}` is a list of objects"))?;
    objects.iter().try_for_each(|it| known_keys(it, known))?;
    Ok(objects)
}

fn known_keys(object: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => {
            let key = hallpass_base::text::line(key, crate::rule_text::NAME_MAX);
            Err(format!("`{key}` is not one of its keys"))
        }
        None => Ok(()),
    }
}

fn text<'a>(object: &'a Map<String, Value>, key: &str) -> Result<&'a str, String> {
    let text = object.get(key).and_then(Value::as_str);
    let text = text.filter(|text| !text.is_empty() && *text != "*");
    text.ok_or_else(|| format!("`{key}` of one of its objects is missing or no text"))
}
