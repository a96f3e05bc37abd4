use hallpass_aws_model::{OperationModel, ServiceModel as Model};
use http::HeaderMap;
use serde_json::Value;

use crate::{
    core::{errors::ApiError, service::SimService},
    protocol::Protocol,
};

#[derive(Clone, Copy)]
pub(super) struct RequestParts<'a> {
    pub(super) headers: &'a HeaderMap,
    /// The service in the credential scope.
    pub(super) scope: Option<&'a str>,
    pub(super) method: &'a str,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: &'a [u8],
}

/// A request before authentication.
pub(super) struct ParsedRequest {
    pub protocol: Protocol,
    pub service: Option<&'static SimService>,
    /// The required signing name of the scope; unknown for paths.
    pub signing_name: Option<String>,
    pub operation: String,
    pub model: Option<(&'static Model, &'static OperationModel)>,
    pub namespace: Option<&'static Model>,
    pub input: Result<Value, ApiError>,
    /// The operation is in no model.
    pub unknown: bool,
    pub unsigned: bool,
}

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
