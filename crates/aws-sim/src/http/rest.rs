//! REST services: finds the operation by method and path, and collects its input from query,
//! headers and body.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hallpass_aws_model::{
    Location, OperationModel, Protocol as Spoken, ServiceModel as Model, ShapeKind, tables,
};
use http::HeaderMap;
use serde_json::{Map, Value};

use super::parsed::{ParsedRequest, RequestParts, fields};
use crate::{
    core::errors::{self, ApiError},
    protocol::Protocol,
    services,
};

type Labels = Vec<(&'static str, String)>;

/// Finds an operation by method and path. A model path may name a query parameter that
/// distinguishes two operations (`/token?aws_iam=t`). Labels (`/entitlements/{entitlementId}`)
/// match almost anything, so the credentials must be for that service.
fn find(
    method: &str,
    path: &str,
    query: &str,
    scope: Option<&str>,
) -> Option<(&'static Model, &'static OperationModel, Labels)> {
    let rest = |model: &&Model| model.protocols.first() == Some(&Spoken::RestJson);
    tables()
        .services()
        .filter(rest)
        .flat_map(|model| model.operations().map(move |operation| (model, operation)))
        .filter(|(_, operation)| operation.method == method)
        .filter_map(|(model, operation)| {
            let (place, needed) = match operation.path.split_once('?') {
                Some((place, needed)) => (place, Some(needed)),
                None => (operation.path.as_str(), None),
            };
            let has = |needed: &str| query.split('&').any(|part| part == needed);
            let labels = labels(place, path).filter(|_| needed.is_none_or(has))?;
            let is_its = labels.is_empty() || scope.is_none_or(|it| it == model.signing_name);
            is_its.then_some((model, operation, labels))
        })
        // several services have `/insights`: prefer the one in the scope, then a path without
        // labels
        .max_by_key(|(model, operation, labels)| {
            let is_meant = scope == Some(model.signing_name.as_str());
            (is_meant, labels.is_empty(), operation.path.len())
        })
}

/// Matches a path and returns its labels. A final label with `+` takes the rest.
fn labels(place: &'static str, path: &str) -> Option<Labels> {
    let mut labels = Vec::new();
    let last = place.rsplit_once('/');
    let greedy =
        last.and_then(|(before, it)| Some((before, it.strip_prefix('{')?.strip_suffix("+}")?)));
    let (place, path) = match greedy {
        Some((before, label)) => {
            let at = path.match_indices('/').nth(before.matches('/').count())?.0;
            let (path, rest) = path.split_at_checked(at)?;
            let rest: Vec<String> = rest.split('/').skip(1).map(decoded).collect();
            if rest.iter().all(String::is_empty) {
                return None;
            }
            labels.push((label, rest.join("/")));
            (before, path)
        }
        None => (place, path),
    };
    let (wanted, given) = (place.split('/'), path.split('/'));
    if wanted.clone().count() != given.clone().count() {
        return None;
    }
    for (wanted, given) in wanted.zip(given) {
        let label = wanted.strip_prefix('{').and_then(|it| it.strip_suffix('}'));
        match label {
            Some(label) if !given.is_empty() => labels.push((label, decoded(given))),
            None if wanted == given => {}
            Some(_) | None => return None,
        }
    }
    Some(labels)
}

pub(super) fn recognise(parts: &RequestParts<'_>) -> Option<ParsedRequest> {
    let (model, operation, labels) = find(parts.method, parts.path, parts.query, parts.scope)?;
    Some(ParsedRequest {
        protocol: Protocol::RestJson,
        service: services::of_table(&model.name),
        signing_name: Some(model.signing_name.clone()),
        operation: operation.name.clone(),
        model: Some((model, operation)),
        namespace: Some(model),
        input: input(
            model,
            operation,
            &labels,
            parts.query,
            parts.headers,
            parts.body,
        ),
        unknown: false,
        unsigned: operation.unsigned,
    })
}

/// Percent-decodes a path segment, without the meaning of `+` in forms.
pub(super) fn decoded(segment: &str) -> String {
    let field = segment
        .replace('+', "%2B")
        .replace('&', "%26")
        .replace('=', "%3D");
    let name = fields(field.as_bytes()).into_iter().next();
    name.map(|(name, _)| name).unwrap_or_default()
}

fn input(
    model: &Model,
    operation: &OperationModel,
    labels: &Labels,
    query: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Value, ApiError> {
    let query = fields(query.as_bytes());
    let shape = model.input(operation);
    let members = shape.map_or(&[][..], |shape| shape.members());
    let in_body = members.iter().any(|member| member.location.is_none());
    let mut input = Map::new();
    let payload = shape.and_then(|shape| shape.payload());
    let bytes = payload.filter(|member| {
        let kind = model.shape(&member.shape).map(|shape| &shape.kind);
        matches!(kind, Some(ShapeKind::Blob))
    });
    if let Some(member) = bytes {
        input.insert(member.wire().to_owned(), STANDARD.encode(body).into());
    } else if in_body && !body.iter().all(u8::is_ascii_whitespace) {
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
            Some(Location::Uri) => labels
                .iter()
                .find(|(label, _)| label == &name)
                .map(|(_, value)| value.clone()),
            Some(Location::Headers | Location::StatusCode) | None => continue,
        };
        // the body must not override other locations
        input.shift_remove(name);
        if let Some(text) = text {
            let kind = model.shape(&member.shape).map(|shape| &shape.kind);
            input.insert(name.to_owned(), typed(kind, text));
        }
    }
    Ok(Value::Object(input))
}

/// Converts text of a query or header to the model's type; an invalid number stays text for
/// validation to refuse.
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
