//! Future starts: an approved request waits until its start, and is granted by the state at that
//! moment (`access.md` §5.1).
//!
//! ```text
//!   pending ──► pending, agreed ──► approved at its start
//!                       └──► discarded, denied, or rejected at its start
//! ```

use std::collections::BTreeMap;

use hallpass_audit::{Approval, Event};
use hallpass_base::{Timestamp, UserId};
use hallpass_rules::{Decision, Permit, Principal, TicketProblem};

use crate::decision_context::DecisionContext;
use crate::preview::by_rules;
use crate::records::{Doer, Ruled, StepContext};
use crate::step::{Approved, RequestStep};
use crate::{
    ActionRefused, AgreedStart, Closed, News, PendingRequest, Request, RequestState,
    RequestVerdict, create_request, granting, target,
};

/// No approval is needed, and the start is ahead.
pub(crate) fn agreed_by_rule(
    mut request: Request,
    approval: Approval,
    by: Doer<'_>,
    step: StepContext<'_>,
) -> RequestStep {
    let requester = request.requester.clone();
    agree(&mut request, requester.principal(), approval, step.now);
    let to = vec![requester.email];
    RequestStep {
        record: Some(step.of_created(by, &request)),
        notice: Some(step.notice(News::Approved, &request, to)),
        request,
    }
}

/// Records sufficient approval and stops reminders.
pub(crate) fn agree(request: &mut Request, by: Principal<'_>, approval: Approval, now: Timestamp) {
    request.reminders.next_at = None;
    if let Some(start) = &mut request.start {
        start.agreed = Some(AgreedStart {
            by: by.email.clone(),
            user: by.user.cloned(),
            at: now,
            approval,
        });
    }
}

/// Refuses another approval of a request that only waits for its start.
pub(crate) fn ensure_open(request: &Request, now: Timestamp) -> Result<(), ActionRefused> {
    match request
        .agreed_start()
        .filter(|_| request.starts_later(now).is_some())
    {
        Some(agreed) => Err(ActionRefused::Closed(Closed {
            how: "approved",
            by: Some(agreed.by.clone()),
            at: agreed.at,
        })),
        None => Ok(()),
    }
}

/// Grants at the start if the approvals, requester, target and rules are still valid; otherwise
/// grants nothing.
pub(crate) fn begin(
    mut pending: PendingRequest,
    context: &DecisionContext<'_>,
) -> Result<Approved, ActionRefused> {
    context.step.ensure_agreed()?;
    let (request, now) = (pending.request(), context.step.now);
    let agreed = request
        .agreed_start()
        .cloned()
        .ok_or(ActionRefused::Changed)?;
    context.ensure_requester_unlocked(request)?;
    let question =
        target::question(&pending.key().target, &request.names).ok_or(ActionRefused::NotYours)?;
    let whose = request.requester.principal();
    let (rules, directory) = (context.rules, context.directory);
    let alone = rules.decide(whose, &question, directory, now);
    let standing = context.standing_approvals(request, &question, now);
    let (decision, by_rule) = match by_rules(&alone) {
        Ok(RequestVerdict::Granted(approval)) => (Some(alone), Some(approval)),
        Ok(RequestVerdict::Waits | RequestVerdict::BreakGlassOnly) | Err(_) => {
            let decision = standing.values().next().map(|it| it.decision.clone());
            let users = standing.keys().cloned().collect();
            (decision.filter(|it| it.is_satisfied_by(&users)), None)
        }
    };
    let decision = decision.ok_or(ActionRefused::StartRefused)?;
    let agreed = still_agreed(request, agreed, &standing, by_rule);
    let fits = create_request::check_again(request, &decision, directory, context.settings);
    let granted_for = fits.map_err(ActionRefused::NoLongerFits)?;
    let by = Principal {
        user: agreed.user.as_ref(),
        email: &agreed.by,
    };
    let length = granted_for.min(request.length_left(now));
    pending.shorten(length);
    let (by_now, doer) = (Ruled::by(&decision, rules), Doer::Hallpass);
    granting::approved(pending, by, agreed.approval, doer, &by_now, context)
}

/// Whether unread data caused the refusal, so that a later read may allow the start.
pub(crate) fn rests_on_unread(
    request: &Request,
    why: &ActionRefused,
    context: &DecisionContext<'_>,
) -> bool {
    if !matches!(
        why,
        ActionRefused::StartRefused | ActionRefused::NoLongerFits(_)
    ) {
        return false;
    }
    let Some(question) = request.question() else {
        return false;
    };
    let (whose, now) = (request.requester.principal(), context.step.now);
    let (rules, directory) = (context.rules, context.directory);
    let alone = rules.decide(whose, &question, directory, now);
    let standing = context.standing_approvals(request, &question, now);
    let mut permits = standing.values();
    let is_unread = |it: &Decision| {
        let ticket = it.ticket_problem.as_ref();
        !it.unread.is_empty()
            || it.holdings_unread.is_some()
            || ticket.is_some_and(TicketProblem::is_unread)
    };
    is_unread(&alone) || permits.any(|it| is_unread(&it.decision))
}

/// Returns the approver of record: the original, while the approval counts; else the rules alone,
/// or the last approver that counts.
fn still_agreed(
    request: &Request,
    agreed: AgreedStart,
    standing: &BTreeMap<UserId, Permit>,
    by_rule: Option<Approval>,
) -> AgreedStart {
    let permit = |user: Option<&UserId>| user.and_then(|user| standing.get(user));
    if agreed.approval == Approval::NotRequired || permit(agreed.user.as_ref()).is_some() {
        return agreed;
    }
    if let Some(approval) = by_rule {
        return AgreedStart {
            by: request.requester.email.clone(),
            user: Some(request.requester.user.clone()),
            approval,
            ..agreed
        };
    }
    let mut newest = request.reviews.iter().rev();
    let found = newest.find_map(|it| Some((it, permit(it.user.as_ref())?)));
    let Some((review, permit)) = found else {
        return agreed;
    };
    let approval = if permit.own_request {
        Approval::Own
    } else {
        Approval::Peer
    };
    AgreedStart {
        by: review.by.clone(),
        user: review.user.clone(),
        approval,
        ..agreed
    }
}

/// Refuses a start whose conditions changed since the approval.
pub(crate) fn refused(
    pending: PendingRequest,
    why: &ActionRefused,
    step: StepContext<'_>,
) -> RequestStep {
    rejected(pending, why, format!("It did not start: {why}."), step)
}

/// Closes the request of a user who is no longer enabled.
pub(crate) fn of_leaver(pending: PendingRequest, step: StepContext<'_>) -> RequestStep {
    let detail = "The requester is no longer an enabled user of the directory.";
    let why = ActionRefused::NotInDirectory;
    rejected(pending, &why, detail.to_owned(), step)
}

fn rejected(
    pending: PendingRequest,
    why: &ActionRefused,
    detail: String,
    step: StepContext<'_>,
) -> RequestStep {
    let request = pending.into_state(RequestState::Rejected {
        at: step.now,
        code: why.code().to_owned(),
        detail,
    });
    let to = vec![request.requester.email.clone()];
    let record = step
        .of_request(Event::RequestRejected, Doer::Hallpass, &request)
        .why(why.code())
        .error(&why.to_string());
    RequestStep {
        record: Some(record),
        notice: Some(step.notice(News::Rejected, &request, to)),
        request,
    }
}
