use crate::{
    core::errors::{ApiError, ErrorClass},
    protocol::Protocol,
};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// No header `Authorization`.
    Missing,
    Incomplete(String),
    UnknownKey,
    Expired,
    Signature,
    Unsigned(String),
    Skew(String),
    ScopeDate(String),
    ScopeRegion(String),
    ScopeService(String),
    Terminator(String),
}

const INVALID_TOKEN: &str = "The security token included in the request is invalid.";
const DIFFERS: &str = "The request signature we calculated does not match the signature you \
                       provided. Check your AWS Secret Access Key and signing method. Consult the \
                       service documentation for details.";

impl Mistake {
    pub(crate) fn error(&self, protocol: Protocol) -> ApiError {
        let (code, http) = self.code(protocol);
        ApiError::new(code, self.message(protocol))
            .status(http)
            .class(ErrorClass::AuthFailed)
    }

    fn message(&self, protocol: Protocol) -> String {
        match self {
            Self::Missing if protocol == Protocol::Query => {
                "Request is missing Authentication Token".to_owned()
            }
            Self::Missing => "Missing Authentication Token".to_owned(),
            Self::UnknownKey if protocol == Protocol::Ec2 => {
                "AWS was not able to validate the provided access credentials".to_owned()
            }
            Self::UnknownKey => INVALID_TOKEN.to_owned(),
            Self::Expired => "The security token included in the request is expired".to_owned(),
            Self::Signature => DIFFERS.to_owned(),
            Self::Incomplete(text)
            | Self::Unsigned(text)
            | Self::Skew(text)
            | Self::ScopeDate(text)
            | Self::ScopeRegion(text) => text.clone(),
            Self::ScopeService(right) => {
                format!("Credential should be scoped to correct service: '{right}'. ")
                    .trim_end()
                    .to_owned()
            }
            Self::Terminator(given) => format!(
                "Credential should be scoped with a valid terminator: 'aws4_request', not '{given}'."
            ),
        }
    }

    fn code(&self, protocol: Protocol) -> (&'static str, u16) {
        let rest = if protocol == Protocol::RestJson {
            403
        } else {
            400
        };
        match (self, protocol) {
            (Self::Missing, Protocol::Json10 | Protocol::Json11 | Protocol::RestJson) => {
                ("MissingAuthenticationTokenException", rest)
            }
            (Self::Missing, Protocol::Query) => ("MissingAuthenticationToken", 403),
            (Self::Missing, Protocol::Ec2) => ("MissingParameter", 400),
            (Self::Missing | Self::Unsigned(_), Protocol::RestXml) => ("AccessDenied", 403),
            (Self::Incomplete(_), Protocol::Json10 | Protocol::Json11 | Protocol::RestJson) => {
                ("IncompleteSignatureException", rest)
            }
            (Self::Incomplete(_), Protocol::Query | Protocol::Ec2) => ("IncompleteSignature", 400),
            (Self::UnknownKey, Protocol::Json10 | Protocol::Json11 | Protocol::RestJson) => {
                ("UnrecognizedClientException", rest)
            }
            (Self::UnknownKey, Protocol::Query) => ("InvalidClientTokenId", 403),
            (Self::UnknownKey, Protocol::RestXml) => ("InvalidAccessKeyId", 403),
            (Self::Expired, Protocol::Json10 | Protocol::Json11 | Protocol::RestJson) => {
                ("ExpiredTokenException", rest)
            }
            (Self::Expired, Protocol::Query) => ("ExpiredToken", 403),
            (Self::Expired, Protocol::RestXml) => ("ExpiredToken", 400),
            (Self::Expired | Self::Skew(_), Protocol::Ec2) => ("RequestExpired", 400),
            (Self::Skew(_), Protocol::RestXml) => ("RequestTimeTooSkewed", 403),
            (Self::Incomplete(_) | Self::ScopeRegion(_), Protocol::RestXml) => {
                ("AuthorizationHeaderMalformed", 400)
            }
            (_, Protocol::Json10 | Protocol::Json11 | Protocol::RestJson) => {
                ("InvalidSignatureException", rest)
            }
            (_, Protocol::Ec2) => ("AuthFailure", 401),
            (_, Protocol::Query | Protocol::RestXml) => ("SignatureDoesNotMatch", 403),
        }
    }
}
