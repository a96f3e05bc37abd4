//! Confirms a plan, which runs exactly as displayed or not at all.

use std::collections::BTreeMap;

use hallpass_audit::Event;
use hallpass_base::HoldKey;
use hallpass_rules::Directory;

use crate::records::{Doer, StepContext};
use crate::sweep::{SweepAwaits, confirmed, person};
use crate::{
    Accepted, Actor, Change, Consent, DigestKind, Fate, Held, PREEXISTING_FOR, StandingListing,
    StandingRefused, Sweep, SweepAction, SweepItem, SweepSettings, SweepState, Write,
};

/// Whether the user confirms an exceeded limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RemovalLimit {
    Keep,
    Exceed,
}

pub(crate) struct Fresh<'a> {
    /// The plan's places, read just now.
    pub(crate) listing: &'a StandingListing,
    pub(crate) held: &'a Held,
    pub(crate) accepted: &'a BTreeMap<HoldKey, Accepted>,
    pub(crate) directory: &'a Directory,
    pub(crate) settings: &'a SweepSettings,
}

/// Starts the plan if the state still matches it.
pub(crate) fn confirm(
    sweep: &Sweep,
    items: &[SweepItem],
    limits: RemovalLimit,
    actor: &Actor,
    fresh: &Fresh<'_>,
    step: StepContext<'_>,
) -> Result<Change, StandingRefused> {
    waits(sweep, limits)?;
    if sweep.mode != fresh.settings.mode {
        return Err(StandingRefused::ModeChanged {
            now: fresh.settings.mode.name(),
        });
    }
    let planned: Vec<(&SweepItem, SweepAction)> = items
        .iter()
        .filter_map(|item| match item.fate {
            Fate::Planned { action } => Some((item, action)),
            _ => None,
        })
        .collect();
    let differs = planned
        .iter()
        .filter_map(|(item, action)| Some((*item, differs(item, *action, fresh)?)));
    let differing: Vec<(&SweepItem, &'static str)> = differs.collect();
    if let Some((item, how)) = differing.first() {
        return Err(StandingRefused::PlanChanged {
            count: differing.len(),
            first: format!("{} of {} {how}", item.names, item.holder_name()),
        });
    }
    let due = planned.iter().map(|(item, action)| {
        Write::Update(SweepItem {
            fate: Fate::Due { action: *action },
            ..(*item).clone()
        })
    });
    let next = Sweep {
        state: SweepState::Working { since: step.now },
        consent: Some(Consent {
            by: actor.email.clone(),
            at: step.now,
        }),
        ..sweep.clone()
    };
    let count = planned.len();
    let record = step
        .of_sweep(Event::SweepConfirmed, Doer::Person(actor), sweep)
        .why(&format!("{count} items, {}", sweep.mode.name()));
    let told = confirmed(&actor.name, sweep, items);
    Ok(Change {
        audit: vec![record],
        digests: vec![step.digest(DigestKind::SweepFound, sweep.id, told)],
        sweeps: vec![Write::Update(next)],
        sweep_items: due.collect(),
        ..Change::default()
    })
}

/// Whether the run waits for this confirmation.
fn waits(sweep: &Sweep, limits: RemovalLimit) -> Result<(), StandingRefused> {
    match (sweep.state.awaits(), limits) {
        (Some(SweepAwaits::MoreThanMay(brake)), RemovalLimit::Keep) => {
            Err(StandingRefused::OverLimit { brake })
        }
        (Some(_), _) => Ok(()),
        (None, _) => Err(StandingRefused::NoPlan {
            state: sweep.state.name(),
        }),
    }
}

fn differs(item: &SweepItem, action: SweepAction, fresh: &Fresh<'_>) -> Option<&'static str> {
    let key = &item.key;
    if fresh.held.ours.contains(key) || fresh.held.under_grant.contains(key) {
        return Some("is held by a grant");
    }
    let mut patterns = fresh.settings.standing.iter();
    if fresh.accepted.contains_key(key)
        || patterns.any(|pattern| pattern.covers(key, fresh.directory))
    {
        return Some("is accepted");
    }
    let found = fresh.held.stood_before(key);
    if found.is_some_and(|at| fresh.listing.began < PREEXISTING_FOR.after(at)) {
        return Some("existed before a grant");
    }
    if fresh.listing.not_read().contains(&key.target) {
        return Some("cannot be read");
    }
    if !fresh.listing.seen.contains_key(key) {
        return Some("is gone");
    }
    match action {
        SweepAction::Adopt { .. } if person(key, fresh.directory).is_none() => {
            Some("has no user to hold it")
        }
        SweepAction::Adopt { .. } | SweepAction::Remove => None,
    }
}
