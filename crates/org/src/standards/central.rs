//! Central configuration (`organization.md` S-5): the fewest policies that say what a file says, each on the highest
//! units that fit.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;

use super::facts::ControlStatus;
use super::file::{ControlEntry, StandardsFile};
use super::names::{ControlName, ControlPlace, offered_as, short_name};
use super::units::{StandardsAccount, UnitTree};

/// What a policy says: it says everything, so what it does not name is off, or, of controls, on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
pub struct CentralPolicy {
    /// Standards that are on: ARNs of the home Region.
    pub standards: BTreeSet<String>,
    /// Controls that are off in all of them.
    pub off: BTreeSet<String>,
}

impl CentralPolicy {
    /// Its name: the same for the same policy, and told from those of others.
    pub fn name(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let hash: String = hallpass_runner::hash(&text).chars().take(12).collect();
        format!("hallpass-{hash}")
    }
}

/// Policies by what they hold for: a root, a unit or an account.
pub type CentralPlan = BTreeMap<String, CentralPolicy>;

/// What a file says that central configuration cannot, each with its line.
pub fn needs_local_mode(file: &StandardsFile) -> Vec<String> {
    let mut all = Vec::new();
    for layer in &file.layers {
        if let Some(region) = &layer.place.region {
            all.push(format!(
                "line {}: needs local mode: a central policy holds in every Region, not in {region} alone",
                layer.line
            ));
        }
    }
    let entries = file.layers.iter().flat_map(|it| &it.controls);
    for entry in entries.chain(file.exceptions.iter().map(|(_, it)| it)) {
        let name = entry.name.as_str();
        if entry.standards.is_some() || matches!(entry.name, ControlName::Arn(_)) {
            all.push(format!(
                "line {}: needs local mode: a central policy has `{name}` on or off in all standards",
                entry.line
            ));
        }
    }
    all
}

/// The policies that say what a file says for accounts that are active and whose id `is_meant`; what is not meant is
/// under none of them. `offered` are the standards of the home Region.
pub fn central_plan(
    file: &StandardsFile,
    tree: &UnitTree,
    offered: &BTreeSet<String>,
    today: Date,
    is_meant: impl Fn(&str) -> bool,
) -> CentralPlan {
    let mut units: BTreeMap<&str, Node<'_>> = BTreeMap::new();
    for account in tree.accounts.values() {
        // nobody has anything of a suspended account: it may be under any policy
        let wanted = match (account.active, is_meant(&account.id)) {
            (false, _) => continue,
            (true, false) => None,
            (true, true) => Some(policy(file, tree, account, offered, today)),
        };
        let mut above: Option<&str> = None;
        for unit in &account.units {
            let node = units.entry(unit).or_default();
            node.depth = node.depth.max(above.map_or(0, |_| 1));
            if let Some(parent) = above {
                units.entry(parent).or_default().units.insert(unit);
            }
            above = Some(unit);
        }
        if let Some(parent) = above {
            let node = units.entry(parent).or_default();
            node.accounts.insert(&account.id, wanted);
        }
    }
    let mut plan = CentralPlan::new();
    let choices = choices(&units, &tree.root);
    place(&units, &choices, &tree.root, None, &mut plan);
    plan
}

/// A unit with what stands in it.
#[derive(Default)]
struct Node<'a> {
    depth: usize,
    units: BTreeSet<&'a str>,
    /// None of an account that is not meant.
    accounts: BTreeMap<&'a str, Option<CentralPolicy>>,
}

/// The policies that a unit may have at the least cost below it; none of it where somebody below is not meant.
type Choices<'a> = BTreeMap<&'a str, Option<BTreeSet<CentralPolicy>>>;

/// From the leaves up: what most of the children could inherit.
fn choices<'a>(units: &BTreeMap<&'a str, Node<'a>>, root: &'a str) -> Choices<'a> {
    let mut order = vec![root];
    let mut at = 0;
    while let Some(unit) = order.get(at).copied() {
        let node = units.get(unit);
        order.extend(node.into_iter().flat_map(|it| it.units.iter().copied()));
        at += 1;
    }
    let mut found = Choices::new();
    for unit in order.into_iter().rev() {
        let Some(node) = units.get(unit) else { continue };
        let mut votes: BTreeMap<&CentralPolicy, usize> = BTreeMap::new();
        let mut is_whole = true;
        for wanted in node.accounts.values() {
            match wanted {
                Some(policy) => *votes.entry(policy).or_default() += 1,
                None => is_whole = false,
            }
        }
        for below in &node.units {
            match found.get(below) {
                Some(Some(all)) => {
                    for policy in all {
                        *votes.entry(policy).or_default() += 1;
                    }
                }
                Some(None) => is_whole = false,
                None => {}
            }
        }
        let most = votes.values().max().copied().unwrap_or_default();
        let best = votes.iter().filter(|(_, count)| **count == most);
        let best: BTreeSet<CentralPolicy> = best.map(|(policy, _)| (*policy).clone()).collect();
        found.insert(unit, is_whole.then_some(best));
    }
    found
}

/// From the root down: a unit keeps what it has from above where that is as good as any.
fn place(
    units: &BTreeMap<&str, Node<'_>>,
    choices: &Choices<'_>,
    unit: &str,
    above: Option<&CentralPolicy>,
    plan: &mut CentralPlan,
) {
    let Some(node) = units.get(unit) else { return };
    let best = choices.get(unit).and_then(Option::as_ref);
    let own = match (best, above) {
        (Some(best), Some(above)) if best.contains(above) => Some(above),
        (Some(best), _) => best.first().inspect(|it| {
            plan.insert(unit.to_owned(), (*it).clone());
        }),
        (None, _) => None,
    };
    for (account, wanted) in &node.accounts {
        if let Some(wanted) = wanted.as_ref().filter(|it| Some(*it) != own) {
            plan.insert((*account).to_owned(), wanted.clone());
        }
    }
    for below in &node.units {
        place(units, choices, below, own, plan);
    }
}

/// What an account is to have, in every Region.
fn policy(
    file: &StandardsFile,
    tree: &UnitTree,
    account: &StandardsAccount,
    offered: &BTreeSet<String>,
    today: Date,
) -> CentralPolicy {
    let wanted = file.wanted(tree, account, None, today);
    let on = wanted.standards.iter().filter(|(_, on)| **on);
    let standards: BTreeSet<String> =
        on.filter_map(|(name, _)| offered_as(offered, name).cloned()).collect();
    let short = standards.first().map_or("", |it| short_name(it)).to_owned();
    let is_off = |entry: &&ControlEntry| {
        let place = ControlPlace {
            account: &account.id,
            region: "",
            short: &short,
            id: entry.name.as_str(),
            arns: &[],
        };
        let counts = wanted.entry(&place);
        counts.is_some_and(|it| it.status == ControlStatus::Disabled)
    };
    let off = wanted.entries().filter(is_off);
    CentralPolicy {
        off: off.map(|it| it.name.as_str().to_owned()).collect(),
        standards,
    }
}
