//! Tokens of the command line: login and logout.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{Extensions, HeaderMap, StatusCode, header},
};
use hallpass_access::Origin;
use hallpass_access::identity::{NewToken, TokenScope, hash_secret};
use hallpass_api::{LoggedOut, LoginCode, LoginFetch, LoginRequest, LoginToken};
use hallpass_base::{Timestamp, text};

use crate::{
    App,
    auth::{AuthenticatedCaller, person},
    body::Body,
    logins::{Begun, Given, LASTS, LoginPoll, LoginRequest, TOKEN_LASTS},
    own,
    problem::ProblemResponse,
    session::new_secret,
};

/// Long-poll limit, below common proxy timeouts.
const PATIENCE_MAX: Duration = Duration::from_secs(20);

const HOST_CHARACTERS_MAX: usize = 64;

const AGENT_CHARACTERS_MAX: usize = 80;

/// Validates the requested login; `usual` are the default scopes. The host name is untrusted.
pub(crate) fn wish(
    host: &str,
    scopes: &[String],
    usual: &[TokenScope],
) -> Result<LoginRequest, ProblemResponse> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let is_name =
        !host.is_empty() && host.len() <= HOST_CHARACTERS_MAX && host.chars().all(is_plain);
    let known: Option<BTreeSet<TokenScope>> =
        scopes.iter().map(|name| TokenScope::parse(name)).collect();
    let known = known.ok_or_else(|| {
        ProblemResponse::bad(
            "unknown-scope",
            "scopes are read, request, review and admin",
        )
    })?;
    Ok(LoginRequest {
        host: if is_name { host } else { "another machine" }.to_owned(),
        scopes: if known.is_empty() {
            usual.iter().copied().collect()
        } else {
            known
        },
    })
}

/// Starts a login without a browser on the same machine.
#[utoipa::path(post, path = "/api/v1/login/device", request_body = LoginRequest, security(()),
    responses((status = 200, body = LoginCode)))]
pub(crate) async fn device(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Body(body): Body<LoginRequest>,
) -> Result<Json<LoginCode>, ProblemResponse> {
    // a code can be phished, so its default scope is small
    let wish = wish(&body.host, &body.scopes, &[TokenScope::Read])?;
    let agent = headers.get(header::USER_AGENT);
    let agent = agent.map(|it| String::from_utf8_lossy(it.as_bytes()));
    let begun = Begun {
        address: app.sign_in.proxies.shown(&extensions, &headers),
        agent: text::line(&agent.unwrap_or_default(), AGENT_CHARACTERS_MAX),
        at: app.clock.now(),
    };
    let (device_code, user_code) = app.sign_in.logins.begin(wish, begun).await?;
    Ok(Json(LoginCode {
        device_code,
        user_code,
        verification_url: format!("{}/login/device", app.sign_in.public_url),
        expires_in_seconds: LASTS.as_seconds(),
    }))
}

/// Returns the token of a confirmed login.
#[utoipa::path(post, path = "/api/v1/login/token", request_body = LoginFetch, security(()),
    responses((status = 200, body = LoginToken)))]
pub(crate) async fn token(
    State(app): State<App>,
    Body(body): Body<LoginFetch>,
) -> Result<Json<LoginToken>, ProblemResponse> {
    let now = app.clock.now();
    let logins = &app.sign_in.logins;
    let given = match (&body.code, &body.verifier, &body.device_code) {
        (Some(code), Some(verifier), None) => {
            let redeemed = logins.redeem(code, verifier, now).await;
            redeemed.map_err(|fault| ProblemResponse::unavailable(&fault))?
        }
        (None, None, Some(secret)) => {
            let patience = Duration::from_secs(body.wait_seconds).min(PATIENCE_MAX);
            let asked = logins.ask_patiently(secret, now, patience).await;
            match asked.map_err(|fault| ProblemResponse::unavailable(&fault))? {
                LoginPoll::Given(given) => Some(given),
                LoginPoll::Gone => None,
                LoginPoll::Waiting => {
                    return Err(
                        ProblemResponse::bad("login-pending", "it is not confirmed yet")
                            .help("ask again"),
                    );
                }
                LoginPoll::Refused => {
                    return Err(ProblemResponse::forbidden(
                        "login-refused",
                        "the login was refused in the browser",
                    ));
                }
            }
        }
        _ => {
            return Err(ProblemResponse::bad(
                "bad-login",
                "give `code` and `verifier`, or `device_code`",
            ));
        }
    };
    let given = given.ok_or_else(|| {
        ProblemResponse::bad("login-expired", "the login is unknown, used or too old")
            .help("start again: `hallpass login`")
    })?;
    let issued = issue(&app, given, now).await;
    Ok(Json(issued.map_err(used_up)?))
}

/// A login code works once: a later failure must not suggest a retry.
fn used_up(failure: ProblemResponse) -> ProblemResponse {
    if failure.status() != StatusCode::SERVICE_UNAVAILABLE {
        return failure;
    }
    let detail = "no token could be made, and this login is used up";
    ProblemResponse::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail)
        .help("start again: `hallpass login`")
}

async fn issue(app: &App, given: Given, now: Timestamp) -> Result<LoginToken, ProblemResponse> {
    let Given { by, wish } = given;
    // the user may have been locked or removed since confirming
    person(app, &by.owner, Origin::Cli).await?;
    // or may have ended that session, for example after phishing
    if !own::is_signed_in(app, &by.owner, &by.session).await? {
        return Err(ProblemResponse::forbidden(
            "login-refused",
            "the session in which the login was confirmed is over",
        )
        .help("start again: `hallpass login`"));
    }
    // a prefix for secret scanners
    let secret = format!("hpt_{}", new_secret()?);
    let token = NewToken {
        hash: hash_secret(&secret),
        owner: by.owner,
        scopes: wish.scopes,
        created_at: now,
        expires_at: TOKEN_LASTS.after(now),
        name: format!("login on {}", wish.host),
    };
    app.tokens
        .keep(&token)
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    Ok(LoginToken {
        token: secret,
        user: token.owner.email.to_string(),
        scopes: token
            .scopes
            .iter()
            .map(|scope| scope.name().to_owned())
            .collect(),
        expires_at: token.expires_at,
    })
}

/// Revokes the token of the call.
#[utoipa::path(post, path = "/api/v1/logout", responses((status = 200, body = LoggedOut)))]
pub(crate) async fn logout(
    State(app): State<App>,
    caller: AuthenticatedCaller,
) -> Result<(StatusCode, Json<LoggedOut>), ProblemResponse> {
    let hash = caller.token.as_ref().ok_or_else(|| {
        ProblemResponse::bad("no-token", "this is a browser's session, not a token")
            .help("sign out on the page")
    })?;
    app.tokens
        .revoke(hash, app.clock.now())
        .await
        .map_err(|fault| ProblemResponse::unavailable(&fault))?;
    Ok((StatusCode::OK, Json(LoggedOut { revoked: true })))
}
