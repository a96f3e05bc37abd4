//! Account access manager entitlements in the API: roles without a permission set.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Account access manager entitlements found by a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SweepEntitlements {
    /// Entitlements of users.
    pub of_people: u64,
    /// Entitlements of groups.
    pub of_groups: u64,
    /// Summary text.
    pub says: String,
    /// The first thousand.
    pub items: Vec<Entitlement>,
}

/// A role available to a user or group through account access manager.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Entitlement {
    /// AWS id.
    pub entitlement_id: String,
    /// Application ARN.
    pub application_arn: String,
    /// Role ARN.
    pub role_arn: String,
    /// Account of the role.
    pub account: String,
    /// User, if held by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Group, if held by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group_id: Option<String>,
    /// Account, role and holder by name.
    pub says: String,
    /// Absent in the previous run; only in run reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new: Option<bool>,
    /// Why the deletion failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Entitlements of a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntitlementsHeld {
    /// Whether the server reads entitlements (`access.entitlements`); if not, they are unknown.
    pub looked_at: bool,
    /// Direct ones.
    pub own: Vec<Entitlement>,
    /// Those of the user's groups.
    pub by_group: Vec<Entitlement>,
}

/// Result for a user's entitlements.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EntitlementsRevoked {
    /// Deleted direct ones.
    pub ended: Vec<Entitlement>,
    /// Direct ones that AWS did not delete, with errors.
    pub failed: Vec<Entitlement>,
    /// Those of the user's groups, which stay.
    pub by_group: Vec<Entitlement>,
    /// Read error; entitlements are then unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
