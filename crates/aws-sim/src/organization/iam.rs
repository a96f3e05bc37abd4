//! IAM of an account, as an organization file states it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// IAM of one account: what it has and nothing else, but for what the simulator gives every account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Iam {
    /// Users.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<IamUser>,
    /// Groups.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<IamGroup>,
    /// Roles.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<IamRole>,
    /// Customer managed policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed: Vec<IamManagedPolicy>,
    /// The root user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<IamRoot>,
    /// The password policy, as `GetAccountPasswordPolicy` answers it; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<Map<String, Value>>,
    /// Properties of the account, as `GetAccountProperties` answers them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Whether its principals may have web identity tokens for services outside.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outbound_federation: bool,
    /// Requests of partners for temporary access.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegation_requests: Vec<IamDelegationRequest>,
}

/// A partner's request for temporary access to the account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamDelegationRequest {
    /// Its id.
    pub id: String,
    /// How far it is.
    pub state: IamDelegationState,
    /// The partner's account.
    pub requestor: String,
    /// The partner's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requestor_name: Option<String>,
    /// What it is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The ARN of who took it on; absent: nobody, and no list has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// The ARN of who accepted it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// What the partner may do; absent: nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    /// Boundaries of roles that the partner may make.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boundaries: Vec<String>,
    /// How long its session lasts, in seconds; absent: an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<u32>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// RFC 3339; absent: when it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// RFC 3339; absent: it does not expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// What was noted with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Why it was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_reason: Option<String>,
}

/// How far a delegation request is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IamDelegationState {
    /// Nobody took it on.
    #[default]
    Unassigned,
    /// Somebody took it on.
    Assigned,
    /// Somebody else is to accept it.
    PendingApproval,
    /// It was accepted, and the partner has nothing yet.
    Accepted,
    /// The partner was sent its token.
    Finalized,
    /// It was rejected.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

impl IamDelegationState {
    /// As AWS calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Assigned => "ASSIGNED",
            Self::PendingApproval => "PENDING_APPROVAL",
            Self::Accepted => "ACCEPTED",
            Self::Finalized => "FINALIZED",
            Self::Rejected => "REJECTED",
            Self::Expired => "EXPIRED",
        }
    }
}

/// An IAM user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamUser {
    /// Name.
    pub name: String,
    /// Path; absent: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Password for the console; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<IamPassword>,
    /// MFA device; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa: Option<IamMfaDevice>,
    /// Names of groups of the account.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Access keys.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IamKey>,
    /// What it may do; looked at with authorization `full` only.
    #[serde(flatten)]
    pub permissions: IamPolicies,
}

/// The console password of an IAM user. Its text is not kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamPassword {
    /// RFC 3339; absent: when the user was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// RFC 3339; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    /// A new one has to be set at the next sign-in.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset_required: bool,
}

/// An MFA device of an IAM user or a root user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamMfaDevice {
    /// What it is.
    pub kind: IamMfaKind,
    /// RFC 3339; absent: when the user was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<String>,
}

/// What an MFA device is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IamMfaKind {
    /// An application that shows codes.
    #[default]
    Virtual,
    /// A token that shows codes.
    Hardware,
    /// A passkey or security key.
    Webauthn,
}

/// What a user, a group or a role of IAM may do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamPolicies {
    /// Names or ARNs of AWS managed policies, or ARNs of the account's own; one that is not known
    /// allows nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// Inline policies, text or JSON.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inline: Vec<Value>,
    /// Name or ARN of the managed policy that is the boundary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
}

/// An access key of an IAM user or a root user.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamKey {
    /// Key id.
    pub id: String,
    /// `Active` (default) or `Inactive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// RFC 3339; absent: when its user was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// RFC 3339; null: never.
    pub last_used: Option<String>,
    /// Where it was used last; absent: `sts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_service: Option<String>,
    /// The Region of that; absent: `us-east-1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_region: Option<String>,
}

/// An IAM group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamGroup {
    /// Name.
    pub name: String,
    /// Path; absent: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// What its members may do; looked at with authorization `full` only.
    #[serde(flatten)]
    pub permissions: IamPolicies,
}

/// An IAM role.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamRole {
    /// Name.
    pub name: String,
    /// Path; absent: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// ARNs that may assume it, `…:root` for the whole account; or services, `ec2.amazonaws.com`.
    pub trust: Vec<String>,
    /// The external id that must be given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The trust policy, text or JSON, in place of the one that `trust` and `external_id` stand for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_policy: Option<Value>,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Seconds, 3600 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_session_duration: Option<u32>,
    /// Seconds that sign-in sessions of it last; absent: not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_signin_session_duration: Option<u32>,
    /// The ARN of the template that it was made of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// RFC 3339; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// What it may do; looked at with authorization `full` only.
    #[serde(flatten)]
    pub permissions: IamPolicies,
}

/// A customer managed policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamManagedPolicy {
    /// Name.
    pub name: String,
    /// Path; absent: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// The document, text or JSON.
    pub document: Value,
}

/// The root user of an account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamRoot {
    /// MFA device; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa: Option<IamMfaDevice>,
    /// RFC 3339; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_last_used: Option<String>,
    /// Access keys, which nobody should have.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IamKey>,
}
