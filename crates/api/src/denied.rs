//! From a denied call to the permission sets that would have allowed it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Named;

/// What AWS said.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DenialMessage {
    /// AWS's access denied message, whatever a program wrote around it; 16,000 bytes at most.
    pub message: String,
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

/// The smallest permission set that allows the call, and what else there is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FittingSets {
    /// The call.
    pub denial: DeniedCall,
    /// Where it is allowed.
    pub account: Named,
    /// The permission set: the caller may ask for it there.
    pub permission_set: String,
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
