//! `/authorize`: a local program signs in through the browser.

use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::{Value, json};

use super::{People, Visit, encode, go, refused, show, sorry};
use crate::services::sso_oidc::{CodeRequest, check};

#[derive(Template)]
#[template(path = "authorize.html")]
struct AuthorizePage<'a> {
    title: &'static str,
    client: &'a str,
    carried: [(&'static str, &'a str); CARRIED.len()],
    people: People,
}

const CARRIED: [&str; 7] = [
    "client_id",
    "redirect_uri",
    "response_type",
    "code_challenge",
    "code_challenge_method",
    "state",
    "scopes",
];

/// Scheme, host and port of an address that has passed `check`.
fn origin(uri: &str) -> String {
    uri.splitn(4, '/').take(3).collect::<Vec<&str>>().join("/")
}

/// The client's name, or why it cannot be authorized.
fn client(visit: &Visit<'_>, of: impl Fn(&'static str) -> String) -> Result<String, String> {
    let values = CARRIED.map(of);
    let [client, redirect, response, challenge, method, ..] = values.each_ref().map(String::as_str);
    let asked = CodeRequest::of([client, redirect, response, method, challenge]);
    let world = visit.shared.lock();
    let now = world.now(visit.shared.clock.now());
    let found = check(&world.state, &asked, now);
    found
        .map(|client| client.name)
        .map_err(|why| why.to_string())
}

/// Shows the sign-in form. Reports invalid requests here and redirects them nowhere.
pub(super) fn ask(visit: &Visit<'_>) -> Response<Body> {
    let name = match client(visit, |name| visit.parameter(name).to_owned()) {
        Ok(name) => name,
        Err(why) => return sorry(StatusCode::BAD_REQUEST, &why),
    };
    let page = AuthorizePage {
        title: "Let a program sign in",
        client: &name,
        carried: CARRIED.map(|name| (name, visit.parameter(name))),
        people: People::of(visit.shared),
    };
    let redirect = origin(visit.parameter("redirect_uri"));
    show(StatusCode::OK, &page, &redirect)
}

/// Redirects to the program with a code or the denial.
pub(super) fn answer(visit: &Visit<'_>) -> Response<Body> {
    if let Err(why) = client(visit, |name| visit.field(name).to_owned()) {
        return sorry(StatusCode::BAD_REQUEST, &why);
    }
    let redirect = visit.field("redirect_uri");
    let state = encode(visit.field("state"));
    if visit.field("action") == "deny" {
        return go(&format!("{redirect}?error=access_denied&state={state}"));
    }
    let body = json!({
        "client_id": visit.field("client_id"),
        "redirect_uri": redirect,
        "response_type": visit.field("response_type"),
        "code_challenge": visit.field("code_challenge"),
        "code_challenge_method": visit.field("code_challenge_method"),
        "user": visit.person(),
    });
    match visit.run("authorize", body) {
        Ok(given) => {
            let code = given
                .get("code")
                .and_then(Value::as_str)
                .unwrap_or_default();
            go(&format!("{redirect}?code={}&state={state}", encode(code)))
        }
        Err(refusal) => refused(&refusal),
    }
}
