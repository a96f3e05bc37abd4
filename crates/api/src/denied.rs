//! Finds permission sets that would allow a denied call.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Named;

/// AWS's error.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DenialMessage {
    /// AWS's access denied message, with any surrounding text; 16,000 bytes at most.
    pub message: String,
    /// Known condition keys of the request, for conditions of permission sets. Keys about the
    /// caller or the time are ignored.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Vec<String>>,
    /// The denied actions, if several: a permission set must allow all; 20 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<DenialOfAction>,
}

/// One of several denied actions of a call.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DenialOfAction {
    /// AWS's message for this action.
    pub message: String,
    /// Condition keys of this action only.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Vec<String>>,
}

/// The call in AWS's message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeniedCall {
    /// ARN of the caller.
    pub principal: String,
    /// `service:Name`.
    pub action: String,
    /// Resource, if named.
    pub resource: Option<String>,
    /// Reason, if named.
    pub reason: Option<DeniedBecause>,
    /// Id under which AWS has the details for at least 24 hours.
    pub authorization_id: Option<String>,
    /// Region of the details.
    pub region: Option<String>,
}

/// Why a call was denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeniedBecause {
    /// Policy type: `identity`, `service_control` and so on.
    pub policy: String,
    /// Explicitly denied; otherwise not allowed.
    pub is_explicit: bool,
}

/// The permission set with the fewest other actions that allows the call, and alternatives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FittingSets {
    /// The call.
    pub denial: DeniedCall,
    /// Account.
    pub account: Named,
    /// Permission set that the caller may request there.
    pub permission_set: String,
    /// The caller's ended access, if AWS denies the call because of it. Request it again: if
    /// `permission_set` differs, the ended one does not allow the call or may not be requested
    /// today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedAccess>,
    /// Description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Other known actions that it allows on some resource.
    pub other_actions: usize,
    /// The same by access level.
    pub other_levels: BTreeMap<String, usize>,
    /// The same by service.
    pub other_services: BTreeMap<String, usize>,
    /// Deciding condition keys; empty if always allowed.
    pub conditions: Vec<String>,
    /// Larger sets that also allow the call.
    pub alternatives: Vec<LargerSet>,
    /// Sets with an unknown result.
    pub not_judged: Vec<SetNotJudged>,
}

impl FittingSets {
    /// Whether the set's permissions are known: a set proposed again may be unchecked.
    pub fn is_judged(&self) -> bool {
        let mut unknown = self.not_judged.iter();
        !unknown.any(|it| it.permission_set == self.permission_set)
    }

    pub fn ended_at(&self) -> Option<Timestamp> {
        let ended = self.ended.as_ref();
        let ended = ended.filter(|it| it.permission_set == self.permission_set);
        ended.map(|it| it.at)
    }
}

/// Ended access of the caller that AWS denies since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedAccess {
    /// Permission set.
    pub permission_set: String,
    /// End.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A larger set that also allows the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LargerSet {
    /// Permission set.
    pub permission_set: String,
    /// Other known actions that it allows on some resource.
    pub other_actions: usize,
    /// Deciding condition keys.
    pub conditions: Vec<String>,
}

/// A set with an unknown result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetNotJudged {
    /// Permission set.
    pub permission_set: String,
    /// Reason.
    pub why: String,
}
