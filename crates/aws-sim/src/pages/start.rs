//! Portal pages: sign-in, accounts and roles, a console that displays the identity.

use std::collections::BTreeMap;

use askama::Template;
use axum::{
    body::Body,
    http::{HeaderValue, Response, StatusCode},
};
use serde_json::{Value, json};

use super::{People, Visit, encode, go, refused, show, sorry};
use crate::core::portal::{holder, pairs};

/// Holds the access token. Cookies ignore ports, so the name must be unique on the host.
const COOKIE: &str = "hallpass_sim_portal";

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

fn person(visit: &Visit<'_>) -> Option<String> {
    let world = visit.shared.lock();
    let now = world.now(visit.shared.clock.now());
    holder(&world.state, token(visit), now).map(|one| one.user_name.clone())
}

struct ConsoleRequest {
    account: String,
    role: String,
}

impl ConsoleRequest {
    fn of(visit: &Visit<'_>) -> Option<Self> {
        let [account, role] = ["account_id", "role_name"].map(|name| visit.parameter(name));
        if account.is_empty() || role.is_empty() {
            return None;
        }
        let (account, role) = (encode(account), encode(role));
        Some(Self { account, role })
    }
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage<'a> {
    title: &'static str,
    portal: &'a str,
    wish: Option<ConsoleRequest>,
    people: People,
}

fn ask(visit: &Visit<'_>) -> Response<Body> {
    let page = SignInPage {
        title: "Sign in",
        portal: &visit.portal,
        wish: ConsoleRequest::of(visit),
        people: People::of(visit.shared),
    };
    show(StatusCode::OK, &page, "")
}

#[derive(Template)]
#[template(path = "accounts.html")]
struct AccountsPage<'a> {
    title: &'static str,
    portal: &'a str,
    name: &'a str,
    accounts: Vec<AccountRow>,
}

struct AccountRow {
    name: String,
    id: String,
    roles: Vec<RoleLink>,
}

struct RoleLink {
    name: String,
    encoded: String,
}

fn home(visit: &Visit<'_>, name: &str) -> Response<Body> {
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
    let accounts = rows.into_iter().map(|((name, id), mut roles)| {
        roles.sort();
        let link = |name: String| RoleLink {
            encoded: encode(&name),
            name,
        };
        AccountRow {
            name,
            id,
            roles: roles.into_iter().map(link).collect(),
        }
    });
    let page = AccountsPage {
        title: "Accounts",
        portal: &visit.portal,
        name,
        accounts: accounts.collect(),
    };
    show(StatusCode::OK, &page, "")
}

#[derive(Template)]
#[template(path = "console.html")]
struct ConsolePage<'a> {
    title: &'a str,
    portal: &'a str,
    facts: [(&'static str, &'a str); 6],
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
    let page = ConsolePage {
        title: &format!("Console of {name}"),
        portal: &visit.portal,
        facts: [
            ("You", text("user")),
            ("Account", &format!("{name} ({account})")),
            ("Role", text("permission_set")),
            ("Role ARN", text("role_arn")),
            ("Since", text("issued")),
            ("Until", text("expires")),
        ],
    };
    show(StatusCode::OK, &page, "")
}

#[derive(Template)]
#[template(path = "no_access.html")]
struct NoAccessPage<'a> {
    title: &'static str,
    portal: &'a str,
    account: &'a str,
    role: &'a str,
}

fn no_access(visit: &Visit<'_>) -> Response<Body> {
    let [account, role] = ["account_id", "role_name"].map(|name| visit.parameter(name));
    let page = NoAccessPage {
        title: "No access",
        portal: &visit.portal,
        account,
        role,
    };
    show(StatusCode::FORBIDDEN, &page, "")
}

fn sign_in(visit: &Visit<'_>) -> Response<Body> {
    let user = visit.person();
    let given = match visit.run("portal_sign_in", json!({ "user": user })) {
        Ok(given) => given,
        Err(refusal) => return refused(&refusal),
    };
    let token = given.get("token").and_then(Value::as_str);
    let portal = &visit.portal;
    let response = match ConsoleRequest::of(visit) {
        Some(ConsoleRequest { account, role }) => go(&format!(
            "{portal}/console?account_id={account}&role_name={role}"
        )),
        None => go(portal),
    };
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
