use hallpass_access::{
    DecidedKind, DecisionKind, EndCause, Grant, GrantState, LostAccess, Request, RequestState,
};
use hallpass_base::TimeSpan;
use hallpass_channels::wording::{grants, outstanding, time::minutes_passed};

use super::{
    presenter::{At, Coded, PersonView, Presenter},
    shell::Viewer,
    words::{Badge, grant_badge, plain, request_badge},
    words::{capital, lasting, sentence},
};
use crate::App;

/// An end is called late from here on.
const ON_TIME: TimeSpan = TimeSpan::minutes(1);

pub(crate) struct RequestRow {
    pub(crate) href: String,
    pub(crate) what: String,
    pub(crate) who: PersonView,
    pub(crate) badge: Badge,
    pub(crate) next: Next,
    pub(crate) asked: At,
}

/// The next step, or why nothing follows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Next {
    pub(crate) quote: String,
    pub(crate) words: Coded,
    pub(crate) link: Option<(&'static str, String)>,
}

impl From<String> for Next {
    fn from(words: String) -> Self {
        Self {
            words: Coded(words),
            ..Self::default()
        }
    }
}

pub(crate) async fn with_grant(app: &App, viewer: &Viewer, request: &Request) -> Option<Grant> {
    app.access.grant(&viewer.actor, request.grant?).await.ok()
}

pub(crate) fn badge(view: &Presenter, request: &Request, grant: Option<&Grant>) -> Badge {
    match (&request.state, grant) {
        (RequestState::Approved { .. }, Some(grant)) => {
            grant_badge(grant, view.left(grant.ends_at))
        }
        (RequestState::Pending, _) if is_past(view, request) => {
            request_badge(&RequestState::Expired { at: view.now })
        }
        (state, _) => request_badge(state),
    }
}

/// Returns whether a request has expired, although its stored state is still waiting.
pub(crate) fn is_past(view: &Presenter, request: &Request) -> bool {
    matches!(request.state, RequestState::Pending) && !request.is_waiting(view.now)
}

pub(crate) async fn row(
    app: &App,
    viewer: &Viewer,
    view: &Presenter,
    request: &Request,
) -> RequestRow {
    let grant = with_grant(app, viewer, request).await;
    let aim = view.aim_of(request);
    let what = match request.extends {
        Some(_) => format!("{}, {} more", aim.words(), request.duration),
        None => aim.words(),
    };
    RequestRow {
        href: format!("/requests/{}", request.id),
        what,
        who: Presenter::person(&request.requester.name, &request.requester.email),
        badge: badge(view, request, grant.as_ref()),
        next: next(view, request, grant.as_ref()),
        asked: view.at(request.asked_at),
    }
}

pub(crate) fn next(view: &Presenter, request: &Request, grant: Option<&Grant>) -> Next {
    let again = || Some(("Request again", view.aim_of(request).ask));
    match &request.state {
        RequestState::Pending if is_past(view, request) => lapsed(request, again()),
        RequestState::Pending if let Some(agreed) = grants::agreed(request, view) => {
            sentence(&agreed).into()
        }
        RequestState::Pending => waiting(view, request).into(),
        RequestState::Denied { by, reason, .. } => Next {
            quote: reason.as_deref().map(plain).unwrap_or_default(),
            words: Coded(match reason {
                Some(_) => capital(&view.named(by)),
                None => format!("Denied by {}.", view.named(by)),
            }),
            link: None,
        },
        RequestState::Discarded { by, .. } => format!("Discarded by {}.", view.named(by)).into(),
        RequestState::Expired { .. } => lapsed(request, again()),
        RequestState::Rejected { detail, .. } => plain(detail).into(),
        RequestState::Approved { by, .. } => match grant {
            Some(grant) => of_grant(view, grant, again()),
            None => format!("Approved by {}.", view.named(by)).into(),
        },
    }
}

fn lapsed(request: &Request, link: Option<(&'static str, String)>) -> Next {
    let waited = request
        .expires_at
        .map(|at| format!(" within {}", TimeSpan::between(request.asked_at, at)));
    Next {
        words: Coded(format!("No one decided{}.", waited.unwrap_or_default())),
        link: link.filter(|_| request.extends.is_none()),
        quote: String::new(),
    }
}

pub(crate) fn waiting(view: &Presenter, request: &Request) -> String {
    let who = outstanding::who_can_decide(request, view);
    let lapses = request
        .expires_at
        .map(|at| format!(" Expires {}.", view.words(at)))
        .unwrap_or_default();
    if who.is_none() && request.decided.kind == DecidedKind::Rules(DecisionKind::NoApprovers) {
        return format!("No one can approve this; the glass can be broken.{lapses}");
    }
    let opens = outstanding::not_open(request, view).map(|opens| format!(" {opens}"));
    let opens = opens.unwrap_or_default();
    match who {
        Some(who) => format!("{}{opens}{lapses}", capital(&who)),
        None => format!("Today no one can decide this.{lapses}"),
    }
}

fn of_grant(view: &Presenter, grant: &Grant, again: Option<(&'static str, String)>) -> Next {
    match &grant.state {
        GrantState::Scheduled | GrantState::Granting => {
            "AWS is confirming. The time starts then.".to_owned().into()
        }
        GrantState::Active if grant.standing => grants::ends(grant, view).into(),
        GrantState::Active => format!("Ends {}.", view.words(grant.ends_at)).into(),
        GrantState::Ending { cause, .. } => Next {
            words: Coded(match &grant.stuck {
                Some(stuck) => grants::not_deleted(&stuck.reason, view),
                None => format!("{} AWS is confirming.", why_it_ends(view, grant, cause)),
            }),
            ..Next::default()
        },
        GrantState::Ended { cause, .. } => Next {
            words: Coded(why_it_ends(view, grant, cause)),
            link: again,
            ..Next::default()
        },
        GrantState::Failed { error, .. } => Next {
            words: Coded(grants::not_created(error, view)),
            link: again,
            ..Next::default()
        },
    }
}

fn ended(length: TimeSpan, late: TimeSpan) -> String {
    if late < ON_TIME {
        format!("Ended on time, after {length}.")
    } else {
        format!("Ended {} late, after {length}.", lasting(late))
    }
}

pub(crate) fn why_it_ends(view: &Presenter, grant: &Grant, cause: &EndCause) -> String {
    let begun = grant.granted_at.unwrap_or(grant.scheduled_at);
    let end = match &grant.state {
        GrantState::Ending { since, .. } => *since,
        GrantState::Ended { at, .. } => *at,
        _ => grant.ends_at,
    };
    let length = grant.duration;
    let used = minutes_passed(TimeSpan::between(begun, end));
    match cause {
        EndCause::Expired => match &grant.state {
            GrantState::Ended { at, .. } => ended(length, TimeSpan::between(grant.ends_at, *at)),
            _ => format!("Its time of {length} is over."),
        },
        EndCause::Released => format!("Ended early after {used} of {length}."),
        EndCause::Revoked { by, .. } => {
            format!("Revoked by {} after {used} of {length}.", view.named(by))
        }
        EndCause::RuleChanged => "Ended: the rules changed and would refuse it today.".to_owned(),
        EndCause::PrincipalLeft => "Ended: its holder is no longer in the directory.".to_owned(),
        EndCause::Drift => grants::lost(&LostAccess::RemovedElsewhere, &view.words(end), view),
        EndCause::Guard { removed_at, .. } => format!(
            "Removed by the guard at {}, because the server had not.",
            view.words(*removed_at)
        ),
    }
}

/// The ticket of a request, with its page at the service.
pub(super) struct TicketLink {
    pub(super) text: String,
    pub(super) url: Option<String>,
}

impl TicketLink {
    pub(super) fn of(request: &Request) -> Self {
        Self {
            text: request.ticket.as_deref().map(plain).unwrap_or_default(),
            url: request.ticket_url().map(str::to_owned),
        }
    }
}
