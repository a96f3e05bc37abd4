//! From the text of a denial to what would allow the call: what AWS says in an access denied error message, whether more
//! permissions help at all, and which of several permission sets allows it with the fewest other actions (`policies.md` §16).

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

/// Digits of an account id.
const ACCOUNT_DIGITS: usize = 12;
/// Characters of an authorization id, at least: AWS's example has 20, and its model says at most (IAM Toolbox API Reference,
/// "`GetRequestAuthorizationDetails`").
const ID_CHARACTERS_MIN: usize = 16;
/// Characters of an authorization id, at most.
const ID_CHARACTERS_MAX: usize = 256;
/// What roles of permission sets are called, before the name of the set (IAM Identity Center User Guide, "Referencing
/// permission sets in resource policies, Amazon EKS Cluster config maps, and AWS KMS key policies").
const RESERVED_ROLE: &str = "AWSReservedSSO_";

/// The kind of policy by which a call was denied (IAM User Guide, "Troubleshoot access denied error messages").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DenyingPolicy {
    /// A service control policy.
    ServiceControl,
    /// A resource control policy.
    ResourceControl,
    /// The policy of the VPC endpoint through which the call went.
    VpcEndpoint,
    /// The resource's own policy.
    Resource,
    /// The permissions boundary of the principal.
    Boundary,
    /// A policy of the session.
    Session,
    /// The principal's policies.
    Identity,
}

impl DenyingPolicy {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::ServiceControl,
        Self::ResourceControl,
        Self::VpcEndpoint,
        Self::Resource,
        Self::Boundary,
        Self::Session,
        Self::Identity,
    ];

    /// As AWS's messages call it.
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

/// Why a call was denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct DenialReason {
    /// By which kind of policy. Where several kinds deny, AWS names one of them.
    pub policy: DenyingPolicy,
    /// A statement denies it; otherwise nothing allows it.
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

/// A denied call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Denial {
    /// Who called: an ARN, as AWS wrote it.
    pub principal: String,
    /// `service:Name`.
    pub action: String,
    /// The resource, where AWS names one; `*` where the action takes none.
    pub resource: Option<String>,
    /// Why, where AWS says it.
    pub reason: Option<DenialReason>,
    /// By which AWS has the details for at least 24 hours (IAM User Guide, "Troubleshoot access denied error messages with
    /// authorization ID").
    pub authorization_id: Option<String>,
    /// The Region that has them.
    pub region: Option<String>,
}

/// Why a text says of no denied call which it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableDenial {
    /// AWS says it in code alone.
    #[error("the message says in code alone what was denied")]
    Encoded,
    /// There is no "is not authorized to perform: ACTION" in it.
    #[error("the text does not say which action was denied to whom")]
    NoDenial,
}

impl UnreadableDenial {
    /// What would help.
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
    /// Reads an access denied error message, whatever a program wrote around it.
    ///
    /// # Errors
    /// When it does not say which action was denied to whom.
    pub fn read(text: &str) -> Result<Self, UnreadableDenial> {
        message::read(text)
    }

    /// AWS's message of it, without the address of the console's page.
    pub fn message(&self) -> String {
        message::written(self)
    }

    /// The account whose resource it is, as far as that is said: the resource's, else the principal's. A permission set there
    /// allows the call by itself, as one in the principal's account does not where the resource is another's.
    pub fn account(&self) -> Option<&str> {
        let resource = self.resource.as_deref().and_then(account_of);
        resource.or_else(|| self.principal_account())
    }

    /// The account of who called.
    pub fn principal_account(&self) -> Option<&str> {
        account_of(&self.principal)
    }

    /// The permission set whose role called.
    pub fn permission_set(&self) -> Option<&str> {
        let rest = Arn::parse(&self.principal)?.rest;
        let role = rest
            .split('/')
            .find_map(|it| it.strip_prefix(RESERVED_ROLE))?;
        role.rsplit_once('_').map(|(name, _)| name)
    }

    /// Whether it may come of the end of the caller's own access, which a service control policy enforces where ends are armed
    /// (`access.md` §21): who called was a permission set's role.
    pub fn may_be_of_an_end(&self) -> bool {
        let denies =
            |it: DenialReason| it.is_explicit && it.policy == DenyingPolicy::ServiceControl;
        self.reason.is_none_or(denies) && self.permission_set().is_some()
    }

    /// Why no permission set would let the call through, in words with what would; `None` where one may.
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
                "the policy of the VPC endpoint holds for whoever calls through it: call from elsewhere, or ask who keeps the network",
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

    /// Whether the resource is said to be of the caller's account, or nobody else's is named.
    fn is_within_an_account(&self) -> bool {
        let own = self.principal_account();
        self.resource
            .as_deref()
            .and_then(account_of)
            .is_none_or(|it| Some(it) == own)
    }
}

/// The account in an ARN.
fn account_of(arn: &str) -> Option<&str> {
    let account = Arn::parse(arn)?.account;
    let is_id = account.len() == ACCOUNT_DIGITS && account.bytes().all(|it| it.is_ascii_digit());
    is_id.then_some(account)
}

/// Whether a text may be the id by which AWS has the details of a denial.
pub fn is_authorization_id(text: &str) -> bool {
    (ID_CHARACTERS_MIN..=ID_CHARACTERS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit())
}
