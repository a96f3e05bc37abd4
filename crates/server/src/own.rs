//! A user's own web sessions and API tokens: list and end. Never reaches other users' ones.

use hallpass_access::Origin;
use hallpass_access::identity::{OwnToken, Owner, WebSession, WhichSessions};
use hallpass_base::{TokenId, UserId};

use crate::{App, problem::ProblemResponse, session};

pub(crate) async fn sessions(app: &App, user: &UserId) -> Result<Vec<WebSession>, ProblemResponse> {
    let found = app.sessions.of_user(user).await;
    let mut all = found.map_err(|fault| ProblemResponse::unavailable(&fault))?;
    let (settings, now) = (&app.session_settings, app.clock.now());
    all.retain(|session| session::is_current(session, settings, now));
    all.sort_by(|a, b| (b.seen_at, b.began_at, &b.hash).cmp(&(a.seen_at, a.began_at, &a.hash)));
    Ok(all)
}

/// Returns whether the session is valid, after any secret rotation.
pub(crate) async fn is_signed_in(
    app: &App,
    owner: &Owner,
    session: &str,
) -> Result<bool, ProblemResponse> {
    let live = sessions(app, &owner.user).await?;
    Ok(live.iter().any(|it| it.id() == session))
}

pub(crate) async fn end_sessions(
    app: &App,
    owner: &Owner,
    which: WhichSessions,
    origin: Origin,
) -> Result<usize, ProblemResponse> {
    let live = sessions(app, &owner.user).await.ok();
    let meant = live.map(|live| live.iter().filter(|it| which.means(it)).count());
    let ended = app
        .sessions
        .end_own(owner, which, origin, app.clock.now())
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    Ok(meant.unwrap_or_else(|| usize::try_from(ended).unwrap_or(usize::MAX)))
}

pub(crate) async fn tokens(app: &App, owner: &Owner) -> Result<Vec<OwnToken>, ProblemResponse> {
    let found = app.tokens.of_user(&owner.user, app.clock.now()).await;
    found.map_err(|fault| ProblemResponse::unavailable(&fault))
}

pub(crate) async fn revoke_token(
    app: &App,
    owner: &Owner,
    id: TokenId,
    origin: Origin,
) -> Result<bool, ProblemResponse> {
    let now = app.clock.now();
    let revoked = app.tokens.revoke_own(owner, id, origin, now).await;
    revoked.map_err(|fault| ProblemResponse::unavailable(&fault))
}
