use hallpass_access::{Approval, Past, ReadError, Request, RequestVerdict, by_rules};
use hallpass_base::{TargetNames, Timestamp};
use hallpass_channels::wording::dialogs;
use hallpass_rules::{Ask, PressRefusedByRules};

use super::flash::pressed;
use super::presenter::{Coded, Presenter};
use super::words::Badge;
use super::{refusals, rows};
use crate::App;

pub(super) const UNREADABLE: &str = "It cannot be decided now: the requester's access cannot be read. Tell the operators of Hallpass.";

pub(super) struct Closed {
    pub(super) id: String,
    pub(super) badge: Badge,
    pub(super) words: Coded,
    pub(super) what: String,
}

pub(super) fn set_of(request: &Request) -> Option<&str> {
    match &request.names {
        TargetNames::Account { permission_set, .. } => Some(permission_set),
        TargetNames::Group { .. } => None,
    }
}

pub(super) fn waited(view: &Presenter, since: Timestamp) -> String {
    match view.since(since).as_seconds() {
        0..60 => "less than a minute".to_owned(),
        seconds @ 60..3600 => format!("{}m", seconds / 60),
        seconds => format!("{}h {}m", seconds / 3600, seconds % 3600 / 60),
    }
}

/// Warns only where an approver must decide differently: facts and the request page say the rest.
pub(super) fn signal(view: &Presenter, request: &Request, past: &Past) -> Coded {
    let who = Presenter::person(&request.requester.name, &request.requester.email);
    Coded(if request.secondary_domain {
        dialogs::secondary_domain(&who.email)
    } else if is_first(request, past) && view.aim_of(request).is_prod {
        format!("{} has not had this in the last 90 days.", who.first)
    } else {
        String::new()
    })
}

fn is_first(request: &Request, past: &Past) -> bool {
    past.requester.count == 0 && request.extends.is_none()
}

/// "6 times in 90 days, last 12 Nov"; nothing for a first extension.
pub(super) fn before(view: &Presenter, request: &Request, past: &Past) -> Option<String> {
    let times = &past.requester;
    let Some(last) = &times.last else {
        return is_first(request, past).then(|| "Not in the last 90 days".to_owned());
    };
    let count = match (times.count, times.more) {
        (1, false) => "Once".to_owned(),
        (n, false) => format!("{n} times"),
        (n, true) => format!("At least {n} times"),
    };
    Some(format!("{count} in 90 days, last {}", view.words(last.at)))
}

/// Earlier access, and a smaller permission set for a first request.
pub(super) fn history(
    app: &App,
    view: &Presenter,
    request: &Request,
    past: &Past,
) -> Vec<(&'static str, String)> {
    let before = before(view, request, past).map(|words| ("Before", words));
    let is_open = is_first(request, past) && request.is_waiting(view.now);
    let less = is_open.then(|| smaller(app, view, request)).flatten();
    let less = less.map(|set| {
        let words = format!("{set} in this account needs no approval and may be enough.");
        ("Less", words)
    });
    before.into_iter().chain(less).collect()
}

/// A read-only permission set that the requester can get here without approval.
fn smaller(app: &App, view: &Presenter, request: &Request) -> Option<String> {
    let Some(Ask::Account {
        account,
        permission_set,
    }) = request.question()
    else {
        return None;
    };
    let sets = view.directory.permission_sets().iter();
    sets.filter(|set| set.name != permission_set && set.name.starts_with("ReadOnly"))
        .find(|set| {
            let question = Ask::Account {
                account,
                permission_set: &set.name,
            };
            let decision = app.access.decide(request.requester.principal(), &question);
            by_rules(&decision) == Ok(RequestVerdict::Granted(Approval::NotRequired))
        })
        .map(|set| set.name.clone())
}

pub(super) fn rule(app: &App, view: &Presenter, request: &Request) -> Coded {
    let Some(permit) = app.access.permit_to_deny(view.principal(), request) else {
        return Coded::default();
    };
    let names = |rules: &[hallpass_rules::RuleId]| {
        let names: Vec<String> = rules.iter().map(|rule| format!("`{rule}`")).collect();
        names.join(", ")
    };
    let (given, needed) = request.approvals();
    let needed = match (request.reviewers().first(), needed) {
        (Some(first), _) => format!(
            "{given} of {needed} needed: {} approved at {}",
            super::words::capital(&view.named(&first.by)),
            view.words(first.at)
        ),
        (None, 0 | 1) => "1 approval needed".to_owned(),
        (None, n) => format!("{n} approvals needed"),
    };
    Coded(match permit {
        Ok(permit) if permit.listed_by.len() == 1 => {
            format!("{} lists you · {needed}", names(&permit.listed_by))
        }
        Ok(permit) => format!("{} list you · {needed}", names(&permit.listed_by)),
        Err(
            PressRefusedByRules::NotListed { rules, .. }
            | PressRefusedByRules::OwnRequest { rules }
            | PressRefusedByRules::NotOpen { rules, .. },
        ) => names(&rules),
    })
}

fn asked(view: &Presenter, request: &Request) -> String {
    format!(
        "{} for {}, {}",
        view.aim_of(request).words(),
        Presenter::person(&request.requester.name, &request.requester.email).name,
        request.duration
    )
}

pub(super) fn not_judged(request: &Request, error: &ReadError) {
    tracing::warn!(request.id = %request.id, error = %error, "what could be pressed on a request is not shown");
}

pub(super) fn undecidable(view: &Presenter, request: &Request) -> Closed {
    Closed {
        id: request.id.to_string(),
        badge: rows::badge(view, request, None),
        words: Coded(UNREADABLE.to_owned()),
        what: asked(view, request),
    }
}

pub(super) fn closed(view: &Presenter, request: &Request) -> Closed {
    let words = pressed(view, request).or_else(|| {
        let closed = request.clone().pending(view.now).err()?;
        Some(refusals::already(view, request, &closed))
    });
    Closed {
        id: request.id.to_string(),
        badge: rows::badge(view, request, None),
        words: Coded(words.unwrap_or_else(|| "It waits for others now.".to_owned())),
        what: asked(view, request),
    }
}
