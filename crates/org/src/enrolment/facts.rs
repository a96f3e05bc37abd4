use std::collections::BTreeMap;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control_tower::{EnabledBaseline, EnabledControl, LandingZone, UnitBaseline};
use crate::reading::ReadFact;
use crate::vending::UnitFacts;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentAccount {
    pub id: AccountId,
    pub name: String,
    pub email: String,
    pub state: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionConfig {
    pub recorder: Option<Value>,
    pub recording: bool,
    pub channel: Option<Value>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsideFacts {
    pub parent: ReadFact<String>,
    /// Control Tower can enter the account.
    pub execution_role: ReadFact<bool>,
    pub trusted: ReadFact<Option<String>>,
    /// By governed Region; empty without access.
    pub config: BTreeMap<String, ReadFact<RegionConfig>>,
    pub trails: Option<ReadFact<Vec<String>>>,
    pub default_vpcs: Option<ReadFact<Vec<String>>>,
    /// Governed Regions disabled in it.
    pub regions_off: ReadFact<Vec<String>>,
}

/// Policies and controls directly on a unit or root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GovernedPart {
    pub policies: ReadFact<Vec<String>>,
    pub controls: ReadFact<Vec<EnabledControl>>,
}

#[derive(Clone, Debug)]
pub struct EnrolmentFacts {
    pub organization: String,
    pub management: String,
    pub caller: String,
    pub arns: String,
    pub root: String,
    pub units: Vec<UnitFacts>,
    pub accounts: BTreeMap<AccountId, EnrolmentAccount>,
    pub standing: BTreeMap<String, Vec<AccountId>>,
    pub zone: Option<LandingZone>,
    pub baselines: BTreeMap<String, EnabledBaseline>,
    /// Controls on selected accounts without a baseline, own or inherited.
    pub controlled: BTreeMap<AccountId, ReadFact<bool>>,
    pub registering: Option<UnitBaseline>,
    /// Trusted access of stack sets; `None` if not needed.
    pub stack_sets: Option<ReadFact<bool>>,
    /// Account Factory products in progress.
    pub products_in_change: ReadFact<Vec<String>>,
    pub inside: BTreeMap<AccountId, InsideFacts>,
    pub governed: BTreeMap<String, GovernedPart>,
}

impl EnrolmentFacts {
    pub(super) fn partition(&self) -> &str {
        self.arns.split(':').nth(1).unwrap_or("aws")
    }

    pub(crate) fn unit_arn(&self, unit: &str) -> String {
        format!("{}:ou/{}/{unit}", self.arns, self.organization)
    }

    pub(crate) fn account_arn(&self, account: &AccountId) -> String {
        format!("{}:account/{}/{account}", self.arns, self.organization)
    }

    /// A unit and its ancestors, the root last.
    pub(crate) fn path(&self, unit: &str) -> Vec<String> {
        let mut path = vec![unit.to_owned()];
        let mut at = unit;
        // a tree is at most six deep; the limit stops on a cyclic answer
        while let Some(found) = self.units.iter().find(|it| it.id == at) {
            if path.len() > self.units.len() {
                break;
            }
            path.push(found.parent.clone());
            at = &found.parent;
        }
        path
    }

    pub fn unit_name<'a>(&'a self, unit: &'a str) -> &'a str {
        let found = self.units.iter().find(|it| it.id == unit);
        found.map_or(if unit == self.root { "Root" } else { unit }, |it| {
            it.name.as_str()
        })
    }
}
