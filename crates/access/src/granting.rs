//! Turns an approval into a grant; observations of its assignment make it active or failed.

use std::collections::BTreeSet;

use hallpass_assignments::{AssignmentRow, Ownership, Verdict};
use hallpass_audit::{Draft, Event};
use hallpass_base::{GrantId, TimeSpan, Timestamp};
use hallpass_rules::Principal;

use crate::arming::NewArming;
use crate::decision_context::DecisionContext;
use crate::desired::{desired_for, desired_until, forget_or_keep, inherited, live_until, spent};
use crate::grant::NO_NEWS_SEEN;
use crate::membership::named_groups_of;
use crate::records::{Doer, Ruled, StepContext};
use crate::session_revocation::session_length;
use crate::step::{Approved, ApprovedGrant, GrantStep};
use crate::{
    ActionRefused, Approval, ArmedEnds, Grant, GrantState, Holds, NeverArmed, News, PendingRequest,
    Request, RequestState,
};

/// Creates a grant or moves the end of an extended one. Sends nothing: the end, the desired state
/// and the records commit first (promise P1).
pub(crate) fn approved(
    pending: PendingRequest,
    by: Principal<'_>,
    approval: Approval,
    actor: Doer<'_>,
    ruled: &Ruled,
    context: &DecisionContext<'_>,
) -> Result<Approved, ActionRefused> {
    // INVARIANT: every grant and every later end is created here, by a trusted clock.
    context.step.ensure_agreed()?;
    if let Some(extended) = pending.request().extends {
        return lengthen(pending, extended, by, approval, actor, ruled, context);
    }
    let arming = context.arming(pending.request(), &pending.key().target);
    let live = context.holds.grants.iter();
    arming.ensure_possible(live.filter(|grant| grant.is_live(context.step.now)))?;
    let arming = arming.of_new_grant()?;
    Ok(schedule(
        pending, by, approval, arming, actor, ruled, context,
    ))
}

/// Stores which approvals count now, so later readers see no other approver.
fn decided(
    pending: PendingRequest,
    by: Principal<'_>,
    approval: Approval,
    context: &DecisionContext<'_>,
) -> Request {
    let mut request = pending.into_state(RequestState::Approved {
        by: by.email.clone(),
        at: context.step.now,
        approval,
        comment: None,
    });
    context.count_approvals(&mut request);
    request
}

fn schedule(
    pending: PendingRequest,
    by: Principal<'_>,
    approval: Approval,
    arming: NewArming,
    actor: Doer<'_>,
    ruled: &Ruled,
    context: &DecisionContext<'_>,
) -> Approved {
    let (now, step, holds) = (context.step.now, context.step, context.holds);
    let key = pending.key().clone();
    // Sessions of an earlier adjacent hold are denied at this end.
    let begun = holds
        .grants
        .iter()
        .filter_map(|it| it.longest_session)
        .max();
    let mut request = decided(pending, by, approval, context);
    let grant = Grant {
        id: step.grant_id(),
        request: request.id,
        holder: request.requester.clone(),
        key: key.clone(),
        names: request.names.clone(),
        duration: request.duration,
        reason: request.reason.clone(),
        origin: request.origin,
        approver: by.email.clone(),
        approver_user: by.user.cloned(),
        approval,
        based_on: ruled.based_on.clone(),
        lengthened_by: BTreeSet::new(),
        config_hash: ruled.config_hash.clone(),
        holder_groups: Some(named_groups_of(&key.user, context.rules, context.directory)),
        secondary_domain: request.secondary_domain,
        scheduled_at: now,
        granted_at: None,
        ends_at: request.duration.after(now),
        longest_session: begun.max(session_length(&request.names, context.directory)),
        standing: false,
        warned: false,
        refusals: 0,
        stuck: None,
        end_sessions: false,
        armed_ends: arming.armed_ends,
        never_armed: arming.never_armed,
        aws_request: None,
        seen_news: inherited(holds, now).map_or(0, |row| row.verdict_rev),
        state: GrantState::Scheduled,
        version: 0,
    };
    request.grant = Some(grant.id);
    let until = live_until(holds, &grant).unwrap_or(grant.ends_at);
    let to = vec![request.requester.email.clone()];
    Approved {
        records: [
            step.of_ruled(Event::RequestApproved, actor, &request, ruled)
                .approved_by(by.email, by.user, approval),
            step.of_grant(Event::GrantRequested, actor, &grant),
        ],
        not_armed: grant.never_armed.map(|why| never_armed(why, &grant, step)),
        notice: step.notice(News::Approved, &request, to),
        repeated_end: spent(holds, now).and_then(|row| step.of_repeated_end(row, &request.names)),
        desired: desired_until(holds, &key, until, now),
        request,
        grant: ApprovedGrant::New(grant),
    }
}

fn lengthen(
    pending: PendingRequest,
    extended: GrantId,
    by: Principal<'_>,
    approval: Approval,
    actor: Doer<'_>,
    ruled: &Ruled,
    context: &DecisionContext<'_>,
) -> Result<Approved, ActionRefused> {
    let (now, step) = (context.step.now, context.step);
    let found = context
        .holds
        .grants
        .iter()
        .find(|grant| grant.id == extended);
    let Some(grant) = found.filter(|grant| grant.is_live(now)) else {
        let state = found.map_or("ended", |grant| grant.state.name());
        return Err(ActionRefused::GrantOver { state });
    };
    let arming = context.arming(pending.request(), &grant.key.target);
    arming.ensure_may_lengthen(grant)?;
    let mut request = decided(pending, by, approval, context);
    request.grant = Some(extended);
    let ends_at = request.duration.after(now).max(grant.ends_at);
    let today = session_length(&grant.names, context.directory);
    let mut groups = named_groups_of(&grant.key.user, context.rules, context.directory);
    // A membership that cannot be read today is kept.
    if let Some(before) = grant.holder_groups.clone() {
        groups.ids.extend(before.ids);
        groups.names.extend(before.names);
    }
    let mut lengthened_by = grant.lengthened_by.clone();
    let further = ruled.based_on.iter();
    lengthened_by.extend(further.filter(|it| !grant.based_on.contains(it)).cloned());
    let grant = Grant {
        ends_at,
        lengthened_by,
        holder_groups: Some(groups),
        longest_session: grant.longest_session.max(today),
        warned: false,
        ..grant.clone()
    };
    Ok(Approved {
        records: [
            step.of_ruled(Event::RequestApproved, actor, &request, ruled)
                .approved_by(by.email, by.user, approval),
            step.of_grant(Event::Extend, actor, &grant),
        ],
        notice: step.notice_to_holder(News::Extended, &grant),
        not_armed: None,
        repeated_end: None,
        desired: desired_for(context.holds, &grant, now)
            .into_iter()
            .collect(),
        request,
        grant: ApprovedGrant::Extended(grant),
    })
}

fn never_armed(why: NeverArmed, grant: &Grant, step: StepContext<'_>) -> Draft {
    step.of_grant(Event::EndArmFailed, Doer::Hallpass, grant)
        .error(why.words())
}

pub(crate) fn advance(grant: &Grant, holds: &Holds, step: StepContext<'_>) -> GrantStep {
    let Some(row) = &holds.row else {
        return GrantStep::default();
    };
    let grant = Grant {
        seen_news: row.verdict_rev,
        aws_request: row
            .execution
            .aws_request
            .clone()
            .or_else(|| grant.aws_request.clone()),
        ..grant.clone()
    };
    let counts = |at: Timestamp| at >= grant.scheduled_at;
    // Access of an earlier hold without enforced expiry: this grant is reported once its own end is
    // enforced (`access.md` §21, A-2).
    let waits =
        row.execution.ownership == Ownership::Ours && row.waits_for_gate(step.now).is_some();
    match &row.execution.verdict {
        Verdict::Present { at } if counts(*at) && !waits => activate(grant, row, holds, step),
        Verdict::Refused { at, reason } if counts(*at) => fail(grant, reason, holds, step),
        Verdict::Present { .. }
        | Verdict::Refused { .. }
        | Verdict::Working
        | Verdict::Absent { .. }
        | Verdict::Kept { .. }
        | Verdict::Lost { .. }
        | Verdict::Stuck { .. } => {
            let was_sent = row.execution.ownership != Ownership::Undecided;
            let state = if was_sent {
                GrantState::Granting
            } else {
                grant.state.clone()
            };
            GrantStep::of(Grant { state, ..grant })
        }
    }
}

/// Longest time to grant for the end to count from when the access was seen (`access.md` §8.6).
const SLOW_AFTER: TimeSpan = TimeSpan::minutes(5);

/// The first of two steps if a grant was sent and answered between ticks.
fn enter_granting(grant: Grant) -> GrantStep {
    GrantStep::of(Grant {
        seen_news: NO_NEWS_SEEN,
        state: GrantState::Granting,
        ..grant
    })
}

fn activate(grant: Grant, row: &AssignmentRow, holds: &Holds, step: StepContext<'_>) -> GrantStep {
    if grant.state == GrantState::Scheduled {
        return enter_granting(grant);
    }
    if grant.armed_ends == ArmedEnds::Required && row.execution.ownership == Ownership::Standing {
        let why = NeverArmed::StoodBefore.words();
        let why = format!("AWS does not enforce its expiry: {why}");
        // Access that existed before stays, so nothing is to be denied.
        let standing = Grant {
            standing: true,
            ..grant
        };
        return fail(standing, &why, holds, step);
    }
    // A doubtful instant moves no end, and none counts from it.
    let honest = step.disagreement.is_none();
    let quick = honest && TimeSpan::between(grant.scheduled_at, step.now) <= SLOW_AFTER;
    let from_now = grant.duration.after(step.now);
    let standing = row.execution.ownership == Ownership::Standing;
    let stood = standing && grant.armed_ends == ArmedEnds::Preferred;
    let found = stood.then_some(NeverArmed::StoodBefore);
    let grant = Grant {
        state: GrantState::Active,
        never_armed: grant.never_armed.or(found),
        granted_at: Some(if honest { step.now } else { grant.scheduled_at }),
        standing,
        ends_at: if quick {
            from_now.max(grant.ends_at)
        } else {
            grant.ends_at
        },
        ..grant
    };
    let mut record = step
        .of_grant(Event::GrantSucceeded, Doer::Hallpass, &grant)
        .secondary_domain(grant.secondary_domain);
    if grant.standing {
        record = record.why("standing");
    }
    GrantStep {
        records: [record]
            .into_iter()
            .chain(found.map(|why| never_armed(why, &grant, step)))
            .collect(),
        notices: vec![step.notice_to_holder(News::Granted, &grant)],
        desired: desired_for(holds, &grant, step.now),
        ..GrantStep::of(grant)
    }
}

fn fail(grant: Grant, reason: &str, holds: &Holds, step: StepContext<'_>) -> GrantStep {
    if grant.state == GrantState::Scheduled {
        return enter_granting(grant);
    }
    let grant = Grant {
        state: GrantState::Failed {
            at: step.now,
            error: reason.to_owned(),
        },
        ..grant
    };
    GrantStep {
        records: vec![
            step.of_grant(Event::GrantFailed, Doer::Hallpass, &grant)
                .error(reason),
        ],
        notices: vec![step.notice_to_holder(News::Failed, &grant)],
        desired: forget_or_keep(holds, &grant, step.now),
        ..GrantStep::of(grant)
    }
}
