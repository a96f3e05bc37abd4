//! AWS's input validation: one pass, every failure in one message.

use std::fmt::Write as _;

use serde_json::Value;

use crate::constraint::{constraints, wrong_type};
use crate::table::{OperationModel, ServiceModel, Shape, ShapeKind};

/// Deeper than any request of the tables; deeper input is malformed.
const DEPTH_MAX: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// A value of another JSON type; AWS answers `SerializationException` (JSON) or
    /// `MalformedInput` (Query) and stops validation.
    #[error("`{path}` must be {expected}")]
    WrongType {
        /// `tags.1.member.key`; empty for the whole input.
        path: String,
        expected: &'static str,
    },
    /// AWS answers `ValidationException`, `ValidationError` or `InvalidInputException`, see
    /// [`message`].
    #[error("{}", message(.0))]
    Violations(Vec<Violation>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// `tags.1.member.key`, 1-based.
    pub path: String,
    /// The value as AWS prints it: in single quotes, `null`, or stars where it is sensitive.
    pub shown: String,
    /// `Member must not be null`.
    pub constraint: String,
}

impl Violation {
    pub fn text(&self) -> String {
        let Self {
            path,
            shown,
            constraint,
        } = self;
        format!("Value {shown} at '{path}' failed to satisfy constraint: {constraint}")
    }
}

/// The whole message: `2 validation errors detected: …; …`.
pub fn message(violations: &[Violation]) -> String {
    let texts: Vec<String> = violations.iter().map(Violation::text).collect();
    let plural = if violations.len() == 1 { "" } else { "s" };
    format!(
        "{} validation error{plural} detected: {}",
        violations.len(),
        texts.join("; ")
    )
}

/// Validates `input` against the operation's input shape. Ignores unknown members; `null` counts as
/// absent, also for the whole input.
///
/// # Errors
/// A wrong type stops the pass; else every broken limit, in model order.
pub fn validate(
    service: &ServiceModel,
    operation: &OperationModel,
    input: &Value,
) -> Result<(), Invalid> {
    let Some(shape) = service.input(operation) else {
        return if matches!(input, Value::Null | Value::Object(_)) {
            Ok(())
        } else {
            Err(Invalid::WrongType {
                path: String::new(),
                expected: "a structure",
            })
        };
    };
    // an empty body means `{}`, but only without required members
    if input.is_null() && !shape.members().iter().any(|member| member.required) {
        return Ok(());
    }
    let mut pass = Pass {
        service,
        found: Vec::new(),
    };
    let root = ValidationPosition {
        path: "",
        depth: 0,
        secret: shape.sensitive,
    };
    pass.value(shape, input, root)?;
    if pass.found.is_empty() {
        Ok(())
    } else {
        Err(Invalid::Violations(pass.found))
    }
}

struct Pass<'a> {
    service: &'a ServiceModel,
    found: Vec<Violation>,
}

/// Everything below a sensitive structure is secret.
#[derive(Clone, Copy)]
struct ValidationPosition<'a> {
    path: &'a str,
    depth: usize,
    secret: bool,
}

impl Pass<'_> {
    fn value(
        &mut self,
        shape: &Shape,
        value: &Value,
        at: ValidationPosition<'_>,
    ) -> Result<(), Invalid> {
        let expected = wrong_type(&shape.kind, value);
        let expected = expected.or((at.depth > DEPTH_MAX).then_some("less deeply nested"));
        if let Some(expected) = expected {
            return Err(Invalid::WrongType {
                path: at.path.to_owned(),
                expected,
            });
        }
        for constraint in constraints(shape) {
            if !constraint.holds(value) {
                self.add(at, shape, value, constraint.text());
            }
        }
        match (&shape.kind, value) {
            (ShapeKind::Structure { .. }, Value::Object(_)) => self.structure(shape, value, at),
            (ShapeKind::List { element, .. }, Value::Array(all)) => {
                self.list(shape, element, all, at)
            }
            (ShapeKind::Map { key, value, .. }, Value::Object(all)) => {
                self.map(shape, [key, value], all, at)
            }
            _ => Ok(()),
        }
    }

    fn structure(
        &mut self,
        shape: &Shape,
        value: &Value,
        at: ValidationPosition<'_>,
    ) -> Result<(), Invalid> {
        for member in shape.members() {
            let path = join(at.path, &lower_first(&member.name));
            let Some(inner) = self.service.shape(&member.shape) else {
                continue;
            };
            let secret = at.secret || inner.sensitive;
            let place = ValidationPosition {
                path: &path,
                depth: at.depth + 1,
                secret,
            };
            match value.get(member.wire()) {
                None | Some(Value::Null) if member.required => self.add_null(&path),
                None | Some(Value::Null) => {}
                Some(value) => self.value(inner, value, place)?,
            }
        }
        Ok(())
    }

    /// Recurses into structures (`tags.1.member.key`); for plain values AWS prints the whole list
    /// and every limit of its elements, once.
    fn list(
        &mut self,
        shape: &Shape,
        element: &str,
        all: &[Value],
        at: ValidationPosition<'_>,
    ) -> Result<(), Invalid> {
        let Some(element) = self.service.shape(element) else {
            return Ok(());
        };
        let mut broken = false;
        for (index, value) in all.iter().enumerate() {
            let path = join(at.path, &format!("{}.member", index + 1));
            let secret = at.secret || element.sensitive;
            let place = ValidationPosition {
                path: &path,
                depth: at.depth + 1,
                secret,
            };
            if value.is_null() {
                self.add_null(&path);
            } else if is_plain(element) {
                broken |= Self::plain(element, value, place)?;
            } else {
                self.value(element, value, place)?;
            }
        }
        if broken {
            let place = ValidationPosition {
                secret: at.secret || element.sensitive,
                ..at
            };
            let value = Value::from(all);
            self.add(
                place,
                shape,
                &value,
                format!("Member must satisfy constraint: {}", limits(element)),
            );
        }
        Ok(())
    }

    fn map(
        &mut self,
        shape: &Shape,
        [key, value]: [&str; 2],
        all: &serde_json::Map<String, Value>,
        at: ValidationPosition<'_>,
    ) -> Result<(), Invalid> {
        let (Some(key), Some(inner)) = (self.service.shape(key), self.service.shape(value)) else {
            return Ok(());
        };
        let (mut bad_key, mut bad_value) = (false, false);
        for (name, value) in all {
            let path = join(at.path, &format!("{name}.member"));
            let place = ValidationPosition {
                path: &path,
                depth: at.depth + 1,
                secret: at.secret,
            };
            bad_key |= Self::plain(key, &Value::from(name.as_str()), place)?;
            let place = ValidationPosition {
                secret: at.secret || inner.sensitive,
                ..place
            };
            if value.is_null() {
                self.add_null(&path);
            } else if is_plain(inner) {
                bad_value |= Self::plain(inner, value, place)?;
            } else {
                self.value(inner, value, place)?;
            }
        }
        let place = ValidationPosition {
            secret: at.secret || key.sensitive || inner.sensitive,
            ..at
        };
        for (bad, of, element) in [(bad_key, "keys", key), (bad_value, "value", inner)] {
            if bad {
                let text = format!("Map {of} must satisfy constraint: {}", limits(element));
                self.add(place, shape, &Value::Object(all.clone()), text);
            }
        }
        Ok(())
    }

    fn plain(shape: &Shape, value: &Value, at: ValidationPosition<'_>) -> Result<bool, Invalid> {
        if let Some(expected) = wrong_type(&shape.kind, value) {
            return Err(Invalid::WrongType {
                path: at.path.to_owned(),
                expected,
            });
        }
        Ok(constraints(shape)
            .iter()
            .any(|constraint| !constraint.holds(value)))
    }

    fn add(
        &mut self,
        at: ValidationPosition<'_>,
        shape: &Shape,
        value: &Value,
        constraint: String,
    ) {
        let shown = if at.secret {
            "'***'".to_owned()
        } else {
            let mut text = String::new();
            show(self.service, shape, value, &mut text);
            format!("'{text}'")
        };
        self.found.push(Violation {
            path: at.path.to_owned(),
            shown,
            constraint,
        });
    }

    fn add_null(&mut self, path: &str) {
        self.found.push(Violation {
            path: path.to_owned(),
            shown: "null".to_owned(),
            constraint: "Member must not be null".to_owned(),
        });
    }
}

fn limits(shape: &Shape) -> String {
    let texts: Vec<String> = constraints(shape)
        .iter()
        .map(super::constraint::Constraint::text)
        .collect();
    format!("[{}]", texts.join(", "))
}

fn is_plain(shape: &Shape) -> bool {
    !matches!(
        shape.kind,
        ShapeKind::Structure { .. } | ShapeKind::List { .. } | ShapeKind::Map { .. }
    )
}

/// Prints a value: text bare, lists `[a, b]`, structures `Tag(key=a)`, sensitive parts in stars.
fn show(service: &ServiceModel, shape: &Shape, value: &Value, out: &mut String) {
    if shape.sensitive {
        out.push_str("***");
        return;
    }
    match (&shape.kind, value) {
        (_, Value::String(text)) => out.push_str(text),
        (ShapeKind::List { element, .. }, Value::Array(all)) => {
            let Some(element) = service.shape(element) else {
                return;
            };
            out.push('[');
            for (index, value) in all.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                show(service, element, value, out);
            }
            out.push(']');
        }
        (ShapeKind::Structure { .. }, Value::Object(_)) => {
            out.push_str(&shape.name);
            out.push('(');
            let mut separator = "";
            for member in shape.members() {
                let inner = service.shape(&member.shape);
                let (Some(inner), Some(value)) = (inner, value.get(member.wire())) else {
                    continue;
                };
                let _infallible = write!(out, "{separator}{}=", lower_first(&member.name));
                separator = ", ";
                show(service, inner, value, out);
            }
            out.push(')');
        }
        (ShapeKind::Map { value: inner, .. }, Value::Object(all)) => {
            let Some(inner) = service.shape(inner) else {
                return;
            };
            out.push('{');
            for (index, (key, value)) in all.iter().enumerate() {
                let _infallible = write!(out, "{}{key}=", if index == 0 { "" } else { ", " });
                show(service, inner, value, out);
            }
            out.push('}');
        }
        _ => {
            let _infallible = write!(out, "{value}");
        }
    }
}

fn join(path: &str, step: &str) -> String {
    if path.is_empty() {
        step.to_owned()
    } else {
        format!("{path}.{step}")
    }
}

fn lower_first(name: &str) -> String {
    let mut chars = name.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}
