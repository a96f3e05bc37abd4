use axum::{Json, extract::State};
use hallpass_access::identity::{SignedIn, TokenScope, WebSession, WhichSessions};
use hallpass_api::{OwnSession, OwnSessions, OwnToken, OwnTokens, SessionsEnded, TokenRevoked};
use hallpass_base::TokenId;

use super::once;
use crate::{
    App,
    auth::AuthenticatedCaller,
    body::{KeyOf, Path},
    own,
    problem::ProblemResponse,
    session,
};

async fn this(app: &App, caller: &AuthenticatedCaller) -> Result<Option<String>, ProblemResponse> {
    let Some(hash) = &caller.session else {
        return Ok(None);
    };
    // its secret may have been rotated
    let live = session::still(app, hash).await?;
    Ok(live.map(|live| live.session.id()))
}

fn shown(session: &WebSession, this: Option<&str>) -> OwnSession {
    let id = session.id();
    let browsing = &session.browsing;
    OwnSession {
        is_this: this == Some(id.as_str()),
        id,
        signed_in_by: match &session.signed_in {
            SignedIn::Persona => "demo".to_owned(),
            SignedIn::Link => "link".to_owned(),
            SignedIn::Oidc { issuer, .. } => issuer.clone(),
        },
        began_at: session.began_at,
        seen_at: session.seen_at,
        ends_at: session.ends_at,
        address: browsing.address,
        browser: Some(browsing.agent.clone()).filter(|agent| !agent.is_empty()),
    }
}

/// The caller's web sessions.
#[utoipa::path(get, path = "/api/v1/me/sessions", responses((status = 200, body = OwnSessions)))]
pub(crate) async fn sessions(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<OwnSessions>, ProblemResponse> {
    caller.allow(&[TokenScope::Read])?;
    let (this, all) = (
        this(&app, &caller).await?,
        own::sessions(&app, &caller.owner.user).await?,
    );
    let items = all.iter().map(|it| shown(it, this.as_deref())).collect();
    Ok(Json(OwnSessions { items }))
}

/// End a web session of the caller.
#[utoipa::path(post, path = "/api/v1/me/sessions/{id}/end", params(("id" = String, Path)),
    responses((status = 200, body = SessionsEnded), (status = 404, body = hallpass_api::Problem)))]
pub(crate) async fn end_session(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: AuthenticatedCaller,
    key: KeyOf,
) -> Result<Json<SessionsEnded>, ProblemResponse> {
    caller.allow(&[TokenScope::Request])?;
    let work = async {
        match ended(&app, &caller, WhichSessions::One(id)).await? {
            SessionsEnded { ended: 0 } => Err(ProblemResponse::not_found("session")),
            ended => Ok(ended),
        }
    };
    let now = async { Ok(SessionsEnded { ended: 1 }) };
    let ended = once(&app, &caller.actor, key.with(&()), work, now).await?;
    Ok(Json(ended))
}

/// End every other web session of the caller.
#[utoipa::path(post, path = "/api/v1/me/sessions/end-others",
    responses((status = 200, body = SessionsEnded)))]
pub(crate) async fn end_others(
    State(app): State<App>,
    caller: AuthenticatedCaller,
    key: KeyOf,
) -> Result<Json<SessionsEnded>, ProblemResponse> {
    caller.allow(&[TokenScope::Request])?;
    let which = match this(&app, &caller).await? {
        Some(this) => WhichSessions::AllBut(this),
        None => WhichSessions::All,
    };
    let (work, now) = (ended(&app, &caller, which), async {
        Ok(SessionsEnded { ended: 0 })
    });
    let ended = once(&app, &caller.actor, key.with(&()), work, now).await?;
    Ok(Json(ended))
}

async fn ended(
    app: &App,
    caller: &AuthenticatedCaller,
    which: WhichSessions,
) -> Result<SessionsEnded, ProblemResponse> {
    let ended = own::end_sessions(app, &caller.owner, which, caller.actor.origin).await?;
    Ok(SessionsEnded {
        ended: u64::try_from(ended).unwrap_or(u64::MAX),
    })
}

/// The caller's valid API tokens.
#[utoipa::path(get, path = "/api/v1/me/tokens", responses((status = 200, body = OwnTokens)))]
pub(crate) async fn tokens(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<Json<OwnTokens>, ProblemResponse> {
    caller.allow(&[TokenScope::Read])?;
    let all = own::tokens(&app, &caller.owner).await?;
    let shown = |token: hallpass_access::identity::OwnToken| OwnToken {
        id: token.id.to_string(),
        is_this: caller.token.as_ref() == Some(&token.hash),
        name: token.name,
        scopes: token.scopes.iter().map(|it| it.name().to_owned()).collect(),
        created_at: token.created_at,
        used_at: token.used_at,
        expires_at: token.expires_at,
    };
    let items = all.into_iter().map(shown).collect();
    Ok(Json(OwnTokens { items }))
}

/// Revoke an API token of the caller; repeating it changes nothing.
#[utoipa::path(post, path = "/api/v1/me/tokens/{id}/revoke", params(("id" = String, Path)),
    responses((status = 200, body = TokenRevoked), (status = 404, body = hallpass_api::Problem)))]
pub(crate) async fn revoke_token(
    State(app): State<App>,
    Path(id): Path<String>,
    caller: AuthenticatedCaller,
    _key: KeyOf,
) -> Result<Json<TokenRevoked>, ProblemResponse> {
    caller.allow(&[TokenScope::Request])?;
    let none = || ProblemResponse::not_found("token");
    let id: TokenId = id.parse().map_err(|_| none())?;
    let origin = caller.actor.origin;
    if own::revoke_token(&app, &caller.owner, id, origin).await? {
        Ok(Json(TokenRevoked { revoked: true }))
    } else {
        Err(none())
    }
}
