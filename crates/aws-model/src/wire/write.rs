use crate::{OperationModel, Protocol, ServiceModel};
use serde_json::Value;

use crate::wire::form::{self, FormDialect};
use crate::wire::request::{Unwritable, WireRequest};
use crate::wire::{cbor, json, rest};

/// Writes a request. The caller has run `check_input`.
pub fn write_request(
    service: &ServiceModel,
    operation: &OperationModel,
    input: &Value,
) -> Result<WireRequest, Unwritable> {
    let name = || operation.name.clone();
    if operation.events {
        return Err(Unwritable::Events(name()));
    }
    let shape = service.input(operation);
    let mut request = match service.protocol() {
        None => return Err(Unwritable::Protocol(service.name.clone())),
        Some(Protocol::Cbor) => {
            let mut request = posted("application/cbor", cbor::write(service, shape, input));
            let prefix = service.target_prefix.as_deref().unwrap_or_default();
            request.target = format!("/service/{prefix}/operation/{}", operation.name);
            let more = [
                ("accept", "application/cbor"),
                ("smithy-protocol", "rpc-v2-cbor"),
            ];
            let more = more.map(|(name, value)| (name.to_owned(), value.to_owned()));
            request.headers.extend(more);
            request
        }
        Some(protocol @ (Protocol::Query | Protocol::Ec2)) => {
            let dialect = if protocol == Protocol::Ec2 {
                FormDialect::Ec2
            } else {
                FormDialect::Query
            };
            let body = form::write(service, &operation.name, shape, input, dialect);
            let kind = "application/x-www-form-urlencoded; charset=utf-8";
            posted(kind, body)
        }
        Some(Protocol::Json) => {
            let body = shape.map_or_else(
                || Value::Object(serde_json::Map::new()),
                |shape| json::to_wire(service, shape, None, input),
            );
            let version = service.json_version.as_deref().unwrap_or("1.0");
            let kind = format!("application/x-amz-json-{version}");
            let mut request = posted(&kind, body.to_string().into_bytes());
            let prefix = service.target_prefix.as_deref().unwrap_or_default();
            let target = format!("{prefix}.{}", operation.name);
            request.headers.push(("x-amz-target".to_owned(), target));
            request
        }
        Some(protocol @ (Protocol::RestJson | Protocol::RestXml)) => {
            rest::write(service, operation, input, protocol)?
        }
    };
    if let Some(prefix) = &operation.host_prefix {
        request.host_prefix = rest::filled(prefix, input);
    }
    Ok(request)
}

fn posted(content_type: &str, body: Vec<u8>) -> WireRequest {
    WireRequest {
        method: "POST".to_owned(),
        target: "/".to_owned(),
        headers: vec![("content-type".to_owned(), content_type.to_owned())],
        body,
        host_prefix: String::new(),
    }
}
