//! Attribute paths (`name.givenName`) and the members they stand for (`Name.GivenName`).

use hallpass_aws_model::{Invalid, validate};
use serde_json::{Map, Value};

use super::{ApiError, Context};

/// The only extension that there is (Identity Store API Reference, "`CreateUser`").
const ENTERPRISE: &str = "aws:identitystore:enterprise";

/// What the input of a create has of these.
pub(super) fn given(input: &Value, names: &[&str]) -> Map<String, Value> {
    let found = names
        .iter()
        .map(|name| ((*name).to_owned(), input.get(*name)));
    found
        .filter_map(|(name, value)| Some((name, value?.clone())))
        .collect()
}

/// Applies the `Operations` of an update.
///
/// # Errors
/// A path that is not in `writable`, or a value of the wrong type.
pub(super) fn apply(
    attributes: &mut Map<String, Value>,
    input: &Value,
    writable: &[&str],
) -> Result<(), ApiError> {
    let operations = input.get("Operations").and_then(Value::as_array);
    for operation in operations.into_iter().flatten() {
        let path = operation
            .get("AttributePath")
            .and_then(Value::as_str)
            .unwrap_or_default();
        let value = operation
            .get("AttributeValue")
            .filter(|value| !value.is_null());
        if path.starts_with("aws:") {
            apply_to_extension(attributes, path, value)?;
            continue;
        }
        let mut steps = path.split('.').map(pascal);
        let first = steps.next().unwrap_or_default();
        if !writable.contains(&first.as_str()) {
            return Err(invalid(path));
        }
        let value = value.map(normalize);
        match (steps.next(), value) {
            (None, Some(value)) => {
                attributes.insert(first, value);
            }
            (None, None) => {
                attributes.shift_remove(&first);
            }
            (Some(second), value) => set_inner(attributes, &first, second, value, path)?,
        }
    }
    Ok(())
}

/// Holds what an update leaves of the attributes that it changed against the input of a create: types, lengths, counts.
///
/// # Errors
/// What a create would not take.
pub(super) fn check(
    context: &Context<'_>,
    create: &str,
    (before, after): (&Map<String, Value>, &Map<String, Value>),
) -> Result<(), ApiError> {
    let Some((model, operation)) = context.call.service.model(create) else {
        return Ok(());
    };
    let changed = after.iter();
    let changed = changed.filter(|(name, value)| before.get(*name) != Some(*value));
    let mut input: Map<String, Value> = changed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let store = context.text("IdentityStoreId");
    input.insert("IdentityStoreId".to_owned(), store.into());
    let input = Value::Object(input);
    match validate(model, operation, &input) {
        Ok(()) => Ok(()),
        Err(Invalid::WrongType { path, expected }) => {
            let text = format!("The attribute {path} must be {expected}.");
            Err(ApiError::new("ValidationException", text))
        }
        Err(Invalid::Violations(found)) => {
            Err((context.call.service.errors.invalid)(&input, &found))
        }
    }
}

/// `aws:identitystore:enterprise.department`: what extensions hold keeps the names that it came with.
fn apply_to_extension(
    attributes: &mut Map<String, Value>,
    path: &str,
    value: Option<&Value>,
) -> Result<(), ApiError> {
    let (extension, member) = match path.split_once('.') {
        Some((extension, member)) => (extension, Some(member)),
        None => (path, None),
    };
    if extension != ENTERPRISE {
        return Err(invalid(path));
    }
    let all = attributes
        .entry("Extensions")
        .or_insert_with(|| Value::Object(Map::new()));
    let all = all.as_object_mut().ok_or_else(|| invalid(path))?;
    let Some(member) = member else {
        match value {
            Some(value) => all.insert(extension.to_owned(), value.clone()),
            None => all.shift_remove(extension),
        };
        return Ok(());
    };
    let inner = all
        .entry(extension)
        .or_insert_with(|| Value::Object(Map::new()));
    let inner = inner.as_object_mut().ok_or_else(|| invalid(path))?;
    match value {
        Some(value) => inner.insert(member.to_owned(), value.clone()),
        None => inner.shift_remove(member),
    };
    Ok(())
}

fn set_inner(
    attributes: &mut Map<String, Value>,
    first: &str,
    second: String,
    value: Option<Value>,
    path: &str,
) -> Result<(), ApiError> {
    let inner = attributes
        .entry(first)
        .or_insert_with(|| Value::Object(Map::new()));
    let inner = match inner {
        Value::Array(items) => items.first_mut().ok_or_else(|| invalid(path))?,
        inner => inner,
    };
    let inner = inner.as_object_mut().ok_or_else(|| invalid(path))?;
    match value {
        Some(value) => inner.insert(second, value),
        None => inner.shift_remove(&second),
    };
    Ok(())
}

fn invalid(path: &str) -> ApiError {
    ApiError::new(
        "ValidationException",
        format!("Attribute path {path} is not valid."),
    )
}

/// Documents come in camelCase, as lists and objects; the store holds them as the model spells
/// them.
fn normalize(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(key, value)| (pascal(key), normalize(value)))
            .collect(),
        Value::Array(items) => items.iter().map(normalize).collect(),
        other => other.clone(),
    }
}

fn pascal(step: &str) -> String {
    let mut letters = step.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_ascii_uppercase().to_string() + letters.as_str()
    })
}
