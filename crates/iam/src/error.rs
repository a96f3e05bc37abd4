//! What can be wrong with a policy or a case, with the code that scripts rely on.

use std::fmt;

use serde::Serialize;

/// Codes of load errors (`policies.md` §2, §3). Their text form is stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LoadErrorCode {
    /// Not JSON.
    Json,
    /// The same key twice in one object.
    DupKey,
    /// Larger than 1 MiB or deeper than 64 levels.
    Limit,
    /// A field of a case is missing or has the wrong type.
    Field,
    /// An action that is not `service:Name`.
    Action,
    /// A resource or principal that is no ARN.
    Arn,
    /// `Effect` is neither `Allow` nor `Deny`.
    Effect,
    /// A policy element that is unknown, missing, of the wrong type or not allowed here.
    Element,
    /// `Version` is none of the two that exist.
    Version,
    /// A condition operator that does not exist.
    Operator,
    /// A wildcard inside a principal.
    PrincipalWildcard,
    /// The same context key twice in different case.
    ContextDup,
    /// A resource type that the action requires is missing from the request.
    ResourceTypes,
    /// A service that resource control policies do not support.
    RcpService,
}

impl LoadErrorCode {
    /// The stable text of the code.
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

/// Why a policy or a case could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[error("{message} (at {})", if pointer.is_empty() { "the top" } else { pointer.as_str() })]
pub struct LoadError {
    /// What kind of mistake.
    pub code: LoadErrorCode,
    /// What is wrong and what to write instead.
    pub message: String,
    /// JSON pointer (RFC 6901) of the place; empty for the whole.
    pub pointer: String,
    /// Line and column from 1, where the text is at hand.
    #[serde(skip)]
    pub position: Option<(usize, usize)>,
}

impl LoadError {
    /// An error at a pointer, without a position.
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
