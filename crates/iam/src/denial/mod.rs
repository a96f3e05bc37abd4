//! Parses access denied messages, checks whether permissions can help, and finds the permission set
//! with the fewest other actions (`policies.md` §16).

mod action;
mod details;
mod fitting;
mod message;

pub use action::{DenialKeys, DeniedAction};
pub use details::{DenialCheck, DenialDetails, DenialEvaluation};
pub use fitting::{Fit, Judgement, OfferedPolicy, OfferedSet, judge, smallest_first};

use std::fmt;

use serde::Serialize;

use crate::arn::Arn;

const ACCOUNT_DIGITS: usize = 12;
/// Minimum id length: AWS's example has 20, its model gives only a maximum (IAM Toolbox API
/// Reference, "`GetRequestAuthorizationDetails`").
const ID_CHARACTERS_MIN: usize = 16;
const ID_CHARACTERS_MAX: usize = 256;
/// Role name prefix of permission sets (IAM Identity Center User Guide, "Referencing permission
/// sets in resource policies, Amazon EKS Cluster config maps, and AWS KMS key policies").
const RESERVED_ROLE: &str = "AWSReservedSSO_";

/// Denying policy kind (IAM User Guide, "Troubleshoot access denied error messages").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DenyingPolicy {
    ServiceControl,
    ResourceControl,
    /// Policy of the VPC endpoint used.
    VpcEndpoint,
    Resource,
    Boundary,
    Session,
    Identity,
}

impl DenyingPolicy {
    pub const ALL: [Self; 7] = [
        Self::ServiceControl,
        Self::ResourceControl,
        Self::VpcEndpoint,
        Self::Resource,
        Self::Boundary,
        Self::Session,
        Self::Identity,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceControl => "service control policy",
            Self::ResourceControl => "resource control policy",
            Self::VpcEndpoint => "VPC endpoint policy",
            Self::Resource => "resource-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
            Self::Identity => "identity-based policy",
        }
    }
}

impl fmt::Display for DenyingPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DenialReason {
    /// With several denying kinds, AWS names one.
    pub policy: DenyingPolicy,
    /// A statement denies it; else none allows it.
    pub is_explicit: bool,
}

impl fmt::Display for DenialReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policy = self.policy;
        if self.is_explicit {
            let article = if policy == DenyingPolicy::Identity {
                "an"
            } else {
                "a"
            };
            write!(f, "{article} {policy} denies it")
        } else {
            write!(f, "no {policy} allows it")
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    pub principal: String,
    /// `service:Name`.
    pub action: String,
    /// If named; `*` for actions without resources.
    pub resource: Option<String>,
    pub reason: Option<DenialReason>,
    /// Key to AWS's details, for at least 24 hours (IAM User Guide, "Troubleshoot access denied
    /// error messages with authorization ID").
    pub authorization_id: Option<String>,
    pub region: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableDenial {
    #[error("the message names the denial only in encoded form")]
    Encoded,
    /// Lacks "is not authorized to perform: ACTION".
    #[error("the text does not name the denied action and its principal")]
    NoDenial,
}

impl UnreadableDenial {
    pub fn help(self) -> &'static str {
        match self {
            Self::Encoded => {
                "`aws sts decode-authorization-message --encoded-message …` says it; name principal, action and resource in AWS's words: \
                 `User: ARN is not authorized to perform: ACTION on resource: ARN`"
            }
            Self::NoDenial => {
                "give AWS's whole message, `User: … is not authorized to perform: … on resource: …`, or the authorization id at its end"
            }
        }
    }
}

impl Denial {
    pub fn read(text: &str) -> Result<Self, UnreadableDenial> {
        message::read(text)
    }

    pub fn message(&self) -> String {
        message::written(self)
    }

    /// Account of the resource, else of the principal. A permission set there suffices; one in the
    /// principal's account does not for another account's resource.
    pub fn account(&self) -> Option<&str> {
        let resource = self.resource.as_deref().and_then(account_of);
        resource.or_else(|| self.principal_account())
    }

    pub fn principal_account(&self) -> Option<&str> {
        account_of(&self.principal)
    }

    pub fn permission_set(&self) -> Option<&str> {
        let rest = Arn::parse(&self.principal)?.rest;
        let role = rest
            .split('/')
            .find_map(|it| it.strip_prefix(RESERVED_ROLE))?;
        role.rsplit_once('_').map(|(name, _)| name)
    }

    /// Whether an ended access may be the cause, enforced by a service control policy (`access.md`
    /// §21): the caller had a permission set's role.
    pub fn may_be_of_an_end(&self) -> bool {
        let denies =
            |it: DenialReason| it.is_explicit && it.policy == DenyingPolicy::ServiceControl;
        self.reason.is_none_or(denies) && self.permission_set().is_some()
    }

    /// Why no permission set helps, with a remedy; `None` if one may.
    pub fn beyond_permission_sets(&self) -> Option<&'static str> {
        let reason = self.reason?;
        match (reason.policy, reason.is_explicit) {
            (DenyingPolicy::ServiceControl, _) => Some(
                "a service control policy holds for every role of the account: ask who keeps the organization's policies",
            ),
            (DenyingPolicy::ResourceControl, _) => Some(
                "a resource control policy holds for every caller of the resource: ask who keeps the organization's policies",
            ),
            (DenyingPolicy::VpcEndpoint, _) => Some(
                "the policy of the VPC endpoint applies to all calls through it: call from elsewhere, or ask the network administrators",
            ),
            (DenyingPolicy::Resource, true) => Some(
                "the resource's own policy denies it, whatever a permission set allows: ask whose resource it is",
            ),
            (DenyingPolicy::Resource, false) if self.is_within_an_account() => {
                Some("only the resource's own policy opens it: ask whose resource it is")
            }
            (
                DenyingPolicy::Resource
                | DenyingPolicy::Boundary
                | DenyingPolicy::Session
                | DenyingPolicy::Identity,
                _,
            ) => None,
        }
    }

    /// Whether the resource is in the caller's account, or no other is named.
    fn is_within_an_account(&self) -> bool {
        let own = self.principal_account();
        self.resource
            .as_deref()
            .and_then(account_of)
            .is_none_or(|it| Some(it) == own)
    }
}

fn account_of(arn: &str) -> Option<&str> {
    let account = Arn::parse(arn)?.account;
    let is_id = account.len() == ACCOUNT_DIGITS && account.bytes().all(|it| it.is_ascii_digit());
    is_id.then_some(account)
}

/// Whether a text may be an authorization id.
pub fn is_authorization_id(text: &str) -> bool {
    (ID_CHARACTERS_MIN..=ID_CHARACTERS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
}
