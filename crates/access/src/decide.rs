//! Decides a pending request against the stored state, today's rules and the user's current status
//! (promise P4). A refused action changes only the audit log.

use std::collections::BTreeSet;

use hallpass_audit::{Draft, Event};
use hallpass_base::{Email, TimeSpan, Timestamp, UserId};
use hallpass_rules::ApprovalsOpen;

use crate::approving::ApprovalWords;
use crate::decision_context::{DecisionContext, ensure_known, ensure_may_deny};
use crate::records::{Doer, Ruled, StepContext};
use crate::step::{ApprovedThrough, PressStep, RequestStep};
use crate::{
    ActionRefused, Actor, Approval, Approving, GrantState, News, PendingRequest, Reminders,
    Request, RequestState, Review, Role, Settings, confirming, create_request, granting, start,
    target,
};

/// How long a due reminder is held before it is checked again.
const REMINDERS_HELD_FOR: TimeSpan = TimeSpan::minutes(30);

pub(crate) fn approve(
    mut pending: PendingRequest,
    actor: &Actor,
    approving: &Approving<'_>,
    context: &DecisionContext<'_>,
) -> Result<PressStep, ActionRefused> {
    ensure_known(actor, context.directory)?;
    let request = pending.request();
    context.ensure_requester_unlocked(request)?;
    let question =
        target::question(&pending.key().target, &request.names).ok_or(ActionRefused::NotYours)?;
    let now = context.step.now;
    let at = request.judged_at(now);
    let permit = context.permit_to_approve(actor.principal(), request, &question, at)?;
    start::ensure_open(request, now)?;
    // Earlier approvals count only while their approvers may still give them.
    let standing = context.standing_approvals(request, &question, at);
    let mut approvals: BTreeSet<UserId> = standing.into_keys().collect();
    // Refuses a second approval, unless it decides: an approval that no longer counted may be
    // repeated.
    let decides = permit.decision.is_satisfied_by(&approvals);
    if context.has_reviewed(request, actor) && !decides {
        let mut counted = request.clone();
        context.look_at(&mut counted);
        let (given, needed) = counted.approvals();
        return Err(ActionRefused::AlreadyReviewed { given, needed });
    }
    context.ensure_approvals_open(&permit.decision)?;
    context.ensure_signed_in(actor, &permit.decision.sign_in)?;
    context.step.ensure_agreed()?;
    let mut words = approving.judge(request, context.holds, context.settings, now)?;
    approvals.extend(actor.user.clone());
    if let Some((_, shorter)) = words.shorter {
        pending.shorten_by(&actor.email, shorter);
    }
    let granted_for = create_request::check_again(
        pending.request(),
        &permit.decision,
        context.directory,
        context.settings,
    )
    .map_err(ActionRefused::NoLongerFits)?;
    context.ensure_confirmed(&permit.decision, approving.confirmed)?;
    let by = actor.principal();
    words.in_place_of = context.addresses(&permit.on_behalf_of);
    words.confirmed = confirming::confirmation(&permit.decision, approving.confirmed, by, now);
    let ruled = Ruled::by(&permit.decision, context.rules);
    if permit.decision.is_satisfied_by(&approvals) {
        let approval = if permit.own_request {
            Approval::Own
        } else {
            Approval::Peer
        };
        if pending.request().starts_later(now).is_some() {
            let step = reviewed(pending, actor, &words, Some(approval), &ruled, context.step);
            return Ok(step.into());
        }
        let left = pending.request().length_left(now);
        pending.shorten(granted_for.min(left));
        let (by, doer) = (actor.principal(), Doer::Person(actor));
        let approved = granting::approved(pending, by, approval, doer, &ruled, context)?;
        let approved = approved.with_words(words);
        return Ok(PressStep::approved(approved, ApprovedThrough::Press));
    }
    Ok(reviewed(pending, actor, &words, None, &ruled, context.step).into())
}

/// An approval without effect yet: more are needed, or the start is still ahead.
fn reviewed(
    pending: PendingRequest,
    actor: &Actor,
    words: &ApprovalWords,
    agrees: Option<Approval>,
    ruled: &Ruled,
    step: StepContext<'_>,
) -> RequestStep {
    let requester = pending.request().requester.email.clone();
    let mut request = pending.reviewed(Review {
        by: actor.email.clone(),
        user: actor.user.clone(),
        at: step.now,
        comment: words.comment.clone(),
        counts: true,
    });
    request.confirmed.extend(words.confirmed.clone());
    let mut news = News::Reviewed;
    if let Some(approval) = agrees {
        start::agree(&mut request, actor.principal(), approval, step.now);
        news = News::Approved;
    }
    let by = Doer::Person(actor);
    let record = step.of_ruled(Event::RequestReviewed, by, &request, ruled);
    RequestStep {
        record: Some(words.record(record)),
        notice: Some(step.notice(news, &request, vec![requester])),
        request,
    }
}

pub(crate) fn deny(
    pending: PendingRequest,
    actor: &Actor,
    reason: Option<&str>,
    context: &DecisionContext<'_>,
) -> Result<RequestStep, ActionRefused> {
    ensure_known(actor, context.directory)?;
    ensure_may_deny(pending.request(), actor, context)?;
    let state = RequestState::Denied {
        by: actor.email.clone(),
        at: context.step.now,
        reason: reason
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
    };
    let ruled = context.ruled(pending.request());
    let request = pending.into_state(state);
    let (step, by) = (context.step, Doer::Person(actor));
    let mut record = step.of_ruled(Event::RequestDenied, by, &request, &ruled);
    if let Some(reason) = reason {
        record = record.why(reason);
    }
    let to = vec![request.requester.email.clone()];
    Ok(RequestStep {
        record: Some(record),
        notice: Some(step.notice(News::Denied, &request, to)),
        request,
    })
}

/// Withdraws a request: by the requester, an approver or an administrator.
pub(crate) fn discard(
    pending: PendingRequest,
    actor: &Actor,
    context: &DecisionContext<'_>,
) -> Result<RequestStep, ActionRefused> {
    let own = pending.request().requester.is(actor);
    if !own && actor.secondary_domain {
        return Err(ActionRefused::SecondaryDomain);
    }
    if !own && !actor.is(Role::Admin) && ensure_may_deny(pending.request(), actor, context).is_err()
    {
        return Err(ActionRefused::NotYours);
    }
    let request = pending.into_state(RequestState::Discarded {
        by: actor.email.clone(),
        at: context.step.now,
    });
    let to = everyone(&request);
    let (step, by) = (context.step, Doer::Person(actor));
    Ok(RequestStep {
        record: Some(step.of_request(Event::RequestDiscarded, by, &request)),
        notice: Some(step.notice(News::Discarded, &request, to)),
        request,
    })
}

/// Expires a pending request, or reminds its useful approvers. The stored request stays unchanged
/// except for the people it waits for.
pub(crate) fn pass_time(
    request: Request,
    counted: &Request,
    settings: &Settings,
    step: StepContext<'_>,
) -> Option<RequestStep> {
    match request.clone().pending(step.now) {
        Ok(pending) => remind(pending, counted, settings, step),
        Err(_) => match (&request.state, request.expires_at) {
            (RequestState::Pending, Some(_)) => Some(lapse(request, step)),
            _ => None,
        },
    }
}

fn lapse(request: Request, step: StepContext<'_>) -> RequestStep {
    let request = Request {
        state: RequestState::Expired { at: step.now },
        reminders: Reminders {
            next_at: None,
            ..request.reminders
        },
        ..request
    };
    let to = everyone(&request);
    RequestStep {
        record: Some(step.of_request(Event::RequestExpired, Doer::Hallpass, &request)),
        notice: Some(step.notice(News::Expired, &request, to)),
        request,
    }
}

/// Holds a due reminder while approvals are closed, no approver can approve, or the approvers are
/// unknown. Rules may change, so it is checked again.
fn held_until(counted: &Request, now: Timestamp) -> Option<Timestamp> {
    let again = REMINDERS_HELD_FOR.after(now);
    let found = counted.outstanding.as_ref();
    match found.map(|found| (found.open, found.helpers.is_empty())) {
        Some((ApprovalsOpen::Now, false)) => None,
        Some((ApprovalsOpen::From(opens), _)) => Some(opens.min(again)),
        Some((ApprovalsOpen::Never, _) | (ApprovalsOpen::Now, true)) | None => Some(again),
    }
}

fn remind(
    pending: PendingRequest,
    counted: &Request,
    settings: &Settings,
    step: StepContext<'_>,
) -> Option<RequestStep> {
    let request = pending.request();
    if request.reminders.next_at.is_none_or(|at| step.now < at) {
        return None;
    }
    let escalates_after = { counted.outstanding.as_ref() }.and_then(|it| it.escalates_after);
    if let Some(until) = held_until(counted, step.now) {
        let sent = request.reminders.sent;
        let next_at = create_request::earlier(Some(until), escalates_after, request.asked_at);
        return Some(RequestStep {
            record: None,
            notice: None,
            request: pending.reminded(Reminders { sent, next_at }),
        });
    }
    let hours = counted.approval_hours();
    let (asked_at, expires_at) = (request.asked_at, request.expires_at);
    let next = |sent| {
        let reminder = settings.reminder_within(asked_at, expires_at, hours, sent);
        create_request::earlier(reminder, escalates_after, asked_at)
    };
    let mut sent = request.reminders.sent.saturating_add(1);
    let mut next_at = next(sent);
    // After an outage, one reminder replaces all missed ones.
    while next_at.is_some_and(|at| at <= step.now) {
        sent = sent.saturating_add(1);
        next_at = next(sent);
    }
    let request = pending.reminded(Reminders { sent, next_at });
    let to = counted.still_asked();
    Some(RequestStep {
        record: None,
        notice: Some(step.notice(News::Reminder, &request, to)),
        request,
    })
}

/// Records a refused action with its reason.
pub(crate) fn refused(record: Draft, press: &str, why: &ActionRefused) -> Draft {
    record.why(press).error(&format!("{}: {why}", why.code()))
}

/// Returns the requester and the notified approvers.
fn everyone(request: &Request) -> Vec<Email> {
    let mut all = request.decided.notify.clone();
    all.push(request.requester.email.clone());
    all
}

pub(crate) fn grant_over_refusal(state: &GrantState) -> ActionRefused {
    ActionRefused::GrantOver {
        state: state.name(),
    }
}
