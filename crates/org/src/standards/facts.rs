//! Facts of Security Hub.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{AccountId, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use super::file::ControlStatus;
use super::governed::GovernedFacts;
use super::units::{StandardsAccount, UnitTree};

/// Prefix of Hallpass policies.
pub(super) const OUR_POLICIES: &str = "hallpass-";

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ControlUpdate {
    #[serde(rename = "StandardsArn")]
    pub standard: String,
    #[serde(rename = "SecurityControlId")]
    pub control: String,
    #[serde(rename = "AssociationStatus")]
    pub status: ControlStatus,
    #[serde(
        rename = "UpdatedReason",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub reason: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamedControl {
    /// `IAM.6`, or an ARN with placeholders.
    pub name: String,
    pub status: ControlStatus,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Short names; `None` for all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standards: Option<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardSubscription {
    pub standard: String,
    pub arn: String,
    /// `PENDING`, `READY`, `FAILED`, `DELETING` or `INCOMPLETE`.
    pub status: String,
    /// Its controls can be changed now.
    pub updatable: bool,
    pub reason: String,
}

impl StandardSubscription {
    /// True if enabled or being enabled.
    pub fn is_on(&self) -> bool {
        self.status != "DELETING"
    }

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

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlAssociation {
    pub status: ControlStatus,
    pub reason: Option<String>,
    /// ARNs of the control in the standard.
    pub arns: Vec<String>,
    pub updated: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HubState {
    /// One finding per control.
    On,
    /// One finding per control and standard (`STANDARD_CONTROL`).
    OnByStandard,
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFacts {
    pub state: HubState,
    pub offered: BTreeSet<String>,
    pub subscriptions: Vec<StandardSubscription>,
    pub controls: BTreeMap<String, BTreeSet<String>>,
    /// Known controls outside these standards; read only if a file names one.
    pub other_controls: BTreeSet<String>,
    /// By standard ARN and control id.
    pub associations: BTreeMap<(String, String), ControlAssociation>,
}

/// Changes within this time after a standard is enabled are automatic.
const COMES_ON_WITHIN: TimeSpan = TimeSpan::minutes(10);

impl HubFacts {
    /// Detects a manually enabled control: it changed alone, or later than the standard's first
    /// control by more than the limit.
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

    pub(super) fn subscription(&self, standard: &str) -> Option<&StandardSubscription> {
        let mut all = self.subscriptions.iter();
        all.find(|it| it.standard == standard && it.is_on())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HubLook {
    Seen(Box<HubFacts>),
    Skipped(String),
    Blocked(String),
    Unread(String),
}

/// Central configuration of the organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CentralFacts {
    pub administrator: String,
    pub home: String,
    pub offered: BTreeSet<String>,
    pub held: BTreeMap<String, String>,
    pub names: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentralHome {
    pub account: AccountId,
    /// The finding aggregation Region.
    pub region: String,
}

/// Why central configuration is impossible.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoCentralHome {
    /// No delegated administrator of Security Hub.
    #[error("Security Hub has no delegated administrator")]
    Administrator,
    /// No finding aggregation.
    #[error("the administrator of Security Hub, {administrator}, has no finding aggregator")]
    Aggregator { administrator: String },
}

pub(super) const SELF_MANAGED: &str = "SELF_MANAGED_SECURITY_HUB";

impl CentralFacts {
    fn is_ours(&self, policy: &str) -> bool {
        let name = self.names.get(policy);
        name.is_some_and(|it| it.starts_with(OUR_POLICIES))
    }

    pub(super) fn ours(&self) -> impl Iterator<Item = &str> {
        let all = self.held.iter().filter(|(_, policy)| self.is_ours(policy));
        all.map(|(target, _)| target.as_str())
    }

    /// Foreign policies, and explicit self-management; at the root, self-management is the default.
    pub(super) fn foreign(&self, root: &str) -> impl Iterator<Item = &str> {
        let all = self.held.iter().filter(move |(target, policy)| {
            let is_unchosen = *target == root && *policy == SELF_MANAGED;
            !is_unchosen && !self.is_ours(policy)
        });
        all.map(|(target, _)| target.as_str())
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StandardsFacts {
    pub organization: String,
    pub management: String,
    pub tree: UnitTree,
    /// `None` if accounts and Regions are configured locally.
    pub central: Option<CentralFacts>,
    pub governed: GovernedFacts,
    /// Selected accounts, by account and Region.
    pub hubs: BTreeMap<(String, String), HubLook>,
}

impl StandardsFacts {
    /// Its own policy, else the nearest unit's; `None` if self-managed.
    fn policy_of<'a>(&'a self, account: &StandardsAccount) -> Option<(&'a CentralFacts, &'a str)> {
        let central = self.central.as_ref()?;
        let mut nearest = [&account.id].into_iter().chain(account.units.iter().rev());
        let found = nearest.find_map(|it| central.held.get(it));
        let found = found.map(String::as_str).filter(|it| *it != SELF_MANAGED);
        Some((central, found?))
    }

    pub(super) fn managed(&self, account: &StandardsAccount) -> Option<String> {
        let (central, policy) = self.policy_of(account)?;
        let name = central.names.get(policy).map_or(policy, String::as_str);
        Some(format!("centrally managed: policy {name}"))
    }
}
