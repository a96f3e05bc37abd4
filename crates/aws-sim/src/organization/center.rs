//! The part of the organization file that says what IAM Identity Center has: people, groups, permission sets and assignments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// IAM Identity Center.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IdentityCenter {
    /// `arn:aws:sso:::instance/ssoins-…`
    pub instance_arn: String,
    /// `d-` and ten hexadecimal digits.
    pub identity_store_id: String,
    /// The Region it lives in.
    pub home_region: String,
    /// The Regions it is replicated to: people sign in there as well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub additional_regions: Vec<String>,
    /// Whether it has permission sets; absent: it has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub permission_sets_enabled: Option<bool>,
    /// From which networks it may be reached; absent: nobody has said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<StatedNetwork>,
    /// Address of the access portal; empty: where the simulator says (`Options::portal_url`), else
    /// `https://<identity store>.awsapps.com/start`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub portal_url: String,
    /// Seconds that a portal session lasts, 900 to 7,776,000; absent: 28,800.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portal_session_seconds: Option<u32>,
    /// Seconds from an administrator's delete of a portal session to its end, up to 3,600;
    /// absent: 300.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub portal_revocation_lag: Option<u32>,
    /// Name of the instance.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// `identity_center` (default), `external`, `active_directory`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// People.
    pub users: Vec<User>,
    /// Groups.
    pub groups: Vec<Group>,
    /// Permission sets.
    pub permission_sets: Vec<PermissionSet>,
    /// Account assignments.
    pub assignments: Vec<Assignment>,
    /// Roles made for assignments, where they differ from what would be derived.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub provisioned: Vec<Provisioned>,
}

/// From which networks an instance of IAM Identity Center may be reached (`NetworkConfigurationInfo`). It is told, and keeps
/// nobody out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatedNetwork {
    /// Whether calls have to come through an endpoint of a VPC.
    pub vpce_access_required: bool,
    /// ARNs of the VPCs whose endpoints may; empty: any VPC of the organization.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub restrict_source_vpcs: Vec<String>,
    /// Blocks of addresses that may besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow_source_ips: Vec<String>,
    /// ARNs of applications that are left out, `*` for any text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude_application_arns: Vec<String>,
}

/// A person.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    /// Identifier in the store.
    pub id: String,
    /// Unique name.
    pub user_name: String,
    /// Given name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub given_name: Option<String>,
    /// Family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family_name: Option<String>,
    /// Shown name; absent: given and family name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Primary e-mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Job title.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// `ENABLED` (default) or `DISABLED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Revision; absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Ids in other directories: `{issuer, id}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<ExternalId>,
    /// Further attributes exactly as the identity store spells them.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub attributes: Map<String, Value>,
}

/// An id in another directory.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ExternalId {
    /// Who gave it.
    pub issuer: String,
    /// The id.
    pub id: String,
}

/// A group.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Identifier in the store.
    pub id: String,
    /// Display name.
    pub name: String,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// User names.
    pub members: Vec<String>,
    /// Membership ids by user name, where they differ from what would be derived.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub membership_ids: BTreeMap<String, String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// Revision; absent: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u64>,
    /// Ids in other directories.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub external_ids: Vec<ExternalId>,
}

/// A permission set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PermissionSet {
    /// `arn:aws:sso:::permissionSet/…`
    pub arn: String,
    /// Its name, at most 32 characters.
    pub name: String,
    /// One sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// ISO 8601; absent: PT1H.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_duration: Option<String>,
    /// Where the console opens.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_state: Option<String>,
    /// ARNs of AWS managed policies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub managed_policies: Vec<String>,
    /// Inline policy, text or JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inline: Option<Value>,
    /// Policies that the accounts themselves hold.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub customer_managed: Vec<CustomerManaged>,
    /// `{managed_policy}` or `{name, path}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub boundary: Option<Value>,
    /// Tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
}

/// A reference to a customer managed policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CustomerManaged {
    /// Policy name.
    pub name: String,
    /// Path; absent: `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
}

/// An account assignment; exactly one of the four principals is given.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Assignment {
    /// Account id or name.
    pub account: String,
    /// Name of the set.
    pub permission_set: String,
    /// User name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Group name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// User id; need not exist (principals get deleted).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Group id; need not exist.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// For the reader.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<String>,
}

/// A role that provisioning made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Provisioned {
    /// Account id or name.
    pub account: String,
    /// Name of the set.
    pub permission_set: String,
    /// Sixteen hexadecimal digits of the role's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suffix: Option<String>,
    /// The set changed since.
    pub outdated: bool,
    /// What an outdated role holds: the policies and the session duration of the set as it was; absent: those of now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub holds: Option<Box<PermissionSet>>,
}
