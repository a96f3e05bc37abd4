//! What a test may change of the organization.

use std::collections::BTreeMap;

use crate::{CallerIdentity, OrganizationFault, TargetPresence};
use hallpass_base::TimeSpan;

/// What a test may change.
#[derive(Clone, Debug)]
pub struct Situation {
    /// Who asks.
    pub caller: CallerIdentity,
    /// Whether policies are enabled.
    pub scps_enabled: bool,
    /// Tags of accounts.
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    /// Whether break-glass roles are there.
    pub roles: BTreeMap<String, TargetPresence>,
    /// How long until listings show a write.
    pub lag: TimeSpan,
    /// Accounts that left.
    pub gone: Vec<String>,
    /// Characters of one policy, at most.
    pub characters: usize,
    /// Policies on one target, at most.
    pub slots: usize,
    /// What becomes of updates and detachments of policies; `None`: they go well.
    pub changes_fail: Option<OrganizationFault>,
    /// What becomes of every write of a policy, whatever it is; `None`: they go well.
    pub writes_fail: Option<OrganizationFault>,
    /// What becomes of every question about policies; `None`: they are answered.
    pub questions_fail: Option<OrganizationFault>,
}
