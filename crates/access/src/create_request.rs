//! Turns a request form into a waiting request, a decided one, or a refusal with a hint.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{
    Email, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp, UserId, text::says_something,
    time::utc,
};
use hallpass_rules::{
    ApprovalHours, Decision, DecisionKind, Directory, Holding, RuleId, RuleWarning, Rules,
};

use crate::confirming;
use crate::preview::{self, Judgement, LengthLimits, RequestVerdict};
use crate::records::exceptions;
use crate::refused_request::{RequestRefused, RequestRefusedFacts};
use crate::target::LookedFor;
use crate::{
    Approval, Confirmation, DecidedKind, FieldProblem, Grant, Origin, Person, PlannedStart,
    Refusal, Reminders, Request, RequestState, RulingAtAsking, Settings, TextField, Wanted, target,
};

/// Holdings named in a refusal or alert; the report has all.
const HELD_NAMED: usize = 3;

pub const REASON_MISSING: &str = "Say in a few words why.";

#[derive(Clone, Debug)]
pub enum RequestOutcome {
    Pending(Request),
    /// Approved automatically, or by the requester's own right.
    Approved(Request, Option<Box<Grant>>),
    /// An equal request is pending; nothing new is stored.
    AlreadyPending(Request),
    Rejected(Request, Refusal),
}

impl RequestOutcome {
    pub fn request(&self) -> &Request {
        match self {
            Self::Pending(request)
            | Self::Approved(request, _)
            | Self::AlreadyPending(request)
            | Self::Rejected(request, _) => request,
        }
    }
}

#[derive(Clone, Debug)]
pub enum RequestedTogether {
    /// Pending requests first. In the answer to a repeated call, one may have been rejected since,
    /// at its start.
    All(Vec<RequestOutcome>),
    /// Nothing was requested; these are stored as rejected.
    Refused(Vec<(Request, Refusal)>),
}

impl RequestedTogether {
    pub(crate) fn of(asked: Vec<RequestOutcome>) -> Self {
        let is_refused = |outcome: &RequestOutcome| matches!(outcome, RequestOutcome::Rejected(..));
        if asked.iter().any(|outcome| !is_refused(outcome)) {
            return Self::All(asked);
        }
        let refused = asked.into_iter().filter_map(|outcome| match outcome {
            RequestOutcome::Rejected(request, refusal) => Some((request, refusal)),
            RequestOutcome::Pending(_)
            | RequestOutcome::Approved(..)
            | RequestOutcome::AlreadyPending(_) => None,
        });
        Self::Refused(refused.collect())
    }
}

#[derive(Clone, Debug)]
pub(crate) struct RequestForm<'a> {
    pub(crate) id: RequestId,
    pub(crate) requester: Person,
    pub(crate) wanted: &'a Wanted,
    pub(crate) duration: TimeSpan,
    pub(crate) reason: &'a str,
    pub(crate) ticket: Option<&'a str>,
    pub(crate) origin: Origin,
    pub(crate) secondary_domain: bool,
    /// `None` starts immediately.
    pub(crate) starts_at: Option<Timestamp>,
    pub(crate) extends: Option<&'a Grant>,
    pub(crate) confirmed: &'a [String],
}

#[derive(Clone, Debug)]
pub(crate) enum Answered {
    Waits(Request),
    /// Approved immediately, in the given capacity.
    Granted(Request, Approval),
    /// Valid once these warnings are confirmed. Nothing is stored.
    Unconfirmed(Request, Vec<RuleWarning>),
    Refused(Request, Refusal),
}

impl Answered {
    pub(crate) const fn is_granted(&self) -> bool {
        matches!(self, Self::Granted(_, _))
    }

    /// Whether the refusal is due to missing approvers, as far as the directory is known.
    pub(crate) fn lacks_approvers(&self) -> bool {
        let Self::Refused(_, refusal) = self else {
            return false;
        };
        refusal.code == RequestRefused::NoApprover.code()
    }

    pub(crate) const fn request(&self) -> &Request {
        match self {
            Self::Waits(request)
            | Self::Granted(request, _)
            | Self::Unconfirmed(request, _)
            | Self::Refused(request, _) => request,
        }
    }

    pub(crate) fn unconfirmed(&self) -> &[RuleWarning] {
        match self {
            Self::Unconfirmed(_, warnings) => warnings,
            Self::Waits(_) | Self::Granted(..) | Self::Refused(..) => &[],
        }
    }

    pub(crate) const fn id(&self) -> RequestId {
        self.request().id
    }

    pub(crate) fn asked_with(mut self, ids: &[RequestId]) -> Self {
        let (Self::Waits(request)
        | Self::Granted(request, _)
        | Self::Unconfirmed(request, _)
        | Self::Refused(request, _)) = &mut self;
        let others = ids.iter().filter(|id| **id != request.id);
        request.asked_with = others.copied().collect();
        self
    }
}

pub(crate) fn answer(
    form: &RequestForm<'_>,
    rules: &Rules,
    directory: &Directory,
    settings: &Settings,
    now: Timestamp,
) -> Answered {
    let judged = preview::judge(
        LookedFor::by_asking(form.wanted, form.extends),
        form.requester.principal(),
        rules,
        directory,
        settings,
        now,
        form.starts_at,
    );
    let mut problems = judged.problems.clone();
    check_reason(form, judged.decision.as_ref(), &mut problems);
    if let Some(decision) = &judged.decision {
        problems.extend(together_refused(decision, form.wanted, directory));
    }
    problems.extend(judged.length_problems(form.duration, form.extends));
    let request = |state| draft(form, &judged, rules, directory, settings, now, state);
    let pending = || request(RequestState::Pending);
    let decision = judged.decision.as_ref();
    let unconfirmed = decision.map(|it| confirming::unconfirmed(it, form.confirmed));
    let unconfirmed = unconfirmed.unwrap_or_default();
    match judged.verdict(problems) {
        Ok(_) if !unconfirmed.is_empty() => Answered::Unconfirmed(pending(), unconfirmed),
        Ok(RequestVerdict::Granted(approval)) => Answered::Granted(pending(), approval),
        Ok(RequestVerdict::Waits) => Answered::Waits(pending()),
        Ok(RequestVerdict::BreakGlassOnly) => Answered::Waits(without_reminders(pending())),
        Err(refused) => {
            let target = typed_names(form.wanted).to_string();
            let starts_at = form.starts_at.filter(|at| *at > now);
            let refusal = refused.into_refusal(&RequestRefusedFacts {
                starts: starts_at.map(utc),
                ..RequestRefusedFacts::of_decision(decision, &target, settings.contact())
            });
            let state = RequestState::Rejected {
                at: now,
                code: refusal.code.clone(),
                detail: refusal.message.clone(),
            };
            Answered::Refused(request(state), refusal)
        }
    }
}

/// No approver can be reminded.
fn without_reminders(mut request: Request) -> Request {
    request.reminders.next_at = None;
    request
}

/// Checks a pending request against current limits. Targets are resolved by id, since names may
/// have changed. `Ok` holds the granted duration, which rules may shorten.
pub(crate) fn check_again(
    request: &Request,
    decision: &Decision,
    directory: &Directory,
    settings: &Settings,
) -> Result<TimeSpan, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let found = request.looked_for().find(directory);
    let resolved = found.map_err(|found| problems.extend(found)).ok();
    if !target::is_enabled(Some(&request.requester.user), directory) {
        let message = "The requester is no longer an enabled user of the directory.";
        problems.push(FieldProblem::new("requester", "unknown-requester", message));
    }
    target::check_reach(resolved.as_ref(), settings, &mut problems);
    problems.extend(patterns_refused(
        &request.reason,
        request.ticket.as_deref(),
        decision,
    ));
    problems.extend(together_refused(decision, &request.wanted, directory));
    let limits = LengthLimits::of(Some(decision), settings);
    let granted_for = limits.fit(request.duration, decision.over_limit);
    let granted_for = granted_for.map_err(|problem| problems.push(problem));
    match granted_for {
        Ok(granted_for) if problems.is_empty() => Ok(granted_for),
        Ok(_) | Err(()) => Err(problems),
    }
}

/// Refuses an empty or overlong reason. Rules check the rest.
pub fn reason_refused(reason: &str) -> Option<FieldProblem> {
    let trimmed = reason.trim();
    let length = trimmed.chars().count();
    if !says_something(trimmed) {
        let code = "missing-reason";
        Some(FieldProblem::new("reason", code, REASON_MISSING))
    } else if length > TextField::Reason.most() {
        Some(TextField::Reason.problem(length))
    } else {
        None
    }
}

fn check_reason(
    form: &RequestForm<'_>,
    decision: Option<&Decision>,
    problems: &mut Vec<FieldProblem>,
) {
    let trimmed = form.reason.trim();
    problems.extend(reason_refused(trimmed));
    if let Some(decision) = decision {
        problems.extend(patterns_refused(trimmed, form.ticket, decision));
    }
}

/// Refuses a reason that does not fit the patterns of the rules, and a ticket that does not meet
/// them.
pub fn patterns_refused(
    reason: &str,
    ticket: Option<&str>,
    decision: &Decision,
) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    if !reason.is_empty()
        && let Some(wanted) = decision.reason_refused(reason)
    {
        let message = wanted.words("reason");
        problems.push(FieldProblem::new("reason", "reason-pattern", message));
    }
    if let Some(wanted) = decision.ticket_refused(ticket.unwrap_or_default()) {
        let message = wanted.words("ticket");
        problems.push(FieldProblem::new("ticket", "ticket-pattern", message));
    } else if let Some(problem) = &decision.ticket_problem {
        problems.push(FieldProblem::new("ticket", problem.code(), problem.words()));
    }
    problems
}

/// Refuses a target that no one may hold together with what the requester holds (`access.md` §26).
pub(crate) fn together_refused(
    decision: &Decision,
    wanted: &Wanted,
    directory: &Directory,
) -> Vec<FieldProblem> {
    let field = match wanted {
        Wanted::Account { .. } => "permission_set",
        Wanted::Group { .. } => "group",
    };
    if let Some(why) = &decision.holdings_unread {
        let message = format!(
            "Rules forbid to hold this together with other access, and what the requester holds could not be read: {why}. Try again."
        );
        return vec![FieldProblem::new(field, "holdings-unread", message)];
    }
    let mut held: BTreeMap<&RuleId, Vec<Holding>> = BTreeMap::new();
    let refused = decision.conflicts.iter();
    for it in refused.filter(|it| it.exception.is_none()) {
        held.entry(&it.constraint)
            .or_default()
            .push(it.held.clone());
    }
    let problem = held.into_iter().map(|(constraint, held)| {
        let held = named_few(&held, directory);
        let message =
            format!("Constraint `{constraint}`: no one may hold this together with {held}.");
        FieldProblem::new(field, "never-together", message)
    });
    problem.collect()
}

pub(crate) fn named_few(held: &[Holding], directory: &Directory) -> String {
    let more = match held.len().saturating_sub(HELD_NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named = held.iter().take(HELD_NAMED).map(|it| it.words(directory));
    named.collect::<Vec<_>>().join(", ") + &more
}

/// Skips addresses that several users share.
fn users_of(addresses: &BTreeSet<Email>, directory: &Directory) -> Vec<UserId> {
    let found = addresses
        .iter()
        .filter_map(|email| directory.person_by_email(email).ok());
    let users: BTreeSet<&UserId> = found.map(|person| &person.user_id).collect();
    users.into_iter().cloned().collect()
}

fn hours_of(decision: Option<&Decision>) -> &[ApprovalHours] {
    let waits = decision.filter(|it| it.kind == DecisionKind::RequiresApproval);
    waits.map_or(&[], |it| it.approval_hours.as_slice())
}

fn draft(
    form: &RequestForm<'_>,
    judged: &Judgement,
    rules: &Rules,
    directory: &Directory,
    settings: &Settings,
    now: Timestamp,
    state: RequestState,
) -> Request {
    let (resolved, decision) = (judged.resolved.as_ref(), judged.decision.as_ref());
    let starts_at = form.starts_at.filter(|at| *at > now);
    let hours = hours_of(decision);
    let expires_at = match starts_at {
        Some(at) => Some(form.duration.after(at)),
        None => settings.lapses_at(now, hours),
    };
    let key = resolved.map(|resolved| HoldKey {
        user: form.requester.user.clone(),
        target: resolved.target.clone(),
    });
    let names = resolved.map_or_else(
        || typed_names(form.wanted),
        |resolved| resolved.names.clone(),
    );
    Request {
        id: form.id,
        requester: form.requester.clone(),
        wanted: form.wanted.clone(),
        key,
        names,
        duration: form.duration,
        shortened: None,
        asked_with: Vec::new(),
        reason: form.reason.trim().to_owned(),
        ticket: form.ticket.map(str::to_owned),
        origin: form.origin,
        secondary_domain: form.secondary_domain,
        asked_at: now,
        expires_at,
        start: starts_at.map(|at| PlannedStart { at, agreed: None }),
        extends: form.extends.map(|grant| grant.id),
        decided: ruling(decision, rules, directory),
        reviews: Vec::new(),
        confirmed: confirmed(form, decision, now),
        reminders: Reminders {
            sent: 0,
            next_at: earlier(
                settings.reminder_within(now, expires_at, hours, 0),
                decision.and_then(|it| it.escalates_after),
                now,
            ),
        },
        grant: None,
        after_review: None,
        state,
        outstanding: None,
        version: 0,
    }
}

fn ruling(decision: Option<&Decision>, rules: &Rules, directory: &Directory) -> RulingAtAsking {
    RulingAtAsking {
        kind: decision.map_or(DecidedKind::Invalid, |d| DecidedKind::Rules(d.kind)),
        approvers: decision
            .map(|d| d.approvers.iter().cloned().collect())
            .unwrap_or_default(),
        approver_users: decision
            .map(|d| approver_users(d, directory))
            .unwrap_or_default(),
        notify: decision
            .map(|d| d.recipients(directory).into_iter().collect())
            .unwrap_or_default(),
        based_on: decision
            .map(|d| d.based_on.iter().map(ToString::to_string).collect())
            .unwrap_or_default(),
        config_hash: rules.hash().to_owned(),
        approvals_needed: decision.map_or(1, |d| d.approvals_needed),
        on_call: decision
            .map(|d| d.on_call.iter().cloned().collect())
            .unwrap_or_default(),
        exceptions: decision.map(exceptions).unwrap_or_default(),
        tickets: decision
            .map(|d| d.ticket_facts.iter().cloned().collect())
            .unwrap_or_default(),
    }
}

/// The reminder, or when more people may approve.
pub(crate) fn earlier(
    reminder: Option<Timestamp>,
    escalates_after: Option<TimeSpan>,
    asked_at: Timestamp,
) -> Option<Timestamp> {
    let escalates_at = escalates_after.map(|after| after.after(asked_at));
    reminder.into_iter().chain(escalates_at).min()
}

/// Includes delegates, who may see the request too.
fn approver_users(decision: &Decision, directory: &Directory) -> Vec<UserId> {
    let mut users = users_of(&decision.approvers, directory);
    users.extend(decision.delegates.users().cloned());
    users
}

fn confirmed(
    form: &RequestForm<'_>,
    decision: Option<&Decision>,
    now: Timestamp,
) -> Vec<Confirmation> {
    let by = form.requester.principal();
    let read = decision.and_then(|it| confirming::confirmation(it, form.confirmed, by, now));
    read.into_iter().collect()
}

fn typed_names(wanted: &Wanted) -> TargetNames {
    match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => TargetNames::Account {
            account: account.clone(),
            permission_set: permission_set.clone(),
        },
        Wanted::Group { group } => TargetNames::Group {
            group: group.clone(),
        },
    }
}
