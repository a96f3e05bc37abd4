//! What was read of Security Hub.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use super::file::ControlStatus;
use super::governed::GovernedFacts;
use super::units::{StandardsAccount, UnitTree};

/// How names of our policies begin.
pub(super) const OUR_POLICIES: &str = "hallpass-";

/// A control in a standard, as AWS is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ControlUpdate {
    /// The standard.
    #[serde(rename = "StandardsArn")]
    pub standard: String,
    /// The control.
    #[serde(rename = "SecurityControlId")]
    pub control: String,
    /// Whether it is on.
    #[serde(rename = "AssociationStatus")]
    pub status: ControlStatus,
    /// Why the control is off, as Security Hub keeps it.
    #[serde(
        rename = "UpdatedReason",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub reason: Option<String>,
}

/// A control as the file names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedControl {
    /// `IAM.6`, or an ARN with open places.
    pub name: String,
    /// Whether it is to be on.
    pub status: ControlStatus,
    /// Why it is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// In these standards, by their short names; none: in all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standards: Option<Vec<String>>,
}

/// A standard that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardSubscription {
    /// The standard: an ARN.
    pub standard: String,
    /// The subscription: an ARN.
    pub arn: String,
    /// `PENDING`, `READY`, `FAILED`, `DELETING` or `INCOMPLETE`.
    pub status: String,
    /// Whether its controls can be changed now.
    pub updatable: bool,
    /// Why it is not `READY`; empty where nobody says.
    pub reason: String,
}

impl StandardSubscription {
    /// Whether it is on, or about to be.
    pub fn is_on(&self) -> bool {
        self.status != "DELETING"
    }

    /// What went wrong with it, and what would help.
    pub(super) fn trouble(&self) -> Option<String> {
        if !["FAILED", "INCOMPLETE"].contains(&self.status.as_str()) {
            return None;
        }
        let hint = match self.reason.as_str() {
            "NO_AVAILABLE_CONFIGURATION_RECORDER" => ": turn on AWS Config",
            _ => "",
        };
        Some(format!(
            "{} is {}: {}{hint}",
            self.standard, self.status, self.reason
        ))
    }
}

/// How a control stands in a standard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlAssociation {
    /// Whether it is on.
    pub status: ControlStatus,
    /// Why, as somebody said.
    pub reason: Option<String>,
    /// What the control is called in the standard: ARNs.
    pub arns: Vec<String>,
    /// When it was changed last, as far as AWS says it.
    pub updated: Option<Timestamp>,
}

/// Security Hub in an account and a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubState {
    /// It is on, with a finding for each control.
    On,
    /// It is on, with a finding for each control in each standard (`STANDARD_CONTROL`).
    OnByStandard,
    /// It is off.
    Off,
}

/// What a Region says of Security Hub in an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFacts {
    /// Whether it is on.
    pub state: HubState,
    /// The standards that the Region offers: ARNs.
    pub offered: BTreeSet<String>,
    /// The standards that are on.
    pub subscriptions: Vec<StandardSubscription>,
    /// The controls of standards that are there in the Region, by ARN of the standard.
    pub controls: BTreeMap<String, BTreeSet<String>>,
    /// Controls that the Region knows of and that none of these standards has; read only where a file names one.
    pub other_controls: BTreeSet<String>,
    /// How controls of standards that are on stand, by ARN of the standard and id.
    pub associations: BTreeMap<(String, String), ControlAssociation>,
}

/// Controls of a standard that is turned on are changed in so much time, by nobody.
const COMES_ON_WITHIN: TimeSpan = TimeSpan::minutes(10);

impl HubFacts {
    /// Whether somebody turned a control on by itself, in place of the standard all of whose controls come on with it:
    /// AWS says of it alone, or of a later instant, that it was changed.
    pub(super) fn was_turned_on(&self, standard: &str, control: &str) -> bool {
        let key = (standard.to_owned(), control.to_owned());
        let found = self.associations.get(&key);
        let on = found.filter(|it| it.status == ControlStatus::Enabled);
        let Some(at) = on.and_then(|it| it.updated) else {
            return false;
        };
        let of = self
            .associations
            .iter()
            .filter(|((it, _), _)| it == standard)
            .map(|(_, it)| it.updated);
        let first = of.min().flatten();
        first.is_none_or(|first| at > COMES_ON_WITHIN.after(first))
    }

    /// The subscription of a standard that is on.
    pub(super) fn subscription(&self, standard: &str) -> Option<&StandardSubscription> {
        let mut all = self.subscriptions.iter();
        all.find(|it| it.standard == standard && it.is_on())
    }
}

/// What is known of an account and a Region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HubLook {
    /// All of it.
    Seen(Box<HubFacts>),
    /// It was left out, and why.
    Skipped(String),
    /// It cannot be changed from here, and why.
    Blocked(String),
    /// It could not be read, and why.
    Unread(String),
}

/// What the administrator of an organization configures by policies.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CentralFacts {
    /// The administrator.
    pub administrator: String,
    /// The Region that policies are written in.
    pub home: String,
    /// The standards that this Region offers.
    pub offered: BTreeSet<String>,
    /// Policies, by the root, unit or account that they were put on.
    pub held: BTreeMap<String, String>,
    /// Names of policies.
    pub names: BTreeMap<String, String>,
}

/// Where an organization is configured by policies, or would be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentralHome {
    /// The administrator.
    pub account: AccountId,
    /// The Region that its findings are collected in.
    pub region: String,
}

/// Why nobody can configure an organization by policies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCentralHome {
    /// Organizations knows no administrator of Security Hub.
    #[error("Security Hub has no delegated administrator")]
    Administrator,
    /// The administrator collects findings nowhere.
    #[error("the administrator of Security Hub, {administrator}, has no finding aggregator")]
    Aggregator {
        /// The account.
        administrator: String,
    },
}

/// The policy of whoever looks after itself.
pub(super) const SELF_MANAGED: &str = "SELF_MANAGED_SECURITY_HUB";

impl CentralFacts {
    fn is_ours(&self, policy: &str) -> bool {
        let name = self.names.get(policy);
        name.is_some_and(|it| it.starts_with(OUR_POLICIES))
    }

    /// Where policies of ours were put.
    pub(super) fn ours(&self) -> impl Iterator<Item = &str> {
        let all = self.held.iter().filter(|(_, policy)| self.is_ours(policy));
        all.map(|(target, _)| target.as_str())
    }

    /// Where somebody else put one, or chose to have none; at the root none is what there is before anybody chose.
    pub(super) fn foreign(&self, root: &str) -> impl Iterator<Item = &str> {
        let all = self.held.iter().filter(move |(target, policy)| {
            let is_unchosen = *target == root && *policy == SELF_MANAGED;
            !is_unchosen && !self.is_ours(policy)
        });
        all.map(|(target, _)| target.as_str())
    }
}

/// What was read of an organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardsFacts {
    /// The organization.
    pub organization: String,
    /// Its management account.
    pub management: String,
    /// Its units and accounts.
    pub tree: UnitTree,
    /// What its administrator configures by policies; none where each account and Region has its own standards.
    pub central: Option<CentralFacts>,
    /// What policies of Organizations govern.
    pub governed: GovernedFacts,
    /// Accounts that were meant, by account and Region.
    pub hubs: BTreeMap<(String, String), HubLook>,
}

impl StandardsFacts {
    /// The policy of an account: its own, else that of the nearest unit; none where it looks after itself.
    fn policy_of<'a>(&'a self, account: &StandardsAccount) -> Option<(&'a CentralFacts, &'a str)> {
        let central = self.central.as_ref()?;
        let mut nearest = [&account.id].into_iter().chain(account.units.iter().rev());
        let found = nearest.find_map(|it| central.held.get(it));
        let found = found.map(String::as_str).filter(|it| *it != SELF_MANAGED);
        Some((central, found?))
    }

    /// That policies of the administrator configure an account, in words.
    pub(super) fn managed(&self, account: &StandardsAccount) -> Option<String> {
        let (central, policy) = self.policy_of(account)?;
        let name = central.names.get(policy).map_or(policy, String::as_str);
        Some(format!("centrally managed: policy {name}"))
    }
}
