use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationMember {
    pub id: String,
    pub email: String,
    pub active: bool,
    /// The root and the units above it, by id; `None` if Organizations does not return them.
    pub above: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberStanding {
    Enabled,
    Verifying,
    Invited,
    /// No member, with the reason: `VOLUME_TOO_HIGH`.
    Disabled(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFacts {
    pub account: String,
    pub standing: MemberStanding,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphFacts {
    pub arn: String,
    pub members: Vec<MemberFacts>,
}

impl GraphFacts {
    pub fn member(&self, account: &str) -> Option<&MemberStanding> {
        let found = self.members.iter().find(|it| it.account == account);
        found.map(|it| &it.standing)
    }
}

/// The value, or why the read failed.
pub(crate) type Seen<T> = Result<T, String>;

#[derive(Clone, Debug, Default)]
pub struct DelegationFacts {
    pub organization: String,
    pub management: String,
    pub caller: String,
    pub all_features: bool,
    pub accounts: Vec<OrganizationMember>,
    pub trusted: BTreeSet<String>,
    pub administrators: BTreeMap<String, BTreeSet<String>>,
    pub regional: BTreeMap<(String, String), Seen<Option<String>>>,
    /// Services missing in Organizations, with reasons.
    pub silent: BTreeMap<String, String>,
    /// Enabled Regions per account, including the management account, or the read error.
    pub enabled: BTreeMap<String, Seen<BTreeSet<String>>>,
    /// Unnamed Regions disabled in the management account: services are not queried there.
    pub skipped: BTreeSet<String>,
    pub closed: BTreeMap<String, String>,
    pub units: BTreeMap<String, BTreeSet<String>>,
    pub graphs: BTreeMap<String, Seen<Option<GraphFacts>>>,
}

impl DelegationFacts {
    pub fn account(&self, id: &str) -> Option<&OrganizationMember> {
        self.accounts.iter().find(|it| it.id == id)
    }

    /// True if the Region is known to be disabled.
    pub(crate) fn is_off(&self, account: &str, region: &str) -> bool {
        let known = self.enabled.get(account);
        known.is_some_and(|it| it.as_ref().is_ok_and(|it| !it.contains(region)))
    }

    /// A service's administrator in a Region, from the service.
    pub(crate) fn regional(&self, service: &str, region: &str) -> Seen<Option<&str>> {
        match self.regional.get(&(service.to_owned(), region.to_owned())) {
            Some(Ok(found)) => Ok(found.as_deref()),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("it was not read".to_owned()),
        }
    }
}
