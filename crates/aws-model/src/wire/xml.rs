//! Parses XML answers into a tree, and that into the model's JSON.

use crate::{Member, ServiceModel, Shape, ShapeKind};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Number, Value};

use crate::wire::json::instant_text;

/// Deeper nesting is not an AWS answer.
const DEPTH_MAX: usize = 64;

#[derive(Debug, Default)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    attributes: Vec<(String, String)>,
    pub(crate) children: Vec<Element>,
}

impl Element {
    /// Returns the root.
    pub(crate) fn read(xml: &[u8]) -> Result<Self, String> {
        let xml = std::str::from_utf8(xml).map_err(|error| error.to_string())?;
        let mut reader = Reader::from_str(xml);
        let mut open = vec![Self::default()];
        loop {
            let event = reader.read_event().map_err(|error| error.to_string())?;
            if open.len() > DEPTH_MAX {
                return Err("it is nested too deeply".to_owned());
            }
            let text = match event {
                Event::Start(start) => {
                    open.push(Self::begun(&start)?);
                    continue;
                }
                Event::Empty(start) => {
                    let element = Self::begun(&start)?;
                    if let Some(parent) = open.last_mut() {
                        parent.children.push(element);
                    }
                    continue;
                }
                Event::End(_) => {
                    let done = open.pop();
                    if let (Some(done), Some(parent)) = (done, open.last_mut()) {
                        parent.children.push(done);
                    }
                    continue;
                }
                Event::Text(text) => text.to_string(),
                Event::CData(text) => text.to_string(),
                Event::GeneralRef(reference) => character(&reference)?,
                Event::Eof => break,
                Event::Decl(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => continue,
            };
            if let Some(element) = open.last_mut() {
                element.text.push_str(&text);
            }
        }
        let (Some(document), true) = (open.pop(), open.is_empty()) else {
            return Err("it ends too early".to_owned());
        };
        let root = document.children.into_iter().next();
        root.ok_or_else(|| "it has no element".to_owned())
    }

    fn begun(start: &BytesStart<'_>) -> Result<Self, String> {
        let mut attributes = Vec::new();
        for attribute in start.attributes() {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let name = attribute.key.local_name().as_ref().to_owned();
            attributes.push((name, attribute.value.to_string()));
        }
        Ok(Self {
            name: start.local_name().as_ref().to_owned(),
            text: String::new(),
            attributes,
            children: Vec::new(),
        })
    }

    pub(crate) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|it| it.name == name)
    }

    /// Searches at any depth.
    pub(crate) fn find(&self, name: &str) -> Option<&Self> {
        let below = || self.children.iter().find_map(|it| it.find(name));
        if self.name == name {
            Some(self)
        } else {
            below()
        }
    }
}

/// Resolves `&name;` or `&#n;`.
///
/// # Errors
/// Unknown to XML 1.0 without a declaration.
pub fn character(reference: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    if let Ok(Some(character)) = reference.resolve_char_ref() {
        return Ok(character.to_string());
    }
    let name = reference.as_ref();
    let character = quick_xml::escape::resolve_xml_entity(name);
    let character = character.ok_or_else(|| format!("it has an unknown entity `{name}`"))?;
    Ok(character.to_owned())
}

pub(crate) fn structure(
    service: &ServiceModel,
    shape: &Shape,
    element: &Element,
) -> Map<String, Value> {
    let mut out = Map::new();
    for member in shape.members().iter().filter(|it| it.location.is_none()) {
        let value = service
            .shape(&member.shape)
            .and_then(|inner| self::member(service, inner, member, element));
        if let Some(value) = value {
            out.insert(member.name.clone(), value);
        }
    }
    out
}

fn member(
    service: &ServiceModel,
    shape: &Shape,
    member: &Member,
    parent: &Element,
) -> Option<Value> {
    if member.attribute {
        let name = member.wire().rsplit(':').next()?;
        let (_, value) = parent.attributes.iter().find(|(it, _)| it == name)?;
        return Some(scalar(&shape.kind, value));
    }
    let flat = match &shape.kind {
        ShapeKind::List { flattened, .. } | ShapeKind::Map { flattened, .. } => {
            *flattened || member.flattened
        }
        _ => false,
    };
    if !flat {
        return Some(value(service, shape, parent.child(member.wire())?));
    }
    let name = match &shape.kind {
        ShapeKind::List {
            element_wire: Some(name),
            ..
        } => name,
        _ => member.wire(),
    };
    let rows = || parent.children.iter().filter(|it| it.name == name);
    rows().next()?;
    Some(several(service, shape, rows()))
}

pub(crate) fn value(service: &ServiceModel, shape: &Shape, element: &Element) -> Value {
    match &shape.kind {
        ShapeKind::Structure { .. } => Value::Object(structure(service, shape, element)),
        ShapeKind::List { .. } | ShapeKind::Map { .. } => {
            several(service, shape, element.children.iter())
        }
        kind => scalar(kind, &element.text),
    }
}

fn several<'a>(
    service: &ServiceModel,
    shape: &Shape,
    rows: impl Iterator<Item = &'a Element>,
) -> Value {
    match &shape.kind {
        ShapeKind::List { element, .. } => {
            let inner = service.shape(element);
            rows.filter_map(|row| Some(value(service, inner?, row)))
                .collect()
        }
        ShapeKind::Map {
            value: of,
            key_wire,
            value_wire,
            ..
        } => {
            let inner = service.shape(of);
            let entries = rows.filter_map(|row| {
                let name = row.child(key_wire.as_deref().unwrap_or("key"))?;
                let element = row.child(value_wire.as_deref().unwrap_or("value"))?;
                Some((name.text.clone(), value(service, inner?, element)))
            });
            entries.collect::<Map<_, _>>().into()
        }
        _ => Value::Null,
    }
}

/// Stays text if it has another type than the model's.
pub(crate) fn scalar(kind: &ShapeKind, text: &str) -> Value {
    let trimmed = text.trim();
    let number = |number: Option<Number>| number.map_or_else(|| Value::from(text), Value::Number);
    match kind {
        ShapeKind::Integer | ShapeKind::Long => {
            number(trimmed.parse::<i64>().ok().map(Number::from))
        }
        ShapeKind::Double => number(trimmed.parse().ok().and_then(Number::from_f64)),
        ShapeKind::Boolean => match trimmed {
            "true" | "1" => Value::Bool(true),
            "false" | "0" => Value::Bool(false),
            _ => Value::from(text),
        },
        ShapeKind::Timestamp(_) => Value::from(instant_text(trimmed)),
        ShapeKind::Blob => Value::from(trimmed),
        _ => Value::from(text),
    }
}

pub(crate) fn packed(bytes: &[u8]) -> Value {
    Value::from(BASE64_STANDARD.encode(bytes))
}
