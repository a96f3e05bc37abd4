use super::json::ByteSpan;
use crate::error::LoadErrorCode;

/// Finer than [`LoadErrorCode`], as the linter distinguishes more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    Syntax,
    RepeatedKey,
    Limit,
    UnknownElement,
    /// Missing or wrongly typed element.
    BadElement,
    Version,
    Effect,
    PairBoth,
    PairNone,
    PrincipalForbidden,
    PrincipalRequired,
    PrincipalWildcard,
    NotPrincipalAllow,
    Operator,
    /// Not in the chosen service control policy language level.
    ScpLanguage,
    RcpShape,
    RcpService,
    ActionService,
}

impl What {
    pub fn code(self) -> LoadErrorCode {
        match self {
            Self::Syntax => LoadErrorCode::Json,
            Self::RepeatedKey => LoadErrorCode::DupKey,
            Self::Limit => LoadErrorCode::Limit,
            Self::Version => LoadErrorCode::Version,
            Self::Effect => LoadErrorCode::Effect,
            Self::PrincipalWildcard => LoadErrorCode::PrincipalWildcard,
            Self::Operator => LoadErrorCode::Operator,
            Self::RcpService => LoadErrorCode::RcpService,
            Self::ActionService => LoadErrorCode::Action,
            Self::UnknownElement
            | Self::BadElement
            | Self::PairBoth
            | Self::PairNone
            | Self::PrincipalForbidden
            | Self::PrincipalRequired
            | Self::NotPrincipalAllow
            | Self::ScpLanguage
            | Self::RcpShape => LoadErrorCode::Element,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub what: What,
    /// Problem and correction.
    pub message: String,
    pub span: ByteSpan,
}
