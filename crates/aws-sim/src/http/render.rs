//! Renders answers and errors in each protocol (`simulator.md` ).

use std::sync::Arc;

use axum::{
    body::Body,
    http::{HeaderName, HeaderValue, Response},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hallpass_aws_model::{query_error, query_response};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::parsed::ParsedRequest;
use crate::{
    core::{
        call::{ObjectAnswer, Output},
        errors::{ApiError, ErrorClass},
    },
    protocol::Protocol,
};

pub(super) struct Envelope<'a> {
    pub request_id: &'a str,
    /// Wall clock, for the header `Date`.
    pub wall: Timestamp,
}

impl Envelope<'_> {
    fn response(
        &self,
        status: u16,
        content_type: &'static str,
        body: impl Into<Body>,
    ) -> Response<Body> {
        let mut response = Response::new(body.into());
        *response.status_mut() =
            http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert("content-type", HeaderValue::from_static(content_type));
        let date = self.wall.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
        for (name, text) in [("x-amzn-requestid", self.request_id), ("date", &date)] {
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(name, value);
            }
        }
        response
    }

    pub(super) fn output(&self, asked: &ParsedRequest, output: &Output) -> Response<Body> {
        let response = match (asked.protocol, output, asked.model) {
            (Protocol::Query, Output::Members(members), Some((model, operation))) => self.response(
                200,
                "text/xml",
                query_response(model, operation, members, self.request_id),
            ),
            (protocol, Output::Xml(text), _) => {
                let text = text.replace("{request_id}", self.request_id);
                self.response(200, json_type(protocol), text)
            }
            (protocol, Output::Members(members), _) => {
                self.response(200, json_type(protocol), members.to_string())
            }
            (_, Output::Object(object), _) => self.object(object),
            (Protocol::Query, Output::Nothing, Some((model, operation))) => self.response(
                200,
                "text/xml",
                query_response(model, operation, &Value::Null, self.request_id),
            ),
            (protocol, Output::Nothing, _) => {
                self.response(200, json_type(protocol), String::new())
            }
        };
        if asked.protocol == Protocol::RestXml {
            return self.numbered_twice(response);
        }
        response
    }

    /// Adds the ids under S3's header names.
    fn numbered_twice(&self, mut response: Response<Body>) -> Response<Body> {
        let host = self.host_id();
        for (name, text) in [("x-amz-request-id", self.request_id), ("x-amz-id-2", &host)] {
            if let Ok(value) = HeaderValue::from_str(text) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    fn host_id(&self) -> String {
        STANDARD.encode(self.request_id)
    }

    fn object(&self, object: &ObjectAnswer) -> Response<Body> {
        let bytes = Bytes::from_owner(Arc::clone(&object.bytes));
        let mut response = self.response(object.http, "binary/octet-stream", bytes);
        for (name, value) in &object.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_str(value)) {
                response.headers_mut().insert(name, value);
            }
        }
        response
    }

    pub(super) fn error(&self, asked: &ParsedRequest, error: &ApiError) -> Response<Body> {
        match asked.protocol {
            Protocol::Json10 | Protocol::Json11 => self.json_error(asked.protocol, error, true),
            Protocol::RestJson => self.json_error(asked.protocol, error, false),
            Protocol::Query => {
                let body = asked.namespace.map(|model| {
                    query_error(
                        model,
                        &error.code,
                        error.http,
                        &error.message,
                        self.request_id,
                    )
                });
                self.response(error.http, "text/xml", body.unwrap_or_default())
            }
            Protocol::Ec2 => {
                let body = format!(
                    "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
                     <RequestID>{}</RequestID></Response>",
                    error.code,
                    escape(&error.message),
                    self.request_id
                );
                self.response(error.http, "text/xml;charset=UTF-8", body)
            }
            Protocol::RestXml => {
                let input = asked.input.as_ref().ok();
                let bucket = input.and_then(|input| input.get("Bucket")?.as_str());
                let bucket = bucket.filter(|_| error.code == "NoSuchBucket");
                let bucket =
                    bucket.map(|name| format!("<BucketName>{}</BucketName>", escape(name)));
                let body = format!(
                    "<Error><Code>{}</Code><Message>{}</Message>{}<RequestId>{}</RequestId>\
                     <HostId>{}</HostId></Error>",
                    error.code,
                    escape(&error.message),
                    bucket.unwrap_or_default(),
                    self.request_id,
                    self.host_id()
                );
                let response = self.response(error.http, "application/xml", body);
                self.numbered_twice(response)
            }
        }
    }

    fn json_error(&self, protocol: Protocol, error: &ApiError, typed: bool) -> Response<Body> {
        let mut body = Map::new();
        if typed {
            body.insert("__type".to_owned(), error.code.clone().into());
        }
        // authentication errors use lower case (`simulator.md` R-1)
        let front_door = error.class == ErrorClass::AuthFailed || protocol == Protocol::RestJson;
        if !error.message.is_empty() {
            let name = if front_door { "message" } else { "Message" };
            body.insert(name.to_owned(), error.message.clone().into());
        }
        for (name, value) in &error.members {
            body.insert((*name).to_owned(), value.clone());
        }
        let mut response = self.response(
            error.http,
            json_type(protocol),
            Value::Object(body).to_string(),
        );
        if let Ok(value) = HeaderValue::from_str(&error.code) {
            response.headers_mut().insert("x-amzn-errortype", value);
        }
        response
    }
}

fn json_type(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Json10 => "application/x-amz-json-1.0",
        Protocol::Json11 => "application/x-amz-json-1.1",
        Protocol::RestJson => "application/json",
        Protocol::Query | Protocol::Ec2 => "text/xml",
        Protocol::RestXml => "application/xml",
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
