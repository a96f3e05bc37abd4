//! Validates names, types and required members of an input before the first call. AWS checks limits
//! and enum values, because it knows newer ones.

use crate::{OperationModel, ServiceModel, Shape, ShapeKind};
use serde_json::{Map, Value};

use crate::wire::catalog::nearest;

/// Deeper nesting is not an AWS input.
const DEPTH_MAX: usize = 64;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputProblem {
    #[error("`{0}` is missing")]
    Missing(String),
    #[error("`{path}` is not known")]
    Unknown { path: String, nearest: Vec<String> },
    #[error("`{path}` should be {expected}")]
    Type {
        path: String,
        expected: &'static str,
    },
}

/// Returns the first problem, in input order.
pub fn check_input(
    service: &ServiceModel,
    operation: &OperationModel,
    input: &Value,
) -> Result<(), InputProblem> {
    let Value::Object(all) = input else {
        return Err(InputProblem::Type {
            path: "the input".to_owned(),
            expected: "a structure",
        });
    };
    match service.input(operation) {
        Some(shape) => structure(service, shape, all, "", 0),
        None => match all.keys().next() {
            Some(name) => Err(InputProblem::Unknown {
                path: name.clone(),
                nearest: Vec::new(),
            }),
            None => Ok(()),
        },
    }
}

fn structure(
    service: &ServiceModel,
    shape: &Shape,
    all: &Map<String, Value>,
    path: &str,
    depth: usize,
) -> Result<(), InputProblem> {
    let members = shape.members();
    for (name, value) in all {
        let path = join(path, name);
        let Some(member) = members.iter().find(|it| it.name == *name) else {
            let names = members.iter().map(|it| it.name.as_str());
            return Err(InputProblem::Unknown {
                nearest: nearest(name, names),
                path,
            });
        };
        if let Some(inner) = service.shape(&member.shape) {
            check(service, inner, value, &path, depth + 1)?;
        }
    }
    let missing = members
        .iter()
        .find(|it| it.required && !it.token && all.get(&it.name).is_none_or(Value::is_null));
    missing.map_or(Ok(()), |it| {
        Err(InputProblem::Missing(join(path, &it.name)))
    })
}

fn check(
    service: &ServiceModel,
    shape: &Shape,
    value: &Value,
    path: &str,
    depth: usize,
) -> Result<(), InputProblem> {
    let wrong = |expected| {
        Err(InputProblem::Type {
            path: path.to_owned(),
            expected,
        })
    };
    if depth > DEPTH_MAX {
        return wrong("less deeply nested");
    }
    match (&shape.kind, value) {
        (ShapeKind::Structure { .. }, Value::Object(all)) => {
            structure(service, shape, all, path, depth)
        }
        (ShapeKind::List { element, .. }, Value::Array(all)) => {
            let inner = service.shape(element);
            let each = all
                .iter()
                .enumerate()
                .map(|(at, it)| (join(path, &at.to_string()), it));
            every(service, inner, each, depth)
        }
        (ShapeKind::Map { value, .. }, Value::Object(all)) => {
            let inner = service.shape(value);
            let each = all.iter().map(|(name, it)| (join(path, name), it));
            every(service, inner, each, depth)
        }
        (ShapeKind::Structure { .. }, _) => wrong("a structure"),
        (ShapeKind::List { .. }, _) => wrong("a list"),
        (ShapeKind::Map { .. }, _) => wrong("a map"),
        (ShapeKind::Text { .. }, it) if !it.is_string() => wrong("text"),
        (ShapeKind::Blob, it) if !it.is_string() => wrong("text in base64"),
        (ShapeKind::Integer | ShapeKind::Long, it) if !it.is_i64() => wrong("a whole number"),
        (ShapeKind::Double, it) if !it.is_number() => wrong("a number"),
        (ShapeKind::Boolean, it) if !it.is_boolean() => wrong("true or false"),
        (ShapeKind::Timestamp(_), it) if !is_instant(it) => {
            wrong("an instant, as 2026-11-20T07:27:43Z or seconds since 1970")
        }
        _ => Ok(()),
    }
}

fn every<'a>(
    service: &ServiceModel,
    inner: Option<&Shape>,
    all: impl Iterator<Item = (String, &'a Value)>,
    depth: usize,
) -> Result<(), InputProblem> {
    let Some(inner) = inner else { return Ok(()) };
    for (path, value) in all {
        check(service, inner, value, &path, depth + 1)?;
    }
    Ok(())
}

fn is_instant(value: &Value) -> bool {
    match value {
        Value::Number(_) => true,
        Value::String(text) => text.parse::<jiff::Timestamp>().is_ok(),
        _ => false,
    }
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() {
        step.to_owned()
    } else {
        format!("{path}.{step}")
    }
}
