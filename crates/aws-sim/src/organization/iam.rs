use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Iam {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<IamUser>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<IamGroup>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<IamRole>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed: Vec<IamManagedPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<IamRoot>,
    /// As in `GetAccountPasswordPolicy`; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_policy: Option<Map<String, Value>>,
    /// As in `GetAccountProperties`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Whether principals may get web identity tokens for external services.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub outbound_federation: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub delegation_requests: Vec<IamDelegationRequest>,
}

/// A partner's request for temporary access to the account.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamDelegationRequest {
    pub id: String,
    pub state: IamDelegationState,
    pub requestor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requestor_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The owner's ARN; absent: unowned and unlisted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// The partner's rights; absent: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub boundaries: Vec<String>,
    /// Session seconds; absent: an hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<u32>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// RFC 3339; absent: as created.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub updated: Option<String>,
    /// RFC 3339; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection_reason: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum IamDelegationState {
    #[default]
    Unassigned,
    Assigned,
    PendingApproval,
    Accepted,
    /// The partner has its token.
    Finalized,
    Rejected,
    Expired,
}

impl IamDelegationState {
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

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamUser {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password: Option<IamPassword>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa: Option<IamMfaDevice>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IamKey>,
    /// Only used with authorization `full`.
    #[serde(flatten)]
    pub permissions: IamPolicies,
}

/// The password text is not stored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamPassword {
    /// RFC 3339; absent: as the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// RFC 3339; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub reset_required: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamMfaDevice {
    pub kind: IamMfaKind,
    /// RFC 3339; absent: as the user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<String>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IamMfaKind {
    #[default]
    Virtual,
    Hardware,
    Webauthn,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamPolicies {
    /// Names or ARNs of AWS managed policies, or ARNs of the account's own; unknown ones allow
    /// nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inline: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamKey {
    pub id: String,
    /// `Active` (default) or `Inactive`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// RFC 3339; absent: as its user.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// RFC 3339; null: never.
    pub last_used: Option<String>,
    /// Absent: `sts`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_service: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_region: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamGroup {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Only used with authorization `full`.
    #[serde(flatten)]
    pub permissions: IamPolicies,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamRole {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Trusted ARNs, `…:root` for the whole account; or services, `ec2.amazonaws.com`.
    pub trust: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Text or JSON, in place of `trust` and `external_id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trust_policy: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Seconds, 3600 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_session_duration: Option<u32>,
    /// Seconds of sign-in sessions; absent: not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_signin_session_duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// RFC 3339; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Only used with authorization `full`.
    #[serde(flatten)]
    pub permissions: IamPolicies,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamManagedPolicy {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// RFC 3339; absent: when the account joined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    pub document: Value,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IamRoot {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mfa: Option<IamMfaDevice>,
    /// RFC 3339; absent: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_last_used: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<IamKey>,
}
