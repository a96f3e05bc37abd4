//! Errors of policies and cases, with stable codes.

use std::fmt;

use serde::Serialize;

/// Codes of load errors (`policies.md` §2, §3). Their text is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoadErrorCode {
    Json,
    DupKey,
    /// Larger than 1 MiB or deeper than 64 levels.
    Limit,
    Field,
    /// Not `service:Name`.
    Action,
    Arn,
    /// `Effect` is neither `Allow` nor `Deny`.
    Effect,
    /// Unknown, missing, wrongly typed or misplaced policy element.
    Element,
    Version,
    Operator,
    PrincipalWildcard,
    /// Same context key twice in different case.
    ContextDup,
    /// The request lacks a required resource type.
    ResourceTypes,
    /// Service unsupported by resource control policies.
    RcpService,
}

impl LoadErrorCode {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "E_JSON",
            Self::DupKey => "E_DUP_KEY",
            Self::Limit => "E_LIMIT",
            Self::Field => "E_FIELD",
            Self::Action => "E_ACTION",
            Self::Arn => "E_ARN",
            Self::Effect => "E_EFFECT",
            Self::Element => "E_ELEMENT",
            Self::Version => "E_VERSION",
            Self::Operator => "E_OPERATOR",
            Self::PrincipalWildcard => "E_PRINCIPAL_WILDCARD",
            Self::ContextDup => "E_CONTEXT_DUP",
            Self::ResourceTypes => "E_RESOURCE_TYPES",
            Self::RcpService => "E_RCP_SERVICE",
        }
    }
}

impl fmt::Display for LoadErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for LoadErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message} (at {})", if pointer.is_empty() { "the top" } else { pointer.as_str() })]
pub struct LoadError {
    pub code: LoadErrorCode,
    /// The problem and its correction.
    pub message: String,
    /// JSON pointer (RFC 6901); empty for the whole.
    pub pointer: String,
    /// Line and column from 1, if known.
    #[serde(skip)]
    pub position: Option<(usize, usize)>,
}

impl LoadError {
    pub fn new(
        code: LoadErrorCode,
        message: impl Into<String>,
        pointer: impl Into<String>,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            pointer: pointer.into(),
            position: None,
        }
    }
}
