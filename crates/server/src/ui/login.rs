//! Login page for the command line: opened by `hallpass login`, or with the short code of `hallpass
//! login --device`.

use std::net::IpAddr;

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hallpass_access::identity::{Owner, TokenScope, hash_secret};
use hallpass_base::{TimeSpan, Timestamp};
use serde::Deserialize;

use super::CSS;
use super::shell::{self, PageResult, Posted, Viewer, page_with, see_other, url_encoded};
use super::words::{clock, zone_name};
use crate::{
    App,
    api::login::wish,
    logins::{Begun, Confirmer, Given, LoginRequest, NotACode, Say, shown},
    problem::ProblemResponse,
};

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/login/cli", get(ask_cli).post(answer_cli))
        .route("/login/device", get(ask_device).post(answer_device))
}

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    css: &'static str,
    theme: &'static str,
    csrf: &'a str,
    who: &'a str,
    failure: Option<&'a str>,
    step: LoginStep<'a>,
}

enum LoginStep<'a> {
    Code {
        typed: &'a str,
    },
    Confirm {
        host: &'a str,
        code: &'a str,
        scopes: String,
        begun: Vec<String>,
        action: &'static str,
        fields: Vec<(&'static str, &'a str)>,
    },
    Done {
        words: &'a str,
    },
}

fn render(
    viewer: &Viewer,
    headers: &HeaderMap,
    step: LoginStep<'_>,
    failure: Option<&str>,
    status: StatusCode,
) -> Response {
    let page = LoginPage {
        css: CSS.url(),
        theme: shell::theme(headers),
        csrf: &viewer.live.csrf(),
        who: &viewer.actor.name,
        failure,
        step,
    };
    page_with(status, &page)
}

#[derive(Deserialize)]
struct FromCli {
    port: u16,
    state: String,
    challenge: String,
    #[serde(default)]
    host: String,
    #[serde(default)]
    scope: String,
    say: Option<Say>,
}

impl FromCli {
    fn wish(&self) -> Result<LoginRequest, ProblemResponse> {
        let is_hash = |text: &str| {
            text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        };
        if self.port == 0 || !is_hash(&self.state) || !is_hash(&self.challenge) {
            return Err(ProblemResponse::bad(
                "bad-login",
                "This is not an address that `hallpass login` makes.",
            )
            .help("run `hallpass login` again"));
        }
        wish(&self.host, &scopes(&self.scope), &TokenScope::ALL)
    }

    /// Loopback address of the command line, never another host.
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Displayed on both sides, so that the user can compare.
    fn code(&self) -> String {
        let hash = hash_secret(&format!("shown\n{}", self.challenge));
        shown(hash.get(..8).unwrap_or_default())
    }
}

fn scopes(text: &str) -> Vec<String> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn named(wish: &LoginRequest) -> String {
    if wish.scopes.len() == TokenScope::ALL.len() {
        return String::new();
    }
    let names: Vec<&str> = wish.scopes.iter().map(|scope| scope.name()).collect();
    names.join(", ")
}

async fn ask_cli(viewer: Viewer, headers: HeaderMap, Query(cli): Query<FromCli>) -> PageResult {
    let wish = cli.wish()?;
    let (code, port) = (cli.code(), cli.port.to_string());
    let step = LoginStep::Confirm {
        host: &wish.host,
        code: &code,
        scopes: named(&wish),
        begun: Vec::new(),
        action: "/login/cli",
        fields: vec![
            ("port", &port),
            ("state", &cli.state),
            ("challenge", &cli.challenge),
            ("host", &cli.host),
            ("scope", &cli.scope),
        ],
    };
    let mut response = render(&viewer, &headers, step, None, StatusCode::OK);
    // the form may redirect to the command line only
    let policy = crate::POLICY.replace(
        "form-action 'self'",
        &format!("form-action 'self' {}", cli.origin()),
    );
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

async fn answer_cli(
    State(app): State<App>,
    Posted { viewer, form }: Posted<FromCli>,
) -> PageResult {
    let wish = form.wish()?;
    let (origin, state) = (form.origin(), url_encoded(&form.state));
    if form.say != Some(Say::Give) {
        return Ok(see_other(&format!("{origin}/?error=refused&state={state}")));
    }
    let given = Given {
        by: confirmer(&viewer)?,
        wish,
    };
    let now = app.clock.now();
    let code = app.sign_in.logins.give(given, &form.challenge, now).await?;
    Ok(see_other(&format!("{origin}/?code={code}&state={state}")))
}

/// The token belongs to the user of the session.
fn confirmer(viewer: &Viewer) -> Result<Confirmer, ProblemResponse> {
    let owner = Owner::of(&viewer.actor);
    Ok(Confirmer {
        owner: owner.ok_or_else(|| ProblemResponse::unauthorized("the session is over"))?,
        session: viewer.live.session.id(),
    })
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    code: String,
    say: Option<Say>,
}

/// The code is never read from the URL: a link could contain an attacker's code.
async fn ask_device(viewer: Viewer, headers: HeaderMap) -> Response {
    let step = LoginStep::Code { typed: "" };
    render(&viewer, &headers, step, None, StatusCode::OK)
}

fn begun(begun: &Begun, here: Option<IpAddr>, viewer: &Viewer, now: Timestamp) -> Vec<String> {
    let ago = match TimeSpan::between(begun.at, now).as_seconds() / 60 {
        0 => "less than a minute ago".to_owned(),
        1 => "1 minute ago".to_owned(),
        minutes => format!("{minutes} minutes ago"),
    };
    let at = clock(begun.at, now, &viewer.zone);
    let zone = zone_name(begun.at, &viewer.zone);
    let program = match begun.agent.as_str() {
        "" => "by a program that gives no name".to_owned(),
        agent => format!("by a program that calls itself {agent}"),
    };
    let mut said = match begun.address {
        Some(address) => vec![format!(
            "It was begun {ago} ({at} {zone}), from {address}, {program}."
        )],
        None => vec![format!("It was begun {ago} ({at} {zone}), {program}.")],
    };
    match (begun.address, here) {
        (Some(there), Some(here)) if there == here => {
            said.push("You are at the same address.".to_owned());
        }
        (Some(_), Some(here)) => {
            said.push(format!("You are at another address, {here}."));
        }
        (None, _) | (_, None) => {}
    }
    said
}

async fn answer_device(
    State(app): State<App>,
    extensions: Extensions,
    headers: HeaderMap,
    Posted { viewer, form }: Posted<Typed>,
) -> Response {
    let (logins, now) = (&app.sign_in.logins, app.clock.now());
    let who = match confirmer(&viewer) {
        Ok(who) => who,
        Err(failure) => return failure.into_response(),
    };
    let found = match form.say {
        None => logins.look(&form.code, &who.owner.user, now).await,
        Some(say) => logins.answer(&form.code, &who, say, now).await,
    };
    let waiting = match found {
        Ok(waiting) => waiting,
        Err(NotACode::Unread(fault)) => {
            return ProblemResponse::unavailable(&fault).into_response();
        }
        Err(not) => {
            let (status, words) = match not {
                NotACode::Unknown | NotACode::Unread(_) => (
                    StatusCode::BAD_REQUEST,
                    "No login waits with this code. It may be too old, or mistyped.",
                ),
                NotACode::TooMany => (
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many codes were wrong. Wait a minute.",
                ),
            };
            let step = LoginStep::Code { typed: &form.code };
            return render(&viewer, &headers, step, Some(words), status);
        }
    };
    let code = shown(&form.code);
    let step = match form.say {
        None => LoginStep::Confirm {
            host: &waiting.wish.host,
            code: &code,
            scopes: named(&waiting.wish),
            begun: begun(
                &waiting.begun,
                app.sign_in.proxies.shown(&extensions, &headers),
                &viewer,
                now,
            ),
            action: "/login/device",
            fields: vec![("code", &code)],
        },
        Some(Say::Give) => LoginStep::Done {
            words: "The command line has its token. You can close this page.",
        },
        Some(Say::Refuse) => LoginStep::Done {
            words: "Refused. The command line gets nothing.",
        },
    };
    render(&viewer, &headers, step, None, StatusCode::OK)
}
