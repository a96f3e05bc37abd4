//! Checks outputs against the model, so that the simulator returns only valid ones.

use serde_json::Value;

use crate::constraint::wrong_type;
use crate::table::{OperationModel, ServiceModel, Shape, ShapeKind};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// `Accounts.0.Name`, 0-based.
    pub path: String,
    pub problem: String,
}

impl std::fmt::Display for Mismatch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = if self.path.is_empty() {
            "the answer"
        } else {
            &self.path
        };
        write!(f, "`{path}` {}", self.problem)
    }
}

/// Checks required members, page rows, unknown or `null` members, types and enum values. Returns
/// every difference.
pub fn check_output(
    service: &ServiceModel,
    operation: &OperationModel,
    output: &Value,
) -> Result<(), Vec<Mismatch>> {
    let mut found = Vec::new();
    match service.output(operation) {
        Some(shape) => compare(service, shape, output, "", &mut found),
        None if matches!(output, Value::Null) => {}
        None if output.as_object().is_some_and(serde_json::Map::is_empty) => {}
        None => add(
            &mut found,
            "",
            "should be empty: the operation has no output",
        ),
    }
    for row in operation.page.iter().flat_map(|page| &page.result) {
        if output.get(row).is_none() {
            add(&mut found, row, "is missing: a page always has its list");
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// Checks an error against the shape of that name or code. Returns every difference.
pub fn check_error(service: &ServiceModel, error: &str, body: &Value) -> Result<(), Vec<Mismatch>> {
    let mut found = Vec::new();
    match service.error(error) {
        Some((shape, _)) => compare(service, shape, body, "", &mut found),
        None => add(
            &mut found,
            "",
            &format!("is of the unknown error `{error}`"),
        ),
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn compare(
    service: &ServiceModel,
    shape: &Shape,
    value: &Value,
    path: &str,
    found: &mut Vec<Mismatch>,
) {
    if let Some(expected) = wrong_type(&shape.kind, value) {
        add(found, path, &format!("should be {expected}"));
        return;
    }
    match (&shape.kind, value) {
        (ShapeKind::Structure { members, union, .. }, Value::Object(all)) => {
            for member in members {
                let path = join(path, member.wire());
                match (all.get(member.wire()), service.shape(&member.shape)) {
                    (None, _) if member.required => add(found, &path, "is missing"),
                    (Some(Value::Null), _) => add(found, &path, "is null; leave it out"),
                    (Some(value), Some(inner)) => compare(service, inner, value, &path, found),
                    (None, _) | (Some(_), None) => {}
                }
            }
            for name in all
                .keys()
                .filter(|name| !members.iter().any(|it| it.wire() == *name))
            {
                add(found, &join(path, name), "is not in the model");
            }
            if *union && all.len() != 1 {
                add(found, path, "is a union and should have one member");
            }
        }
        (ShapeKind::List { element, .. }, Value::Array(all)) => {
            let Some(element) = service.shape(element) else {
                return;
            };
            for (index, value) in all.iter().enumerate() {
                compare(
                    service,
                    element,
                    value,
                    &join(path, &index.to_string()),
                    found,
                );
            }
        }
        (ShapeKind::Map { value: inner, .. }, Value::Object(all)) => {
            let Some(inner) = service.shape(inner) else {
                return;
            };
            for (key, value) in all {
                compare(service, inner, value, &join(path, key), found);
            }
        }
        (ShapeKind::Text { values, .. }, Value::String(text))
            if !values.is_empty() && !values.contains(text) =>
        {
            add(
                found,
                path,
                &format!("should be one of [{}]", values.join(", ")),
            );
        }
        _ => {}
    }
}

fn add(found: &mut Vec<Mismatch>, path: &str, problem: &str) {
    found.push(Mismatch {
        path: path.to_owned(),
        problem: problem.to_owned(),
    });
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() {
        step.to_owned()
    } else {
        format!("{path}.{step}")
    }
}
