//! Which protocol, service and operation a request is (`simulator.md` R-11).

use hallpass_aws_model::{OperationModel, ServiceModel as Model, query_to_json, tables};
use http::HeaderMap;
use serde_json::Value;

use super::{Protocol, rest};
use crate::core::{
    call::{ApiError, SimService},
    trial,
};

/// What a request asks for, before anybody knows who asks.
pub(super) struct ParsedRequest {
    pub protocol: Protocol,
    /// The service with behaviour, if it is one.
    pub service: Option<SimService>,
    /// The signing name that the credential scope must have; unknown for paths.
    pub signing_name: Option<String>,
    pub operation: String,
    /// The model, for Query answers.
    pub model: Option<(&'static Model, &'static OperationModel)>,
    /// The namespace of a Query error.
    pub namespace: Option<&'static Model>,
    /// The input, or why it cannot be read.
    pub input: Result<Value, ApiError>,
    /// The operation is in no model.
    pub unknown: bool,
    /// The operation takes no signature.
    pub unsigned: bool,
}

/// Target prefixes of services that exist and are not simulated.
const OTHER_TARGETS: &[(&str, &str)] = &[
    (
        "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101",
        "cloudtrail",
    ),
    ("StarlingDoveService", "config"),
    ("AWSEvents", "events"),
    ("AWS242ServiceCatalogService", "servicecatalog"),
    ("AmazonSQS", "sqs"),
];

/// Versions of Query services that exist and are not simulated.
const OTHER_VERSIONS: &[(&str, &str)] = &[("2010-03-31", "sns"), ("2016-11-15", "ec2")];

const STS_VERSION: &str = "2011-06-15";

pub(super) fn service_of(model: &Model) -> Option<SimService> {
    match model.name.as_str() {
        "sso-admin" => Some(SimService::Sso),
        "identitystore" => Some(SimService::IdentityStore),
        "organizations" => Some(SimService::Organizations),
        "sts" => Some(SimService::Sts),
        "iam" => Some(SimService::Iam),
        "sso-oidc" => Some(SimService::SsoOidc),
        "sso" => Some(SimService::SsoPortal),
        _ => None,
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

/// Recognises a request.
pub(super) fn recognise(
    headers: &HeaderMap,
    method: &str,
    path: &str,
    query: &str,
    body: &[u8],
    scope: Option<&str>,
) -> ParsedRequest {
    let target = header(headers, "x-amz-target");
    if !target.is_empty() {
        return json(target, header(headers, "content-type"), body);
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
        return form_of(&fields(text));
    }
    if scope == Some("s3") && method == "GET" && path == "/" {
        return ParsedRequest {
            protocol: Protocol::RestXml,
            service: Some(SimService::S3),
            signing_name: Some("s3".to_owned()),
            operation: "ListBuckets".to_owned(),
            model: None,
            namespace: None,
            input: Ok(Value::Null),
            unknown: false,
            unsigned: false,
        };
    }
    if let Some(asked) = rest::recognise(method, path, query, headers, body) {
        return asked;
    }
    let rest_xml = matches!(scope, Some("s3"));
    ParsedRequest {
        protocol: if rest_xml {
            Protocol::RestXml
        } else {
            Protocol::RestJson
        },
        service: None,
        signing_name: None,
        operation: path.to_owned(),
        model: None,
        namespace: None,
        input: Ok(Value::Null),
        unknown: scope
            .is_none_or(|scope| !["account", "s3", "s3control", "securityhub"].contains(&scope)),
        unsigned: false,
    }
}

fn json(target: &str, content_type: &str, body: &[u8]) -> ParsedRequest {
    let protocol = if content_type.ends_with("1.0") {
        Protocol::Json10
    } else {
        Protocol::Json11
    };
    let (prefix, operation) = target.rsplit_once('.').unwrap_or(("", target));
    let model = tables().by_target_prefix(prefix);
    let other = OTHER_TARGETS
        .iter()
        .find(|(known, _)| *known == prefix)
        .map(|(_, name)| *name);
    let found = model.and_then(|model| Some((model, model.operation(operation)?)));
    let signing_name = model
        .map(|model| model.signing_name.clone())
        .or_else(|| other.map(str::to_owned));
    let input = if body.iter().all(u8::is_ascii_whitespace) {
        Ok(Value::Null)
    } else {
        serde_json::from_slice(body).map_err(|_| {
            ApiError::new(
                "SerializationException",
                "The request body is not valid JSON.",
            )
        })
    };
    ParsedRequest {
        protocol,
        service: model.and_then(service_of),
        signing_name,
        operation: operation.to_owned(),
        model: found,
        namespace: model,
        input,
        unknown: found.is_none() && other.is_none(),
        unsigned: false,
    }
}

/// The fields of a form or a query string.
pub(crate) fn fields(text: &[u8]) -> Vec<(String, String)> {
    let text = String::from_utf8_lossy(text);
    text.split('&')
        .filter(|part| !part.is_empty())
        .map(|part| part.split_once('=').unwrap_or((part, "")))
        .map(|(name, value)| (decode(name), decode(value)))
        .collect()
}

/// Percent-decoding of a form; a broken escape stands for itself.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let escaped = bytes.get(at + 1..at + 3).filter(|_| *byte == b'%');
        let escaped = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        if let Some(decoded) = escaped.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            out.push(decoded);
            at += 3;
        } else {
            out.push(if *byte == b'+' { b' ' } else { *byte });
            at += 1;
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

fn form_of(fields: &[(String, String)]) -> ParsedRequest {
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
    let other = OTHER_VERSIONS
        .iter()
        .find(|(known, _)| *known == version)
        .map(|(_, name)| *name);
    let found = model.and_then(|model| Some((model, model.operation(action)?)));
    let input = match found {
        Some((model, operation)) => query_to_json(model, operation, fields)
            .map_err(|error| ApiError::new("MalformedInput", error.to_string())),
        None => Ok(trial::input(fields)),
    };
    let signing_name = model
        .map(|model| model.signing_name.clone())
        .or_else(|| other.map(str::to_owned));
    // the one operation of a service that has no model here
    let tried = (other == Some("ec2") && action == "DescribeRegions").then_some(SimService::Ec2);
    ParsedRequest {
        protocol: if version == "2016-11-15" {
            Protocol::Ec2
        } else {
            Protocol::Query
        },
        service: model.and_then(service_of).or(tried),
        signing_name,
        operation: action.to_owned(),
        model: found,
        namespace: model.or_else(|| tables().service("sts")),
        input,
        unknown: found.is_none() && other.is_none(),
        unsigned: false,
    }
}

/// The answer to an operation that is in no model.
pub(super) fn unknown_operation(asked: &ParsedRequest) -> ApiError {
    // the form of requests in CBOR: `/service/X/operation/Y`
    if asked.operation.starts_with("/service/") && asked.operation.contains("/operation/") {
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

/// The answer to an operation that exists and is not simulated (`simulator.md` Z-2).
pub(super) fn unsupported(asked: &ParsedRequest, service: &str) -> ApiError {
    let text = format!(
        "You are not authorized to perform {service}:{} (not simulated)",
        asked.operation
    );
    let error = match asked.protocol {
        Protocol::Json10 | Protocol::Json11 => ApiError::new("AccessDeniedException", text),
        Protocol::RestJson => ApiError::new("AccessDeniedException", text).status(403),
        Protocol::Query | Protocol::RestXml => ApiError::new("AccessDenied", text).status(403),
        Protocol::Ec2 => ApiError::new("UnauthorizedOperation", text).status(403),
    };
    error.class(crate::core::call::ErrorClass::Unsupported)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded() {
        let decoded = fields(b"A=x+y&B=%C3%A9%2F&C=%zz&D");
        let expected = [("A", "x y"), ("B", "é/"), ("C", "%zz"), ("D", "")];
        let decoded: Vec<_> = decoded
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
            .collect();
        assert_eq!(decoded, expected);
    }
}
