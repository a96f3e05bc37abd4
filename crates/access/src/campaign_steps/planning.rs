//! Applies signed answers: kept lines are accepted, and removed ones become the plan of a sweep,
//! which an administrator confirms as displayed.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_audit::Event;
use hallpass_base::{HoldKey, SweepId, Timestamp};

use crate::records::{Doer, StepContext};
use crate::sweep_steps::{Fresh, PlanDrift, drift};
use crate::{
    AcceptanceWrite, Accepted, Actor, AnswerKind, Campaign, CampaignLine, CampaignRefused,
    CampaignState, Change, Fate, ItemChange, ItemKind, ItemSight, LeftAlone, Sweep, SweepAction,
    SweepItem, SweepState, Trigger, Write,
};

pub(crate) struct LinesPlanned<'a> {
    pub(crate) campaign: &'a Campaign,
    pub(crate) lines: &'a [CampaignLine],
    pub(crate) sweep: SweepId,
    /// The earlier plan of the campaign, if it waits: the new one replaces it.
    pub(crate) replaced: Option<Sweep>,
    /// Access that a sweep is removing.
    pub(crate) in_hand: &'a BTreeSet<HoldKey>,
    pub(crate) fresh: &'a Fresh<'a>,
}

pub(crate) fn plan(
    facts: &LinesPlanned<'_>,
    actor: &Actor,
    step: StepContext<'_>,
) -> Result<(Change, Sweep), CampaignRefused> {
    let campaign = facts.campaign;
    let CampaignState::SignedOff { signature, .. } = &campaign.state else {
        return Err(CampaignRefused::NotSignedOff {
            state: campaign.state.name(),
        });
    };
    let outcomes = facts
        .lines
        .iter()
        .map(|line| (line, line.outcome(campaign.unanswered)));
    let (removed, kept): (Vec<_>, Vec<_>) = outcomes.partition(|(_, outcome)| outcome.removes());
    let mut change = accepted(facts, kept.into_iter().map(|(line, _)| line), actor, step);
    let removed = removed.into_iter().map(|(line, _)| line);
    let planned = add_removed(&mut change, facts, removed, (actor, signature.at), step);
    if change.sweep_items.is_empty() && change.accepted.is_empty() {
        return Err(CampaignRefused::NothingToApply);
    }
    let sweep = sweep(facts, planned, actor, step);
    let record = step
        .of_sweep(Event::CampaignPlanned, Doer::Person(actor), &sweep)
        .campaign(campaign.id)
        .why(&format!("{planned} items to remove"));
    change.audit.push(record);
    change.sweeps.push(Write::Insert(sweep.clone()));
    if let Some(earlier) = &facts.replaced {
        change.sweeps.push(Write::Update(Sweep {
            state: SweepState::Replaced {
                at: step.now,
                by: sweep.id,
            },
            ..earlier.clone()
        }));
    }
    change.campaigns.push(Write::Update(Campaign {
        state: CampaignState::SignedOff {
            signature: signature.clone(),
            plan: Some(sweep.id),
        },
        ..campaign.clone()
    }));
    Ok((change, sweep))
}

/// Without anything to remove, the plan is done.
fn sweep(facts: &LinesPlanned<'_>, planned: usize, actor: &Actor, step: StepContext<'_>) -> Sweep {
    Sweep {
        id: facts.sweep,
        trigger: Trigger::Campaign {
            campaign: facts.campaign.id,
            by: actor.email.clone(),
        },
        mode: facts.fresh.settings.mode,
        reach: facts.fresh.settings.reach,
        begun_at: step.now,
        report: None,
        consent: None,
        state: match planned {
            0 => SweepState::Done { at: step.now },
            _ => SweepState::Planned { at: step.now },
        },
        version: 0,
    }
}

/// Adds an item for each line to remove, and withdraws its acceptance. Returns how many are
/// planned.
fn add_removed<'a>(
    change: &mut Change,
    facts: &LinesPlanned<'_>,
    removed: impl Iterator<Item = &'a CampaignLine>,
    (actor, signed_at): (&Actor, Timestamp),
    step: StepContext<'_>,
) -> usize {
    let mut planned = 0;
    for line in removed {
        let Some(fate) = fate(line, facts, signed_at, step) else {
            continue;
        };
        if matches!(fate, Fate::Planned { .. }) {
            planned += 1;
            if let Some(accepted) = facts.fresh.accepted.get(&line.key) {
                let by = Doer::Person(actor);
                let withdrawn = step
                    .of_standing(Event::StandingWithdrawn, by, &line.key, &line.names)
                    .campaign(facts.campaign.id);
                change.audit.push(withdrawn);
                let accepted = accepted.clone();
                change.accepted.push(AcceptanceWrite::Withdraw(accepted));
            }
        }
        let item = item(line, facts, fate);
        change.sweep_items.push(Write::Insert(item));
    }
    planned
}

/// What the plan does to a line; `None` if another run removes it.
fn fate(
    line: &CampaignLine,
    facts: &LinesPlanned<'_>,
    signed_at: Timestamp,
    step: StepContext<'_>,
) -> Option<Fate> {
    if facts.in_hand.contains(&line.key) {
        return None;
    }
    let left = |why| Fate::LeftAlone { at: step.now, why };
    let accepted = facts.fresh.accepted.get(&line.key);
    // Accepted by an administrator after the answers.
    if accepted.is_some_and(|it| it.at > signed_at) {
        return Some(left(LeftAlone::Accepted));
    }
    let nothing_accepted = BTreeMap::new();
    let fresh = Fresh {
        accepted: &nothing_accepted,
        ..*facts.fresh
    };
    Some(match drift(&line.key, SweepAction::Remove, &fresh) {
        None => Fate::Planned {
            action: SweepAction::Remove,
        },
        Some(PlanDrift::Held | PlanDrift::Preexisting) => left(LeftAlone::Held),
        Some(PlanDrift::Accepted) => left(LeftAlone::Accepted),
        Some(PlanDrift::Unread) => left(LeftAlone::Unread),
        Some(PlanDrift::Gone) => left(LeftAlone::Gone),
        Some(PlanDrift::NobodyToHold) => left(LeftAlone::NobodyToHold),
    })
}

fn item(line: &CampaignLine, facts: &LinesPlanned<'_>, fate: Fate) -> SweepItem {
    let listing = facts.fresh.listing;
    SweepItem {
        sweep: facts.sweep,
        key: line.key.clone(),
        names: line.names.clone(),
        holder: line.holder.clone(),
        kind: ItemKind::Unknown,
        change: ItemChange::Same,
        sight: ItemSight::Seen,
        seen_at: listing.began,
        first_seen: line.first_seen,
        unaccepted_since: None,
        unaccepted_runs: 0,
        fate,
        version: 0,
    }
}

/// Accepts what reviewers keep and nothing accepts yet, so that no sweep removes it.
fn accepted<'a>(
    facts: &LinesPlanned<'_>,
    kept: impl Iterator<Item = &'a CampaignLine>,
    actor: &Actor,
    step: StepContext<'_>,
) -> Change {
    let mut change = Change::default();
    for line in kept {
        let Some(answer) = &line.answer else {
            continue;
        };
        debug_assert_eq!(answer.answer, AnswerKind::Keep);
        let is_accepted = line.accepted.is_some() || facts.fresh.accepted.contains_key(&line.key);
        if is_accepted || facts.fresh.held.ours.contains(&line.key) {
            continue;
        }
        let record = step
            .of_standing(
                Event::StandingAccepted,
                Doer::Person(actor),
                &line.key,
                &line.names,
            )
            .campaign(facts.campaign.id)
            .reason(&answer.reason);
        change.audit.push(record);
        change.accepted.push(AcceptanceWrite::Insert(Accepted {
            key: line.key.clone(),
            names: line.names.clone(),
            holder: line.holder.clone(),
            reason: answer.reason.clone(),
            by: answer.by.email.clone(),
            at: step.now,
            review_at: None,
            version: 0,
        }));
    }
    change
}
