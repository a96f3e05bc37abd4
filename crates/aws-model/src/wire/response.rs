//! Parses answers into JSON in the model's names and types (`inventory.md` F-13).

use crate::{Location, Member, OperationModel, Protocol, ServiceModel, Shape, ShapeKind};
use serde_json::{Map, Value};

use crate::wire::xml::{Element, packed, scalar, structure, value};
use crate::wire::{cbor, json};

#[derive(Clone, Copy, Debug)]
pub struct WireResponse<'a> {
    pub status: u16,
    /// Names in lower case.
    pub headers: &'a [(String, String)],
    pub body: &'a [u8],
}

impl WireResponse<'_> {
    /// `name` must be lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut all = self.headers.iter();
        all.find(|(it, _)| it == name)
            .map(|(_, value)| value.as_str())
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("the answer is no JSON")]
    Json,
    #[error("the answer is no CBOR")]
    Cbor,
    #[error("the answer is no XML: {0}")]
    Xml(String),
    /// The result element is missing.
    #[error("the answer has no `{0}`")]
    Result(String),
}

/// Reads a successful answer.
///
/// # Errors
/// See [`Unreadable`]; a missing body is an error, never an empty answer.
pub fn read_response(
    service: &ServiceModel,
    operation: &OperationModel,
    response: &WireResponse<'_>,
) -> Result<Value, Unreadable> {
    let Some(shape) = service.output(operation) else {
        return Ok(Value::Object(Map::new()));
    };
    let protocol = service.protocol().unwrap_or(Protocol::Json);
    match protocol {
        Protocol::Json => json_body(service, shape, response.body),
        Protocol::Cbor => cbor_body(service, shape, response.body),
        Protocol::Query | Protocol::Ec2 => {
            let root = Element::read(response.body).map_err(Unreadable::Xml)?;
            let result = match &operation.wrapper {
                Some(wrapper) => root
                    .child(wrapper)
                    .ok_or_else(|| Unreadable::Result(wrapper.clone()))?,
                None => &root,
            };
            Ok(Value::Object(structure(service, shape, result)))
        }
        Protocol::RestJson | Protocol::RestXml => rest(service, shape, response, protocol),
    }
}

fn cbor_body(service: &ServiceModel, shape: &Shape, body: &[u8]) -> Result<Value, Unreadable> {
    if body.is_empty() && shape.members().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    let raw = cbor::read(body).filter(Value::is_object);
    let raw = raw.ok_or(Unreadable::Cbor)?;
    json::from_wire(service, shape, &raw, 0).ok_or(Unreadable::Cbor)
}

fn json_body(service: &ServiceModel, shape: &Shape, body: &[u8]) -> Result<Value, Unreadable> {
    let empty = body.iter().all(u8::is_ascii_whitespace);
    let takes_nothing = shape.members().iter().all(|it| it.location.is_some());
    if empty && takes_nothing {
        return Ok(Value::Object(Map::new()));
    }
    let raw: Value = serde_json::from_slice(body).map_err(|_| Unreadable::Json)?;
    let read = json::from_wire(service, shape, &raw, 0).filter(|_| raw.is_object());
    read.ok_or(Unreadable::Json)
}

fn rest(
    service: &ServiceModel,
    shape: &Shape,
    response: &WireResponse<'_>,
    protocol: Protocol,
) -> Result<Value, Unreadable> {
    let mut out = Map::new();
    for member in shape.members() {
        if let Some(inner) = service.shape(&member.shape)
            && let Some(value) = outside_body(member, inner, response)
        {
            out.insert(member.name.clone(), value);
        }
    }
    let is_empty = response.body.iter().all(u8::is_ascii_whitespace);
    if let Some(payload) = shape.payload() {
        let inner = service.shape(&payload.shape).filter(|_| !is_empty);
        if let Some(inner) = inner {
            let value = whole_body(service, inner, response.body, protocol)?;
            out.insert(payload.name.clone(), value);
        }
        return Ok(Value::Object(out));
    }
    let body = match protocol {
        _ if is_empty && shape.members().iter().all(|it| !it.required) => Map::new(),
        Protocol::RestXml => {
            let root = Element::read(response.body).map_err(Unreadable::Xml)?;
            let mut found = structure(service, shape, &root);
            // some S3 answers have their only member as root
            let members = shape.members().iter();
            let own = members.filter(|it| it.wire() == root.name && root.children.is_empty());
            for member in own {
                if let Some(inner) = service.shape(&member.shape) {
                    found.insert(member.name.clone(), scalar(&inner.kind, &root.text));
                }
            }
            found
        }
        _ => match json_body(service, shape, response.body)? {
            Value::Object(found) => found,
            _ => return Err(Unreadable::Json),
        },
    };
    out.extend(body);
    Ok(Value::Object(out))
}

fn outside_body(member: &Member, shape: &Shape, response: &WireResponse<'_>) -> Option<Value> {
    let wire = member.wire().to_lowercase();
    match member.location? {
        Location::StatusCode => Some(Value::from(response.status)),
        Location::Header => Some(scalar(&shape.kind, response.header(&wire)?)),
        Location::Headers => {
            let all = response.headers.iter();
            let named = all.filter_map(|(name, value)| {
                Some((
                    name.strip_prefix(&wire)?.to_owned(),
                    Value::from(value.as_str()),
                ))
            });
            Some(named.collect::<Map<_, _>>().into())
        }
        Location::Uri | Location::QueryString => None,
    }
}

fn whole_body(
    service: &ServiceModel,
    shape: &Shape,
    body: &[u8],
    protocol: Protocol,
) -> Result<Value, Unreadable> {
    match &shape.kind {
        ShapeKind::Blob => Ok(packed(body)),
        ShapeKind::Text { .. } => Ok(Value::from(String::from_utf8_lossy(body).into_owned())),
        _ if protocol == Protocol::RestXml => {
            let root = Element::read(body).map_err(Unreadable::Xml)?;
            Ok(value(service, shape, &root))
        }
        _ => {
            let raw: Value = serde_json::from_slice(body).map_err(|_| Unreadable::Json)?;
            json::from_wire(service, shape, &raw, 0).ok_or(Unreadable::Json)
        }
    }
}
