//! Redirect to the identity provider, callback, and back-channel logout.

use axum::{
    Form, Router,
    extract::{Query, State},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use hallpass_access::identity::{Bound, FoundIn, Identifier, Owner, SignedIn};
use hallpass_access::{Actor, Directory, Origin};
use hallpass_base::Email;
use serde::Deserialize;

use super::shell::{PageResult, local_path, see_other};
use super::sign_in::{sign_in_page, with_cookie};
use super::words::{capital, sentence};
use crate::{
    App,
    auth::locked_since,
    oidc::{Again, LASTS, Proven, Provider, SignInFault, cookie_name},
    problem::ProblemResponse,
    session,
};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/signin/oidc", get(leave))
        .route("/signin/oidc/callback", get(back))
        .route("/signin/oidc/logout", post(logged_out))
}

fn provider(app: &App) -> Result<&Provider, ProblemResponse> {
    let provider = app.sign_in.provider.as_ref();
    provider.ok_or_else(|| ProblemResponse::not_found("page"))
}

#[derive(Deserialize)]
struct Leaving {
    #[serde(default)]
    next: String,
    again: Option<String>,
    /// Like `again`, for an action that needs a proven fresh sign-in.
    fresh: Option<String>,
    #[serde(default)]
    acr: String,
}

/// Length limit, because anyone can send values to the provider.
const ACR_BYTES_MAX: usize = 512;

fn ways(acr: &str) -> &str {
    let is_plain =
        acr.len() <= ACR_BYTES_MAX && acr.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    if is_plain { acr } else { "" }
}

async fn leave(
    State(app): State<App>,
    headers: HeaderMap,
    Query(leaving): Query<Leaving>,
) -> PageResult {
    let provider = provider(&app)?;
    let next = local_path(&leaving.next);
    // tokens, keys and logouts use the provider's clock
    let now = app.clock.elsewhere();
    let again = match (leaving.fresh, leaving.again) {
        (Some(_), _) => Again::Fresh,
        (None, Some(_)) => Again::Anew,
        (None, None) => Again::AsKnown,
    };
    let pending = &app.sign_in.pending;
    let begun = pending.begin(now, next, ways(&leaving.acr), again).await?;
    let way = provider.way_there(&begun.state, &begun.waiting, now).await;
    match way {
        Ok(way) => {
            let secure = app.session_settings.secure;
            let name = cookie_name(secure, &begun.state);
            let cookie = binding(secure, &name, &begun.browser, LASTS.as_seconds())?;
            Ok(with_cookie(see_other(&way), cookie))
        }
        Err(fault) => Ok(refused(&app, &headers, next, &fault)),
    }
}

/// Cookie binding a sign-in to its browser. Lax, because the callback comes from the provider's
/// site.
fn binding(
    secure: bool,
    name: &str,
    value: &str,
    seconds: u64,
) -> Result<HeaderValue, ProblemResponse> {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    HeaderValue::from_str(&text).map_err(|error| ProblemResponse::unavailable(&error))
}

#[derive(Deserialize)]
struct CallbackQuery {
    #[serde(default)]
    state: String,
    code: Option<String>,
    error: Option<String>,
    /// RFC 9207: the issuer.
    iss: Option<String>,
}

async fn back(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Query(coming): Query<CallbackQuery>,
) -> PageResult {
    let provider = provider(&app)?;
    let (secure, now) = (app.session_settings.secure, app.clock.elsewhere());
    let name = cookie_name(secure, &coming.state);
    let browser = session::cookie(&headers, &name).unwrap_or_default();
    let pending = &app.sign_in.pending;
    let taken = pending.take(now, &coming.state, browser).await;
    let taken = taken.map_err(|error| ProblemResponse::unavailable(&error))?;
    let Some(waiting) = taken else {
        tracing::info!("a sign-in came back too late, twice, or to another browser");
        let words = "Sign-in took too long. Try again.";
        return Ok(sign_in_page(
            &app,
            &headers,
            "/",
            Some(words),
            StatusCode::BAD_REQUEST,
        ));
    };
    let unbound = binding(secure, &name, "", 0)?;
    let answer = arrive(&app, provider, &extensions, &headers, &coming, &waiting).await;
    let answer = answer.or_else(|fault| match fault {
        OidcRefused::Fault(fault) => Ok(refused(&app, &headers, &waiting.next, &fault)),
        OidcRefused::Person(words) => Ok(nobody(&app, &headers, &waiting.next, words)),
        OidcRefused::Locked(words) => Ok(nobody(&app, &headers, &waiting.next, &words)),
        OidcRefused::Ours(failure) => Err(failure),
    })?;
    Ok(with_cookie(answer, unbound))
}

fn nobody(app: &App, headers: &HeaderMap, next: &str, words: &str) -> Response {
    tracing::warn!(words, "no one was signed in");
    sign_in_page(app, headers, next, Some(words), StatusCode::FORBIDDEN)
}

enum OidcRefused {
    Fault(SignInFault),
    Person(&'static str),
    Locked(String),
    Ours(ProblemResponse),
}

async fn arrive(
    app: &App,
    provider: &Provider,
    extensions: &Extensions,
    headers: &HeaderMap,
    coming: &CallbackQuery,
    waiting: &crate::oidc::PendingSignIn,
) -> Result<Response, OidcRefused> {
    let issuer = &provider.settings().issuer;
    if coming.iss.as_ref().is_some_and(|iss| iss != issuer) {
        let why = "the answer is from another provider (`iss`)".to_owned();
        return Err(OidcRefused::Fault(SignInFault::Token(why)));
    }
    let Some(code) = coming.code.as_ref().filter(|_| coming.error.is_none()) else {
        return Err(OidcRefused::Person("The sign-in was refused or aborted."));
    };
    let proven = provider
        .who(code, waiting, app.clock.elsewhere())
        .await
        .map_err(OidcRefused::Fault)?;
    if waiting.lacks_proof(proven.auth_time) {
        return Err(OidcRefused::Person(
            "You were to sign in again, and the answer does not say that you did (`auth_time`). Ask an \
             admin.",
        ));
    }
    let (actor, owner, is_asked) = whose(app, &proven.email).await?;
    if let Ok(Some(lock)) = app.access.lock_in_force(&owner.user).await {
        tracing::warn!(user = %owner.email, since = %lock.since, "a locked user tried to sign in");
        let words = sentence(&capital(&locked_since(lock.since)));
        return Err(OidcRefused::Locked(words));
    }
    let sign_in = Identifier {
        issuer: issuer.clone(),
        subject: proven.subject.clone(),
    };
    ensure_bound(app, &sign_in, &owner, is_asked).await?;
    let Proven {
        email: _,
        subject,
        sid,
        id_token,
        auth_time,
        acr,
    } = proven;
    tracing::info!(user = %actor.email, "signed in");
    let signed_in = SignedIn::Oidc {
        issuer: issuer.clone(),
        subject,
        sid,
        id_token: Some(id_token),
        auth_time,
        acr,
    };
    let cookie = session::begin(app, extensions, headers, owner, signed_in)
        .await
        .map_err(OidcRefused::Ours)?;
    Ok(with_cookie(see_other(&waiting.next), cookie))
}

/// Returns the user of an address, from AWS, and whether AWS was queried. The snapshot may be
/// outdated: a new owner of an address must not become its former user, because a sign-in binding
/// is permanent.
async fn whose(app: &App, email: &Email) -> Result<(Actor, Owner, bool), OidcRefused> {
    let unknown = || OidcRefused::Person("Your account is not in the directory.");
    let find = |directory: &Directory| {
        let found = app.identity.actor(email, Origin::Web, directory);
        let actor = found.map_err(|_| {
            OidcRefused::Person("More than one person has your e-mail; ask an admin.")
        })?;
        let owner = Owner::of(&actor).ok_or_else(unknown)?;
        Ok::<_, OidcRefused>((actor, owner))
    };
    let (_, known) = find(&app.access.directory())?;
    let (directory, is_asked) = app.access.directory_to_let_in(&known.user).await;
    let (actor, owner) = find(&directory)?;
    if owner.user != known.user {
        tracing::warn!(email = %email, was = %known.user, is = %owner.user, "an address became another's");
        return Err(unknown());
    }
    Ok((actor, owner, is_asked))
}

/// Refuses a sign-in of another subject: an address may be reassigned at the provider or in the
/// directory, without transferring the identity.
async fn ensure_bound(
    app: &App,
    sign_in: &Identifier,
    owner: &Owner,
    is_asked: bool,
) -> Result<(), OidcRefused> {
    let (directory, now) = (app.access.directory(), app.clock.now());
    let found = FoundIn {
        people: &directory,
        is_asked,
    };
    let bound = app.sessions.bind(sign_in, owner, found, now).await;
    let bound = bound.map_err(|fault| OidcRefused::Ours(ProblemResponse::unavailable(&fault)))?;
    match bound {
        Bound::Theirs => Ok(()),
        Bound::Anothers => Err(OidcRefused::Person(
            "This sign-in belongs to another user of the directory; ask an admin.",
        )),
        Bound::TheyHaveAnother => Err(OidcRefused::Person(
            "Your user of the directory belongs to another sign-in; ask an admin.",
        )),
        Bound::NotAsked => Err(OidcRefused::Person(
            "AWS does not answer, and a first sign-in needs a look-up there. Try again in a few minutes.",
        )),
    }
}

fn refused(app: &App, headers: &HeaderMap, next: &str, fault: &SignInFault) -> Response {
    let name = app
        .sign_in
        .provider
        .as_ref()
        .map_or("The provider", |it| it.settings().name.as_str());
    tracing::warn!(error = %fault, "no one was signed in");
    let (status, words) = match fault {
        SignInFault::Down(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{name} does not answer. Try again in a minute; access still ends on time."),
        ),
        SignInFault::CodeRefused(_) | SignInFault::Token(_) => (
            StatusCode::FORBIDDEN,
            format!("What {name} sent does not prove who you are. Try again, or ask an admin."),
        ),
        SignInFault::Unusable(why) => (
            StatusCode::SERVICE_UNAVAILABLE,
            format!("{name} cannot be used to sign in: {why}. Ask an admin."),
        ),
        SignInFault::NoEmail(why) => (
            StatusCode::FORBIDDEN,
            format!("{name} does not send your e-mail address: {why}. Ask an admin."),
        ),
        SignInFault::Unverified => (
            StatusCode::FORBIDDEN,
            format!("{name} has not verified your e-mail; ask an admin."),
        ),
    };
    sign_in_page(app, headers, next, Some(&words), status)
}

#[derive(Deserialize)]
struct LogoutForm {
    #[serde(default)]
    logout_token: String,
}

/// Back-channel logout from the provider.
async fn logged_out(
    State(app): State<App>,
    Form(form): Form<LogoutForm>,
) -> Result<Response, ProblemResponse> {
    let provider = provider(&app)?;
    let now = app.clock.elsewhere();
    let token = &form.logout_token;
    let about = provider.logged_out(token, now).await.map_err(|fault| {
        // unauthenticated endpoint, so its log messages are limited
        if let Some(left_out) = app.sign_in.told.may_say() {
            tracing::warn!(error = %fault, left_out, "a logout token did not count");
        }
        match fault {
            SignInFault::Down(_) => ProblemResponse::unavailable(&fault),
            _ => ProblemResponse::bad("bad-logout-token", fault.to_string()),
        }
    })?;
    if !app.sign_in.is_repeated(token) {
        let issuer = &provider.settings().issuer;
        let (subject, sid) = (about.subject.as_deref(), about.sid.as_deref());
        let at = app.clock.now();
        let ended = app
            .sessions
            .end_at_provider(issuer, subject, sid, at)
            .await
            .map_err(|fault| ProblemResponse::unavailable(&fault))?;
        app.sign_in.remember(token, now);
        tracing::info!(ended, "the provider signed a user out");
    }
    Ok((StatusCode::OK, [(header::CACHE_CONTROL, "no-store")]).into_response())
}
