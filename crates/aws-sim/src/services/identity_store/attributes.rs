//! Attribute paths (`name.givenName`) and their members (`Name.GivenName`).

use hallpass_aws_model::{Invalid, OperationModel, ServiceModel, Shape, ShapeKind, validate};
use serde_json::{Map, Value};

use super::{ApiError, Context};

/// The only extension (Identity Store API Reference, "`CreateUser`").
const ENTERPRISE: &str = "aws:identitystore:enterprise";

/// The model of the create, for the spelling of attributes.
pub(super) type CreateModel = Option<(&'static ServiceModel, &'static OperationModel)>;

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
/// A path outside `writable`, or a value of the wrong type.
pub(super) fn apply(
    attributes: &mut Map<String, Value>,
    input: &Value,
    (create, writable): (CreateModel, &[&str]),
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
        // paths ignore case: `userName`, `UserName`
        let mut steps = path.split('.');
        let first = steps.next().unwrap_or_default();
        let mut names = writable.iter();
        let first = names.find(|it| it.eq_ignore_ascii_case(first));
        let first = (*first.ok_or_else(|| invalid(path))?).to_owned();
        let value = value.map(normalize);
        match (steps.next().map(|it| inner_name(create, &first, it)), value) {
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

/// Validates changed attributes as in a create: types, lengths, counts.
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

/// `aws:identitystore:enterprise.department`: extension members keep their names.
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

/// Spells a structure's member as in the model; unknown names stay unchanged.
fn inner_name(create: CreateModel, attribute: &str, step: &str) -> String {
    let of = |shape: &'static Shape, name: &str| {
        let mut members = shape.members().iter();
        members.find(|it| it.name.eq_ignore_ascii_case(name))
    };
    let found = create.and_then(|(service, operation)| {
        let attribute = of(service.input(operation)?, attribute)?;
        let mut shape = service.shape(&attribute.shape)?;
        if let ShapeKind::List { element, .. } = &shape.kind {
            shape = service.shape(element)?;
        }
        of(shape, step)
    });
    found.map_or_else(|| pascal(step), |it| it.name.clone())
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

/// Converts camelCase documents to the model's spelling.
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
