//! What can be wrong with a policy, with its place.

use super::json::ByteSpan;
use crate::error::LoadErrorCode;

/// What kind of problem; finer than [`LoadErrorCode`], since the linter names more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum What {
    /// Not JSON.
    Syntax,
    /// A key twice in one object.
    RepeatedKey,
    /// Too large or too deep.
    Limit,
    /// An element that does not exist.
    UnknownElement,
    /// An element that must be there is not, or has the wrong type.
    BadElement,
    /// `Version` is none of the two.
    Version,
    /// `Effect` is none of the two.
    Effect,
    /// Both elements of a pair.
    PairBoth,
    /// None of the elements of a pair.
    PairNone,
    /// A principal where the kind has none.
    PrincipalForbidden,
    /// No principal where the kind needs one.
    PrincipalRequired,
    /// A wildcard inside a principal.
    PrincipalWildcard,
    /// `NotPrincipal` with `Allow`.
    NotPrincipalAllow,
    /// An operator that does not exist.
    Operator,
    /// Not part of the chosen language level of service control policies.
    ScpLanguage,
    /// Not allowed in a resource control policy.
    RcpShape,
    /// A service that resource control policies do not reach.
    RcpService,
    /// A wildcard in the service of an action.
    ActionService,
}

impl What {
    /// The code under which a loader refuses.
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

/// One problem found while reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What kind.
    pub what: What,
    /// What is wrong and what to write instead.
    pub message: String,
    /// The place.
    pub span: ByteSpan,
}
