use std::collections::BTreeSet;

use crate::SyncGroup;
use hallpass_base::AccountId;

use crate::collect::enumeration::PlanChoice;
use crate::collect::people_list::PeopleList;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncScope {
    pub groups: BTreeSet<SyncGroup>,
    /// Empty: all. Organization tables are complete in any case.
    pub accounts: BTreeSet<AccountId>,
    /// Only accounts below these units: ids, or paths as `/Workloads/Production`.
    pub units: Vec<String>,
    pub plan: PlanChoice,
    pub people: Vec<PeopleList>,
    pub without_regions: bool,
}

impl SyncScope {
    /// Required services, by catalog name. Excludes services with an alternative: EC2 has the
    /// Regions if the account service fails.
    pub fn services(&self) -> Vec<&'static str> {
        let mut services = vec!["organizations"];
        if self.wants(SyncGroup::Iam) {
            services.extend(["sts", "iam"]);
        }
        if self.wants(SyncGroup::Contacts) {
            services.push("account");
        }
        if self.wants(SyncGroup::IdentityCenter) {
            services.extend(["sso-admin", "identitystore"]);
        }
        services
    }

    pub fn wants(&self, group: SyncGroup) -> bool {
        self.groups.contains(&group)
    }
}
