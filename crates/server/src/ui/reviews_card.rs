use hallpass_access::{Approval, Past, ReadError, Request, RequestVerdict, by_rules};
use hallpass_base::{TargetNames, Timestamp};
use hallpass_channels::wording::dialogs;
use hallpass_rules::{Ask, PressRefusedByRules};

use super::flash::pressed;
use super::presenter::{Coded, Presenter};
use super::words::Badge;
use super::{refusals, rows};
use crate::App;

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

pub(super) fn signal(app: &App, view: &Presenter, request: &Request, past: &Past) -> Coded {
    let who = Presenter::person(&request.requester.name, &request.requester.email);
    if request.secondary_domain {
        return Coded(dialogs::secondary_domain(&who.email));
    }
    let reviewers = request.reviewers();
    let (given, needed) = request.approvals();
    let said = reviewers.first().map(|first| {
        format!(
            "{given} of {needed} needed: {} approved at {}.",
            super::words::capital(&view.named(&first.by)),
            view.words(first.at)
        )
    });
    // an earlier approval does not make it less new
    let is_new = past.requester.count == 0 && request.extends.is_none();
    let lead = is_new.then(|| format!("{} has not had this in the last 90 days.", who.first));
    let less = lead.as_ref().and_then(|_| smaller(app, view, request));
    let less =
        less.map(|set| format!("{set} in this account needs no approval and may be enough."));
    let all: Vec<String> = [said, lead, less].into_iter().flatten().collect();
    Coded(all.join(" "))
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
    let needed = match request.approvals().1 {
        0 | 1 => "1 approval needed".to_owned(),
        n => format!("{n} approvals needed"),
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
        words: Coded(
            "It cannot be decided now: the requester's access cannot be read. Tell the operators of Hallpass."
                .to_owned(),
        ),
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
