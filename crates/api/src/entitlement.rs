//! Entitlements of account access manager on the wire: roles that people and groups take without a permission set.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Entitlements of account access manager, as a run found them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepEntitlements {
    /// Those of people.
    pub of_people: u64,
    /// Those of groups.
    pub of_groups: u64,
    /// The same in words.
    pub says: String,
    /// The first thousand.
    pub items: Vec<Entitlement>,
}

/// A role that a person or a group may take, by an entitlement of account access manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entitlement {
    /// AWS's id of it.
    pub entitlement_id: String,
    /// The application that has it.
    pub application_arn: String,
    /// The role.
    pub role_arn: String,
    /// The role's account.
    pub account: String,
    /// Whose it is, where it is a person's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Whose it is, where it is a group's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Account, role and holder, by name, in words.
    pub says: String,
    /// Whether the run before did not have it; in reports of runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<bool>,
    /// Why it was not deleted, where it was to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// What a person may take by entitlements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntitlementsHeld {
    /// Whether the server looks at entitlements (`access.entitlements`); where not, nothing is known of them.
    pub looked_at: bool,
    /// By their own.
    pub own: Vec<Entitlement>,
    /// By those of groups that they are in.
    pub by_group: Vec<Entitlement>,
}

/// What became of the entitlements of a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntitlementsRevoked {
    /// Their own, deleted.
    pub ended: Vec<Entitlement>,
    /// Their own that AWS did not delete, each with its error.
    pub failed: Vec<Entitlement>,
    /// Those of groups that they are in, which stay.
    pub by_group: Vec<Entitlement>,
    /// Why they could not be read, in which case nothing is known of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
