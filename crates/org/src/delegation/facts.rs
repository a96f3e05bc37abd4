//! What was read of an organization for a file of administrators.

use std::collections::{BTreeMap, BTreeSet};

/// An account of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationMember {
    /// Its id.
    pub id: String,
    /// The address of its root user.
    pub email: String,
    /// Whether it is active.
    pub active: bool,
    /// The root and the units above it, by id; none where Organizations does not say.
    pub above: Option<Vec<String>>,
}

/// How far an account is a member of a behavior graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MemberStanding {
    /// It is one.
    Enabled,
    /// AWS is looking at its volume of data.
    Verifying,
    /// It was invited, and has not said yes.
    Invited,
    /// It is none, and why: `VOLUME_TOO_HIGH`.
    Disabled(String),
}

/// An account in a behavior graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberFacts {
    /// The account.
    pub account: String,
    /// How far it is.
    pub standing: MemberStanding,
}

/// A behavior graph of Detective, in one Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphFacts {
    /// Its ARN.
    pub arn: String,
    /// Its accounts.
    pub members: Vec<MemberFacts>,
}

impl GraphFacts {
    /// How far an account is; none where it is not there.
    pub fn member(&self, account: &str) -> Option<&MemberStanding> {
        let found = self.members.iter().find(|it| it.account == account);
        found.map(|it| &it.standing)
    }
}

/// What was read, or why not.
pub(crate) type Seen<T> = Result<T, String>;

/// What was read of an organization.
#[derive(Clone, Debug, Default)]
pub struct DelegationFacts {
    /// The organization.
    pub organization: String,
    /// Its management account.
    pub management: String,
    /// The account of our credentials.
    pub caller: String,
    /// Whether all features are on.
    pub all_features: bool,
    /// Its accounts.
    pub accounts: Vec<OrganizationMember>,
    /// Principals with trusted access; read where services are listed.
    pub trusted: BTreeSet<String>,
    /// Administrators that Organizations knows, by principal.
    pub administrators: BTreeMap<String, BTreeSet<String>>,
    /// The administrator that a service knows in a Region, by service and Region.
    pub regional: BTreeMap<(String, String), Seen<Option<String>>>,
    /// Services that Organizations says nothing of, and why.
    pub silent: BTreeMap<String, String>,
    /// Regions that are enabled in an account, the management account among them; why they are not known.
    pub enabled: BTreeMap<String, Seen<BTreeSet<String>>>,
    /// Regions that were meant by nobody's name and are disabled in the management account: no service is asked there.
    pub skipped: BTreeSet<String>,
    /// Accounts that are to have behavior graphs and cannot be entered, and why.
    pub closed: BTreeMap<String, String>,
    /// Accounts below a unit.
    pub units: BTreeMap<String, BTreeSet<String>>,
    /// Behavior graphs of the accounts that are to have them, by Region.
    pub graphs: BTreeMap<String, Seen<Option<GraphFacts>>>,
}

impl DelegationFacts {
    /// The account of an id.
    pub fn account(&self, id: &str) -> Option<&OrganizationMember> {
        self.accounts.iter().find(|it| it.id == id)
    }

    /// Whether a Region is known to be disabled in an account.
    pub(crate) fn is_off(&self, account: &str, region: &str) -> bool {
        let known = self.enabled.get(account);
        known.is_some_and(|it| it.as_ref().is_ok_and(|it| !it.contains(region)))
    }

    /// Who administers a service in a Region, as the service says.
    pub(crate) fn regional(&self, service: &str, region: &str) -> Seen<Option<&str>> {
        match self.regional.get(&(service.to_owned(), region.to_owned())) {
            Some(Ok(found)) => Ok(found.as_deref()),
            Some(Err(reason)) => Err(reason.clone()),
            None => Err("it was not read".to_owned()),
        }
    }
}
