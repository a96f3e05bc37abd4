//! One-time link with which the first administrator signs in while no provider is configured.
//! `hallpass serve` and `hallpass server first-sign-in` print it.

use askama::Template;
use axum::{
    Form, Router,
    extract::{Query, State},
    http::{Extensions, HeaderMap, StatusCode},
    routing::get,
};
use hallpass_access::identity::{FIRST_SIGN_IN, FirstSignIn, SignedIn, hash_secret};
use hallpass_access::{Origin, Role};
use serde::Deserialize;

use super::shell::{self, PageResult, from_our_page, page, see_other};
use super::sign_in::{sign_in_page, with_cookie};
use super::{CSS, JS};
use crate::{App, handovers::Kept, problem::ProblemResponse, session};

const OVER: &str = "This link was used, or is older than 10 minutes. On the server’s machine, \
                    `hallpass server first-sign-in` prints a new one.";
const HAS_PROVIDER: &str = "This link works only while no sign-in provider is configured.";
const NO_ADMINISTRATOR: &str =
    "This link is of a person who is not an administrator. Check `identity.admins`.";

pub(super) fn router() -> Router<App> {
    Router::new().route("/signin/first", get(show).post(enter))
}

#[derive(Deserialize)]
struct Coming {
    #[serde(default)]
    code: String,
}

#[derive(Template)]
#[template(path = "first_sign_in.html")]
struct FirstSignInPage<'a> {
    css: &'static str,
    js: &'static str,
    theme: &'static str,
    name: String,
    email: String,
    code: &'a str,
}

/// A link that may be used now, with its person's name.
struct Usable {
    link: Kept<FirstSignIn>,
    name: String,
}

async fn usable(app: &App, code: &str) -> Result<Result<Usable, &'static str>, ProblemResponse> {
    if app.sign_in.provider.is_some() {
        return Ok(Err(HAS_PROVIDER));
    }
    let key = hash_secret(code);
    let handovers = app.sign_in.handovers();
    let found = handovers
        .find::<FirstSignIn>(FIRST_SIGN_IN, &key)
        .await
        .map_err(|it| ProblemResponse::unavailable(&it))?;
    let Some(link) = found.filter(|link| app.clock.now() < link.value.until) else {
        return Ok(Err(OVER));
    };
    let directory = app.access.directory();
    let owner = &link.value.owner;
    let actor = app.identity.owner(owner, Origin::Web, &directory);
    Ok(match actor.filter(|actor| actor.is(Role::Admin)) {
        Some(actor) => Ok(Usable {
            link,
            name: actor.name,
        }),
        None => Err(NO_ADMINISTRATOR),
    })
}

async fn show(
    State(app): State<App>,
    headers: HeaderMap,
    Query(coming): Query<Coming>,
) -> PageResult {
    Ok(match usable(&app, &coming.code).await? {
        // a form, so that programs that open links do not use it up
        Ok(usable) => page(&FirstSignInPage {
            css: CSS.url(),
            js: JS.url(),
            theme: shell::theme(&headers),
            name: super::words::plain(&usable.name),
            email: usable.link.value.owner.email.to_string(),
            code: &coming.code,
        }),
        Err(why) => sign_in_page(&app, &headers, "/", Some(why), StatusCode::FORBIDDEN),
    })
}

async fn enter(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Form(coming): Form<Coming>,
) -> PageResult {
    if !from_our_page(&headers, &app.sign_in.public_url) {
        let words = "the form is from another site";
        return Err(ProblemResponse::forbidden("cross-site", words));
    }
    let refused = |why| sign_in_page(&app, &headers, "/", Some(why), StatusCode::FORBIDDEN);
    let usable = match usable(&app, &coming.code).await? {
        Ok(usable) => usable,
        Err(why) => return Ok(refused(why)),
    };
    let owner = usable.link.value.owner.clone();
    crate::auth::ensure_unlocked(&app, &owner.user).await?;
    let handovers = app.sign_in.handovers();
    let key = hash_secret(&coming.code);
    let taken = handovers.take(FIRST_SIGN_IN, &key, &usable.link);
    if !taken
        .await
        .map_err(|it| ProblemResponse::unavailable(&it))?
    {
        return Ok(refused(OVER));
    }
    tracing::warn!(user = %owner.email, "an administrator signed in by a one-time link");
    let cookie = session::begin(&app, &extensions, &headers, owner, SignedIn::Link).await?;
    Ok(with_cookie(see_other("/setup"), cookie))
}
