//! Mails of notices: the shared sentence, with a subject and the data for a decision.

use hallpass_access::{Grant, GrantState, News, NoticeContext, RequestState};
use hallpass_base::{Target, TargetNames, TimeSpan, Timestamp, text};

use super::{ReaderRole, sentence, used};
use crate::wording::dialogs::secondary_domain;
use crate::wording::names::{asks, first_name, requester, target};
use crate::wording::outstanding::{not_open, open_stage_names};
use crate::wording::style::{ChannelStyle as _, PlainStyle};
use crate::wording::time::{minutes_begun, utc};
use crate::wording::warnings;

pub const OPERATOR: &str = "You get this because your address is in `mail.alerts`.";
/// Characters of a subject; inboxes show fewer.
const SUBJECT_MAX: usize = 150;
const HEADLINE_MAX: usize = 1_000;
/// Characters of a warning; rules allow no longer ones.
const WARNING_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letter {
    pub subject: String,
    pub headline: String,
    pub facts: Vec<(&'static str, String)>,
    /// A person's words, with a label.
    pub quote: Option<(&'static str, String)>,
    pub notes: Vec<String>,
    pub link: &'static str,
    pub footer: String,
}

/// Returns whether a notice is outdated: misleading, or repeated by another.
pub fn is_overtaken(told: &NoticeContext) -> bool {
    let state = told.grant.as_ref().map(|grant| &grant.state);
    match told.notice.news {
        News::ReviewWanted | News::Reminder | News::Reviewed => {
            !matches!(told.request.state, RequestState::Pending)
        }
        // the grant's notices follow, or came first
        News::Approved => {
            let own = matches!(&told.request.state, RequestState::Approved { by, .. }
                if *by == told.request.requester.email);
            own || !matches!(
                state,
                None | Some(GrantState::Scheduled | GrantState::Granting)
            )
        }
        News::Granted | News::Adopted | News::EndsSoon => {
            !matches!(state, Some(GrantState::Active))
        }
        News::Denied
        | News::Rejected
        | News::Discarded
        | News::Expired
        | News::Failed
        | News::Extended
        | News::NotExtended { .. }
        | News::Ended { .. }
        | News::Stuck
        | News::SessionsLive { .. }
        | News::BreakGlass
        | News::ReviewClosed
        | News::Lost { .. }
        | News::SetUpAgain
        | News::GuardActed { .. } => false,
    }
}

pub fn letter(told: &NoticeContext, reader: ReaderRole, now: Timestamp) -> Letter {
    let headline = sentence(told, reader, now, &PlainStyle);
    Letter {
        subject: text::line(&subject(told, now), SUBJECT_MAX),
        headline: text::line(&headline, HEADLINE_MAX),
        facts: facts(told),
        quote: quote(told, reader),
        notes: notes(told, reader),
        link: match (&told.notice.news, reader) {
            (News::ReviewWanted | News::Reminder, ReaderRole::Approver) => "Approve or deny",
            (News::BreakGlass, ReaderRole::Approver) => "Close the review",
            _ => "Open in Hallpass",
        },
        footer: footer(told, reader),
    }
}

/// The subject ends with the target, equal within a mail thread.
fn subject(told: &NoticeContext, now: Timestamp) -> String {
    let request = &told.request;
    let name = requester(request, &PlainStyle);
    let (first, asks) = (first_name(&name), asks(request, &PlainStyle));
    let (target, duration) = (target(&request.names, &PlainStyle), request.duration);
    match told.notice.news {
        News::ReviewWanted => format!("{first} {asks}"),
        News::Reminder => {
            let waited = minutes_begun(TimeSpan::between(request.asked_at, now));
            format!("Still waiting, {waited}: {first} {asks}")
        }
        News::Reviewed => {
            let (given, needed) = request.approvals();
            format!("{given} of {needed} approvals: {target}")
        }
        News::Approved => format!("Approved, setting up: {target}"),
        News::Denied => format!("Access denied: {target}"),
        News::Rejected => format!("Not possible: {target}"),
        News::Discarded => format!("Request discarded: {target}"),
        News::Expired => format!("Request expired: {target}"),
        News::Granted => format!("Access granted: {target}, {duration}"),
        News::Adopted => format!("Your access has an end now: {target}"),
        News::Failed => format!("Access failed: {target}"),
        News::Extended => format!("Extended: {target}"),
        News::NotExtended { .. } => format!("Not extended yet: {target}"),
        News::EndsSoon => format!("Ends in {}: {target}", left(told.grant.as_ref(), now)),
        News::BreakGlass => format!("Break-glass: {first} took {target}, {duration}"),
        News::ReviewClosed => format!("Break-glass review closed: {target}"),
        News::Ended { .. } => format!("Access ended: {target}"),
        News::Stuck => format!("AWS refuses to remove access: {target}, {name}"),
        News::SessionsLive { .. } => format!("Sessions continue: {target}, {name}"),
        News::Lost { .. } => format!("Access lost: {target}"),
        News::SetUpAgain => format!("Access is being set up again: {target}"),
        News::GuardActed { .. } => format!("The guard had to act: {target}, {name}"),
    }
}

fn left(grant: Option<&Grant>, now: Timestamp) -> TimeSpan {
    grant.map_or(TimeSpan::ZERO, |grant| {
        minutes_begun(TimeSpan::between(now, grant.ends_at))
    })
}

fn footer(told: &NoticeContext, reader: ReaderRole) -> String {
    match reader {
        // adopted access has no request
        ReaderRole::Requester if told.notice.news == News::Adopted => {
            "You get this because you hold it.".to_owned()
        }
        ReaderRole::Requester => "You get this because you requested it.".to_owned(),
        ReaderRole::Approver => {
            let rules = text::line(&told.request.decided.based_on.join(", "), 200);
            format!("You get this because you may approve it. Rule: {rules}.")
        }
        ReaderRole::Operator => OPERATOR.to_owned(),
    }
}

fn facts(told: &NoticeContext) -> Vec<(&'static str, String)> {
    let request = &told.request;
    let name = |name: &str| PlainStyle.name(name);
    let who = requester(request, &PlainStyle);
    let who = format!("{who} <{}>", request.requester.email);
    let mut facts = vec![("Who", who)];
    match &request.names {
        TargetNames::Account {
            account,
            permission_set,
        } => {
            let account = name(account);
            let shown = match request.key.as_ref().map(|key| &key.target) {
                Some(Target::Account { account: id, .. }) => format!("{account} #{id}"),
                Some(Target::Group { .. }) | None => account,
            };
            facts.push(("Account", shown));
            facts.push(("Role", name(permission_set)));
        }
        TargetNames::Group { group } => facts.push(("Group", name(group))),
    }
    let length = match &request.shortened {
        Some(shortened) => format!("{} instead of {}", request.duration, shortened.from),
        None => request.duration.to_string(),
    };
    facts.push(("For", length));
    if let Some(ticket) = &request.ticket {
        let url = request.ticket_url().map(|url| format!(" {url}"));
        facts.push(("Ticket", name(ticket) + &url.unwrap_or_default()));
    }
    facts
}

/// Quotes the reason for its judges, and a denial's words for the requester.
fn quote(told: &NoticeContext, reader: ReaderRole) -> Option<(&'static str, String)> {
    match (&told.notice.news, &told.request.state) {
        (News::Denied, RequestState::Denied { reason, .. }) => {
            reason.clone().map(|words| ("Their words", words))
        }
        (News::Reviewed | News::Approved | News::Granted | News::Extended, _) => {
            let (_, words) = told.request.newest_comment()?;
            Some(("Their words", text::visible(words).into_owned()))
        }
        (News::BreakGlass, _) if reader == ReaderRole::Approver => {
            let review = told.request.after_review.as_ref();
            review.map(|review| ("Why it could not wait", review.justification.clone()))
        }
        (News::ReviewWanted | News::Reminder, _) if reader == ReaderRole::Approver => {
            Some(("Why", told.request.reason.clone()))
        }
        _ => None,
    }
}

fn notes(told: &NoticeContext, reader: ReaderRole) -> Vec<String> {
    let request = &told.request;
    let mut notes = Vec::new();
    let asks = matches!(told.notice.news, News::ReviewWanted | News::Reminder);
    if asks && reader == ReaderRole::Approver {
        let (texts, more) = warnings::of_request(request);
        let texts = texts.into_iter().map(|it| text::line(it, WARNING_MAX));
        notes.extend(texts.map(|it| format!("Warning: {it}")));
        notes.extend((more > 0).then(|| warnings::more(more)));
        if request.secondary_domain {
            notes.push(secondary_domain(request.requester.email.as_str()));
        }
        let (given, needed) = request.approvals();
        match open_stage_names(request, &PlainStyle) {
            Some(stages) => notes.push(format!("{given} of {needed} approvals. {stages}")),
            None if needed > 1 => notes.push(format!("{given} of {needed} have approved.")),
            None => {}
        }
        notes.extend(not_open(request, &PlainStyle));
        if let Some(at) = request.expires_at {
            notes.push(format!("Expires {} if no one decides.", utc(at)));
        }
    }
    // requesters know their actions; both see a review's end
    if reader != ReaderRole::Requester || told.notice.news == News::ReviewClosed {
        notes.extend(used(told, &PlainStyle));
    }
    notes
}
