use askama::Template;
use axum::{
    Router,
    extract::{Query, State},
    routing::{get, post},
};
use hallpass_access::identity::{
    OwnToken, Owner, SignedIn, TokenScope, TokenSource, WebSession, WhichSessions,
};
use hallpass_base::TokenId;
use serde::Deserialize;

use super::people::count_of;
use super::presenter::Presenter;
use super::press::missing;
use super::shell::{Nav, PageResult, Posted, Shell, Viewer, page, see_other};
use super::words::plain;
use crate::{App, body::Path, own, problem::ProblemResponse};

const PAGE: &str = "/sign-ins";

pub(crate) fn router() -> Router<App> {
    Router::new()
        .route("/sign-ins", get(show))
        .route("/sign-ins/sessions/{id}/end", post(end_session))
        .route("/sign-ins/end-others", post(end_others))
        .route("/sign-ins/tokens/{id}/revoke", post(revoke_token))
}

struct SessionRow {
    id: String,
    is_this: bool,
    browser: String,
    address: String,
    since: String,
    by: String,
    used: String,
    ends: String,
}

pub(super) struct TokenRow {
    id: String,
    pub(super) name: String,
    pub(super) scopes: String,
    made: String,
    made_where: &'static str,
    pub(super) used: String,
    pub(super) expires: String,
}

#[derive(Template)]
#[template(path = "own.html")]
struct OwnPage {
    shell: Shell,
    sessions: Vec<SessionRow>,
    others: usize,
    tokens: Vec<TokenRow>,
    zone: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OwnQuery {
    ended: Option<Ended>,
    count: usize,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Ended {
    Session,
    Others,
    Token,
}

impl OwnQuery {
    fn words(&self) -> Option<String> {
        Some(match self.ended? {
            Ended::Session => "That browser is signed out.".to_owned(),
            Ended::Others if self.count == 0 => "You were signed in nowhere else.".to_owned(),
            Ended::Others => format!(
                "Signed out everywhere else: {}.",
                count_of(self.count, "session", "sessions")
            ),
            Ended::Token => "The token is void from now on.".to_owned(),
        })
    }
}

#[derive(Deserialize)]
struct Press {}

fn owner(viewer: &Viewer) -> Result<Owner, ProblemResponse> {
    let owner = viewer.live.session.owner();
    owner.ok_or_else(|| ProblemResponse::unauthorized("the session is over"))
}

async fn show(
    State(app): State<App>,
    viewer: Viewer,
    Query(looking): Query<OwnQuery>,
) -> PageResult {
    let owner = owner(&viewer)?;
    let this = viewer.live.session.id();
    let view = Presenter::new(&app, &viewer);
    let sessions: Vec<SessionRow> = own::sessions(&app, &owner.user)
        .await?
        .iter()
        .map(|session| session_row(&app, &view, session, &this))
        .collect();
    let tokens = own::tokens(&app, &owner).await?;
    let mut shell = viewer
        .shell(&app, Nav::Elsewhere, "Sign-ins and tokens")
        .await;
    shell.said = looking.words().map(Into::into);
    Ok(page(&OwnPage {
        others: sessions.iter().filter(|it| !it.is_this).count(),
        sessions,
        tokens: tokens.iter().map(|token| token_row(&view, token)).collect(),
        zone: view.zone_words(),
        shell,
    }))
}

fn session_row(app: &App, view: &Presenter, session: &WebSession, this: &str) -> SessionRow {
    let id = session.id();
    let browsing = &session.browsing;
    let idle_ends = app.session_settings.idle.after(session.seen_at);
    SessionRow {
        is_this: id == this,
        id,
        browser: browser(&browsing.agent),
        address: browsing.address.map_or_else(
            || "an address that was not kept".to_owned(),
            |it| it.to_string(),
        ),
        since: view.words(session.began_at),
        by: match &session.signed_in {
            SignedIn::Persona => "as a persona of the demo".to_owned(),
            SignedIn::Link => "by a one-time link".to_owned(),
            SignedIn::Oidc { issuer, .. } => format!("at {}", plain(issuer)),
        },
        used: view.words(session.seen_at),
        ends: view.words(session.ends_at.min(idle_ends)),
    }
}

pub(super) fn token_row(view: &Presenter, token: &OwnToken) -> TokenRow {
    TokenRow {
        id: token.id.to_string(),
        name: match token.name.as_str() {
            "" => "without a name".to_owned(),
            name => plain(name),
        },
        scopes: if token.scopes.len() == TokenScope::ALL.len() {
            "all that you may do".to_owned()
        } else {
            let names: Vec<&str> = token.scopes.iter().map(|scope| scope.name()).collect();
            names.join(", ")
        },
        made: view.words(token.created_at),
        made_where: match token.source {
            TokenSource::ServerMachine => "on the server’s machine",
            TokenSource::SignIn => "at a sign-in",
        },
        used: token
            .used_at
            .map_or_else(|| "never".to_owned(), |at| view.words(at)),
        expires: view.words(token.expires_at),
    }
}

const BROWSERS: [(&str, &str); 6] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrom", "Chrome"),
    ("CriOS/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];
const AGENT_SHOWN: usize = 40;

fn browser(agent: &str) -> String {
    let named = |names: &[(&'static str, &'static str)]| {
        let found = names.iter().find(|(part, _)| agent.contains(part));
        found.map(|(_, name)| *name)
    };
    match (named(&BROWSERS), named(&SYSTEMS)) {
        (Some(browser), Some(system)) => format!("{browser} on {system}"),
        (Some(browser), None) => browser.to_owned(),
        (None, _) if agent.is_empty() => "A browser".to_owned(),
        (None, _) => plain(&agent.chars().take(AGENT_SHOWN).collect::<String>()),
    }
}

async fn end_session(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form: _ }: Posted<Press>,
) -> PageResult {
    let (owner, origin) = (owner(&viewer)?, viewer.actor.origin);
    let which = WhichSessions::One(id);
    match own::end_sessions(&app, &owner, which, origin).await? {
        0 => missing(&app, &viewer).await,
        _ => Ok(see_other(&format!("{PAGE}?ended=session"))),
    }
}

async fn end_others(
    State(app): State<App>,
    Posted { viewer, form: _ }: Posted<Press>,
) -> PageResult {
    let (owner, origin) = (owner(&viewer)?, viewer.actor.origin);
    let which = WhichSessions::AllBut(viewer.live.session.id());
    let count = own::end_sessions(&app, &owner, which, origin).await?;
    Ok(see_other(&format!("{PAGE}?ended=others&count={count}")))
}

async fn revoke_token(
    State(app): State<App>,
    Path(id): Path<String>,
    Posted { viewer, form: _ }: Posted<Press>,
) -> PageResult {
    let (owner, origin) = (owner(&viewer)?, viewer.actor.origin);
    let Ok(id) = id.parse::<TokenId>() else {
        return missing(&app, &viewer).await;
    };
    if own::revoke_token(&app, &owner, id, origin).await? {
        Ok(see_other(&format!("{PAGE}?ended=token")))
    } else {
        missing(&app, &viewer).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_are_named_as_people_know_them() {
        for (agent, name) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
                "Firefox on Linux",
            ),
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) \
                 Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0",
                "Edge on Windows",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.0 Mobile/15E148 Safari/604.1",
                "Safari on iPhone",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like \
                 Gecko) HeadlessChrome/142.0.0.0 Safari/537.36",
                "Chrome on macOS",
            ),
            ("", "A browser"),
            ("curl/8\u{202e}.1", "curl/8␦.1"),
        ] {
            assert_eq!(browser(agent), name, "{agent}");
        }
    }
}
