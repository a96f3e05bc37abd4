use std::collections::BTreeMap;

use crate::{CallerIdentity, OrganizationFault, TargetPresence};
use hallpass_base::TimeSpan;

#[derive(Clone, Debug)]
pub struct Situation {
    pub caller: CallerIdentity,
    pub scps_enabled: bool,
    pub tags: BTreeMap<String, BTreeMap<String, String>>,
    pub roles: BTreeMap<String, TargetPresence>,
    pub lag: TimeSpan,
    pub gone: Vec<String>,
    pub characters: usize,
    pub slots: usize,
    pub changes_fail: Option<OrganizationFault>,
    pub writes_fail: Option<OrganizationFault>,
    pub questions_fail: Option<OrganizationFault>,
}
