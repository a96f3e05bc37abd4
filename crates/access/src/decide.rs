//! Deciding: a person's press on a waiting request, checked against what is stored, today's rules
//! and who they are now (promise P4). A press that is refused changes nothing but the audit log.

use std::collections::BTreeSet;

use hallpass_audit::Event;
use hallpass_model::{Disagreement, Email, Span, TargetNames, Timestamp, UserId};
use hallpass_rules::{ClickRefused, Directory, Rules};
use serde::{Deserialize, Serialize};

use crate::break_glass::{JUSTIFICATION_CHARACTERS_MAX, JUSTIFICATION_CHARACTERS_MIN};
use crate::records::{By, Moment};
use crate::{
    Approval, Change, Closed, Grant, GrantState, Holds, News, Origin, PendingRequest, Reminders,
    Request, RequestState, Review, Settings, StandingRefused, Write, ask, grant,
};

/// What somebody may do beyond their own affairs; from groups in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Discards, revokes, ends; reads everything.
    Admin,
    /// Reads everything.
    Auditor,
    /// Reads Health.
    Operator,
}

/// An authenticated person, as they are now.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Their directory id; `None` when the directory does not know them.
    pub user: Option<UserId>,
    /// The address they are known by here.
    pub email: Email,
    /// The name shown to people.
    pub name: String,
    /// Roles they have today.
    pub roles: BTreeSet<Role>,
    /// The door they came in by.
    pub origin: Origin,
    /// Whether they were matched through a fallback e-mail domain.
    pub secondary_domain: bool,
}

impl Actor {
    /// Whether they have a role.
    pub fn is(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// Whether they may read what is not theirs.
    pub fn reads_all(&self) -> bool {
        self.is(Role::Admin) || self.is(Role::Auditor)
    }
}

/// Why a press had no effect.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PressRefused {
    /// Somebody, or time, was first.
    #[error(transparent)]
    Closed(#[from] Closed),
    /// Today's rules say no.
    #[error(transparent)]
    Rules(#[from] ClickRefused),
    /// The directory does not know the person, or they are disabled.
    #[error("you are not an enabled user of the directory")]
    NotInDirectory,
    /// The person said yes already; more people are needed.
    #[error("you have approved this already; it needs {needed} approvals and has {given}")]
    AlreadyReviewed {
        /// How many have said yes.
        given: u32,
        /// How many are needed.
        needed: u32,
    },
    /// It is not what the person looked at any more.
    #[error("the request has changed since you looked at it; look again")]
    Changed,
    /// The person was matched through a fallback e-mail domain, which is enough to ask and no more
    /// (`access.md` §11.5).
    #[error(
        "you were matched through the second mail domain; that is enough to ask, not to decide"
    )]
    SecondaryDomain,
    /// Neither the requester, an approver nor an administrator.
    #[error("only the requester, an approver or an administrator can do this")]
    NotYours,
    /// Only the holder gives access back.
    #[error("only its holder can do this")]
    NotHolder,
    /// Taking access away needs a word why.
    #[error("say in a few words why")]
    ReasonMissing,
    /// Only the requester breaks the glass.
    #[error("only its requester can do this")]
    NotRequester,
    /// The rules of today do not let this person break the glass here.
    #[error(
        "the rules of today do not let you break the glass here{}",
        by_rules(rules)
    )]
    GlassHolds {
        /// The rules that decide about the request, by name; empty when there is none.
        rules: String,
    },
    /// A justification is too short or too long.
    #[error(
        "a justification has {JUSTIFICATION_CHARACTERS_MIN} to {JUSTIFICATION_CHARACTERS_MAX} \
         characters; this has {characters}"
    )]
    Justification {
        /// How long it is, in characters after trimming.
        characters: usize,
    },
    /// The glass was not broken: there is nothing to review.
    #[error("this request has no break-glass review")]
    NoReview,
    /// Whoever broke the glass does not review it.
    #[error("somebody else must close the review of your own request")]
    OwnReview,
    /// Of a sweep, or of standing access.
    #[error(transparent)]
    Standing(#[from] StandingRefused),
    /// No access is counted from a time that may be wrong; what ends access goes on.
    #[error(
        "no access is given while clocks disagree: {0}; access that exists still ends, and can be \
         given back and revoked"
    )]
    ClocksDisagree(Disagreement),
    /// What is known of the directory is too old to give access by, and it cannot be read.
    #[error("{}", unread(*.read_at, why))]
    DirectoryUnread {
        /// When it was last read; `None` when it never was.
        read_at: Option<Timestamp>,
        /// Which listing failed, and what AWS said.
        why: String,
    },
    /// Whether the person is still an enabled user could not be asked just now.
    #[error("your account could not be checked in the directory just now: {why}; nothing was done")]
    PersonUnchecked {
        /// What AWS said.
        why: String,
    },
    /// Records of the audit log wait for the export longer than the settings allow.
    #[error(
        "no access is given while the audit log is not exported: its oldest record waits since {}, and \
         {allowed} are allowed; access that exists still ends, and can be given back and revoked",
        .since.strftime("%Y-%m-%d %H:%M:%S UTC")
    )]
    ExportBehind {
        /// When the oldest record that waits happened.
        since: Timestamp,
        /// How long one may wait.
        allowed: Span,
    },
    /// The grant is not in a state for this.
    #[error("the grant is {state} already")]
    GrantOver {
        /// Its state.
        state: &'static str,
    },
}

impl PressRefused {
    /// A stable code for callers.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Closed(_) => "already-decided",
            Self::Rules(ClickRefused::NotOpen { .. }) => "rules-changed",
            Self::Rules(ClickRefused::NotListed { .. }) => "not-an-approver",
            Self::Rules(ClickRefused::OwnRequest { .. }) => "own-request",
            Self::NotInDirectory => "not-in-directory",
            Self::SecondaryDomain => "secondary-domain",
            Self::AlreadyReviewed { .. } => "already-reviewed",
            Self::Changed => "request-changed",
            Self::NotYours => "not-yours",
            Self::NotHolder => "not-holder",
            Self::ReasonMissing => "missing-reason",
            Self::GrantOver { .. } => "grant-over",
            Self::NotRequester => "not-requester",
            Self::GlassHolds { .. } => "break-glass-not-allowed",
            Self::Justification { .. } => "bad-justification",
            Self::NoReview => "no-review",
            Self::OwnReview => "own-review",
            Self::Standing(refused) => refused.code(),
            Self::ClocksDisagree(_) => "clocks-disagree",
            Self::DirectoryUnread { .. } => "organization-unread",
            Self::PersonUnchecked { .. } => "person-unchecked",
            Self::ExportBehind { .. } => "export-behind",
        }
    }

    /// Whether the state of things, not the person, stands in the way.
    pub const fn is_conflict(&self) -> bool {
        match self {
            Self::Standing(refused) => !refused.is_bad_input(),
            Self::Closed(_)
            | Self::AlreadyReviewed { .. }
            | Self::Changed
            | Self::GrantOver { .. }
            | Self::NoReview
            | Self::Rules(ClickRefused::NotOpen { .. }) => true,
            Self::Rules(ClickRefused::NotListed { .. } | ClickRefused::OwnRequest { .. })
            | Self::NotInDirectory
            | Self::SecondaryDomain
            | Self::NotYours
            | Self::NotHolder
            | Self::NotRequester
            | Self::GlassHolds { .. }
            | Self::Justification { .. }
            | Self::OwnReview
            | Self::ClocksDisagree(_)
            | Self::DirectoryUnread { .. }
            | Self::PersonUnchecked { .. }
            | Self::ExportBehind { .. }
            | Self::ReasonMissing => false,
        }
    }

    /// How long to wait before another try, when it was neither the person nor the state of things
    /// that stood in the way, but what could not be known just now.
    pub const fn retry_after(&self) -> Option<Span> {
        match self {
            Self::ClocksDisagree(_) | Self::DirectoryUnread { .. } => Some(Span::seconds(30)),
            Self::ExportBehind { .. } => Some(Span::minutes(1)),
            Self::PersonUnchecked { .. } => Some(Span::seconds(5)),
            Self::Closed(_)
            | Self::Rules(_)
            | Self::NotInDirectory
            | Self::AlreadyReviewed { .. }
            | Self::Changed
            | Self::SecondaryDomain
            | Self::NotYours
            | Self::NotHolder
            | Self::ReasonMissing
            | Self::NotRequester
            | Self::GlassHolds { .. }
            | Self::Justification { .. }
            | Self::NoReview
            | Self::OwnReview
            | Self::Standing(_)
            | Self::GrantOver { .. } => None,
        }
    }
}

fn unread(read_at: Option<Timestamp>, why: &str) -> String {
    let last = match read_at {
        Some(at) => format!(
            "it was last read at {}",
            at.strftime("%Y-%m-%d %H:%M:%S UTC")
        ),
        None => "it was never read".to_owned(),
    };
    format!(
        "the directory cannot be read, {last} ({why}): no access is given and nothing is decided by \
         what is that old; access can be given back and revoked"
    )
}

fn by_rules(rules: &str) -> String {
    if rules.is_empty() {
        String::new()
    } else {
        format!(" ({rules})")
    }
}

/// What a press is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Bench<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) directory: &'a Directory,
    pub(crate) holds: &'a Holds,
    pub(crate) moment: Moment<'a>,
}

/// A yes. Decides the request, or counts towards the number of people its rules want.
pub(crate) fn approve(
    pending: PendingRequest,
    actor: &Actor,
    bench: &Bench<'_>,
) -> Result<Change, PressRefused> {
    ensure_known(actor, bench.directory)?;
    let request = pending.request();
    let question =
        ask::question(&pending.key().target, &request.names).ok_or(PressRefused::NotYours)?;
    let now = bench.moment.now;
    let may = |who: &Email| {
        bench.rules.may_approve(
            who,
            &request.requester.email,
            &question,
            bench.directory,
            now,
        )
    };
    let permit = may(&actor.email)?;
    let needed = permit.decision.approvals_needed;
    if request
        .reviews
        .iter()
        .any(|review| review.by == actor.email)
    {
        let given = u32::try_from(request.reviews.len()).unwrap_or(u32::MAX);
        return Err(PressRefused::AlreadyReviewed { given, needed });
    }
    bench.moment.ensure_agreed()?;
    // earlier approvals count only while their givers may still give them
    let mut approvals: BTreeSet<Email> = request
        .reviews
        .iter()
        .map(|review| review.by.clone())
        .filter(|by| may(by).is_ok())
        .collect();
    approvals.insert(actor.email.clone());
    if permit.decision.is_satisfied_by(&approvals) {
        let approval = if permit.own_request {
            Approval::Own
        } else {
            Approval::Peer
        };
        return grant::approved(pending, &actor.email, approval, By::Person(actor), bench);
    }
    let given = approvals.len();
    let requester = request.requester.email.clone();
    let request = pending.reviewed(Review {
        by: actor.email.clone(),
        at: now,
    });
    let text = format!(
        "{} approved {} ({given} of {needed}).",
        actor.name, request.names
    );
    Ok(Change {
        audit: vec![
            bench
                .moment
                .of_request(Event::RequestReviewed, By::Person(actor), &request),
        ],
        notices: vec![
            bench
                .moment
                .notice(News::Reviewed, &request, vec![requester], text),
        ],
        requests: vec![Write::Update(request)],
        ..Change::default()
    })
}

/// A no, by somebody who could have said yes.
pub(crate) fn deny(
    pending: PendingRequest,
    actor: &Actor,
    reason: Option<&str>,
    bench: &Bench<'_>,
) -> Result<Change, PressRefused> {
    ensure_known(actor, bench.directory)?;
    ensure_may_deny(pending.request(), actor, bench)?;
    let state = RequestState::Denied {
        by: actor.email.clone(),
        at: bench.moment.now,
        reason: reason
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned),
    };
    let request = pending.into_state(state);
    let words = reason.map(|text| format!(": {text}")).unwrap_or_default();
    let text = format!("{} denied {}{words}", actor.name, request.names);
    let mut record = bench
        .moment
        .of_request(Event::RequestDenied, By::Person(actor), &request);
    if let Some(reason) = reason {
        record = record.why(reason);
    }
    let to = vec![request.requester.email.clone()];
    Ok(Change {
        audit: vec![record],
        notices: vec![bench.moment.notice(News::Denied, &request, to, text)],
        requests: vec![Write::Update(request)],
        ..Change::default()
    })
}

/// A withdrawal, by the requester, an approver or an administrator.
pub(crate) fn discard(
    pending: PendingRequest,
    actor: &Actor,
    bench: &Bench<'_>,
) -> Result<Change, PressRefused> {
    let own = actor.email == pending.request().requester.email;
    if !own && actor.secondary_domain {
        return Err(PressRefused::SecondaryDomain);
    }
    if !own && !actor.is(Role::Admin) && ensure_may_deny(pending.request(), actor, bench).is_err() {
        return Err(PressRefused::NotYours);
    }
    let request = pending.into_state(RequestState::Discarded {
        by: actor.email.clone(),
        at: bench.moment.now,
    });
    let text = format!(
        "{} discarded the request for {}.",
        actor.name, request.names
    );
    let to = everyone(&request);
    Ok(Change {
        audit: vec![
            bench
                .moment
                .of_request(Event::RequestDiscarded, By::Person(actor), &request),
        ],
        notices: vec![bench.moment.notice(News::Discarded, &request, to, text)],
        requests: vec![Write::Update(request)],
        ..Change::default()
    })
}

/// What time does to a waiting request: it lapses, or its approvers are reminded.
pub(crate) fn pass_time(request: Request, settings: &Settings, moment: Moment<'_>) -> Change {
    match request.clone().pending(moment.now) {
        Ok(pending) => remind(pending, settings, moment),
        Err(_) => match (&request.state, request.expires_at) {
            (RequestState::Pending, Some(_)) => lapse(request, moment),
            _ => Change::default(),
        },
    }
}

fn lapse(request: Request, moment: Moment<'_>) -> Change {
    let request = Request {
        state: RequestState::Expired { at: moment.now },
        reminders: Reminders {
            next_at: None,
            ..request.reminders
        },
        ..request
    };
    let text = format!(
        "Nobody decided about {} in time; the request lapsed.",
        request.names
    );
    let to = everyone(&request);
    Change {
        audit: vec![moment.of_request(Event::RequestExpired, By::Hallpass, &request)],
        notices: vec![moment.notice(News::Expired, &request, to, text)],
        requests: vec![Write::Update(request)],
        ..Change::default()
    }
}

fn remind(pending: PendingRequest, settings: &Settings, moment: Moment<'_>) -> Change {
    let request = pending.request();
    // the planned instant, not the moment this runs: people read round numbers
    let Some(planned) = request.reminders.next_at.filter(|at| moment.now >= *at) else {
        return Change::default();
    };
    let sent = request.reminders.sent.saturating_add(1);
    let next_at = settings.reminder_at(request.asked_at, request.expires_at, sent);
    let waited = Span::between(request.asked_at, planned);
    let next = match next_at {
        Some(at) => format!("Next in {}.", Span::between(planned, at)),
        None => "No more reminders.".to_owned(),
    };
    let text = format!(
        "Still waiting, {waited}: {} for {}. {next}",
        request.names, request.requester.name
    );
    let request = pending.reminded(Reminders { sent, next_at });
    let given: BTreeSet<&Email> = request.reviews.iter().map(|review| &review.by).collect();
    let to = request
        .decided
        .notify
        .iter()
        .filter(|email| !given.contains(email))
        .cloned()
        .collect();
    Change {
        notices: vec![moment.notice(News::Reminder, &request, to, text)],
        requests: vec![Write::Update(request)],
        ..Change::default()
    }
}

/// The record of a press that had no effect.
pub(crate) fn refused(
    request: &Request,
    press: &str,
    why: &PressRefused,
    actor: &Actor,
    moment: Moment<'_>,
) -> Change {
    let record = moment
        .of_request(Event::PressRefused, By::Person(actor), request)
        .why(press)
        .error(&format!("{}: {why}", why.code()));
    Change {
        audit: vec![record],
        ..Change::default()
    }
}

/// The record of a try to end a grant that had no effect.
pub(crate) fn refused_for_grant(
    grant: &Grant,
    press: &str,
    why: &PressRefused,
    actor: &Actor,
    moment: Moment<'_>,
) -> Change {
    let record = moment
        .of_grant(Event::PressRefused, By::Person(actor), grant)
        .why(press)
        .error(&format!("{}: {why}", why.code()));
    Change {
        audit: vec![record],
        ..Change::default()
    }
}

pub(crate) fn ensure_may_deny(
    request: &Request,
    actor: &Actor,
    bench: &Bench<'_>,
) -> Result<(), PressRefused> {
    let key = request.key.as_ref().ok_or(PressRefused::NotYours)?;
    let question = ask::question(&key.target, &request.names).ok_or(PressRefused::NotYours)?;
    let (who, whose) = (&actor.email, &request.requester.email);
    let permit = bench
        .rules
        .may_deny(who, whose, &question, bench.directory, bench.moment.now);
    permit.map(|_| ()).map_err(PressRefused::Rules)
}

pub(crate) fn ensure_known(actor: &Actor, directory: &Directory) -> Result<(), PressRefused> {
    let known = actor.user.as_ref().and_then(|user| directory.person(user));
    if !known.is_some_and(|person| person.enabled) {
        return Err(PressRefused::NotInDirectory);
    }
    if actor.secondary_domain {
        return Err(PressRefused::SecondaryDomain);
    }
    Ok(())
}

/// The requester, and the approvers who were told of the request.
fn everyone(request: &Request) -> Vec<Email> {
    let mut all = request.decided.notify.clone();
    all.push(request.requester.email.clone());
    all
}

/// The state's name, for refusals.
pub(crate) fn over(state: &GrantState) -> PressRefused {
    PressRefused::GrantOver {
        state: state.name(),
    }
}

/// When a permission set's credentials issued at the end stop working, for notices.
pub(crate) fn credentials_until(
    names: &TargetNames,
    directory: &Directory,
    ended_at: Timestamp,
) -> Option<Timestamp> {
    match names {
        TargetNames::Account { permission_set, .. } => directory
            .permission_set_by_name(permission_set)
            .map(|set| Span::seconds(set.session_duration).after(ended_at)),
        TargetNames::Group { .. } => None,
    }
}
