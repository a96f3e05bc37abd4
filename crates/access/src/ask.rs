//! Asking: what was typed becomes a request that waits, one that is decided already, or a refusal
//! that says what would have to be different.

use std::collections::BTreeSet;

use hallpass_model::{
    AccountId, Email, GroupId, HoldKey, RequestId, Target, TargetNames, TimeSpan, Timestamp,
    UserId,
    text::{number, says_something},
};
use hallpass_rules::{Ask, Decision, Directory, Rules};
use serde::{Deserialize, Serialize};

use crate::preview::{self, AskVerdict, Judgement, LengthLimits};
use crate::{
    Approval, Decided, DecidedKind, Grant, Origin, Person, PlannedStart, Reminders, Request,
    RequestState, Settings, Wanted,
};

/// Longest reason, in characters after trimming (`access.md` §11.3).
const REASON_CHARACTERS_MAX: usize = 1000;

/// Beside a reason that was left out.
pub const REASON_MISSING: &str = "Say in a few words why.";

/// Why nothing in the management account can be had (`access.md` §13.2).
pub(crate) const MANAGEMENT_ACCOUNT: &str = "This is the management account, which a delegated \
     administrator cannot change. Ask for a group that has the access there instead.";

/// One field that cannot be taken as it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldProblem {
    /// The field's name in the API.
    pub field: String,
    /// A stable code.
    pub code: String,
    /// For people.
    pub message: String,
}

impl FieldProblem {
    pub(crate) fn new(field: &str, code: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            code: code.to_owned(),
            message: message.into(),
        }
    }
}

/// Why a request was stored as rejected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A stable code: a decision's kind or `invalid`.
    pub code: String,
    /// For people.
    pub message: String,
    /// One entry per field, when fields are to blame.
    pub fields: Vec<FieldProblem>,
}

/// What came of asking.
#[derive(Clone, Debug)]
pub enum AskOutcome {
    /// Waits for a person.
    Pending(Request),
    /// Decided at once: nobody's approval, or the requester's own, is enough.
    Approved(Request, Option<Box<Grant>>),
    /// An equal request waits already; nothing new was made.
    AlreadyPending(Request),
    /// Stored as rejected.
    Rejected(Request, Refusal),
}

impl AskOutcome {
    /// The request, in whatever state.
    pub fn request(&self) -> &Request {
        match self {
            Self::Pending(request)
            | Self::Approved(request, _)
            | Self::AlreadyPending(request)
            | Self::Rejected(request, _) => request,
        }
    }
}

/// What came of asking for several targets at once.
#[derive(Clone, Debug)]
pub enum AskedTogether {
    /// Each was asked for. What waited already comes first. In the answer to a repeated call one may have
    /// been rejected since, at its start.
    All(Vec<AskOutcome>),
    /// Nothing was asked for: these were refused, and stored as rejected.
    Refused(Vec<(Request, Refusal)>),
}

impl AskedTogether {
    pub(crate) fn of(asked: Vec<AskOutcome>) -> Self {
        let is_refused = |outcome: &AskOutcome| matches!(outcome, AskOutcome::Rejected(..));
        if asked.iter().any(|outcome| !is_refused(outcome)) {
            return Self::All(asked);
        }
        let refused = asked.into_iter().filter_map(|outcome| match outcome {
            AskOutcome::Rejected(request, refusal) => Some((request, refusal)),
            AskOutcome::Pending(_) | AskOutcome::Approved(..) | AskOutcome::AlreadyPending(_) => {
                None
            }
        });
        Self::Refused(refused.collect())
    }
}

/// Everything typed, with who typed it.
#[derive(Clone, Debug)]
pub(crate) struct Form<'a> {
    pub(crate) id: RequestId,
    pub(crate) requester: Person,
    pub(crate) wanted: &'a Wanted,
    pub(crate) duration: TimeSpan,
    pub(crate) reason: &'a str,
    pub(crate) ticket: Option<&'a str>,
    pub(crate) origin: Origin,
    pub(crate) secondary_domain: bool,
    /// From when; `None` = at once.
    pub(crate) starts_at: Option<Timestamp>,
    /// The grant to lengthen, when it is an extension.
    pub(crate) extends: Option<&'a Grant>,
}

/// What the rules and the directory make of a form.
#[derive(Clone, Debug)]
pub(crate) enum Answered {
    /// Waits for a person.
    Waits(Request),
    /// Decided yes at once; still to be approved by the capacity given.
    Granted(Request, Approval),
    /// Refused.
    Refused(Request, Refusal),
}

impl Answered {
    pub(crate) const fn is_granted(&self) -> bool {
        matches!(self, Self::Granted(_, _))
    }

    pub(crate) const fn request(&self) -> &Request {
        match self {
            Self::Waits(request) | Self::Granted(request, _) | Self::Refused(request, _) => request,
        }
    }

    pub(crate) const fn id(&self) -> RequestId {
        self.request().id
    }

    /// The same, asked for together with all of `ids`.
    pub(crate) fn asked_with(mut self, ids: &[RequestId]) -> Self {
        let (Self::Waits(request) | Self::Granted(request, _) | Self::Refused(request, _)) =
            &mut self;
        let others = ids.iter().filter(|id| **id != request.id);
        request.asked_with = others.copied().collect();
        self
    }
}

/// A target that exists.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    pub(crate) target: Target,
    pub(crate) names: TargetNames,
}

/// Finds what was named in the directory: ids first, then names that only one thing has.
pub(crate) fn resolve(
    wanted: &Wanted,
    directory: &Directory,
) -> Result<Resolved, Vec<FieldProblem>> {
    match wanted {
        Wanted::Account {
            account,
            permission_set,
        } => {
            let found = find_account(account, directory);
            let set = directory
                .permission_set_by_name(permission_set)
                .ok_or_else(|| {
                    let message = format!("There is no permission set `{permission_set}`.");
                    FieldProblem::new("permission_set", "unknown-permission-set", message)
                });
            match (found, set) {
                (Ok(account), Ok(set)) => Ok(Resolved {
                    target: Target::Account {
                        account: account.id.clone(),
                        permission_set: set.arn.clone(),
                    },
                    names: TargetNames::Account {
                        account: account.name.clone(),
                        permission_set: set.name.clone(),
                    },
                }),
                (account, set) => Err(account.err().into_iter().chain(set.err()).collect()),
            }
        }
        Wanted::Group { group } => {
            let by_id = GroupId::new(group.as_str())
                .ok()
                .and_then(|id| directory.group(&id));
            let found = by_id
                .or_else(|| directory.group_by_name(group))
                .ok_or_else(|| {
                    vec![FieldProblem::new(
                        "group",
                        "unknown-group",
                        format!("There is no group `{group}`."),
                    )]
                })?;
            Ok(Resolved {
                target: Target::Group {
                    group: found.id.clone(),
                },
                names: TargetNames::Group {
                    group: found.name.clone(),
                },
            })
        }
    }
}

fn find_account<'a>(
    text: &str,
    directory: &'a Directory,
) -> Result<&'a hallpass_rules::directory::Account, FieldProblem> {
    let problem = |code, message: String| Err(FieldProblem::new("account", code, message));
    let by_id = AccountId::new(text)
        .ok()
        .and_then(|id| directory.account(&id));
    let mut named = directory.accounts_by_name(text);
    let found = match (by_id, named.next(), named.next()) {
        (Some(account), _, _) | (None, Some(account), None) => account,
        (None, Some(_), Some(_)) => {
            return problem(
                "ambiguous-account",
                format!("Several accounts are named `{text}`. Use the id."),
            );
        }
        (None, None, _) => {
            return problem(
                "unknown-account",
                format!("There is no account `{text}` in the organization."),
            );
        }
    };
    if found.active {
        Ok(found)
    } else {
        problem("suspended-account", "This account is suspended.".to_owned())
    }
}

/// The question to the rules for a target; `None` when its names are of another kind.
pub fn question<'a>(target: &'a Target, names: &'a TargetNames) -> Option<Ask<'a>> {
    match (target, names) {
        (Target::Account { account, .. }, TargetNames::Account { permission_set, .. }) => {
            Some(Ask::Account {
                account,
                permission_set,
            })
        }
        (Target::Group { group }, _) => Some(Ask::Group { group }),
        (Target::Account { .. }, TargetNames::Group { .. }) => None,
    }
}

pub(crate) fn is_enabled(user: Option<&UserId>, directory: &Directory) -> bool {
    let known = user.and_then(|user| directory.person(user));
    known.is_some_and(|person| person.enabled)
}

/// Decides a form.
pub(crate) fn answer(
    form: &Form<'_>,
    rules: &Rules,
    directory: &Directory,
    settings: &Settings,
    now: Timestamp,
) -> Answered {
    let judged = preview::judge(
        form.wanted,
        form.requester.principal(),
        rules,
        directory,
        settings,
        now,
        form.starts_at,
    );
    let mut problems = judged.problems.clone();
    check_reason(form, judged.decision.as_ref(), &mut problems);
    problems.extend(judged.length_problems(form.duration, form.extends));
    let request = |state| draft(form, &judged, rules, directory, settings, now, state);
    let pending = || request(RequestState::Pending);
    match judged.verdict(problems) {
        Ok(AskVerdict::Granted(approval)) => Answered::Granted(pending(), approval),
        Ok(AskVerdict::Waits) => Answered::Waits(pending()),
        Ok(AskVerdict::BreakGlassOnly) => Answered::Waits(without_reminders(pending())),
        Err(refused) => {
            let target = typed_names(form.wanted).to_string();
            let based_on = judged.decision.as_ref().map(|it| it.based_on.as_slice());
            let refusal =
                refused.into_refusal(based_on.unwrap_or_default(), &target, settings.contact());
            let state = RequestState::Rejected {
                at: now,
                code: refusal.code.clone(),
                detail: refusal.message.clone(),
            };
            Answered::Refused(request(state), refusal)
        }
    }
}

/// Nobody is there to be reminded.
fn without_reminders(mut request: Request) -> Request {
    request.reminders.next_at = None;
    request
}

/// What of a request that waits does not fit today: the limits are those of now, not of when it was
/// made. `Ok` holds the time it is granted for: a shorter one where its rules say to shorten it.
pub(crate) fn check_again(
    request: &Request,
    decision: &Decision,
    directory: &Directory,
    settings: &Settings,
) -> Result<TimeSpan, Vec<FieldProblem>> {
    let mut problems = Vec::new();
    let resolved = resolve(&request.wanted, directory)
        .map_err(|found| problems.extend(found))
        .ok();
    if !is_enabled(Some(&request.requester.user), directory) {
        let message = "Whoever asked is not an enabled user of the directory any more.";
        problems.push(FieldProblem::new("requester", "unknown-requester", message));
    }
    check_reach(resolved.as_ref(), settings, &mut problems);
    check_patterns(
        &request.reason,
        request.ticket.as_deref(),
        decision,
        &mut problems,
    );
    let limits = LengthLimits::of(Some(decision), settings);
    let granted_for = limits.fit(request.duration, decision.over_limit);
    let granted_for = granted_for.map_err(|problem| problems.push(problem));
    match granted_for {
        Ok(granted_for) if problems.is_empty() => Ok(granted_for),
        Ok(_) | Err(()) => Err(problems),
    }
}

pub(crate) fn check_reach(
    resolved: Option<&Resolved>,
    settings: &Settings,
    problems: &mut Vec<FieldProblem>,
) {
    if let Some(Target::Account { account, .. }) = resolved.map(|found| &found.target)
        && settings.out_of_reach.as_ref() == Some(account)
    {
        let code = "management-account";
        problems.push(FieldProblem::new("account", code, MANAGEMENT_ACCOUNT));
    }
}

/// Why a reason cannot be taken: it says nothing, or is too long. What the rules want of it is theirs.
pub fn reason_refused(reason: &str) -> Option<FieldProblem> {
    let trimmed = reason.trim();
    let length = trimmed.chars().count();
    if !says_something(trimmed) {
        let code = "missing-reason";
        Some(FieldProblem::new("reason", code, REASON_MISSING))
    } else if length > REASON_CHARACTERS_MAX {
        let message = at_most(REASON_CHARACTERS_MAX, length);
        Some(FieldProblem::new("reason", "long-reason", message))
    } else {
        None
    }
}

/// That a text is too long, in characters: "At most 1,000 characters; this has 1,043."
pub fn at_most(most: usize, length: usize) -> String {
    let number = |n: usize| number(u64::try_from(n).unwrap_or(u64::MAX));
    let (most, has) = (number(most), number(length));
    format!("At most {most} characters; this has {has}.")
}

fn check_reason(form: &Form<'_>, decision: Option<&Decision>, problems: &mut Vec<FieldProblem>) {
    let trimmed = form.reason.trim();
    problems.extend(reason_refused(trimmed));
    if let Some(decision) = decision {
        check_patterns(trimmed, form.ticket, decision, problems);
    }
}

fn check_patterns(
    reason: &str,
    ticket: Option<&str>,
    decision: &Decision,
    problems: &mut Vec<FieldProblem>,
) {
    if !reason.is_empty()
        && let Some(wanted) = decision.reason_refused(reason)
    {
        let message = wanted.words("reason");
        problems.push(FieldProblem::new("reason", "reason-pattern", message));
    }
    if let Some(wanted) = decision.ticket_refused(ticket.unwrap_or_default()) {
        let message = wanted.words("ticket");
        problems.push(FieldProblem::new("ticket", "ticket-pattern", message));
    }
}

/// The user ids behind addresses: who has one of them alone.
fn users_of(addresses: &BTreeSet<Email>, directory: &Directory) -> Vec<UserId> {
    let found = addresses
        .iter()
        .filter_map(|email| directory.person_by_email(email).ok());
    let users: BTreeSet<&UserId> = found.map(|person| &person.user_id).collect();
    users.into_iter().cloned().collect()
}

fn draft(
    form: &Form<'_>,
    judged: &Judgement,
    rules: &Rules,
    directory: &Directory,
    settings: &Settings,
    now: Timestamp,
    state: RequestState,
) -> Request {
    let (resolved, decision) = (judged.resolved.as_ref(), judged.decision.as_ref());
    let starts_at = form.starts_at.filter(|at| *at > now);
    let expires_at = match starts_at {
        Some(at) => Some(form.duration.after(at)),
        None => settings.expires_at(now),
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
        decided: Decided {
            kind: decision.map_or(DecidedKind::Invalid, |d| DecidedKind::Rules(d.kind)),
            approvers: decision
                .map(|d| d.approvers.iter().cloned().collect())
                .unwrap_or_default(),
            approver_users: decision
                .map(|d| users_of(&d.approvers, directory))
                .unwrap_or_default(),
            notify: decision
                .map(|d| d.notify.iter().cloned().collect())
                .unwrap_or_default(),
            based_on: decision
                .map(|d| d.based_on.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            config_hash: rules.hash().to_owned(),
            approvals_needed: decision.map_or(1, |d| d.approvals_needed),
        },
        reviews: Vec::new(),
        reminders: Reminders {
            sent: 0,
            next_at: settings.reminder_at(now, expires_at, 0),
        },
        grant: None,
        after_review: None,
        state,
        version: 0,
    }
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
