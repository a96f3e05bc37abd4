//! Authentication: maps a token or session to a user with current directory data and roles.
//!
//! Tokens are looked up by the hash of their secret, so no secret comparison happens in Rust.

use std::collections::BTreeSet;

use axum::{
    extract::FromRequestParts,
    http::{HeaderValue, StatusCode, header, request::Parts},
};
use hallpass_access::identity::{Owner, TokenScope, TokenSource, hash_secret};
use hallpass_access::{AccessError, ActionRefused, Actor, Origin, Role};
use hallpass_api::ORGANIZATION_UNREAD;
use hallpass_base::{TimeSpan, Timestamp, UserId};

use crate::{App, connections::ThisConnection, problem::ProblemResponse, session};

/// Minimum interval between updates of a token's last use.
const NOTED_EVERY: TimeSpan = TimeSpan::minutes(5);
/// `Retry-After` until the first directory read.
const FIRST_READ_PAUSE: TimeSpan = TimeSpan::seconds(2);

#[derive(Clone, Debug)]
pub(crate) struct AuthenticatedCaller {
    pub(crate) actor: Actor,
    pub(crate) scopes: BTreeSet<TokenScope>,
    pub(crate) expires_at: Timestamp,
    pub(crate) token: Option<String>,
    pub(crate) session: Option<String>,
    pub(crate) source: Option<TokenSource>,
    pub(crate) owner: Owner,
}

impl AuthenticatedCaller {
    pub(crate) fn allow(&self, any_of: &[TokenScope]) -> Result<&Actor, ProblemResponse> {
        if any_of.iter().any(|scope| self.scopes.contains(scope)) {
            Ok(&self.actor)
        } else {
            Err(missing(any_of))
        }
    }
}

impl AuthenticatedCaller {
    /// Returns the credential for long-lived streams.
    pub(crate) fn credential(&self) -> Credential {
        match (&self.token, &self.session) {
            (Some(token), _) => Credential::Token(token.clone()),
            (None, session) => Credential::Session(session.clone().unwrap_or_default()),
        }
    }

    pub(crate) fn has(&self, scope: TokenScope) -> bool {
        self.scopes.contains(&scope)
    }

    /// Returns the actor for changes: an administrator only with that scope, so that a review token
    /// cannot do more than an approver.
    pub(crate) fn acting(&self) -> Actor {
        let mut actor = self.actor.clone();
        if !self.has(TokenScope::Admin) {
            actor.roles.remove(&Role::Admin);
        }
        actor
    }

    pub(crate) fn lacking(&self, error: AccessError) -> ProblemResponse {
        let was_admin = self.actor.is(Role::Admin) && !self.has(TokenScope::Admin);
        match error {
            AccessError::NotFound(_) | AccessError::Refused(ActionRefused::NotYours)
                if was_admin =>
            {
                missing(&[TokenScope::Admin])
            }
            error => error.into(),
        }
    }
}

pub(crate) fn missing(any_of: &[TokenScope]) -> ProblemResponse {
    let names: Vec<&str> = any_of.iter().map(|scope| scope.name()).collect();
    let needed = names.join(" or ");
    ProblemResponse::forbidden(
        "missing-scope",
        format!("this token lacks the scope `{needed}`"),
    )
    .help("`hallpass login --scope` requests a token with it")
}

pub(crate) fn bearer(value: &HeaderValue) -> Option<&str> {
    let (scheme, secret) = value.to_str().ok()?.split_once(' ')?;
    let secret = secret.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !secret.is_empty()).then_some(secret)
}

impl FromRequestParts<App> for AuthenticatedCaller {
    type Rejection = ProblemResponse;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let Some(value) = parts.headers.get(header::AUTHORIZATION) else {
            return by_session(parts, app).await;
        };
        let secret = bearer(value)
            .ok_or_else(|| ProblemResponse::unauthorized("no bearer token was sent"))?;
        let hash = hash_secret(secret);
        let origin = match parts
            .headers
            .get("x-hallpass-client")
            .map(HeaderValue::as_bytes)
        {
            Some(b"cli") => Origin::Cli,
            _ => Origin::Api,
        };
        let caller = by_token(app, hash, origin).await?;
        app.rates.remember(secret);
        somebody_came(parts);
        Ok(caller)
    }
}

pub(crate) async fn by_token(
    app: &App,
    hash: String,
    origin: Origin,
) -> Result<AuthenticatedCaller, ProblemResponse> {
    let facts = app
        .tokens
        .token_by_hash(&hash)
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    // unknown, expired and revoked give the same answer, to reveal nothing to a thief
    let unknown = || ProblemResponse::unauthorized("the token is unknown, revoked or expired");
    let facts = facts.ok_or_else(unknown)?;
    let owner = facts.owner.as_ref().ok_or_else(unknown)?;
    let now = app.clock.now();
    // created by a fast clock, so its expiry is unknown
    let is_from_future = facts.created_at > session::AHEAD_MAX.after(now);
    if facts.revoked_at.is_some() || facts.expires_at <= now || is_from_future {
        // the owner may learn why the token fails
        ensure_unlocked(app, &owner.user).await?;
        return Err(unknown());
    }
    let actor = person(app, owner, origin).await?;
    let (owner, now) = (owner.clone(), app.clock.now());
    let is_noted = facts.used_at.is_some_and(|at| NOTED_EVERY.covers(at, now));
    if !is_noted {
        // informational; a store failure must not prevent revoking access
        if let Err(fault) = app.tokens.used(&hash, now).await {
            tracing::debug!(error = %fault, "that a token was used could not be noted");
        }
    }
    Ok(AuthenticatedCaller {
        actor,
        scopes: facts.scopes,
        expires_at: facts.expires_at,
        token: Some(hash),
        session: None,
        source: Some(facts.source),
        owner,
    })
}

#[derive(Clone, Debug)]
pub(crate) enum Credential {
    Token(String),
    Session(String),
}

impl Credential {
    /// Returns the reader with current rights; none if the credential is invalid.
    pub(crate) async fn reader(&self, app: &App, origin: Origin) -> Option<Actor> {
        match self {
            Self::Token(hash) => {
                let caller = by_token(app, hash.clone(), origin).await.ok()?;
                caller.allow(&[TokenScope::Read]).ok().cloned()
            }
            Self::Session(hash) => {
                let live = session::still(app, hash).await.ok()??;
                signed_in(app, &live).await.ok()
            }
        }
    }
}

/// Marks the connection as authenticated: it is closed for newcomers only after anonymous ones.
pub(crate) fn somebody_came(parts: &Parts) {
    if let Some(connection) = parts.extensions.get::<ThisConnection>() {
        connection.somebody_came();
    }
}

/// Returns the user of a session with current directory data. A removed or disabled user loses all
/// rights immediately.
pub(crate) async fn signed_in(app: &App, live: &session::Live) -> Result<Actor, ProblemResponse> {
    let owner = live.session.owner();
    let owner = owner.ok_or_else(|| ProblemResponse::unauthorized("the session is over"))?;
    Ok(Actor {
        authentication: live.session.authentication(),
        ..person(app, &owner, Origin::Web).await?
    })
}

/// Returns the owner of a token or session with current directory data, if not locked.
pub(crate) async fn person(
    app: &App,
    owner: &Owner,
    origin: Origin,
) -> Result<Actor, ProblemResponse> {
    let directory = app.access.directory();
    if directory.people().is_empty() {
        return Err(ProblemResponse::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ORGANIZATION_UNREAD,
            "the directory has not been read yet, so no user is known",
        )
        .retry_after(FIRST_READ_PAUSE)
        .help(
            "try again in a moment; if it stays so, an administrator finds the cause on Health",
        ));
    }
    let actor = app.identity.owner(owner, origin, &directory);
    let actor = actor.ok_or_else(|| {
        ProblemResponse::forbidden("not-in-directory", "Your account is not in the directory.")
            .help("ask an administrator; it may have been disabled")
    })?;
    ensure_unlocked(app, &owner.user).await?;
    Ok(actor)
}

/// Refuses locked users, on endpoints without special handling.
pub(crate) async fn ensure_unlocked(app: &App, user: &UserId) -> Result<(), ProblemResponse> {
    match app.access.lock_in_force(user).await? {
        Some(lock) => {
            let refused = ActionRefused::Locked { since: lock.since };
            let failure = ProblemResponse::forbidden(refused.code(), locked_since(lock.since));
            Err(failure.help("your access can be ended early in Slack, or revoked by others"))
        }
        None => Ok(()),
    }
}

pub(crate) fn locked_since(since: Timestamp) -> String {
    let since = since.strftime("%Y-%m-%d %H:%M UTC");
    format!("you are locked since {since}; ask an administrator")
}

/// Authenticates a browser session. Changes need the CSRF token of the session, which other sites
/// cannot know.
async fn by_session(parts: &Parts, app: &App) -> Result<AuthenticatedCaller, ProblemResponse> {
    let live = session::of(app, &parts.headers)
        .await?
        .ok_or_else(|| ProblemResponse::unauthorized("no bearer token was sent"))?;
    if !parts.method.is_safe() {
        let token = parts.headers.get("x-hallpass-csrf");
        let token = token.and_then(|token| token.to_str().ok());
        if !token.is_some_and(|token| live.accepts(token)) {
            return Err(ProblemResponse::forbidden(
                "forged-call",
                "this call did not come from a page of yours, so nothing was done",
            ));
        }
    }
    let actor = signed_in(app, &live).await?;
    let owner = live.session.owner();
    let owner = owner.ok_or_else(|| ProblemResponse::unauthorized("the session is over"))?;
    somebody_came(parts);
    Ok(AuthenticatedCaller {
        actor,
        scopes: TokenScope::ALL.into_iter().collect(),
        expires_at: live.session.ends_at,
        token: None,
        session: Some(live.session.hash),
        source: None,
        owner,
    })
}
