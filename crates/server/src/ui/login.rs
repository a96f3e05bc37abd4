//! Where a signed-in person gives the command line a token: after `hallpass login` opened the
//! page, or with the short code that `hallpass login --device` shows.

use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
    routing::get,
};
use serde::Deserialize;

use super::shell::{self, CSS_URL, PageResult, Posted, Viewer, page_with, see_other, url_encoded};
use crate::{
    App,
    api::login::wish,
    auth::hash_secret,
    logins::{Given, NotACode, Say, Wish, shown},
    problem::Failure,
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
    step: Step<'a>,
}

/// What the page is at.
enum Step<'a> {
    /// Type the code.
    Code { typed: &'a str },
    /// Say yes or no.
    Confirm {
        host: &'a str,
        /// What both sides show.
        code: &'a str,
        scopes: String,
        /// Where the answer goes, and what goes along.
        action: &'static str,
        fields: Vec<(&'static str, &'a str)>,
    },
    /// It is answered.
    Done { words: &'a str },
}

fn render(
    viewer: &Viewer,
    headers: &HeaderMap,
    step: Step<'_>,
    failure: Option<&str>,
    status: StatusCode,
) -> Response {
    let page = LoginPage {
        css: &CSS_URL,
        theme: shell::theme(headers),
        csrf: &viewer.live.csrf(),
        who: &viewer.actor.name,
        failure,
        step,
    };
    page_with(status, &page)
}

/// What the command line put in the address.
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
    fn wish(&self) -> Result<Wish, Failure> {
        let is_hash = |text: &str| {
            text.len() == 64 && text.chars().all(|c| matches!(c, '0'..='9' | 'a'..='f'))
        };
        if self.port == 0 || !is_hash(&self.state) || !is_hash(&self.challenge) {
            return Err(Failure::bad(
                "bad-login",
                "This is not an address that `hallpass login` makes.",
            )
            .help("run `hallpass login` again"));
        }
        wish(&self.host, &scopes(&self.scope))
    }

    /// Where the command line listens. Its own machine, whatever the address says.
    fn origin(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// What both sides show, so that a person sees that they talk of the same login.
    fn code(&self) -> String {
        let hash = hash_secret(&format!("shown\n{}", self.challenge));
        shown(hash.get(..8).unwrap_or_default())
    }
}

fn scopes(text: &str) -> Vec<String> {
    let names = text.split(',').filter(|name| !name.is_empty());
    names.map(str::to_owned).collect()
}

fn named(wish: &Wish) -> String {
    if wish.scopes.len() == crate::Scope::ALL.len() {
        return String::new();
    }
    let names: Vec<&str> = wish.scopes.iter().map(|scope| scope.name()).collect();
    names.join(", ")
}

async fn ask_cli(viewer: Viewer, headers: HeaderMap, Query(cli): Query<FromCli>) -> PageResult {
    let wish = cli.wish()?;
    let (code, port) = (cli.code(), cli.port.to_string());
    let step = Step::Confirm {
        host: &wish.host,
        code: &code,
        scopes: named(&wish),
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
    // the answer to this page's form leads back to the command line, and nowhere else
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
        user: viewer.live.session.user.clone(),
        wish,
    };
    let now = app.clock.now();
    let code = app.sign_in.logins.give(given, &form.challenge, now)?;
    Ok(see_other(&format!("{origin}/?code={code}&state={state}")))
}

#[derive(Deserialize)]
struct Typed {
    #[serde(default)]
    code: String,
    say: Option<Say>,
}

async fn ask_device(viewer: Viewer, headers: HeaderMap, Query(typed): Query<Typed>) -> Response {
    let step = Step::Code { typed: &typed.code };
    render(&viewer, &headers, step, None, StatusCode::OK)
}

async fn answer_device(
    State(app): State<App>,
    headers: HeaderMap,
    Posted { viewer, form }: Posted<Typed>,
) -> Response {
    let (logins, now) = (&app.sign_in.logins, app.clock.now());
    let who = &viewer.live.session.user;
    let found = match form.say {
        None => logins.look(&form.code, who, now),
        Some(say) => logins.answer(&form.code, who, say, now),
    };
    let wish = match found {
        Ok(wish) => wish,
        Err(not) => {
            let (status, words) = match not {
                NotACode::Unknown => (
                    StatusCode::BAD_REQUEST,
                    "No login waits with this code. It may be too old, or mistyped.",
                ),
                NotACode::TooMany => (
                    StatusCode::TOO_MANY_REQUESTS,
                    "Too many codes were wrong. Wait a minute.",
                ),
            };
            let step = Step::Code { typed: &form.code };
            return render(&viewer, &headers, step, Some(words), status);
        }
    };
    let code = shown(&form.code);
    let step = match form.say {
        None => Step::Confirm {
            host: &wish.host,
            code: &code,
            scopes: named(&wish),
            action: "/login/device",
            fields: vec![("code", &code)],
        },
        Some(Say::Give) => Step::Done {
            words: "The command line has its token. You can close this page.",
        },
        Some(Say::Refuse) => Step::Done {
            words: "Refused. The command line gets nothing.",
        },
    };
    render(&viewer, &headers, step, None, StatusCode::OK)
}
