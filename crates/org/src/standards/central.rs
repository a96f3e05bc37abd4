//! Central configuration (`organization.md` S-5): the fewest policies for a file, each on the
//! highest possible units.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::facts::{CentralFacts, OUR_POLICIES, StandardsFacts};
use super::file::{ControlEntry, ControlStatus, StandardsFile};
use super::names::{ControlName, ControlPlace, offered_as, short_name};
use super::units::{StandardsAccount, UnitTree};

/// A policy is complete: unnamed standards are off, unnamed controls on.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CentralPolicy {
    pub standards: BTreeSet<String>,
    pub off: BTreeSet<String>,
}

impl CentralPolicy {
    /// Derived from the content, with Hallpass's prefix.
    pub fn name(&self) -> String {
        let text = serde_json::to_string(self).unwrap_or_default();
        let hash: String = hallpass_plans::hash(&text).chars().take(12).collect();
        format!("{OUR_POLICIES}{hash}")
    }
}

type CentralPlan = BTreeMap<String, CentralPolicy>;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CentralRow {
    pub target: String,
    /// The policy, or why there is a foreign one.
    pub policy: Result<CentralPolicy, String>,
}

/// A row per place with a wanted or a foreign policy.
pub fn central_rows(
    file: &StandardsFile,
    facts: &StandardsFacts,
    central: &CentralFacts,
    today: Date,
    is_meant: impl Fn(&StandardsAccount) -> bool,
) -> Vec<CentralRow> {
    let mut rows: BTreeMap<String, Result<CentralPolicy, String>> = BTreeMap::new();
    let foreign: BTreeSet<&str> = central.foreign(&facts.tree.root).collect();
    for target in &foreign {
        let policy = central.held.get(*target).map_or("", String::as_str);
        let name = central.names.get(policy).map_or(policy, String::as_str);
        let why = format!("it has the foreign policy `{name}`");
        rows.insert((*target).to_owned(), Err(why));
    }
    let governed = facts.governed.places(&facts.tree, &is_meant);
    rows.extend(governed.into_iter().map(|(target, why)| (target, Err(why))));
    let is_free = |id: &str| {
        let account = facts.tree.accounts.get(id);
        account.is_some_and(|it| {
            let mut nearest = [&it.id].into_iter().chain(it.units.iter().rev());
            let own = nearest.find(|it| central.held.contains_key(*it));
            let governed = facts.governed.governs(it);
            is_meant(it) && !governed && own.is_none_or(|it| !foreign.contains(it.as_str()))
        })
    };
    let mut plan = central_plan(file, &facts.tree, &central.offered, today, is_free);
    keep_ours(&mut plan, &facts.tree, central);
    rows.extend(
        plan.into_iter()
            .map(|(target, policy)| (target, Ok(policy))),
    );
    let rows = rows.into_iter();
    rows.map(|(target, policy)| CentralRow { target, policy })
        .collect()
}

fn keep_ours(plan: &mut CentralPlan, tree: &UnitTree, central: &CentralFacts) {
    let mut more = CentralPlan::new();
    for target in central.ours().filter(|it| !plan.contains_key(*it)) {
        let path = tree.accounts.get(target).map(|it| &it.units);
        let below = tree.accounts.values().find_map(|it| {
            let at = it.units.iter().position(|unit| unit == target)?;
            it.units.get(..at).map(<[String]>::to_vec)
        });
        let above = path.cloned().or(below).unwrap_or_default();
        let policy = above.iter().rev().find_map(|it| plan.get(it));
        if let Some(policy) = policy {
            more.insert(target.to_owned(), policy.clone());
        }
    }
    plan.extend(more);
}

/// File entries impossible in central configuration, with lines.
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

/// Policies for the active accounts selected by `is_meant`; others get none. `offered`: standards
/// of the home Region.
fn central_plan(
    file: &StandardsFile,
    tree: &UnitTree,
    offered: &BTreeSet<String>,
    today: Date,
    is_meant: impl Fn(&str) -> bool,
) -> CentralPlan {
    let mut units: BTreeMap<&str, UnitNode<'_>> = BTreeMap::new();
    for account in tree.accounts.values() {
        // suspended accounts have no effect: any policy fits
        let wanted = match (account.active, is_meant(&account.id)) {
            (false, _) => continue,
            (true, false) => None,
            (true, true) => Some(policy(file, tree, account, offered, today)),
        };
        let mut above: Option<&str> = None;
        for unit in &account.units {
            units.entry(unit).or_default();
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

#[derive(Default)]
struct UnitNode<'a> {
    units: BTreeSet<&'a str>,
    /// `None` for an unselected account.
    accounts: BTreeMap<&'a str, Option<CentralPolicy>>,
}

/// A unit's cheapest policies; `None` if an account below is not selected.
type Choices<'a> = BTreeMap<&'a str, Option<BTreeSet<CentralPolicy>>>;

/// Bottom-up: the policies most children could inherit.
fn choices<'a>(units: &BTreeMap<&'a str, UnitNode<'a>>, root: &'a str) -> Choices<'a> {
    let mut order = vec![root];
    let mut at = 0;
    while let Some(unit) = order.get(at).copied() {
        let node = units.get(unit);
        order.extend(node.into_iter().flat_map(|it| it.units.iter().copied()));
        at += 1;
    }
    let mut found = Choices::new();
    for unit in order.into_iter().rev() {
        let Some(node) = units.get(unit) else {
            continue;
        };
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

/// Top-down: a unit inherits if that is as cheap as any.
fn place(
    units: &BTreeMap<&str, UnitNode<'_>>,
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

fn policy(
    file: &StandardsFile,
    tree: &UnitTree,
    account: &StandardsAccount,
    offered: &BTreeSet<String>,
    today: Date,
) -> CentralPolicy {
    let wanted = file.wanted(tree, account, None, today);
    let on = wanted.standards.iter().filter(|(_, on)| **on);
    let standards: BTreeSet<String> = on
        .filter_map(|(name, _)| offered_as(offered, name).cloned())
        .collect();
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
