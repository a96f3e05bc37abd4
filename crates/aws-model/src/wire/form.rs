//! Forms of the Query protocol and of EC2's dialect.

use crate::{Member, ServiceModel, Shape, ShapeKind, TimeFormat};
use serde_json::Value;

use crate::wire::json::instant;
use crate::wire::plain::{encoded, text};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormDialect {
    /// `Tags.member.1.Key`.
    Query,
    /// `Filter.1.Value.1`.
    Ec2,
}

pub(crate) fn write(
    service: &ServiceModel,
    action: &str,
    shape: Option<&Shape>,
    input: &Value,
    dialect: FormDialect,
) -> Vec<u8> {
    let mut fields = vec![
        ("Action".to_owned(), action.to_owned()),
        ("Version".to_owned(), service.version.clone()),
    ];
    if let Some(shape) = shape {
        let writer = FormWriter { service, dialect };
        writer.value(shape, None, String::new(), input, &mut fields);
    }
    let pairs = fields
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name, "."), encoded(value, "")));
    pairs.collect::<Vec<_>>().join("&").into_bytes()
}

struct FormWriter<'a> {
    service: &'a ServiceModel,
    dialect: FormDialect,
}

type Fields = Vec<(String, String)>;

impl FormWriter<'_> {
    fn value(
        &self,
        shape: &Shape,
        member: Option<&Member>,
        key: String,
        value: &Value,
        out: &mut Fields,
    ) {
        let flat = self.dialect == FormDialect::Ec2 || member.is_some_and(|it| it.flattened);
        match (&shape.kind, value) {
            (_, Value::Null) => {}
            (ShapeKind::Structure { members, .. }, Value::Object(all)) => {
                for member in members {
                    let inner = self.service.shape(&member.shape);
                    if let (Some(inner), Some(value)) = (inner, all.get(&member.name)) {
                        let key = join(&key, &self.name(member));
                        self.value(inner, Some(member), key, value, out);
                    }
                }
            }
            (
                ShapeKind::List {
                    element,
                    element_wire,
                    flattened,
                },
                Value::Array(all),
            ) => {
                let Some(inner) = self.service.shape(element) else {
                    return;
                };
                let base = match (flat || *flattened, element_wire) {
                    (true, Some(wire)) if self.dialect == FormDialect::Query => beside(&key, wire),
                    (true, _) => key.clone(),
                    (false, wire) => join(&key, wire.as_deref().unwrap_or("member")),
                };
                if all.is_empty() && self.dialect == FormDialect::Query {
                    out.push((key, String::new()));
                }
                for (at, it) in all.iter().enumerate() {
                    self.value(inner, None, format!("{base}.{}", at + 1), it, out);
                }
            }
            (ShapeKind::Map { .. }, Value::Object(all)) => {
                self.map(shape, flat, &key, all, out);
            }
            (ShapeKind::Timestamp(own), _) => {
                let format = member.and_then(|it| it.time).or(*own);
                let at = instant(value, format.unwrap_or(TimeFormat::Iso8601));
                out.push((key, text(&at)));
            }
            _ => out.push((key, text(value))),
        }
    }

    fn map(
        &self,
        shape: &Shape,
        flat: bool,
        key: &str,
        all: &serde_json::Map<String, Value>,
        out: &mut Fields,
    ) {
        let ShapeKind::Map {
            value: of,
            key_wire,
            value_wire,
            flattened,
            ..
        } = &shape.kind
        else {
            return;
        };
        let Some(inner) = self.service.shape(of) else {
            return;
        };
        let base = if flat || *flattened {
            key.to_owned()
        } else {
            join(key, "entry")
        };
        for (at, (name, value)) in all.iter().enumerate() {
            let base = format!("{base}.{}", at + 1);
            let name_key = join(&base, key_wire.as_deref().unwrap_or("key"));
            out.push((name_key, name.clone()));
            let value_key = join(&base, value_wire.as_deref().unwrap_or("value"));
            self.value(inner, None, value_key, value, out);
        }
    }

    fn name(&self, member: &Member) -> String {
        match self.dialect {
            FormDialect::Query => member.wire().to_owned(),
            FormDialect::Ec2 => member.ec2_name(),
        }
    }
}

fn beside(key: &str, name: &str) -> String {
    match key.rsplit_once('.') {
        Some((above, _)) => join(above, name),
        None => name.to_owned(),
    }
}

fn join(key: &str, step: &str) -> String {
    if key.is_empty() {
        step.to_owned()
    } else {
        format!("{key}.{step}")
    }
}
