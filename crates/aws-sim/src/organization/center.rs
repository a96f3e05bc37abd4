//! IAM Identity Center in the organization file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityCenter {
    /// `arn:aws:sso:::instance/ssoins-…`
    pub instance_arn: String,
    /// `d-` and ten hexadecimal digits.
    pub identity_store_id: String,
    pub home_region: String,
    /// Replicas, where users also sign in.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_regions: Vec<String>,
    /// Absent: enabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_sets_enabled: Option<bool>,
    /// Absent: not configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<StatedNetwork>,
    /// Empty: `Options::portal_url`, else `https://<identity store>.awsapps.com/start`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub portal_url: String,
    /// Seconds that a portal session lasts, 900 to 7,776,000; absent: 28,800.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portal_session_seconds: Option<u32>,
    /// Seconds from an administrator's delete of a portal session to its end, up to 3,600; absent:
    /// 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portal_revocation_lag: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `identity_center` (default), `external`, `active_directory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    pub users: Vec<User>,
    pub groups: Vec<Group>,
    pub permission_sets: Vec<PermissionSet>,
    pub assignments: Vec<Assignment>,
    /// Provisioned roles that differ from derived ones.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provisioned: Vec<Provisioned>,
}

/// Network access of an Identity Center instance (`NetworkConfigurationInfo`). Returned, but not
/// enforced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedNetwork {
    pub vpce_access_required: bool,
    /// VPC ARNs; empty: any VPC of the organization.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restrict_source_vpcs: Vec<String>,
    /// Also allowed CIDR blocks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_source_ips: Vec<String>,
    /// Exempt applications, `*` for any text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_application_arns: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: String,
    pub user_name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Absent: given and family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `ENABLED` (default) or `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Ids in other directories: `{issuer, id}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<ExternalId>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExternalId {
    pub issuer: String,
    pub id: String,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    pub id: String,
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    pub members: Vec<String>,
    /// By user name, where they differ from derived ids.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub membership_ids: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<ExternalId>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PermissionSet {
    /// `arn:aws:sso:::permissionSet/…`
    pub arn: String,
    /// At most 32 characters.
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// ISO 8601; absent: PT1H.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_state: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_policies: Vec<String>,
    /// Text or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customer_managed: Vec<CustomerManaged>,
    /// `{managed_policy}` or `{name, path}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Value>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerManaged {
    pub name: String,
    /// Absent: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// An account assignment; exactly one of the four principals is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Assignment {
    pub account: String,
    pub permission_set: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Need not exist (principals get deleted).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Need not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provisioned {
    pub account: String,
    pub permission_set: String,
    /// Sixteen hexadecimal digits of the role's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// The set changed since.
    pub outdated: bool,
    /// An outdated role's policies and session duration; absent: the current ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<Box<PermissionSet>>,
}
