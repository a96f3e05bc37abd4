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

#[derive(Clone, Copy)]
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
        .filter_map(|(item, action)| Some((*item, drift(&item.key, *action, fresh)?)));
    let differing: Vec<(&SweepItem, PlanDrift)> = differs.collect();
    if let Some((item, how)) = differing.first() {
        return Err(StandingRefused::PlanChanged {
            count: differing.len(),
            first: format!("{} of {} {}", item.names, item.holder_name(), how.words()),
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

/// How access differs from the plan that would act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PlanDrift {
    Held,
    Accepted,
    Preexisting,
    Unread,
    Gone,
    NobodyToHold,
}

impl PlanDrift {
    const fn words(self) -> &'static str {
        match self {
            Self::Held => "is held by a grant",
            Self::Accepted => "is accepted",
            Self::Preexisting => "existed before a grant",
            Self::Unread => "cannot be read",
            Self::Gone => "is gone",
            Self::NobodyToHold => "has no user to hold it",
        }
    }
}

pub(crate) fn drift(key: &HoldKey, action: SweepAction, fresh: &Fresh<'_>) -> Option<PlanDrift> {
    if fresh.held.ours.contains(key) || fresh.held.under_grant.contains(key) {
        return Some(PlanDrift::Held);
    }
    let mut patterns = fresh.settings.standing.iter();
    if fresh.accepted.contains_key(key)
        || patterns.any(|pattern| pattern.covers(key, fresh.directory))
    {
        return Some(PlanDrift::Accepted);
    }
    let found = fresh.held.stood_before(key);
    if found.is_some_and(|at| fresh.listing.began < PREEXISTING_FOR.after(at)) {
        return Some(PlanDrift::Preexisting);
    }
    if fresh.listing.not_read().contains(&key.target) {
        return Some(PlanDrift::Unread);
    }
    if !fresh.listing.seen.contains_key(key) {
        return Some(PlanDrift::Gone);
    }
    match action {
        SweepAction::Adopt { .. } if person(key, fresh.directory).is_none() => {
            Some(PlanDrift::NobodyToHold)
        }
        SweepAction::Adopt { .. } | SweepAction::Remove => None,
    }
}
