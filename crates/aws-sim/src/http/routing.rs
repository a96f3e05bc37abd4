//! Detects protocol, service and operation (`simulator.md` R-11).

use hallpass_aws_model::{query_to_json, tables};
use http::HeaderMap;
use serde_json::{Map, Value};

use super::{
    buckets,
    parsed::{ParsedRequest, RequestParts, fields},
    rest,
};
use crate::{
    core::{
        errors::{self, ApiError, ErrorClass},
        service::SimService,
    },
    protocol::Protocol,
    services,
};

/// Services that are not simulated but have XML clients.
const OTHER_XML: &[&str] = &["cloudfront", "route53", "s3control"];

const STS_VERSION: &str = "2011-06-15";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

pub(super) fn recognise(parts: RequestParts<'_>) -> ParsedRequest {
    let RequestParts {
        headers,
        method,
        path,
        query,
        body,
        scope,
    } = parts;
    let elsewhere = scope.is_some_and(services::is_elsewhere);
    let target = header(headers, "x-amz-target");
    if !target.is_empty() {
        return json(target, header(headers, "content-type"), body, elsewhere);
    }
    let content_type = header(headers, "content-type");
    let form = content_type.starts_with("application/x-www-form-urlencoded");
    let in_query = query.split('&').any(|part| part.starts_with("Action="));
    if path == "/" && (form || in_query || body.starts_with(b"Action=")) {
        let text = if body.is_empty() {
            query.as_bytes()
        } else {
            body
        };
        return form_of(&fields(text), elsewhere);
    }
    let answers_in_xml = scope.and_then(services::of_xml_root);
    if let Some((service, operation)) = answers_in_xml
        && method == "GET"
        && path == "/"
    {
        return in_xml(service, operation, Ok(Value::Null));
    }
    if let Some((service, operation, input)) = buckets::recognise(&parts) {
        return in_xml(service, operation, input);
    }
    if let Some(asked) = rest::recognise(&parts) {
        return asked;
    }
    ParsedRequest {
        protocol: if answers_in_xml.is_some() || scope.is_some_and(|one| OTHER_XML.contains(&one)) {
            Protocol::RestXml
        } else {
            Protocol::RestJson
        },
        service: None,
        signing_name: None,
        operation: format!("{method} {path}"),
        model: None,
        namespace: None,
        input: Ok(Value::Null),
        unknown: is_cbor(path) || answers_in_xml.is_none() && !elsewhere,
        unsigned: false,
    }
}

fn in_xml(
    service: &'static SimService,
    operation: &str,
    input: Result<Value, ApiError>,
) -> ParsedRequest {
    ParsedRequest {
        protocol: Protocol::RestXml,
        service: Some(service),
        signing_name: Some(service.signing_name.to_owned()),
        operation: operation.to_owned(),
        model: None,
        namespace: None,
        input,
        unknown: false,
        unsigned: false,
    }
}

fn json(target: &str, content_type: &str, body: &[u8], elsewhere: bool) -> ParsedRequest {
    let protocol = if content_type.ends_with("1.0") {
        Protocol::Json10
    } else {
        Protocol::Json11
    };
    let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
    let model = tables().by_target_prefix(prefix);
    let found = model.and_then(|model| Some((model, model.operation(operation)?)));
    let signing_name = model.map(|model| model.signing_name.clone());
    let service = model.and_then(|model| services::of_table(&model.name));
    let input = if body.iter().all(u8::is_ascii_whitespace) {
        Ok(Value::Null)
    } else {
        let forms = service.map_or(errors::JSON, |service| service.errors);
        serde_json::from_slice(body)
            .map_err(|_| (forms.unreadable)("The request body is not valid JSON."))
    };
    ParsedRequest {
        protocol,
        service,
        signing_name,
        operation: operation.to_owned(),
        model: found,
        namespace: model,
        input,
        unknown: found.is_none() && (model.is_some() || !elsewhere),
        unsigned: false,
    }
}

fn untyped(fields: &[(String, String)]) -> Value {
    let rows = fields.iter();
    rows.map(|(name, value)| (name.clone(), Value::from(value.as_str())))
        .collect::<Map<_, _>>()
        .into()
}

fn form_of(fields: &[(String, String)], elsewhere: bool) -> ParsedRequest {
    let field = |name: &str| {
        fields
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
            .unwrap_or_default()
    };
    let (action, version) = (field("Action"), field("Version"));
    let model = tables().services().find(|model| {
        model.version == version
            && model
                .protocols
                .first()
                .is_some_and(|one| *one == hallpass_aws_model::Protocol::Query)
    });
    let untabled = services::of_ec2_query(version);
    let found = model.and_then(|model| Some((model, model.operation(action)?)));
    let input = match found {
        Some((model, operation)) => query_to_json(model, operation, fields)
            .map_err(|error| (errors::QUERY.unreadable)(&error.to_string())),
        None => Ok(untyped(fields)),
    };
    let signing_name = model
        .map(|model| model.signing_name.clone())
        .or_else(|| untabled.map(|service| service.signing_name.to_owned()));
    ParsedRequest {
        protocol: if untabled.is_some() {
            Protocol::Ec2
        } else {
            Protocol::Query
        },
        service: model
            .and_then(|model| services::of_table(&model.name))
            .or(untabled.filter(|service| services::behaves(service, action))),
        signing_name,
        operation: action.to_owned(),
        model: found,
        namespace: model.or_else(|| tables().service("sts")),
        input,
        unknown: found.is_none() && untabled.is_none() && (model.is_some() || !elsewhere),
        unsigned: false,
    }
}

/// A path of CBOR requests: `/service/X/operation/Y`.
fn is_cbor(path: &str) -> bool {
    path.contains("/service/") && path.contains("/operation/")
}

pub(super) fn unknown_operation(asked: &ParsedRequest) -> ApiError {
    if is_cbor(&asked.operation) {
        let text = "The protocol rpc-v2-cbor is not simulated.";
        return ApiError::new("UnsupportedProtocol", text).status(415);
    }
    match asked.protocol {
        Protocol::Json10 | Protocol::Json11 => ApiError::new("UnknownOperationException", ""),
        Protocol::RestJson | Protocol::RestXml => {
            ApiError::new("UnknownOperationException", "").status(404)
        }
        Protocol::Query | Protocol::Ec2 => {
            let version = asked
                .namespace
                .map_or(STS_VERSION, |model| model.version.as_str());
            let text = format!(
                "Could not find operation {} for version {version}",
                asked.operation
            );
            ApiError::new("InvalidAction", text)
        }
    }
}

/// The error for an operation that is not simulated (`simulator.md` Z-2). Its name belongs to no
/// service, so it is not taken for a denial; clients do not retry a 501.
pub(super) fn not_simulated(asked: &ParsedRequest, service: &str) -> ApiError {
    let text = format!("{service}:{} is not simulated", asked.operation);
    ApiError::new("NotSimulated", text)
        .status(501)
        .class(ErrorClass::Unsupported)
}
