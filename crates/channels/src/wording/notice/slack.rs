//! Slack texts of a notice: below its request's message, and directly to the requester.

use hallpass_access::{News, NoticeContext, Request, RequestState, RuleNames};
use hallpass_base::{TimeSpan, Timestamp};

use super::{ReaderRole, glass_broken, said_by_approvers, sentence, used};
use crate::wording::SlackStyle;
use crate::wording::grants::{
    ended, ends, how_approved, lost, not_deleted, not_extended, progress, refused_by_aws,
    said_with_approval,
};
use crate::wording::names::{first_name, requester, target};
use crate::wording::outstanding::{not_open, open_stage_names, what_stages_take};
use crate::wording::style::ChannelStyle;

const REFERENCE_CHARACTERS: usize = 4;

/// People who must act: mentions of those on Slack, addresses of others.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    pub found: Vec<String>,
    pub missing: Vec<String>,
}

impl Mentions {
    pub fn all(&self) -> Vec<String> {
        self.found.iter().chain(&self.missing).cloned().collect()
    }
}

#[derive(Clone, Debug)]
pub struct SlackFacts<'a> {
    pub asked: &'a Mentions,
    pub requester: &'a str,
    /// The planned times of this and the next reminder.
    pub reminders: (Timestamp, Option<Timestamp>),
    pub console: &'a str,
    pub page: &'a str,
    pub bad: &'a str,
}

/// Returns the reply below the request's message; `None` when that shows it all.
pub fn reply(
    told: &NoticeContext,
    facts: &SlackFacts<'_>,
    style: &SlackStyle<'_>,
) -> Option<String> {
    let (request, grant) = (&told.request, told.grant.as_ref());
    match &told.notice.news {
        News::ReviewWanted => Some(and_used(wanted(told, facts, style), told, style)),
        News::Reminder => Some(reminder(request, facts, style)),
        News::Reviewed => Some(one_more(request, facts.asked, style)),
        News::Approved => said_by_approvers(told, style)
            .or_else(|| Some(how_approved(request, style)).filter(|how| how.ends_with('.'))),
        News::Denied | News::Discarded | News::Rejected => closed(request, style),
        News::Expired => Some("No one decided in time. Nothing was granted.".to_owned()),
        News::Granted => Some(live(told, facts, style)),
        News::Failed => {
            let refused = refused_by_aws(grant, style);
            Some(format!("{refused} Reference {}.", reference(request)))
        }
        News::Extended => grant.map(|grant| {
            let said = said_by_approvers(told, style).map(|said| format!(" {said}"));
            format!(
                "Extended. {}{}",
                ends(grant, style),
                said.unwrap_or_default()
            )
        }),
        News::NotExtended { unmoved } => Some(format!(
            "Not extended yet. {}",
            not_extended(unmoved.as_ref(), style)
        )),
        News::EndsSoon => None,
        News::Ended { credentials, error } => Some(match grant {
            Some(grant) => ended(grant, *credentials, error.as_deref(), style),
            None => "Ended.".to_owned(),
        }),
        News::Lost { how } => Some(lost(how, &style.instant(told.notice.at), style)),
        News::Stuck => {
            let stuck = grant.and_then(|grant| grant.stuck.as_ref());
            Some(not_deleted(stuck.map_or("", |stuck| &stuck.reason), style))
        }
        News::BreakGlass => Some(format!(
            "{} {}",
            break_glass_story(request, style),
            closes_the_review(&facts.asked.all())
        )),
        News::ReviewClosed => {
            let said = sentence(told, ReaderRole::Operator, style.seen_from, style);
            Some(and_used(said, told, style))
        }
        News::SessionsLive { .. } | News::Adopted | News::SetUpAgain | News::GuardActed { .. } => {
            Some(sentence(told, ReaderRole::Operator, style.seen_from, style))
        }
    }
}

fn and_used(said: String, told: &NoticeContext, style: &SlackStyle<'_>) -> String {
    match used(told, style) {
        Some(used) => format!("{said}\n{used}"),
        None => said,
    }
}

/// Returns the requester's direct message, with a denial's words and the next steps.
pub fn direct(told: &NoticeContext, facts: &SlackFacts<'_>, style: &SlackStyle<'_>) -> String {
    let said = said(told, style);
    let more = match (&told.notice.news, &told.request.state) {
        (
            News::Denied,
            RequestState::Denied {
                by,
                reason: Some(reason),
                ..
            },
        ) => {
            let by = style.person(by);
            format!(" {}: {}", first_name(&by), style.quoted(reason))
        }
        (News::Granted, _) => format!(" <{}|Console>", facts.console),
        _ => said_by_approvers(told, style).map_or_else(String::new, |said| format!(" {said}")),
    };
    format!("{said}{more} <{}|Open in Hallpass>", facts.page)
}

pub fn said(told: &NoticeContext, style: &SlackStyle<'_>) -> String {
    sentence(told, ReaderRole::Requester, style.seen_from, style)
}

pub fn nobody_reached(request: &Request, facts: &SlackFacts<'_>, style: &SlackStyle<'_>) -> String {
    format!(
        "{} No approver of {} is on Slack; {} waits. Check `approvers` in {}. <{}|Open in Hallpass>",
        facts.bad,
        target(&request.names, style),
        requester(request, style),
        RuleNames::of(&request.decided.based_on).within(),
        facts.page
    )
}

pub fn break_glass_story(request: &Request, style: &SlackStyle<'_>) -> String {
    let review = request.after_review.as_ref();
    let why = review.map(|review| style.quoted(&review.justification));
    let story = glass_broken(request, style);
    format!("◆ {story} Reason: {}", why.unwrap_or_default())
}

pub fn closes_the_review(mentions: &[String]) -> String {
    let asks = format!("{} one of you closes the review.", some_of(mentions));
    asks.trim_start().to_owned()
}

fn some_of(mentions: &[String]) -> String {
    /// The longest text of a section is 3,000.
    const ROOM: usize = 2_900;
    let mut some = String::new();
    for (place, mention) in mentions.iter().enumerate() {
        if some.len() + mention.len() > ROOM {
            let more = mentions.len() - place;
            return format!("{some} and {more} more:");
        }
        if place > 0 {
            some.push(' ');
        }
        some.push_str(mention);
    }
    some
}

fn wanted(told: &NoticeContext, facts: &SlackFacts<'_>, style: &SlackStyle<'_>) -> String {
    let (request, decided) = (&told.request, &told.request.decided);
    let rules = RuleNames::of(&decided.based_on);
    let rule = rules.first().replacen("Rule ", "Rule: ", 1);
    let Mentions { found, missing } = facts.asked;
    let not_here = match missing.as_slice() {
        [] => String::new(),
        missing => format!(" Not on Slack: {} (can use the web).", missing.join(", ")),
    };
    let (_, needed) = request.approvals();
    let can = match (what_stages_take(request, style), needed) {
        (Some(stages), _) => format!("this needs approvals: {stages}"),
        (None, 0 | 1) => "one of you can approve this".to_owned(),
        (None, more) => format!("{more} of you have to approve this"),
    };
    let opens = not_open(request, style).map(|said| format!(" {said}"));
    let opens = opens.unwrap_or_default();
    if !found.is_empty() {
        format!("{} {can}. {rule}.{opens}{not_here}", found.join(" "))
    } else if decided.approvers.is_empty() {
        format!("No one can approve this. {}.", rules.first())
    } else if told.notice.to.is_empty() {
        format!("Waits for an approver. {rule}.")
    } else {
        let by = rules.within();
        format!(
            "{} No approver of this is on Slack.{not_here} Check `approvers` in {by}.",
            facts.bad
        )
    }
}

fn reminder(request: &Request, facts: &SlackFacts<'_>, style: &SlackStyle<'_>) -> String {
    let (at, next) = facts.reminders;
    let waited = TimeSpan::between(request.asked_at, at);
    let next = match (next, request.expires_at) {
        (Some(next), _) => format!("Next in {}.", TimeSpan::between(at, next)),
        (None, Some(lapses)) => {
            format!("No more reminders; expires {}.", style.instant(lapses))
        }
        (None, None) => "No more reminders.".to_owned(),
    };
    let all = facts.asked.all().join(" ");
    let said = format!("Still waiting, {waited}. {next} {all}");
    said.trim_end().to_owned()
}

fn one_more(request: &Request, others: &Mentions, style: &SlackStyle<'_>) -> String {
    let more = match request.approvals_lacking() {
        1 => "One more".to_owned(),
        more => format!("{more} more"),
    };
    let all = others.all();
    let of = if all.is_empty() {
        String::new()
    } else {
        format!(" of {}", all.join(" "))
    };
    let lacks = format!("{} {more}{of}.", progress(request, style));
    let parts = [
        Some(lacks),
        open_stage_names(request, style),
        said_with_approval(request, style),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" ")
}

fn closed(request: &Request, style: &SlackStyle<'_>) -> Option<String> {
    match &request.state {
        RequestState::Denied { by, reason, .. } => {
            let by = style.person(by);
            Some(match reason {
                Some(reason) => format!("{by}: {}", style.quoted(reason)),
                None => format!("Denied by {by}."),
            })
        }
        RequestState::Discarded { by, .. } => Some(format!("Discarded by {}.", style.person(by))),
        RequestState::Rejected { detail, .. } => Some(style.quoted(detail)),
        RequestState::Pending | RequestState::Approved { .. } | RequestState::Expired { .. } => {
            None
        }
    }
}

fn live(told: &NoticeContext, facts: &SlackFacts<'_>, style: &SlackStyle<'_>) -> String {
    let since = style.instant(told.notice.at);
    let ends = told.grant.as_ref().map(|grant| ends(grant, style));
    let ends = ends.unwrap_or_default();
    let how = how_approved(&told.request, style);
    let how = how.trim_end_matches('.');
    let (who, console) = (facts.requester, facts.console);
    format!("Live since {since}. {who} <{console}|Console>. {ends} {how}.")
}

/// Returns the id's last characters: few enough to read aloud.
fn reference(request: &Request) -> String {
    let id = request.id.to_string();
    let skipped = id.chars().count().saturating_sub(REFERENCE_CHARACTERS);
    id.chars().skip(skipped).collect::<String>().to_uppercase()
}
