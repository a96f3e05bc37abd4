//! Converts a Query form (`Tags.member.1.Key=a`) into the JSON of the JSON protocols.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::table::{Member, OperationModel, ServiceModel, Shape, ShapeKind};
use crate::time::seconds;

/// Maximum dots in one key; the deepest table input needs eight.
const STEPS_MAX: usize = 32;

/// AWS answers `MalformedInput` with status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MalformedForm {
    #[error("`{0}` is nested too deeply")]
    TooDeep(String),
    #[error("`{key}` must be {expected}")]
    WrongType { key: String, expected: &'static str },
    #[error("`{0}` must be numbered")]
    NotNumbered(String),
}

/// Converts decoded form fields into the operation's input. Ignores unknown keys, `Action` and
/// `Version`; the last of a repeated key counts; gaps in a list close up. Times become seconds
/// since 1970.
pub fn query_to_json(
    service: &ServiceModel,
    operation: &OperationModel,
    fields: &[(String, String)],
) -> Result<Value, MalformedForm> {
    let mut root = Node::default();
    for (key, value) in fields {
        if key.split('.').count() > STEPS_MAX {
            return Err(MalformedForm::TooDeep(key.clone()));
        }
        let leaf = key.split('.').fold(&mut root, |node, step| {
            node.children.entry(step.to_owned()).or_default()
        });
        leaf.text = Some(value);
    }
    match service.input(operation) {
        Some(shape) => QueryReader { service }.structure(shape, &root, ""),
        None => Ok(Value::Object(Map::new())),
    }
}

#[derive(Default)]
struct Node<'a> {
    text: Option<&'a str>,
    children: BTreeMap<String, Node<'a>>,
}

struct QueryReader<'a> {
    service: &'a ServiceModel,
}

impl QueryReader<'_> {
    fn structure(&self, shape: &Shape, node: &Node<'_>, key: &str) -> Result<Value, MalformedForm> {
        let mut out = Map::new();
        for member in shape.members() {
            let Some(child) = node.children.get(member.wire()) else {
                continue;
            };
            let Some(inner) = self.service.shape(&member.shape) else {
                continue;
            };
            let key = join(key, member.wire());
            out.insert(
                member.wire().to_owned(),
                self.value(inner, Some(member), child, &key)?,
            );
        }
        Ok(Value::Object(out))
    }

    fn value(
        &self,
        shape: &Shape,
        member: Option<&Member>,
        node: &Node<'_>,
        key: &str,
    ) -> Result<Value, MalformedForm> {
        let flat = member.is_some_and(|member| member.flattened);
        match &shape.kind {
            ShapeKind::Structure { .. } => self.structure(shape, node, key),
            ShapeKind::List {
                element,
                element_wire,
                flattened,
            } => {
                let step = element_wire.as_deref().unwrap_or("member");
                let Some(element) = self.service.shape(element) else {
                    return Ok(Value::Null);
                };
                let mut all = Vec::new();
                for (key, child) in numbered(node, step, *flattened || flat, key)? {
                    all.push(self.value(element, None, child, &key)?);
                }
                Ok(Value::Array(all))
            }
            ShapeKind::Map {
                value,
                key_wire,
                value_wire,
                flattened,
                ..
            } => {
                let key_step = key_wire.as_deref().unwrap_or("key");
                let value_step = value_wire.as_deref().unwrap_or("value");
                let Some(inner) = self.service.shape(value) else {
                    return Ok(Value::Null);
                };
                let mut all = Map::new();
                for (key, child) in numbered(node, "entry", *flattened || flat, key)? {
                    let name = child.children.get(key_step).and_then(|node| node.text);
                    let Some(name) = name else { continue };
                    let Some(value) = child.children.get(value_step) else {
                        continue;
                    };
                    all.insert(name.to_owned(), self.value(inner, None, value, &key)?);
                }
                Ok(Value::Object(all))
            }
            _ => scalar(&shape.kind, node.text.unwrap_or_default(), key),
        }
    }
}

/// The children `step.1`, `step.2` … (or `1`, `2` … when flattened) in numeric order. Ignores keys
/// without the prefix `step`.
fn numbered<'n, 'a>(
    node: &'n Node<'a>,
    step: &str,
    flattened: bool,
    key: &str,
) -> Result<Vec<(String, &'n Node<'a>)>, MalformedForm> {
    let parent = if flattened {
        Some(node)
    } else {
        node.children.get(step)
    };
    let mut found = Vec::new();
    for (name, child) in parent.into_iter().flat_map(|parent| &parent.children) {
        let key = if flattened {
            join(key, name)
        } else {
            format!("{key}.{step}.{name}")
        };
        let Ok(number) = name.parse::<u32>() else {
            return Err(MalformedForm::NotNumbered(key));
        };
        found.push((number, (key, child)));
    }
    found.sort_by_key(|(number, _)| *number);
    Ok(found.into_iter().map(|(_, it)| it).collect())
}

fn scalar(kind: &ShapeKind, text: &str, key: &str) -> Result<Value, MalformedForm> {
    let wrong = |expected| MalformedForm::WrongType {
        key: key.to_owned(),
        expected,
    };
    match kind {
        ShapeKind::Integer => text
            .parse::<i32>()
            .map(Value::from)
            .map_err(|_| wrong("an integer")),
        ShapeKind::Long => text
            .parse::<i64>()
            .map(Value::from)
            .map_err(|_| wrong("a long")),
        ShapeKind::Double => text
            .parse::<f64>()
            .map(Value::from)
            .map_err(|_| wrong("a number")),
        ShapeKind::Boolean if text.eq_ignore_ascii_case("true") => Ok(Value::Bool(true)),
        ShapeKind::Boolean if text.eq_ignore_ascii_case("false") => Ok(Value::Bool(false)),
        ShapeKind::Boolean => Err(wrong("a boolean")),
        ShapeKind::Timestamp(_) => seconds(text).ok_or_else(|| wrong("a timestamp")),
        ShapeKind::Text { .. }
        | ShapeKind::Blob
        | ShapeKind::Document
        | ShapeKind::Structure { .. }
        | ShapeKind::List { .. }
        | ShapeKind::Map { .. } => Ok(Value::from(text)),
    }
}

fn join(key: &str, step: &str) -> String {
    if key.is_empty() {
        step.to_owned()
    } else {
        format!("{key}.{step}")
    }
}
