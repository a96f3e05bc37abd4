//! What a request asks for, and the fields that forms and query strings have.

use hallpass_aws_model::{OperationModel, ServiceModel as Model};
use http::HeaderMap;
use serde_json::Value;

use crate::{
    core::{errors::ApiError, service::SimService},
    protocol::Protocol,
};

/// What a request is recognised by.
#[derive(Clone, Copy)]
pub(super) struct RequestParts<'a> {
    pub(super) headers: &'a HeaderMap,
    /// The service that it was signed for.
    pub(super) scope: Option<&'a str>,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

/// What a request asks for, before anybody knows who asks.
pub(super) struct ParsedRequest {
    pub protocol: Protocol,
    /// The service with behaviour, if it is one.
    pub service: Option<&'static SimService>,
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

/// The fields of a form or a query string.
pub(super) fn fields(text: &[u8]) -> Vec<(String, String)> {
    form_urlencoded::parse(text).into_owned().collect()
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
