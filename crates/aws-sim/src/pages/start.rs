//! The portal's own pages: sign in, one's accounts and roles, a console that says who one is.

use std::{collections::BTreeMap, fmt::Write as _};

use axum::http::HeaderValue;
use serde_json::{Value, json};

use super::{
    Body, Response, StatusCode, Visit, encode, escape, go, html::facts, paragraph, picker, refused,
    show, sorry,
};
use crate::core::portal::{holder, pairs};

/// Holds the access token in the browser. Cookies do not know ports, hence the long name.
const COOKIE: &str = "hallpass_sim_portal";

/// A page below the portal's path.
pub(super) fn answer(visit: &Visit<'_>, posted: bool, rest: &str) -> Response<Body> {
    match (posted, rest) {
        (false, "" | "/") => match person(visit) {
            Some(name) => home(visit, &name),
            None => ask(visit),
        },
        (false, "/console") => console(visit),
        (true, "/signin") => sign_in(visit),
        (true, "/signout") => sign_out(visit),
        _ => sorry(StatusCode::NOT_FOUND, "there is no such page"),
    }
}

fn token<'a>(visit: &'a Visit<'_>) -> &'a str {
    let cookies = visit.headers.get_all("cookie").into_iter();
    let pairs = cookies
        .filter_map(|cookie| cookie.to_str().ok())
        .flat_map(|cookie| cookie.split(';'));
    let mut found = pairs.filter_map(|pair| pair.trim().split_once('='));
    found
        .find(|(name, _)| *name == COOKIE)
        .map(|(_, value)| value)
        .unwrap_or_default()
}

/// The name of who is signed in.
fn person(visit: &Visit<'_>) -> Option<String> {
    let world = visit.shared.lock();
    let now = world.now(visit.shared.clock.now());
    holder(&world.state, token(visit), now).map(|one| one.user_name.clone())
}

/// The wish to open a console, as a query; empty when there is none.
fn wish(visit: &Visit<'_>) -> String {
    let [account, role] = ["account_id", "role_name"].map(|name| visit.parameter(name));
    if account.is_empty() || role.is_empty() {
        return String::new();
    }
    format!("?account_id={}&role_name={}", encode(account), encode(role))
}

fn ask(visit: &Visit<'_>) -> Response<Body> {
    let action = escape(&format!("{}/signin{}", visit.portal, wish(visit)));
    let body = format!(
        "<p>Who are you today?</p><form method=\"post\" action=\"{action}\" data-portal=\"sign-in\">\
         {}</form>",
        picker(visit.shared)
    );
    show(StatusCode::OK, "Sign in", &body, "")
}

fn home(visit: &Visit<'_>, name: &str) -> Response<Body> {
    let portal = escape(&visit.portal);
    let mut rows: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    {
        let world = visit.shared.lock();
        let now = world.now(visit.shared.clock.now());
        let held = holder(&world.state, token(visit), now);
        let held = held.map(|one| pairs(&world.state, &one.user, now));
        for (account, set) in held.unwrap_or_default() {
            let named = world.state.account(&account).map(|row| row.name.clone());
            let set = world.state.set(&set).map(|row| row.name.clone());
            rows.entry((named.unwrap_or_default(), account.to_string()))
                .or_default()
                .extend(set);
        }
    }
    let mut list = String::new();
    for ((account_name, id), mut roles) in rows {
        roles.sort();
        let _ = write!(
            list,
            "<li><h2>{} <small>{id}</small></h2><ul class=\"roles\">",
            escape(&account_name)
        );
        for role in roles {
            let shown = escape(&role);
            let role = encode(&role);
            let _ = write!(
                list,
                "<li><a href=\"{portal}/console?account_id={id}&amp;role_name={role}\">{shown}</a></li>"
            );
        }
        list.push_str("</ul></li>");
    }
    if list.is_empty() {
        list.push_str("<li>You have no access to any account.</li>");
    }
    let body = format!(
        "<div class=\"who\" data-portal=\"home\" data-console=\"{portal}/console\"><p>Signed in as \
         <b>{}</b>.</p><form method=\"post\" action=\"{portal}/signout\"><button>Sign out</button>\
         </form></div><ul class=\"accounts\">{list}</ul>",
        escape(name)
    );
    show(StatusCode::OK, "Accounts", &body, "")
}

fn console(visit: &Visit<'_>) -> Response<Body> {
    if person(visit).is_none() {
        return ask(visit);
    }
    let body = json!({
        "token": token(visit),
        "account_id": visit.parameter("account_id"),
        "role_name": visit.parameter("role_name"),
    });
    let session = match visit.run("console", body) {
        Ok(session) => session,
        Err(refusal) if refusal.status() == StatusCode::FORBIDDEN => return no_access(visit),
        Err(refusal) => return refused(&refusal),
    };
    let text = |name: &str| {
        session
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
    };
    let account = text("account_id");
    let name = {
        let world = visit.shared.lock();
        world.state.account(account).map(|row| row.name.clone())
    };
    let name = name.unwrap_or_default();
    let rows = [
        ("You", text("user")),
        ("Account", &format!("{name} ({account})")),
        ("Role", text("permission_set")),
        ("Role ARN", text("role_arn")),
        ("Since", text("issued")),
        ("Until", text("expires")),
    ];
    let body = format!(
        "{}<p>This stands for the AWS console. The session lasts until then, even if the \
         assignment goes earlier, unless the role goes with it.</p><p><a href=\"{}\">All \
         accounts</a></p>",
        facts(&rows),
        escape(&visit.portal)
    );
    show(StatusCode::OK, &format!("Console of {name}"), &body, "")
}

fn no_access(visit: &Visit<'_>) -> Response<Body> {
    let [account, role] = ["account_id", "role_name"].map(|name| visit.parameter(name));
    let text = format!(
        "You have no access to {account} as {role}. Access just given can take some seconds: load \
         this page again."
    );
    let body = format!(
        "{}<p><a href=\"{}\">All accounts</a></p>",
        paragraph(&text),
        escape(&visit.portal)
    );
    show(StatusCode::FORBIDDEN, "No access", &body, "")
}

fn sign_in(visit: &Visit<'_>) -> Response<Body> {
    let user = visit.person();
    let given = match visit.run("portal_sign_in", json!({ "user": user })) {
        Ok(given) => given,
        Err(refusal) => return refused(&refusal),
    };
    let token = given.get("token").and_then(Value::as_str);
    let wish = wish(visit);
    let place = if wish.is_empty() { "" } else { "/console" };
    let response = go(&format!("{}{place}{wish}", visit.portal));
    with_cookie(visit, response, token.unwrap_or_default(), "")
}

fn sign_out(visit: &Visit<'_>) -> Response<Body> {
    let body = json!({ "token": token(visit) });
    if let Err(refusal) = visit.run("portal_sign_out", body) {
        return refused(&refusal);
    }
    with_cookie(visit, go(&visit.portal), "", "; Max-Age=0")
}

fn with_cookie(
    visit: &Visit<'_>,
    mut response: Response<Body>,
    token: &str,
    more: &str,
) -> Response<Body> {
    let path = &visit.portal;
    let cookie = format!("{COOKIE}={token}; Path={path}; HttpOnly; SameSite=Lax{more}");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert("set-cookie", cookie);
    }
    response
}
