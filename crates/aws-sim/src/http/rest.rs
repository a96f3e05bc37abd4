//! Services whose operations are a method and a path: finds the operation, and gathers its input
//! from query, headers and body under the names on the wire.

use hallpass_aws_model::{
    Location, OperationModel, Protocol as Spoken, ServiceModel as Model, ShapeKind, tables,
};
use http::HeaderMap;
use serde_json::{Map, Value};

use super::routing::{ParsedRequest, fields};
use crate::{
    core::errors::{self, ApiError},
    protocol::Protocol,
    services,
};

/// The operation with this method and path. A path of the model may name a query parameter that
/// tells two operations apart (`/token?aws_iam=t`).
fn find(
    method: &str,
    path: &str,
    query: &str,
) -> Option<(&'static Model, &'static OperationModel)> {
    let rest = |model: &&Model| model.protocols.first() == Some(&Spoken::RestJson);
    tables()
        .services()
        .filter(rest)
        .flat_map(|model| model.operations().map(move |operation| (model, operation)))
        .filter(|(_, operation)| {
            let (place, needed) = match operation.path.split_once('?') {
                Some((place, needed)) => (place, Some(needed)),
                None => (operation.path.as_str(), None),
            };
            let has = |needed: &str| query.split('&').any(|part| part == needed);
            operation.method == method && place == path && needed.is_none_or(has)
        })
        .max_by_key(|(_, operation)| operation.path.len())
}

/// Recognises a request to a service of this kind.
pub(super) fn recognise(
    method: &str,
    path: &str,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Option<ParsedRequest> {
    let (model, operation) = find(method, path, query)?;
    Some(ParsedRequest {
        protocol: Protocol::RestJson,
        service: services::of_table(&model.name),
        signing_name: Some(model.signing_name.clone()),
        operation: operation.name.clone(),
        model: Some((model, operation)),
        namespace: Some(model),
        input: input(model, operation, query, headers, body),
        unknown: false,
        unsigned: operation.unsigned,
    })
}

fn input(
    model: &Model,
    operation: &OperationModel,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, ApiError> {
    let query = fields(query.as_bytes());
    let members = model
        .input(operation)
        .map_or(&[][..], |shape| shape.members());
    let in_body = members.iter().any(|member| member.location.is_none());
    let mut input = Map::new();
    if in_body && !body.iter().all(u8::is_ascii_whitespace) {
        match serde_json::from_slice(body) {
            Ok(Value::Object(given)) => input = given,
            _ => return Err(unreadable(model)),
        }
    }
    for member in members {
        let name = member.wire();
        let text = match member.location {
            Some(Location::QueryString) => query
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.clone()),
            Some(Location::Header) => headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            Some(Location::Uri | Location::Headers | Location::StatusCode) | None => continue,
        };
        // the body cannot say what stands elsewhere
        input.shift_remove(name);
        if let Some(text) = text {
            let kind = model.shape(&member.shape).map(|shape| &shape.kind);
            input.insert(name.to_owned(), typed(kind, text));
        }
    }
    Ok(Value::Object(input))
}

/// Text of a query or a header as the model types it; what is not a number stays text, and
/// validation refuses it.
fn typed(kind: Option<&ShapeKind>, text: String) -> Value {
    match kind {
        Some(ShapeKind::Integer | ShapeKind::Long) => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => text.into(),
        },
        _ => text.into(),
    }
}

fn unreadable(model: &Model) -> ApiError {
    let service = services::of_table(&model.name);
    let forms = service.map_or(errors::REST_JSON, |service| service.errors);
    (forms.unreadable)("The request body is not valid JSON.")
}
