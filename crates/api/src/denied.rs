//! From a denied call to the permission sets that would have allowed it.

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Named;

/// What AWS said.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DenialMessage {
    /// AWS's access denied message, whatever a program wrote around it; 16,000 bytes at most.
    pub message: String,
    /// Condition keys of the request with their values, as far as they are known: conditions of permission sets are judged by
    /// them. Those that say who called, or when, count for nothing.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Vec<String>>,
    /// Each action that was denied, where it was more than one: a permission set has to allow all of them; 20 at most.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<DenialOfAction>,
}

/// One of several actions that were denied in one call.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DenialOfAction {
    /// What AWS's message of it would be.
    pub message: String,
    /// Condition keys of this action alone, beside those of the request.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub context: BTreeMap<String, Vec<String>>,
}

/// The call, as AWS's message names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeniedCall {
    /// Who called: an ARN.
    pub principal: String,
    /// `service:Name`.
    pub action: String,
    /// The resource, where AWS names one.
    pub resource: Option<String>,
    /// Why, where AWS says it.
    pub reason: Option<DeniedBecause>,
    /// By which AWS has the details for at least 24 hours.
    pub authorization_id: Option<String>,
    /// The Region that has them.
    pub region: Option<String>,
}

/// Why a call was denied.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeniedBecause {
    /// The kind of policy: `identity`, `service_control` and so on.
    pub policy: String,
    /// A statement denies it; otherwise nothing allows it.
    pub is_explicit: bool,
}

/// The permission set that allows the call with the fewest other actions, and what else there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FittingSets {
    /// The call.
    pub denial: DeniedCall,
    /// Where it is allowed.
    pub account: Named,
    /// The permission set: the caller may ask for it there.
    pub permission_set: String,
    /// The caller's own access that ended, where AWS denies the call for that. It is to be asked for again: where
    /// `permission_set` is another, it does not allow the call, or may not be asked for today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<EndedAccess>,
    /// Its description.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub says: Option<String>,
    /// Known actions that it allows beside, on some resource.
    pub other_actions: usize,
    /// The same by access level.
    pub other_levels: BTreeMap<String, usize>,
    /// The same by service.
    pub other_services: BTreeMap<String, usize>,
    /// Condition keys that decide; none where the call is allowed in any case.
    pub conditions: Vec<String>,
    /// Larger sets that allow it, too.
    pub alternatives: Vec<LargerSet>,
    /// Sets of which it is not known whether they allow it.
    pub not_judged: Vec<SetNotJudged>,
}

impl FittingSets {
    /// Whether it is known what the set allows: one that is only proposed again may not have been judged.
    pub fn is_judged(&self) -> bool {
        let mut unknown = self.not_judged.iter();
        !unknown.any(|it| it.permission_set == self.permission_set)
    }

    /// When the caller's access to the set that is proposed ended.
    pub fn ended_at(&self) -> Option<Timestamp> {
        let ended = self.ended.as_ref();
        let ended = ended.filter(|it| it.permission_set == self.permission_set);
        ended.map(|it| it.at)
    }
}

/// Access of the caller's own that is over, and that AWS itself refuses since then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedAccess {
    /// The permission set.
    pub permission_set: String,
    /// When it ended.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// A larger set that allows the call, too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LargerSet {
    /// The permission set.
    pub permission_set: String,
    /// Known actions that it allows beside, on some resource.
    pub other_actions: usize,
    /// Condition keys that decide.
    pub conditions: Vec<String>,
}

/// A set of which it is not known whether it allows the call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SetNotJudged {
    /// The permission set.
    pub permission_set: String,
    /// Why it is not known.
    pub why: String,
}
