//! Compares a file with accounts and Regions.

use std::collections::BTreeSet;

use hallpass_enforcement::standards_visits::{ChangeAuthor, ChangedThing, StandardsChange};
use jiff::civil::Date;

use super::facts::{ControlUpdate, HubFacts, HubLook, HubState, NamedControl, StandardsFacts};
use super::file::{ControlStatus, StandardsFile};
use super::names::{ControlPlace, offered_as, short_name};
use super::wanted::WantedHub;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StandardsChoices {
    pub enable_hub: bool,
    /// Update reasons that alone differ.
    pub update_reasons: bool,
    /// Enable disabled controls that the file does not name.
    pub enable_unnamed: bool,
    /// Handling of manually enabled items.
    pub turned_on: TurnedOn,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TurnedOn {
    /// Disabled: a person reviews the plan.
    #[default]
    GoesOff,
    /// Kept: no one reviews the plan.
    Stays,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HubStanding {
    Compared,
    Blocked(String),
    Skipped(String),
    Unread(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComparedHub {
    pub account: String,
    pub region: String,
    pub standing: HubStanding,
    pub enable_hub: bool,
    /// Standards to enable: ARNs, or short names while Security Hub is off.
    pub enable: Vec<String>,
    /// Standards whose controls are not changeable yet, in the same form.
    pub wait: Vec<String>,
    /// Controls by the file's names, resolved once Security Hub is on.
    pub named: Vec<NamedControl>,
    pub updates: Vec<ControlUpdate>,
    /// Standards to disable: ARNs.
    pub disable: Vec<String>,
    pub reason_only: Vec<ControlUpdate>,
    /// Manually enabled items that stay on against the file.
    pub left_on: Vec<StandardsChange>,
    pub notes: Vec<String>,
}

impl ComparedHub {
    pub fn of(account: &str, region: &str, standing: HubStanding) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            standing,
            enable_hub: false,
            enable: Vec::new(),
            wait: Vec::new(),
            named: Vec::new(),
            updates: Vec::new(),
            disable: Vec::new(),
            reason_only: Vec::new(),
            left_on: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn is_bad(&self) -> bool {
        match self.standing {
            HubStanding::Blocked(_) | HubStanding::Unread(_) => true,
            HubStanding::Compared | HubStanding::Skipped(_) => false,
        }
    }

    pub fn is_as_wanted(&self) -> bool {
        let nothing = self.enable.is_empty() && self.updates.is_empty() && self.disable.is_empty();
        nothing && !self.enable_hub
    }
}

/// One row per account and Region, in order.
pub fn compare(
    file: &StandardsFile,
    facts: &StandardsFacts,
    choices: StandardsChoices,
    today: Date,
) -> Vec<ComparedHub> {
    let rows = facts.hubs.iter().map(|((account, region), look)| {
        let row = |standing| ComparedHub::of(account, region, standing);
        let found = facts.tree.accounts.get(account);
        match (look, found) {
            (HubLook::Seen(hub), Some(found)) => {
                let wanted = file.wanted(&facts.tree, found, Some(region), today);
                let row = row(HubStanding::Compared);
                match hub.state {
                    HubState::On | HubState::OnByStandard => seen(row, hub, &wanted, choices),
                    HubState::Off => off(row, hub, &wanted, choices),
                }
            }
            (HubLook::Seen(_), None) => row(HubStanding::Skipped("no member".to_owned())),
            (HubLook::Skipped(why), _) => row(HubStanding::Skipped(why.clone())),
            (HubLook::Blocked(why), _) => row(HubStanding::Blocked(why.clone())),
            (HubLook::Unread(why), _) => row(HubStanding::Unread(why.clone())),
        }
    });
    rows.collect()
}

fn off(
    mut row: ComparedHub,
    hub: &HubFacts,
    wanted: &WantedHub<'_>,
    choices: StandardsChoices,
) -> ComparedHub {
    if !choices.enable_hub {
        row.standing = HubStanding::Blocked("Security Hub is not enabled".to_owned());
        return row;
    }
    row.enable_hub = true;
    if hub.offered.is_empty() {
        let on = wanted.standards.iter().filter(|(_, is_on)| **is_on);
        row.enable = on.map(|(name, _)| (*name).to_owned()).collect();
        row.wait.clone_from(&row.enable);
        if !row.enable.is_empty() {
            row.named = wanted.named();
        }
        row.notes = wanted.expired();
        row.notes
            .push("its standards and controls are looked up once Security Hub is on".to_owned());
        return row;
    }
    seen(row, hub, wanted, choices)
}

fn seen(
    mut row: ComparedHub,
    hub: &HubFacts,
    wanted: &WantedHub<'_>,
    choices: StandardsChoices,
) -> ComparedHub {
    row.notes = wanted.expired();
    let on: BTreeSet<&String> = hub
        .subscriptions
        .iter()
        .filter(|it| it.is_on())
        .map(|it| &it.standard)
        .collect();
    let (mut enable, mut disable) = (BTreeSet::new(), BTreeSet::new());
    for (name, is_wanted) in &wanted.standards {
        match (offered_as(&hub.offered, name), is_wanted) {
            (Some(arn), true) if !on.contains(arn) => drop(enable.insert(arn)),
            (Some(arn), false) if on.contains(arn) => drop(disable.insert(arn)),
            (None, true) => row
                .notes
                .push(format!("skipped: {name} is not offered here")),
            (Some(_) | None, _) => {}
        }
    }
    let stay: BTreeSet<&String> = on
        .union(&enable)
        .filter(|it| !disable.contains(*it))
        .copied()
        .collect();
    let mut found = Found::default();
    for standard in &stay {
        controls(&mut found, &row, hub, wanted, standard);
    }
    say_missing(&mut row, wanted, &found);
    row.enable = enable.into_iter().cloned().collect();
    row.disable = disable.into_iter().cloned().collect();
    row.updates = found.updates;
    if choices.update_reasons {
        row.updates.extend(found.reasons);
    } else {
        row.reason_only = found.reasons;
    }
    for update in found.unnamed {
        let short = short_name(&update.standard);
        let id = &update.control;
        if choices.enable_unnamed {
            row.updates.push(update);
        } else {
            row.notes
                .push(format!("not in the file: {id} is off in {short}"));
        }
    }
    row.updates.sort();
    if choices.turned_on == TurnedOn::Stays {
        leave_on(&mut row, hub);
    }
    waits(&mut row, hub);
    row
}

/// Keeps enabled standards and manually enabled controls.
fn leave_on(row: &mut ComparedHub, hub: &HubFacts) {
    let region = row.region.clone();
    let stays = |what| StandardsChange {
        region: region.clone(),
        what,
        wanted_on: false,
        author: ChangeAuthor::NotAsked,
    };
    let standards = std::mem::take(&mut row.disable).into_iter();
    let standards = standards.map(|it| stays(ChangedThing::Standard(short_name(&it).to_owned())));
    row.left_on.extend(standards);
    let is_left = |it: &ControlUpdate| {
        it.status == ControlStatus::Disabled && hub.was_turned_on(&it.standard, &it.control)
    };
    let (left, updates) = std::mem::take(&mut row.updates)
        .into_iter()
        .partition(is_left);
    row.updates = updates;
    let left: Vec<ControlUpdate> = left;
    row.left_on.extend(left.into_iter().map(|it| {
        stays(ChangedThing::Control {
            standard: short_name(&it.standard).to_owned(),
            control: it.control,
            reason: None,
        })
    }));
}

#[derive(Default)]
struct Found {
    updates: Vec<ControlUpdate>,
    reasons: Vec<ControlUpdate>,
    unnamed: Vec<ControlUpdate>,
    met: BTreeSet<String>,
}

fn controls(
    found: &mut Found,
    row: &ComparedHub,
    hub: &HubFacts,
    wanted: &WantedHub<'_>,
    standard: &str,
) {
    let known = hub.controls.get(standard);
    for id in known.into_iter().flatten() {
        // a newly enabled standard has all controls on
        let now = hub
            .subscription(standard)
            .and_then(|_| hub.associations.get(&(standard.to_owned(), id.clone())));
        let place = ControlPlace {
            account: &row.account,
            region: &row.region,
            short: short_name(standard),
            id,
            arns: now.map_or(&[], |it| it.arns.as_slice()),
        };
        for entry in wanted.entries().filter(|it| it.name.names(&place)) {
            found.met.insert(entry.name.as_str().to_owned());
        }
        let status = now.map_or(ControlStatus::Enabled, |it| it.status);
        let reason = now.and_then(|it| it.reason.as_ref());
        let update = |status, reason: Option<String>| ControlUpdate {
            standard: standard.to_owned(),
            control: id.clone(),
            status,
            reason,
        };
        match wanted.entry(&place) {
            Some(entry) if entry.status != status => {
                found
                    .updates
                    .push(update(entry.status, entry.reason.clone()));
            }
            Some(entry) if status == ControlStatus::Disabled && entry.reason.as_ref() != reason => {
                found
                    .reasons
                    .push(update(entry.status, entry.reason.clone()));
            }
            None if status == ControlStatus::Disabled => {
                let update = update(ControlStatus::Enabled, None);
                if wanted.names(&place) {
                    found.updates.push(update);
                } else {
                    found.unnamed.push(update);
                }
            }
            Some(_) | None => {}
        }
    }
}

/// Reports named controls that no enabled standard has.
fn say_missing(row: &mut ComparedHub, wanted: &WantedHub<'_>, found: &Found) {
    let over: BTreeSet<&str> = wanted.over.iter().map(|(_, it)| it.name.as_str()).collect();
    let names: BTreeSet<&str> = wanted.entries().map(|it| it.name.as_str()).collect();
    for name in names.into_iter().filter(|it| !over.contains(it)) {
        if !found.met.contains(name) {
            row.notes.push(format!(
                "skipped: {name} is in no standard that is on here, or not available here"
            ));
        }
    }
}

/// Standards that are not ready, and those that failed.
fn waits(row: &mut ComparedHub, hub: &HubFacts) {
    let mut wait: BTreeSet<&String> = row.enable.iter().collect();
    let changed = row.updates.iter().map(|it| it.standard.as_str());
    let changed: BTreeSet<&str> = changed.collect();
    for it in hub
        .subscriptions
        .iter()
        .filter(|it| it.is_on() && !it.updatable)
    {
        if !changed.contains(it.standard.as_str()) {
            continue;
        }
        if let Some(trouble) = it.trouble() {
            row.standing = HubStanding::Blocked(trouble);
        }
        wait.insert(&it.standard);
    }
    row.wait = wait.into_iter().cloned().collect();
}
