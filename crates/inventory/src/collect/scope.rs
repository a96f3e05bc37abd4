//! What is to be collected.

use std::collections::BTreeSet;

use crate::SyncGroup;
use hallpass_base::AccountId;

use crate::collect::enumeration::PlanChoice;
use crate::collect::people_list::PeopleList;

/// What is to be collected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncScope {
    /// Which tables.
    pub groups: BTreeSet<SyncGroup>,
    /// Only these accounts; all where empty. Tables of the whole organization are whole all the
    /// same.
    pub accounts: BTreeSet<AccountId>,
    /// Only accounts below these units: ids, or paths as `/Workloads/Production`.
    pub units: Vec<String>,
    /// How assignments are found.
    pub plan: PlanChoice,
    /// Lists of people, read from files: each is a table of its own.
    pub people: Vec<PeopleList>,
    /// Whether the Regions of accounts are left out: they are a call for each account.
    pub without_regions: bool,
}

impl SyncScope {
    /// The services without which nothing comes of it, as the catalog names them. Those that have something in their place
    /// are not among them: EC2 says which Regions an account has where the account service does not.
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

    /// Whether a group is wanted.
    pub fn wants(&self, group: SyncGroup) -> bool {
        self.groups.contains(&group)
    }
}
