//! What is known of an organization before accounts are enrolled.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::control_tower::{EnabledBaseline, EnabledControl, LandingZone, UnitBaseline};
use crate::reading::ReadFact;
use crate::vending::UnitFacts;

/// An account of the organization.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnrolmentAccount {
    /// Its id.
    pub id: AccountId,
    /// Its name.
    pub name: String,
    /// The address of its root user.
    pub email: String,
    /// `ACTIVE`, or why nothing can be done in it.
    pub state: String,
}

/// Config in an account and a Region.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegionConfig {
    /// The recorder as Config describes it.
    pub recorder: Option<Value>,
    /// Whether it records.
    pub recording: bool,
    /// The delivery channel as Config describes it.
    pub channel: Option<Value>,
}

/// What was found inside an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsideFacts {
    /// The root or unit it stands in.
    pub parent: ReadFact<String>,
    /// Whether Control Tower could enter it.
    pub execution_role: ReadFact<bool>,
    /// A role that lets us in.
    pub trusted: ReadFact<Option<String>>,
    /// Config in each governed Region; empty where nothing lets us in.
    pub config: BTreeMap<String, ReadFact<RegionConfig>>,
    /// Trails of its own.
    pub trails: Option<ReadFact<Vec<String>>>,
    /// Regions with interfaces in a default VPC.
    pub default_vpcs: Option<ReadFact<Vec<String>>>,
    /// Governed Regions that are off in it.
    pub regions_off: ReadFact<Vec<String>>,
}

/// What holds in a unit or the root itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GovernedPart {
    /// Names of the service control policies attached to it.
    pub policies: ReadFact<Vec<String>>,
    /// Controls that are on in it.
    pub controls: ReadFact<Vec<EnabledControl>>,
}

/// What is known.
#[derive(Clone, Debug)]
pub struct EnrolmentFacts {
    /// The organization, `o-…`.
    pub organization: String,
    /// Its management account.
    pub management: String,
    /// Who we are.
    pub caller: String,
    /// What ARNs of its parts begin with: `arn:aws:organizations::111111111111`.
    pub arns: String,
    /// The root.
    pub root: String,
    /// Units at every depth.
    pub units: Vec<UnitFacts>,
    /// Every account.
    pub accounts: BTreeMap<AccountId, EnrolmentAccount>,
    /// Accounts that stand directly in units that are meant.
    pub standing: BTreeMap<String, Vec<AccountId>>,
    /// The landing zone.
    pub zone: Option<LandingZone>,
    /// Baselines of units and accounts, by the ARN of what they are on.
    pub baselines: BTreeMap<String, EnabledBaseline>,
    /// Whether controls are on in accounts that are meant, and have no baseline themselves or from their unit.
    pub controlled: BTreeMap<AccountId, ReadFact<bool>>,
    /// What the unit is registered with that all are meant of, where Control Tower does not govern it yet.
    pub registering: Option<UnitBaseline>,
    /// Whether stack sets may enter accounts of the organization; `None` where nobody wants them to.
    pub stack_sets: Option<ReadFact<bool>>,
    /// Products of Account Factory that are under way.
    pub products_in_change: ReadFact<Vec<String>>,
    /// Accounts that are meant, from inside.
    pub inside: BTreeMap<AccountId, InsideFacts>,
    /// What holds in the root and the units that matter.
    pub governed: BTreeMap<String, GovernedPart>,
}

impl EnrolmentFacts {
    /// The partition of the organization: `aws`, `aws-us-gov`, `aws-cn`.
    pub(super) fn partition(&self) -> &str {
        self.arns.split(':').nth(1).unwrap_or("aws")
    }

    /// The ARN of a unit.
    pub(crate) fn unit_arn(&self, unit: &str) -> String {
        format!("{}:ou/{}/{unit}", self.arns, self.organization)
    }

    /// The ARN of an account.
    pub(crate) fn account_arn(&self, account: &AccountId) -> String {
        format!("{}:account/{}/{account}", self.arns, self.organization)
    }

    /// A unit and all above it, the root last.
    pub(crate) fn path(&self, unit: &str) -> Vec<String> {
        let mut path = vec![unit.to_owned()];
        let mut at = unit;
        // a tree is at most six deep; a broken answer must not go round in circles
        while let Some(found) = self.units.iter().find(|it| it.id == at) {
            if path.len() > self.units.len() {
                break;
            }
            path.push(found.parent.clone());
            at = &found.parent;
        }
        path
    }

    /// How people call a unit or the root.
    pub fn unit_name<'a>(&'a self, unit: &'a str) -> &'a str {
        let found = self.units.iter().find(|it| it.id == unit);
        found.map_or(if unit == self.root { "Root" } else { unit }, |it| {
            it.name.as_str()
        })
    }
}
