//! Revoke all access of a user: the plan, typed confirmation of the user name, the actions, and
//! their results.

use std::fmt::Write as _;
use std::time::Duration;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::get,
};
use hallpass_access::{
    AccessError, ActionRefused, Directory, ENDED_BY_A_LOCK, EndCause, EndOutcome, Entitlement,
    Force, Grant, GrantFilter, GrantState, GrantStateKind, HeldAccess, Locking, NamedEntitlement,
    Request, RequestFilter, RequestStateKind, RequestView, Revoking, Role, last_credentials_until,
};
use hallpass_base::{Email, TimeSpan, Timestamp, UserId};
use hallpass_channels::wording::{dialogs, grants, standing};
use jiff::tz::TimeZone;
use serde::Deserialize;

use super::people::{self, Face, first_name};
use super::presenter::Presenter;
use super::shell::{
    Nav, PageResult, Posted, Shell, Viewer, page, page_with, see_other, url_encoded,
};
use super::words::{Badge, grant_badge, lasting, plain};
use super::{forbidden, revoke};
use crate::{App, problem::ProblemResponse};

const FOUND_MAX: usize = 8;
const GRANTS_MAX: usize = 1_000;
/// Timeout of the account access manager read for the page.
const ENTITLEMENTS_MAX: Duration = Duration::from_secs(3);
const REQUESTS_MAX: usize = 200;

pub(crate) fn router() -> Router<App> {
    Router::new().route("/access/cut-off", get(show).post(press))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RevokeAllQuery {
    user: String,
    since: Option<i64>,
}

#[derive(Deserialize)]
struct RevokeAllForm {
    user: String,
    #[serde(default)]
    confirm: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    end_sessions: String,
}

struct Whom {
    face: Face,
    user: UserId,
    /// Must be typed to confirm.
    user_name: String,
    is_known: bool,
}

struct RevokeAllPlan {
    grants: Vec<String>,
    requests: usize,
    credentials: Option<String>,
    /// Whether every grant has enforced expiry.
    all_armed: bool,
    standing: Vec<String>,
    ends_sessions: bool,
    entitled: Entitled,
    /// Whether a lock is refused; then all access except their sign-in ends.
    is_last_administrator: bool,
}

enum KeptOut {
    Locked,
    /// Not locked: they are the last unlocked administrator.
    LastAdministrator,
    LetIn,
}

/// Roles from account access manager, read from AWS now.
#[derive(Default)]
struct Entitled {
    own: Vec<String>,
    by_group: Vec<String>,
    is_unread: bool,
}

struct RevokeAllLine {
    target: String,
    badge: Badge,
    words: String,
    is_done: bool,
}

#[derive(Template)]
#[template(path = "cut_off.html")]
struct RevokeAllPage {
    shell: Shell,
    asked: String,
    found: Vec<Face>,
    is_searched: bool,
    whom: Option<Whom>,
    first: String,
    plan: Option<RevokeAllPlan>,
    reason: String,
    confirm: String,
    end_sessions: bool,
    reason_error: Option<&'static str>,
    confirm_error: Option<String>,
    outcome: Option<RevokeAllOutcome>,
}

struct RevokeAllOutcome {
    lines: Vec<RevokeAllLine>,
    here: String,
    summary: String,
    left: usize,
    entitled: Entitled,
    kept_out: KeptOut,
}

async fn show(State(app): State<App>, viewer: Viewer, coming: Query<RevokeAllQuery>) -> PageResult {
    if !viewer.actor.is(Role::Admin) {
        return Ok(forbidden::page_for(&app, &viewer, "administrators").await);
    }
    let mut page_of = empty(&app, &viewer, &coming.user).await;
    let directory = app.access.directory();
    if let Some(whom) = find(&app, &directory, &coming.user).await? {
        page_of.first = first_name(&whom.face.name).to_owned();
        match coming
            .since
            .and_then(|seconds| Timestamp::from_second(seconds).ok())
        {
            Some(since) => page_of.outcome = Some(outcome(&app, &viewer, &whom, since).await?),
            None => page_of.plan = Some(plan(&app, &viewer, &whom).await?),
        }
        page_of.whom = Some(whom);
    } else {
        page_of.found = similar(&directory, &coming.user);
    }
    Ok(page(&page_of))
}

async fn empty(app: &App, viewer: &Viewer, asked: &str) -> RevokeAllPage {
    RevokeAllPage {
        shell: viewer.shell(app, Nav::Access, "Revoke all access").await,
        asked: asked.to_owned(),
        found: Vec::new(),
        is_searched: !asked.trim().is_empty(),
        whom: None,
        first: String::new(),
        plan: None,
        reason: String::new(),
        confirm: String::new(),
        end_sessions: false,
        reason_error: None,
        confirm_error: None,
        outcome: None,
    }
}

async fn find(
    app: &App,
    directory: &Directory,
    asked: &str,
) -> Result<Option<Whom>, ProblemResponse> {
    let Ok(email) = Email::new(asked.trim()) else {
        return Ok(None);
    };
    if let Ok(person) = directory.person_by_email(&email) {
        let name = match person.display_name.as_str() {
            "" => person.user_name.as_str(),
            name => name,
        };
        return Ok(Some(Whom {
            face: Face::new(name, email.as_str()),
            user: person.user_id.clone(),
            user_name: plain(&person.user_name),
            is_known: true,
        }));
    }
    let user = app.access.user_of(&email).await?;
    Ok(user.map(|user| Whom {
        face: Face::new(email.as_str(), email.as_str()),
        user,
        user_name: email.to_string(),
        is_known: false,
    }))
}

fn similar(directory: &Directory, asked: &str) -> Vec<Face> {
    let needle = asked.trim().to_lowercase();
    if needle.is_empty() {
        return Vec::new();
    }
    directory
        .people()
        .iter()
        .filter(|person| {
            person.display_name.to_lowercase().contains(&needle)
                || person.user_name.to_lowercase().contains(&needle)
                || person
                    .emails
                    .iter()
                    .any(|email| email.as_str().contains(&needle))
        })
        .filter_map(|person| {
            let email = person.emails.first()?;
            Some(Face::new(&person.display_name, email.as_str()))
        })
        .take(FOUND_MAX)
        .collect()
}

async fn held(app: &App, viewer: &Viewer, user: &UserId) -> Result<Vec<Grant>, ProblemResponse> {
    let filter = GrantFilter {
        states: GrantStateKind::LIVE.to_vec(),
        holder: Some(user.clone()),
        ..GrantFilter::default()
    };
    Ok(app
        .access
        .grants(&viewer.actor, &filter, GRANTS_MAX)
        .await?
        .rows)
}

async fn waiting(
    app: &App,
    viewer: &Viewer,
    user: &UserId,
) -> Result<Vec<Request>, ProblemResponse> {
    let filter = RequestFilter {
        state: Some(RequestStateKind::Pending),
        requester: Some(user.clone()),
        ..RequestFilter::default()
    };
    let view = RequestView::All;
    Ok(app
        .access
        .requests(&viewer.actor, view, &filter, REQUESTS_MAX)
        .await?
        .rows)
}

async fn plan(app: &App, viewer: &Viewer, whom: &Whom) -> Result<RevokeAllPlan, ProblemResponse> {
    let (directory, view) = (app.access.directory(), Presenter::new(app, viewer));
    let grants = held(app, viewer, &whom.user).await?;
    let view = view.seeing_armed_ends(app, &grants).await?;
    // AWS enforces the expiry of the others
    let unarmed = grants.iter().filter(|grant| !view.is_armed(grant));
    let longest = unarmed.max_by_key(|grant| last_credentials_until(grant, &directory, view.now));
    Ok(RevokeAllPlan {
        requests: waiting(app, viewer, &whom.user).await?.len(),
        all_armed: longest.is_none() && !grants.is_empty(),
        credentials: longest.and_then(|grant| revoke::credentials_until(&view, grant)),
        standing: app
            .access
            .stands_known(&whom.user)
            .await?
            .keys()
            .map(|target| {
                let names = app.access.names_of_target(target);
                people::target_of(&directory, target, &names)
            })
            .collect(),
        ends_sessions: app.access.settings().end_sessions,
        is_last_administrator: app.access.is_last_administrator(&whom.user).await?,
        entitled: entitled(app, viewer, &whom.user).await,
        grants: grants
            .iter()
            .filter(|grant| grant.is_hold() || grant.stuck.is_some())
            .map(|grant| people::target(&directory, grant))
            .collect(),
    })
}

async fn kept_out(app: &App, user: &UserId) -> Result<KeptOut, ProblemResponse> {
    if app.access.lock_in_force(user).await?.is_some() {
        return Ok(KeptOut::Locked);
    }
    Ok(if app.access.is_last_administrator(user).await? {
        KeptOut::LastAdministrator
    } else {
        KeptOut::LetIn
    })
}

/// Short timeout: AWS must not delay the page or the revocation.
async fn entitled(app: &App, viewer: &Viewer, user: &UserId) -> Entitled {
    let asked = app.access.entitlements_of(&viewer.actor, user);
    match tokio::time::timeout(ENTITLEMENTS_MAX, asked).await {
        Ok(Ok(found)) => {
            let (found, directory) = (found.unwrap_or_default(), app.access.directory());
            let words = |all: &[Entitlement]| {
                let named = all.iter().map(|it| NamedEntitlement::of(it, &directory));
                named.map(|it| plain(&standing::entitled_to(&it))).collect()
            };
            Entitled {
                own: words(&found.own),
                by_group: words(&found.by_group),
                is_unread: false,
            }
        }
        Ok(Err(error)) => {
            tracing::warn!(user = %user, error = %error, "entitlements could not be read");
            Entitled {
                is_unread: true,
                ..Entitled::default()
            }
        }
        Err(_) => Entitled {
            is_unread: true,
            ..Entitled::default()
        },
    }
}

/// The page reports what remains waiting.
async fn discard_waiting(app: &App, viewer: &Viewer, user: &UserId) {
    let all = waiting(app, viewer, user).await.unwrap_or_default();
    for request in all {
        if let Err(error) = app.access.discard(&viewer.actor, request.id, None).await {
            tracing::warn!(request.id = %request.id, error = %error, "a request could not be discarded");
        }
    }
}

async fn press(
    State(app): State<App>,
    Posted { viewer, form }: Posted<RevokeAllForm>,
) -> Result<Response, ProblemResponse> {
    if !viewer.actor.is(Role::Admin) {
        return Ok(forbidden::page_for(&app, &viewer, "administrators").await);
    }
    let directory = app.access.directory();
    let whom = find(&app, &directory, &form.user).await?;
    let whom = whom.ok_or_else(|| ProblemResponse::not_found("person"))?;
    let typed = form.confirm.trim();
    let confirm_error = (!typed.eq_ignore_ascii_case(&whom.user_name))
        .then(|| format!("Type {} to continue. Nothing has happened.", whom.user_name));
    let reason_error = form
        .reason
        .trim()
        .is_empty()
        .then_some(dialogs::REASON_MISSING);
    let end_sessions = !form.end_sessions.is_empty();
    if confirm_error.is_some() || reason_error.is_some() {
        let mut again = empty(&app, &viewer, &form.user).await;
        again.first = first_name(&whom.face.name).to_owned();
        again.plan = Some(plan(&app, &viewer, &whom).await?);
        again.whom = Some(whom);
        again.reason = form.reason;
        again.confirm = form.confirm;
        again.end_sessions = end_sessions;
        again.reason_error = reason_error;
        again.confirm_error = confirm_error;
        return Ok(page_with(StatusCode::UNPROCESSABLE_ENTITY, &again).into_response());
    }
    let began = app.clock.now();
    let locking = Locking {
        reason: form.reason.trim(),
        until: None,
        held: if end_sessions {
            HeldAccess::EndsWithSessions
        } else {
            HeldAccess::Ends
        },
        force: Force::No,
    };
    // lock first, so that no new access starts; the lock job also completes the rest
    let why = match app.access.lock(&viewer.actor, &whom.user, locking).await {
        // the reason belongs to the lock, because other users see the grants
        Ok(_) => ENDED_BY_A_LOCK,
        // one administrator must remain able to unlock users
        Err(AccessError::Refused(ActionRefused::LastAdministrator)) => {
            tracing::warn!(user = %whom.user, "all access of the last administrator is revoked, without a lock");
            form.reason.trim()
        }
        Err(error) => return Err(error.into()),
    };
    // then discards requests that could become access
    discard_waiting(&app, &viewer, &whom.user).await;
    let revoking = Revoking {
        reason: why,
        end_sessions,
    };
    end_everything(&app, &viewer, &whom.user, revoking).await?;
    Ok(see_other(&format!(
        "/access/cut-off?user={}&since={}",
        url_encoded(&whom.face.email),
        began.as_second()
    )))
}

async fn end_everything(
    app: &App,
    viewer: &Viewer,
    user: &UserId,
    revoking: Revoking<'_>,
) -> Result<(), ProblemResponse> {
    let filter = GrantFilter {
        holder: Some(user.clone()),
        ..GrantFilter::default()
    };
    let (access, actor, reason) = (&app.access, &viewer.actor, revoking.reason);
    match access.revoke_all(actor, &filter, revoking).await {
        Ok(_) => {}
        Err(error @ AccessError::Refused(_)) => return Err(error.into()),
        // they may be locked already: the page lists grants not ended
        Err(error) => {
            tracing::warn!(user = %user, error = %error, "grants of a person whose access is revoked are not ended \
                yet");
        }
    }
    let ended = access.revoke_entitlements(actor, user, None, reason).await;
    if let Err(error) = ended {
        // the lock job retries; the page lists the rest
        tracing::warn!(user = %user, error = %error, "entitlements of a person whose access is revoked are not \
            ended yet");
    }
    Ok(())
}

/// Builds the result from the store, so that it stays correct on reload.
async fn outcome(
    app: &App,
    viewer: &Viewer,
    whom: &Whom,
    since: Timestamp,
) -> Result<RevokeAllOutcome, ProblemResponse> {
    let filter = GrantFilter {
        holder: Some(whom.user.clone()),
        ..GrantFilter::default()
    };
    let (directory, now) = (app.access.directory(), app.clock.now());
    let grants = app
        .access
        .grants(&viewer.actor, &filter, GRANTS_MAX)
        .await?
        .rows;
    let mut lines: Vec<RevokeAllLine> = grants
        .iter()
        .filter_map(|grant| line(&directory, &viewer.zone, grant, since, now))
        .collect();
    lines.sort_by_key(|line| line.is_done);
    let left = lines.iter().filter(|line| !line.is_done).count();
    let pending = waiting(app, viewer, &whom.user).await?.len();
    let mut summary = match (lines.len(), left) {
        (0, _) => "There was no temporary access to end.".to_owned(),
        (1, 0) => "It has ended.".to_owned(),
        (all, 0) => format!(
            "All {} have ended.",
            people::count_of(all, "grant", "grants")
        ),
        (all, left) => format!(
            "{left} of {} to go.",
            people::count_of(all, "grant", "grants")
        ),
    };
    if pending > 0 {
        let requests = people::count_of(pending, "request waits", "requests wait");
        let _ = write!(summary, " {requests} still.");
    }
    Ok(RevokeAllOutcome {
        lines,
        here: format!(
            "/access/cut-off?user={}&since={}",
            url_encoded(&whom.face.email),
            since.as_second()
        ),
        summary,
        left,
        entitled: entitled(app, viewer, &whom.user).await,
        kept_out: kept_out(app, &whom.user).await?,
    })
}

fn line(
    directory: &Directory,
    zone: &TimeZone,
    grant: &Grant,
    began: Timestamp,
    now: Timestamp,
) -> Option<RevokeAllLine> {
    let clock = |at: Timestamp| {
        at.to_zoned(zone.clone())
            .strftime("%H:%M:%S %Z")
            .to_string()
    };
    let (words, is_done) = match &grant.state {
        GrantState::Ended {
            cause: EndCause::Revoked { .. },
            at,
            removed,
            why,
        } if *at >= began => {
            let gone = lasting(TimeSpan::between(began, *at));
            let words = match (removed, why) {
                (true, _) => format!("ended {}, gone after {gone}", clock(*at)),
                (false, EndOutcome::Standing) => "ended; standing access stays".to_owned(),
                (false, why) => format!("ended {}; {}", clock(*at), grants::without_us(*why)),
            };
            (words, true)
        }
        GrantState::Ended { .. } | GrantState::Failed { .. } => return None,
        GrantState::Ending { .. } => {
            let words = match &grant.stuck {
                Some(stuck) => standing::refuses_to_remove(&plain(&stuck.reason)),
                None => "AWS is removing it".to_owned(),
            };
            (words, false)
        }
        GrantState::Scheduled | GrantState::Granting | GrantState::Active => {
            ("not ended; try again".to_owned(), false)
        }
    };
    Some(RevokeAllLine {
        target: people::target(directory, grant),
        badge: grant_badge(grant, TimeSpan::between(now, grant.ends_at)),
        words,
        is_done,
    })
}
