//! Break glass: a listed requester takes access in an emergency without waiting; another person
//! reviews it afterwards (`access.md` §17).
//!
//! ```text
//!   pending ──► approved, with an open review ──► approved, its review closed
//! ```
//!
//! The grant commits its end first, together with the review.

use std::collections::BTreeSet;

use crate::identity::people_of;
use hallpass_audit::Event;
use hallpass_base::{Email, TimeSpan, text::visible_characters};
use hallpass_rules::{Decision, RuleNames};

use crate::decision_context::{DecisionContext, PressMode, ensure_known, ensure_may_deny};
use crate::records::{Doer, Ruled};
use crate::step::{ApprovedThrough, PressStep, RequestStep};
use crate::{
    ActionRefused, Actor, AfterReview, Approval, Closed, Closing, JUSTIFICATION_CHARACTERS_MAX,
    JUSTIFICATION_CHARACTERS_MIN, News, Notice, PendingRequest, Request, Role, create_request,
    granting, target,
};

pub const BREAK_GLASS_MAX: TimeSpan = TimeSpan::hours(1);

/// Notifies administrators and all possible approvers.
pub(crate) fn take(
    mut pending: PendingRequest,
    actor: &Actor,
    justification: &str,
    context: &DecisionContext<'_>,
) -> Result<PressStep, ActionRefused> {
    ensure_known(actor, context.directory)?;
    let decision = ensure_allowed(pending.request(), actor, context)?;
    let wanted = &pending.request().wanted;
    let together = create_request::together_refused(&decision, wanted, context.directory);
    if !together.is_empty() {
        return Err(ActionRefused::NoLongerFits(together));
    }
    let ruled = Ruled::by(&decision, context.rules);
    let Decision {
        approvers,
        max_duration: longest,
        sign_in,
        ..
    } = decision;
    context.ensure_signed_in(actor, &sign_in)?;
    context.step.ensure_agreed()?;
    let justification = match context.mode {
        PressMode::Now => checked(justification)?,
        PressMode::Preview => justification,
    };
    let duration = pending.request().duration.min(BREAK_GLASS_MAX);
    pending.start_at_once();
    pending.shorten(longest.map_or(duration, |longest| duration.min(longest)));
    let (by, step) = (Doer::Person(actor), context.step);
    pending.open_review(AfterReview {
        justification: justification.to_owned(),
        opened_at: step.now,
        closed: None,
    });
    let approval = Approval::BreakGlass;
    let who = actor.principal();
    let approved = granting::approved(pending, who, approval, by, &ruled, context)?;
    let opened = step
        .of_ruled(Event::ReviewOpened, by, &approved.request, &ruled)
        .approved_by(&actor.email, actor.user.as_ref(), approval)
        .why(justification);
    let alarm = alarm(&approved.request, approvers, context);
    let through = ApprovedThrough::BreakGlass { opened, alarm };
    Ok(PressStep::approved(approved, through))
}

fn checked(justification: &str) -> Result<&str, ActionRefused> {
    let justification = justification.trim();
    let written = justification.chars().count();
    // The maximum counts all characters, the minimum only visible ones.
    let characters = match visible_characters(justification) {
        _ if written > JUSTIFICATION_CHARACTERS_MAX => written,
        seen => seen,
    };
    if (JUSTIFICATION_CHARACTERS_MIN..=JUSTIFICATION_CHARACTERS_MAX).contains(&characters) {
        Ok(justification)
    } else {
        Err(ActionRefused::Justification { characters })
    }
}

fn ensure_allowed(
    request: &Request,
    actor: &Actor,
    context: &DecisionContext<'_>,
) -> Result<Decision, ActionRefused> {
    if !request.requester.is(actor) {
        return Err(ActionRefused::NotRequester);
    }
    let key = request.key.as_ref().ok_or(ActionRefused::NotRequester)?;
    let question =
        target::question(&key.target, &request.names).ok_or(ActionRefused::NotRequester)?;
    let (whose, now) = (request.requester.principal(), context.step.now);
    let decision = context
        .rules
        .decide(whose, &question, context.directory, now);
    if decision.break_glass {
        Ok(decision)
    } else {
        Err(ActionRefused::BreakGlassNotAllowed {
            rules: RuleNames::of(&decision.based_on),
        })
    }
}

fn alarm(request: &Request, approvers: BTreeSet<Email>, context: &DecisionContext<'_>) -> Notice {
    let mut to = approvers;
    to.extend(people_of(&context.settings.admins, context.directory));
    to.remove(&request.requester.email);
    let to = to.into_iter().collect();
    context.step.notice(News::BreakGlass, request, to)
}

pub(crate) fn close(
    request: Request,
    actor: &Actor,
    words: Option<&str>,
    context: &DecisionContext<'_>,
) -> Result<RequestStep, ActionRefused> {
    let closed = open_review(&request)?;
    ensure_may_close(&request, actor, context)?;
    let (step, ruled) = (context.step, context.ruled(&request));
    let words = words.map(str::trim).filter(|words| !words.is_empty());
    let mut request = request;
    request.after_review = Some(AfterReview {
        closed: Some(Closing {
            by: actor.email.clone(),
            at: step.now,
            words: words.map(str::to_owned),
        }),
        ..closed
    });
    let by = Doer::Person(actor);
    let mut record = step.of_ruled(Event::ReviewClosed, by, &request, &ruled);
    if let Some(words) = words {
        record = record.why(words);
    }
    let to = vec![request.requester.email.clone()];
    Ok(RequestStep {
        record: Some(record),
        notice: Some(step.notice(News::ReviewClosed, &request, to)),
        request,
    })
}

fn open_review(request: &Request) -> Result<AfterReview, ActionRefused> {
    match &request.after_review {
        None => Err(ActionRefused::NoReview),
        Some(AfterReview {
            closed: Some(closing),
            ..
        }) => Err(ActionRefused::Closed(Closed {
            how: "closed",
            by: Some(closing.by.clone()),
            at: closing.at,
        })),
        Some(open) => Ok(open.clone()),
    }
}

/// Allows a current approver, never the requester. Without any approver in today's rules, allows an
/// administrator, so that no review stays open forever.
pub(crate) fn ensure_may_close(
    request: &Request,
    actor: &Actor,
    context: &DecisionContext<'_>,
) -> Result<(), ActionRefused> {
    ensure_known(actor, context.directory)?;
    if request.requester.is(actor) {
        return Err(ActionRefused::OwnReview);
    }
    let refusal = match ensure_may_deny(request, actor, context) {
        Ok(()) => return Ok(()),
        Err(refusal) => refusal,
    };
    if actor.is(Role::Admin) && !has_approvers(request, context) {
        Ok(())
    } else {
        Err(refusal)
    }
}

fn has_approvers(request: &Request, context: &DecisionContext<'_>) -> bool {
    let question = request
        .key
        .as_ref()
        .and_then(|key| target::question(&key.target, &request.names));
    question.is_some_and(|question| {
        let (whose, now) = (request.requester.principal(), context.step.now);
        let decision = context
            .rules
            .decide(whose, &question, context.directory, now);
        !decision.approvers.is_empty()
    })
}
