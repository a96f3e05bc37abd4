use crate::{
    Location, Member, OperationModel, Protocol, ServiceModel, Shape, ShapeKind, TimeFormat,
};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Map, Value};

use crate::wire::json;
use crate::wire::plain::{encoded, text};
use crate::wire::request::{Unwritable, WireRequest};
use crate::wire::xml_body;

const XML: &str = "application/xml";

pub(crate) fn write(
    service: &ServiceModel,
    operation: &OperationModel,
    input: &Value,
    protocol: Protocol,
) -> Result<WireRequest, Unwritable> {
    let empty = Map::new();
    let all = input.as_object().unwrap_or(&empty);
    let shape = service.input(operation);
    let members = shape.map(Shape::members).unwrap_or_default();
    let (path, fixed) = operation
        .path
        .split_once('?')
        .map_or((operation.path.as_str(), None), |(path, query)| {
            (path, Some(query))
        });
    let mut target = labels(service, members, path, all)?;
    let mut query: Vec<String> = fixed.map(str::to_owned).into_iter().collect();
    let mut headers = Vec::new();
    for member in members {
        let value = all.get(&member.name).filter(|it| !it.is_null());
        let (Some(value), Some(inner)) = (value, service.shape(&member.shape)) else {
            continue;
        };
        match member.location {
            Some(Location::QueryString) => in_query(member, inner, value, &mut query),
            Some(Location::Header) => {
                let value = plain(member, inner, value, TimeFormat::Rfc822);
                headers.push((member.wire().to_lowercase(), value));
            }
            Some(Location::Headers) => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let name = format!("{}{name}", member.wire()).to_lowercase();
                    headers.push((name, text(value)));
                }
            }
            None | Some(Location::Uri | Location::StatusCode) => {}
        }
    }
    if !query.is_empty() {
        target.push('?');
        target.push_str(&query.join("&"));
    }
    let body = body(service, operation, all, protocol)?;
    if let Some((kind, _)) = body.as_ref().filter(|(kind, _)| !kind.is_empty()) {
        headers.push(("content-type".to_owned(), (*kind).to_owned()));
    }
    Ok(WireRequest {
        method: operation.method.clone(),
        target,
        headers,
        body: body.map(|(_, body)| body).unwrap_or_default(),
        host_prefix: String::new(),
    })
}

/// Fills the path's `{Member}` places; `{Member+}` may hold slashes.
fn labels(
    service: &ServiceModel,
    members: &[Member],
    path: &str,
    all: &Map<String, Value>,
) -> Result<String, Unwritable> {
    let mut out = path.to_owned();
    let in_path = members
        .iter()
        .filter(|it| it.location == Some(Location::Uri));
    for member in in_path {
        let missing = || Unwritable::EmptyLabel(member.name.clone());
        let value = all.get(&member.name).ok_or_else(missing)?;
        let shape = service.shape(&member.shape).ok_or_else(missing)?;
        let value = plain(member, shape, value, TimeFormat::Iso8601);
        if value.is_empty() {
            return Err(missing());
        }
        let wire = member.wire();
        out = out.replace(&format!("{{{wire}}}"), &encoded(&value, ""));
        out = out.replace(&format!("{{{wire}+}}"), &encoded(&value, "/"));
    }
    Ok(out)
}

fn in_query(member: &Member, shape: &Shape, value: &Value, out: &mut Vec<String>) {
    let mut add =
        |name: &str, value: &str| out.push(format!("{}={}", encoded(name, ""), encoded(value, "")));
    match (&shape.kind, value) {
        (ShapeKind::List { .. }, Value::Array(all)) => {
            for it in all {
                add(member.wire(), &text(it));
            }
        }
        (ShapeKind::Map { .. }, Value::Object(all)) => {
            for (name, value) in all {
                match value {
                    Value::Array(all) => all.iter().for_each(|it| add(name, &text(it))),
                    other => add(name, &text(other)),
                }
            }
        }
        _ => add(
            member.wire(),
            &plain(member, shape, value, TimeFormat::Iso8601),
        ),
    }
}

fn plain(member: &Member, shape: &Shape, value: &Value, times: TimeFormat) -> String {
    match (&shape.kind, value) {
        (ShapeKind::Timestamp(own), _) => {
            let format = member.time.or(*own).unwrap_or(times);
            text(&json::instant(value, format))
        }
        (_, Value::Array(all)) => all.iter().map(text).collect::<Vec<_>>().join(","),
        _ => text(value),
    }
}

/// Content type and body; absent without body members.
fn body(
    service: &ServiceModel,
    operation: &OperationModel,
    all: &Map<String, Value>,
    protocol: Protocol,
) -> Result<Option<(&'static str, Vec<u8>)>, Unwritable> {
    let Some(shape) = service.input(operation) else {
        return Ok(None);
    };
    let namespace = || {
        let unknown = || Unwritable::XmlBody(operation.name.clone());
        xml_body::namespace(&service.name).ok_or_else(unknown)
    };
    if let Some(payload) = shape.payload() {
        let inner = service.shape(&payload.shape);
        let value = all.get(&payload.name).filter(|it| !it.is_null());
        let (Some(inner), Some(value)) = (inner, value) else {
            return Ok(None);
        };
        return match (&inner.kind, value) {
            (ShapeKind::Blob, Value::String(packed)) => {
                let bytes = BASE64_STANDARD.decode(packed);
                let bytes = bytes.unwrap_or_else(|_| packed.clone().into_bytes());
                Ok(Some(("application/octet-stream", bytes)))
            }
            (ShapeKind::Text { .. }, Value::String(text)) => {
                Ok(Some(("text/plain", text.clone().into_bytes())))
            }
            (_, Value::Object(all)) if protocol == Protocol::RestXml => {
                let members = inner.members().iter();
                let (root, namespace) = (payload.wire(), namespace()?);
                let body = xml_body::document(service, root, namespace, members, all);
                Ok(Some((XML, body)))
            }
            _ => {
                let body = json::to_wire(service, inner, Some(payload), value);
                Ok(Some(("application/json", body.to_string().into_bytes())))
            }
        };
    }
    let mut inside = shape.members().iter().filter(|it| it.location.is_none());
    let has_some = inside.clone().any(|it| all.contains_key(&it.name));
    match protocol {
        Protocol::RestXml if has_some => {
            let (root, namespace) = (shape.name.as_str(), namespace()?);
            let body = xml_body::document(service, root, namespace, inside, all);
            Ok(Some((XML, body)))
        }
        Protocol::RestXml => Ok(None),
        // a service that accepts a body expects one, even empty
        _ if inside.next().is_some() && operation.method != "GET" || has_some => {
            let members = shape.members().iter().filter(|it| it.location.is_none());
            let body = json::members_to_wire(service, members, all);
            Ok(Some(("application/json", body.to_string().into_bytes())))
        }
        _ => Ok(None),
    }
}

pub(crate) fn filled(template: &str, input: &Value) -> String {
    let mut out = template.to_owned();
    for (name, value) in input.as_object().into_iter().flatten() {
        out = out.replace(&format!("{{{name}}}"), &text(value));
    }
    out
}
