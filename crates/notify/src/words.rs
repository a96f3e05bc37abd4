//! What a mail says: the same words as the web page and Slack, from what is stored now.

use hallpass_access::{
    AlarmState, DigestKind, Grant, GrantState, NoticeContext, NoticeKind, Request, RequestState,
    ToldAlarm, ToldDigest, words,
};
use hallpass_model::{Target, TargetNames, TimeSpan, Timestamp};

use crate::clean;

/// Characters of a name in a line; longer ones are cut.
const NAME_MAX: usize = 80;
/// Why whoever looks after Hallpass gets mails.
const OPERATOR: &str = "You get this because your address is in `mail.alerts`.";
/// Characters of a subject; inboxes show fewer.
const SUBJECT_MAX: usize = 150;

/// In which capacity somebody is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReaderRole {
    /// Who asked, or holds the access.
    Requester,
    /// Who may say yes.
    Approver,
    /// Who looks after Hallpass.
    Operator,
}

/// A mail before it has a form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) subject: String,
    pub(crate) headline: String,
    /// Label and value.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// Somebody's own words, with a label.
    pub(crate) quote: Option<(&'static str, String)>,
    pub(crate) notes: Vec<String>,
    pub(crate) link: &'static str,
    /// Why the reader gets this.
    pub(crate) footer: String,
}

/// Whether what happened was overtaken: telling it now would mislead, or repeat what another
/// notice tells.
pub(crate) fn is_overtaken(told: &NoticeContext) -> bool {
    let state = told.grant.as_ref().map(|grant| &grant.state);
    match told.notice.news {
        NoticeKind::ReviewWanted | NoticeKind::Reminder | NoticeKind::Reviewed => {
            !matches!(told.request.state, RequestState::Pending)
        }
        // news of the grant follow, or came first
        NoticeKind::Approved => {
            let own = matches!(&told.request.state, RequestState::Approved { by, .. }
                if *by == told.request.requester.email);
            own || !matches!(
                state,
                None | Some(GrantState::Scheduled | GrantState::Granting)
            )
        }
        NoticeKind::Granted | NoticeKind::Adopted | NoticeKind::EndsSoon => {
            !matches!(state, Some(GrantState::Active))
        }
        NoticeKind::Denied
        | NoticeKind::Rejected
        | NoticeKind::Discarded
        | NoticeKind::Expired
        | NoticeKind::Failed
        | NoticeKind::Extended
        | NoticeKind::Ended
        | NoticeKind::Stuck
        | NoticeKind::SessionsLive
        | NoticeKind::BreakGlass
        | NoticeKind::ReviewClosed
        | NoticeKind::Lost
        | NoticeKind::SetUpAgain
        | NoticeKind::GuardActed => false,
    }
}

/// What to write to one reader.
pub(crate) fn letter(told: &NoticeContext, reader: ReaderRole, now: Timestamp) -> Letter {
    let request = &told.request;
    let (subject, headline) = headline(told, now);
    Letter {
        subject: clean::line(&subject, SUBJECT_MAX),
        headline: clean::line(&headline, 1_000),
        facts: facts(told),
        quote: quote(told, reader),
        notes: notes(told, reader),
        link: match (told.notice.news, reader) {
            (NoticeKind::ReviewWanted | NoticeKind::Reminder, ReaderRole::Approver) => {
                "Approve or deny"
            }
            (NoticeKind::BreakGlass, ReaderRole::Approver) => "Close the review",
            _ => "Open in Hallpass",
        },
        footer: match reader {
            // nobody asks for what is adopted
            ReaderRole::Requester if told.notice.news == NoticeKind::Adopted => {
                "You get this because you hold it.".to_owned()
            }
            ReaderRole::Requester => "You get this because you asked for it.".to_owned(),
            ReaderRole::Approver => format!(
                "You get this because you may approve it. Rule: {}.",
                rules(request)
            ),
            ReaderRole::Operator => OPERATOR.to_owned(),
        },
    }
}

/// What to write to those who look after Hallpass about an alarm.
pub(crate) fn alarm(told: &ToldAlarm) -> Letter {
    let alarm = &told.alarm;
    let subject = match alarm.state {
        AlarmState::Begun => format!("Alarm: {}", alarm.alarm.title()),
        AlarmState::Over => alarm.title(),
    };
    Letter {
        subject: clean::line(&subject, 200),
        headline: clean::line(&alarm.text, 1_000),
        facts: vec![(
            "Since",
            alarm.since.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        )],
        quote: None,
        notes: match alarm.state {
            AlarmState::Begun => vec![format!("What to do: {}.", alarm.alarm.runbook())],
            AlarmState::Over => Vec::new(),
        },
        link: "Open Health",
        footer: OPERATOR.to_owned(),
    }
}

/// What to write to those who look after Hallpass about a sweep.
pub(crate) fn digest(told: &ToldDigest) -> Letter {
    let subject = match told.digest.digest {
        DigestKind::SweepFound => "Sweep: access that changed",
        DigestKind::SweepPlanned => "Sweep: a plan waits for you",
        DigestKind::SweepStopped => "Sweep stopped: it would do too much",
        DigestKind::SweepDone => "Sweep: what was done",
        DigestKind::SweepFailed => "Sweep failed: access cannot be read",
    };
    let mut lines = told.digest.text.lines();
    Letter {
        subject: subject.to_owned(),
        headline: clean::line(lines.next().unwrap_or_default(), 1_000),
        facts: Vec::new(),
        quote: None,
        notes: lines.map(|line| clean::line(line, 1_000)).collect(),
        link: "Open in Hallpass",
        footer: OPERATOR.to_owned(),
    }
}

fn headline(told: &NoticeContext, now: Timestamp) -> (String, String) {
    let (request, grant) = (&told.request, told.grant.as_ref());
    let (name, first, thing) = (name(request), first_name(request), thing(&request.names));
    let (duration, asks) = (request.duration, asks(request));
    let (ends, text) = (ends(grant), || told.notice.text.clone());
    match told.notice.news {
        NoticeKind::ReviewWanted => (format!("{first} {asks}"), format!("{name} {asks}.")),
        NoticeKind::Reminder => {
            let waited = minutes(TimeSpan::between(request.asked_at, now));
            let still = format!("Still waiting, {waited}:");
            (
                format!("{still} {first} {asks}"),
                format!("{still} {name} {asks}."),
            )
        }
        NoticeKind::Reviewed => {
            let count = count(request);
            let yet = format!("{count} have approved {thing}. It is not granted yet.");
            (format!("{count} approvals: {thing}"), yet)
        }
        NoticeKind::Approved => {
            let set_up = format!("{thing} is approved and being set up.");
            (format!("Approved, setting up: {thing}"), set_up)
        }
        NoticeKind::Denied => {
            let by = decided_by(request);
            let said = format!("{by} denied {thing}. Nothing was granted.");
            (format!("Access denied: {thing}"), said)
        }
        NoticeKind::Rejected => {
            let why = format!("{thing} is not possible. {}", detail(request));
            (format!("Not possible: {thing}"), why)
        }
        NoticeKind::Discarded => (
            format!("Request discarded: {thing}"),
            format!("{} discarded the request for {thing}.", decided_by(request)),
        ),
        NoticeKind::Expired => {
            let late = format!("Nobody decided about {thing} in time. Nothing was granted.");
            (format!("Request lapsed: {thing}"), late)
        }
        NoticeKind::Granted => {
            let had = format!("You have {thing}.{ends}");
            (format!("Access granted: {thing}, {duration}"), had)
        }
        NoticeKind::Adopted => (format!("Your access has an end now: {thing}"), text()),
        NoticeKind::Failed => {
            let why = format!("AWS refused: {} Nothing was granted.", error(grant));
            (format!("Access failed: {thing}"), why)
        }
        NoticeKind::Extended => {
            let kept = format!("You keep {thing}.{ends}");
            (format!("Extended: {thing}"), kept)
        }
        NoticeKind::EndsSoon => {
            let left = left(grant, now);
            let soon = format!("{thing} ends soon.{ends}");
            (format!("Ends in {left}: {thing}"), soon)
        }
        NoticeKind::BreakGlass | NoticeKind::ReviewClosed => glass(told),
        NoticeKind::Ended => (format!("Access ended: {thing}"), text()),
        NoticeKind::Stuck | NoticeKind::SessionsLive => tried_again(told),
        NoticeKind::Lost => (format!("Access lost: {thing}"), text()),
        NoticeKind::SetUpAgain | NoticeKind::GuardActed => guarded(told),
    }
}

/// To operators: of what AWS does not do yet.
fn tried_again(told: &NoticeContext) -> (String, String) {
    let (thing, name) = (thing(&told.request.names), name(&told.request));
    let (head, again) = match told.notice.news {
        NoticeKind::SessionsLive => ("Sessions go on", "again and again"),
        _ => ("AWS refuses to remove access", "every hour"),
    };
    let text = format!("{} It is tried {again}.", told.notice.text);
    (format!("{head}: {thing}, {name}"), text)
}

/// Of what a guard did: to its holder where it was too early, to operators where it had to.
fn guarded(told: &NoticeContext) -> (String, String) {
    let request = &told.request;
    let thing = thing(&request.names);
    let head = if told.notice.news == NoticeKind::GuardActed {
        format!("The guard had to act: {thing}, {}", name(request))
    } else {
        format!("Access is being set up again: {thing}")
    };
    (head, told.notice.text.clone())
}

/// Of a broken glass. The notice's own words name the justification, which the quote shows, to those
/// who judge it.
fn glass(told: &NoticeContext) -> (String, String) {
    let request = &told.request;
    let (name, first, thing) = (name(request), first_name(request), thing(&request.names));
    let duration = request.duration;
    if told.notice.news == NoticeKind::ReviewClosed {
        let closed = format!("Break-glass review closed: {thing}");
        return (closed, told.notice.text.clone());
    }
    (
        format!("Break-glass: {first} took {thing}, {duration}"),
        format!("Break-glass: {name} took {thing} for {duration}. One of you closes the review."),
    )
}

fn asks(request: &Request) -> String {
    let (thing, duration) = (thing(&request.names), request.duration);
    if request.extends.is_some() {
        format!("asks to keep {thing}, {duration}")
    } else {
        format!("asks for {thing}, {duration}")
    }
}

fn count(request: &Request) -> String {
    let needed = request.decided.approvals_needed;
    format!("{} of {needed}", request.reviews.len())
}

fn ends(grant: Option<&Grant>) -> String {
    grant
        .map(|grant| format!(" {}", words::ends(grant, &instant(grant.ends_at))))
        .unwrap_or_default()
}

fn left(grant: Option<&Grant>, now: Timestamp) -> TimeSpan {
    grant.map_or(TimeSpan::ZERO, |grant| {
        minutes(TimeSpan::between(now, grant.ends_at))
    })
}

fn facts(told: &NoticeContext) -> Vec<(&'static str, String)> {
    let request = &told.request;
    let who = format!("{} <{}>", name(request), request.requester.email);
    let mut facts = vec![("Who", who)];
    match &request.names {
        TargetNames::Account {
            account,
            permission_set,
        } => {
            let account = clean::line(account, NAME_MAX);
            let shown = match request.key.as_ref().map(|key| &key.target) {
                Some(Target::Account { account: id, .. }) => format!("{account} #{id}"),
                Some(Target::Group { .. }) | None => account,
            };
            facts.push(("Account", shown));
            facts.push(("Role", clean::line(permission_set, NAME_MAX)));
        }
        TargetNames::Group { group } => facts.push(("Group", clean::line(group, NAME_MAX))),
    }
    facts.push(("For", request.duration.to_string()));
    if let Some(ticket) = &request.ticket {
        facts.push(("Ticket", clean::line(ticket, NAME_MAX)));
    }
    facts
}

/// The reason for those who judge it; the words of a denial for who asked.
fn quote(told: &NoticeContext, reader: ReaderRole) -> Option<(&'static str, String)> {
    match (told.notice.news, &told.request.state) {
        (NoticeKind::Denied, RequestState::Denied { reason, .. }) => {
            reason.clone().map(|words| ("Their words", words))
        }
        (NoticeKind::BreakGlass, _) if reader == ReaderRole::Approver => {
            let review = told.request.after_review.as_ref();
            review.map(|review| ("Why it could not wait", review.justification.clone()))
        }
        (NoticeKind::ReviewWanted | NoticeKind::Reminder, _) if reader == ReaderRole::Approver => {
            Some(("Why", told.request.reason.clone()))
        }
        _ => None,
    }
}

fn notes(told: &NoticeContext, reader: ReaderRole) -> Vec<String> {
    let request = &told.request;
    let mut notes = Vec::new();
    let asks = matches!(
        told.notice.news,
        NoticeKind::ReviewWanted | NoticeKind::Reminder
    );
    if asks && reader == ReaderRole::Approver {
        if request.secondary_domain {
            notes.push(format!(
                "Matched through the second mail domain ({}). Check that this is the right person.",
                request.requester.email
            ));
        }
        let (given, needed) = (request.reviews.len(), request.decided.approvals_needed);
        if needed > 1 {
            notes.push(format!("{given} of {needed} have approved."));
        }
        if let Some(at) = request.expires_at {
            notes.push(format!("Lapses {} if nobody decides.", instant(at)));
        }
    }
    notes
}

fn name(request: &Request) -> String {
    let name = clean::line(&request.requester.name, NAME_MAX);
    if name.is_empty() {
        request.requester.email.to_string()
    } else {
        name
    }
}

fn first_name(request: &Request) -> String {
    let name = name(request);
    name.split(' ').next().unwrap_or_default().to_owned()
}

/// What was asked for, within a sentence.
fn thing(names: &TargetNames) -> String {
    match names {
        TargetNames::Account {
            account,
            permission_set,
        } => format!(
            "{} in {}",
            clean::line(permission_set, NAME_MAX),
            clean::line(account, NAME_MAX)
        ),
        TargetNames::Group { group } => format!("group {}", clean::line(group, NAME_MAX)),
    }
}

fn rules(request: &Request) -> String {
    let names = &request.decided.based_on;
    clean::line(&names.join(", "), 200)
}

fn decided_by(request: &Request) -> String {
    match &request.state {
        RequestState::Denied { by, .. }
        | RequestState::Discarded { by, .. }
        | RequestState::Approved { by, .. } => by.to_string(),
        RequestState::Pending | RequestState::Expired { .. } | RequestState::Rejected { .. } => {
            "Hallpass".to_owned()
        }
    }
}

fn detail(request: &Request) -> String {
    match &request.state {
        RequestState::Rejected { detail, .. } => detail.clone(),
        RequestState::Pending
        | RequestState::Approved { .. }
        | RequestState::Denied { .. }
        | RequestState::Discarded { .. }
        | RequestState::Expired { .. } => String::new(),
    }
}

fn error(grant: Option<&Grant>) -> String {
    match grant.map(|grant| &grant.state) {
        Some(GrantState::Failed { error, .. }) => {
            format!("{}.", error.trim_end_matches('.'))
        }
        _ => "it gave no reason.".to_owned(),
    }
}

/// Whole minutes, as people read them.
fn minutes(span: TimeSpan) -> TimeSpan {
    TimeSpan::minutes(span.as_seconds().div_ceil(60))
}

fn instant(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}
