//! Texts of notices: one self-contained sentence, and the surroundings per channel.

pub mod mail;
pub mod slack;

use hallpass_access::{
    CredentialsAfterEnd, LostAccess, News, NoticeContext, Request, RequestState,
};
use hallpass_base::{TimeSpan, Timestamp};

use crate::wording::activity;
use crate::wording::grants::{
    adopter, ended, ends, issued_credentials, not_extended, refused_by_aws, said_with_approval,
    unstopped,
};
use crate::wording::names::{asks, capital, requester, target};
use crate::wording::outstanding::open_stage_names;
use crate::wording::style::{ChannelStyle, PlainStyle};
use crate::wording::time::minutes_begun;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReaderRole {
    Requester,
    Approver,
    Operator,
}

pub fn webhook_text(told: &NoticeContext) -> String {
    let sentence = sentence(told, ReaderRole::Operator, told.notice.at, &PlainStyle);
    let more = [
        said_by_approvers(told, &PlainStyle),
        used(told, &PlainStyle),
    ];
    let all: Vec<String> = [Some(sentence)].into_iter().chain(more).flatten().collect();
    all.join(" ")
}

pub(crate) fn used(told: &NoticeContext, style: &impl ChannelStyle) -> Option<String> {
    let used = told.used.as_ref()?;
    match told.notice.news {
        News::ReviewClosed => Some(activity::told_use(used, style)),
        _ => activity::last_use(used, style),
    }
}

fn said_by_approvers(told: &NoticeContext, style: &impl ChannelStyle) -> Option<String> {
    let is_told = matches!(
        told.notice.news,
        News::Reviewed | News::Approved | News::Extended
    );
    is_told
        .then(|| said_with_approval(&told.request, style))
        .flatten()
}

/// States the event with people and target: mail headline, webhook text, direct message in Slack.
/// `now` is the time of sending.
pub fn sentence(
    told: &NoticeContext,
    reader: ReaderRole,
    now: Timestamp,
    style: &impl ChannelStyle,
) -> String {
    let (request, grant) = (&told.request, told.grant.as_ref());
    let target = target(&request.names, style);
    let until = || {
        let ends = grant.map(|grant| format!(" {}", ends(grant, style)));
        ends.unwrap_or_default()
    };
    match &told.notice.news {
        News::ReviewWanted | News::Reminder | News::Reviewed => waiting(told, reader, now, style),
        News::Denied | News::Rejected | News::Discarded | News::Expired => closed(told, style),
        News::Approved => match request.agreed_start().and(request.start.as_ref()) {
            Some(start) => format!(
                "{target} is approved. It starts {}.",
                style.instant(start.at)
            ),
            None => format!("{target} is approved and being set up."),
        },
        News::Granted => format!("{target} is live.{}", until()),
        News::Extended => format!("{target} is extended.{}", until()),
        News::NotExtended { unmoved } => format!(
            "{target} is not extended yet. {}",
            not_extended(unmoved.as_ref(), style)
        ),
        News::Failed => format!("{target}: {}", refused_by_aws(grant, style)),
        News::EndsSoon => match grant {
            Some(grant) => {
                let left = minutes_begun(TimeSpan::between(now, grant.ends_at));
                let at = style.instant(grant.ends_at);
                format!("{target} ends in {left}, at {at}.")
            }
            None => format!("{target} ends soon."),
        },
        News::Ended { credentials, error } => match grant {
            Some(grant) => ended(grant, *credentials, error.as_deref(), style),
            None => format!("Ended: {target}."),
        },
        News::Lost { how } => match how {
            LostAccess::RemovedElsewhere => format!("Someone removed {target} outside Hallpass."),
            LostAccess::NotSetUpAgain { reason } => {
                let reason = unstopped(reason, style);
                format!("{target} was removed, and could not be set up again: {reason}.")
            }
        },
        News::Stuck | News::SessionsLive { .. } => tried_again(told, style),
        News::SetUpAgain | News::GuardActed { .. } => guarded(told, style),
        News::BreakGlass | News::ReviewClosed => break_glass(told, style),
        News::Adopted => adopted(told, style),
    }
}

fn waiting(
    told: &NoticeContext,
    reader: ReaderRole,
    now: Timestamp,
    style: &impl ChannelStyle,
) -> String {
    let request = &told.request;
    let (name, asks) = (requester(request, style), asks(request, style));
    let target = target(&request.names, style);
    match (&told.notice.news, reader) {
        (News::Reminder, ReaderRole::Requester) => {
            format!("{target} still waits for you: no one else needs to approve it.")
        }
        (News::Reminder, ReaderRole::Approver | ReaderRole::Operator) => {
            let waited = minutes_begun(TimeSpan::between(request.asked_at, now));
            format!("Still waiting, {waited}: {name} {asks}.")
        }
        (News::Reviewed, _) => {
            let (given, needed) = request.approvals();
            match open_stage_names(request, style) {
                Some(stages) => format!(
                    "{target} has {given} of {needed} approvals. {stages} It is not granted yet."
                ),
                None => {
                    format!("{given} of {needed} have approved {target}. It is not granted yet.")
                }
            }
        }
        (_, ReaderRole::Requester) => format!("You requested {target}. It waits for approval."),
        (_, ReaderRole::Approver | ReaderRole::Operator) => format!("{name} {asks}."),
    }
}

fn closed(told: &NoticeContext, style: &impl ChannelStyle) -> String {
    let target = target(&told.request.names, style);
    match &told.request.state {
        RequestState::Denied { by, .. } => {
            let by = style.person(by);
            format!("{by} denied {target}. Nothing was granted.")
        }
        RequestState::Rejected { detail, .. } => {
            format!("{target} is not possible. {}", style.quoted(detail))
        }
        RequestState::Discarded { by, .. } => {
            format!("{} discarded the request for {target}.", style.person(by))
        }
        // these notices are written with their state
        RequestState::Expired { .. } | RequestState::Pending | RequestState::Approved { .. } => {
            format!("No one decided about {target} in time. Nothing was granted.")
        }
    }
}

fn tried_again(told: &NoticeContext, style: &impl ChannelStyle) -> String {
    let target = target(&told.request.names, style);
    if let News::SessionsLive { sessions } = &told.notice.news {
        let more = sessions.as_ref().map(|sessions| {
            let why = unstopped(&sessions.why, style);
            let until = CredentialsAfterEnd::WorkUntil(sessions.until);
            let until = issued_credentials(until, style).unwrap_or_default();
            format!(": {why}. {until}")
        });
        let more = more.unwrap_or_else(|| ".".to_owned());
        return format!(
            "Sessions that outlive {target} cannot be ended{more} It is tried again and again."
        );
    }
    let name = requester(&told.request, style);
    let stuck = told.grant.as_ref().and_then(|grant| grant.stuck.as_ref());
    let why = stuck.map(|stuck| format!(": {}", unstopped(&stuck.reason, style)));
    let why = why.unwrap_or_default();
    format!("AWS refuses to remove {target} of {name}{why}. It is tried every hour.")
}

/// Describes a guard's act: to the holder if too early, to operators if needed.
fn guarded(told: &NoticeContext, style: &impl ChannelStyle) -> String {
    let target = target(&told.request.names, style);
    if let News::GuardActed { removal } = &told.notice.news {
        let name = requester(&told.request, style);
        let (guard, late) = match removal {
            Some(removal) => {
                let guard = format!("The guard `{}`", style.name(&removal.guard));
                (guard, format!("{} after its end", removal.late))
            }
            None => ("A guard".to_owned(), "after its end".to_owned()),
        };
        return format!(
            "{guard} removed {target} of {name}, {late}: the server had not. Health says why; more \
             may follow."
        );
    }
    let until = told.grant.as_ref().map(|grant| {
        let ends = style.instant(grant.ends_at);
        format!(", until {ends}")
    });
    format!(
        "A guard removed {target} before its newest end reached it. It is being set up again{}.",
        until.unwrap_or_default()
    )
}

fn break_glass(told: &NoticeContext, style: &impl ChannelStyle) -> String {
    let request = &told.request;
    if told.notice.news == News::BreakGlass {
        let story = glass_broken(request, style);
        return format!("{story} One of you closes the review.");
    }
    let target = target(&request.names, style);
    let review = request.after_review.as_ref();
    match review.and_then(|review| review.closed.as_ref()) {
        Some(closing) => {
            let by = style.person(&closing.by);
            let words = closing.words.as_deref();
            let words = words.map(|words| format!(": {}", unstopped(words, style)));
            let words = words.unwrap_or_default();
            format!("{by} closed the break-glass review of {target}{words}.")
        }
        None => format!("The break-glass review of {target} is closed."),
    }
}

/// States who took break-glass access, and for how long. Omits the justification, which not all
/// readers judge.
pub(crate) fn glass_broken(request: &Request, style: &impl ChannelStyle) -> String {
    let (name, target) = (requester(request, style), target(&request.names, style));
    format!(
        "Break-glass: {name} took {target} for {}.",
        request.duration
    )
}

fn adopted(told: &NoticeContext, style: &impl ChannelStyle) -> String {
    let request = &told.request;
    let target = target(&request.names, style);
    let by = match &request.state {
        RequestState::Approved { by, .. } => adopter(request, by, style),
        RequestState::Pending
        | RequestState::Denied { .. }
        | RequestState::Discarded { .. }
        | RequestState::Expired { .. }
        | RequestState::Rejected { .. } => "Hallpass".to_owned(),
    };
    let ends = told.grant.as_ref().map(|grant| {
        let ends = style.instant(grant.ends_at);
        format!(": it ends at {ends}")
    });
    let ends = ends.unwrap_or_default();
    let by = capital(&by);
    format!("You held {target} outside Hallpass. {by} gave it an end{ends}.")
}
