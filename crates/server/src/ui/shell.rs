//! What every page has: its viewer, the frame around it, and how it fails.

use std::fmt::Write as _;

use askama::Template;
use axum::{
    body::Bytes,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse, Response},
};
use hallpass_access::{Actor, RequestFilter, RequestView, Role};
use hallpass_audit::SEQ_MAX;
use jiff::tz::TimeZone;
use serde::de::DeserializeOwned;

use super::failed;
use super::html::html;
use super::words::sentence;
use super::words::{capital, initials, plain};
use super::{CSS, JS};
use crate::{App, ServerMode, problem::ProblemResponse, session};

/// Requests counted beside `Reviews` at most; more are `99+`.
const COUNTED_MAX: usize = 100;

/// The page of the main navigation one is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nav {
    Home,
    Ask,
    Reviews,
    Access,
    Audit,
    Rules,
    Alerts,
    People,
    Plans,
    Remediations,
    Health,
    /// None of them.
    Elsewhere,
}

/// Who looks at a page: a person with a live session. Without one, the way leads to sign-in and
/// back.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) actor: Actor,
    pub(crate) live: session::Live,
    /// The zone they read times in; UTC until their browser told.
    pub(crate) zone: TimeZone,
    pub(super) theme: &'static str,
    /// The newest record of the log before the page was read: what comes after it, the page hears.
    seen: u64,
}

/// What the frame around a page shows.
#[derive(Clone, Debug)]
pub(crate) struct Shell {
    /// Object first: `payments-prod / DatabaseOperator`.
    pub(crate) title: String,
    pub(crate) nav: Nav,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) initials: String,
    pub(crate) csrf: String,
    /// `light`, `dark`, or empty for the system's.
    pub(crate) theme: &'static str,
    /// The newest record of the log that the page may know of.
    pub(crate) seen: u64,
    /// Empty, a number, or `99+`.
    pub(crate) reviews: String,
    /// Remediations that wait for this viewer, in the same form.
    pub(crate) remediations: String,
    pub(crate) demo: bool,
    /// Where the simulated Slack is, in the demo.
    pub(crate) slack: Option<String>,
    /// Said once, after a press.
    pub(crate) said: Option<Toast>,
    /// Why nobody gets access now, whatever they ask for; empty most of the time.
    pub(crate) obstacle: String,
    /// Pages of the main navigation that not everybody sees, and this viewer does.
    pub(crate) sees: Vec<Nav>,
    pub(crate) css: &'static str,
    pub(crate) js: &'static str,
}

/// What is said once, after a press.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) words: String,
    /// What one may want next: words and address.
    pub(crate) link: Option<(String, String)>,
}

impl<T: Into<String>> From<T> for Toast {
    fn from(words: T) -> Self {
        Self {
            words: words.into(),
            link: None,
        }
    }
}

impl Shell {
    /// Whether a page is in this viewer's navigation.
    pub(crate) fn has(&self, page: Nav) -> bool {
        self.sees.contains(&page)
    }
}

impl Viewer {
    /// The person of a session. Who is nobody any more gets a page on which they can sign out.
    pub(super) async fn of(
        app: &App,
        live: session::Live,
        headers: &HeaderMap,
    ) -> Result<Self, Response> {
        let actor = crate::auth::signed_in(app, &live)
            .await
            .map_err(|failure| failed::page_with_sign_out(&failure.into_problem(), &live.csrf()))?;
        // beyond any log is from when it listens: a page must not fail for what it hears later
        let head = app.audit.head().await;
        let seen = head.map_or(SEQ_MAX, |head| head.map_or(0, |head| head.seq));
        Ok(Self {
            actor,
            live,
            zone: zone(headers),
            theme: theme(headers),
            seen,
        })
    }

    /// Whether they may see plans: whoever reads all, and who keeps the server running.
    pub(super) fn sees_plans(&self) -> bool {
        self.actor.reads_all() || self.actor.is(Role::Operator)
    }

    /// Pages that not everybody sees, and they do.
    fn seen_pages(&self, app: &App) -> Vec<Nav> {
        let keeps_it_running = self.actor.is(Role::Operator) || self.actor.is(Role::Admin);
        let pages = [
            (Nav::Alerts, app.access.sees_alerts(&self.actor)),
            (Nav::People, app.access.sees_alerts(&self.actor)),
            (Nav::Remediations, app.access.sees_remediations(&self.actor)),
            (Nav::Plans, self.sees_plans()),
            (Nav::Health, keeps_it_running),
        ];
        let seen = pages.into_iter().filter(|(_, sees)| *sees);
        seen.map(|(page, _)| page).collect()
    }

    /// The frame for one page of this viewer.
    pub(crate) async fn shell(&self, app: &App, nav: Nav, title: impl Into<String>) -> Shell {
        let filter = RequestFilter::default();
        let waiting = app
            .access
            .requests(&self.actor, RequestView::ToReview, &filter, COUNTED_MAX)
            .await
            // the count is a convenience: a page must not fail for it
            .map_or(0, |found| found.rows.len());
        let reviews = app
            .access
            .open_reviews(&self.actor, &filter, COUNTED_MAX)
            .await
            .map(|found| found.rows)
            .unwrap_or_default();
        let mut closable = 0;
        for review in &reviews {
            let presses = app.access.break_glass_offers(&self.actor, review).await;
            closable += usize::from(presses.is_ok_and(|presses| presses.close_review.is_ok()));
        }
        let waiting = waiting + closable;
        Shell {
            title: title.into(),
            nav,
            name: plain(&self.actor.name),
            email: self.actor.email.to_string(),
            initials: initials(&self.actor.name),
            csrf: self.live.csrf(),
            theme: self.theme,
            seen: self.seen,
            reviews: shown_count(waiting),
            remediations: shown_count(app.access.remediations_to_decide(&self.actor).await),
            demo: matches!(app.mode.as_ref(), ServerMode::Demo { .. }),
            slack: match app.mode.as_ref() {
                ServerMode::Demo { aws_endpoint, .. } => Some(format!("{aws_endpoint}/_slack/")),
                ServerMode::Serve => None,
            },
            said: None,
            obstacle: app
                .access
                .obstacle()
                .map_or_else(String::new, |why| sentence(&capital(&why.to_string()))),
            sees: self.seen_pages(app),
            css: CSS.url(),
            js: JS.url(),
        }
    }
}

/// Empty, a number, or `99+`.
fn shown_count(number: usize) -> String {
    match number {
        0 => String::new(),
        COUNTED_MAX.. => "99+".to_owned(),
        few => few.to_string(),
    }
}

impl FromRequestParts<App> for Viewer {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Self::Rejection> {
        let live = session::of(app, &parts.headers)
            .await
            .map_err(IntoResponse::into_response)?;
        match live {
            Some(live) => {
                let viewer = Self::of(app, live, &parts.headers).await?;
                crate::auth::somebody_came(parts);
                Ok(viewer)
            }
            None => Err(to_sign_in(parts, &[])),
        }
    }
}

/// The zone a browser said it is in. It travels as a cookie and is parsed, not trusted.
pub(crate) fn zone(headers: &HeaderMap) -> TimeZone {
    session::cookie(headers, "zone")
        .filter(|name| name.len() <= 64)
        .map(|name| name.replace("%2F", "/"))
        .and_then(|name| TimeZone::get(&name).ok())
        .unwrap_or(TimeZone::UTC)
}

pub(crate) fn theme(headers: &HeaderMap) -> &'static str {
    match session::cookie(headers, "theme") {
        Some("light") => "light",
        Some("dark") => "dark",
        _ => "",
    }
}

/// Sign-in, and back here afterwards. What a page asks for by itself, a fragment or the stream of
/// what happens, gets 401 instead, and the page says that one was signed out.
fn to_sign_in(parts: &Parts, form: &[u8]) -> Response {
    if session::is_by_itself(&parts.headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let next = match parts.uri.path_and_query() {
        Some(page) if parts.method.is_safe() => page.as_str().to_owned(),
        Some(page) if page.path() == "/ask" => ask_again(form),
        // the address of another form is no page to come back to
        _ => "/".to_owned(),
    };
    see_other(&format!("/signin?next={}", url_encoded(&next)))
}

/// Choices of the form for asking that may stand in an address. Words of people, and what they
/// mean by a ticket, may not: addresses end up in logs and histories.
const CHOICES: [&str; 6] = ["kind", "account", "permission_set", "group", "for", "other"];
/// The longest choice, in bytes; names in AWS are shorter.
const CHOICE_BYTES_MAX: usize = 256;

/// The form for asking with what was chosen on it.
fn ask_again(form: &[u8]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    for choice in CHOICES {
        let chosen = form_urlencoded::parse(form).find(|(name, _)| name == choice);
        if let Some((_, value)) = chosen
            && !value.is_empty()
            && value.len() <= CHOICE_BYTES_MAX
        {
            query.append_pair(choice, &value);
        }
    }
    match query.finish().as_str() {
        "" => "/ask".to_owned(),
        query => format!("/ask?{query}"),
    }
}

/// Percent-encodes everything but unreserved characters (RFC 3986).
pub(crate) fn url_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // writing to a String cannot fail
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// The longest path one returns to: anybody may have one remembered.
const NEXT_BYTES_MAX: usize = 2_048;

/// A path of ours to return to, or `/`: what is not a plain local path is not followed (open
/// redirects).
pub(crate) fn local_path(next: &str) -> &str {
    let plain = next.len() <= NEXT_BYTES_MAX
        && next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.chars().all(|c| c.is_ascii_graphic());
    if plain { next } else { "/" }
}

/// 303: the answer to every form, so that reloading repeats nothing.
pub(crate) fn see_other(to: &str) -> Response {
    let place = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

/// A page.
pub(crate) fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

/// A page with a status.
pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => html(status, text),
        Err(error) => ProblemResponse::unavailable(&error).into_response(),
    }
}

/// What page handlers return; [`super::failed`] shows a failure as a page.
pub(crate) type PageResult = Result<Response, ProblemResponse>;

/// A form, sent from one of our own pages by the person whose session it is.
pub(crate) struct Posted<T> {
    pub(crate) viewer: Viewer,
    pub(crate) form: T,
}

/// The largest form: a reason of 1,000 characters, encoded, and change.
const FORM_BYTES_MAX: usize = 32 * 1024;

impl<T: DeserializeOwned> FromRequest<App> for Posted<T> {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let (parts, live, bytes) = sent_form(request, app).await?;
        let viewer = Viewer::of(app, live, &parts.headers).await?;
        let form = serde_urlencoded::from_str(&as_typed(&bytes)).map_err(|error| {
            let words = format!("The form was not understood: {error}.");
            ProblemResponse::bad("bad-form", words).into_response()
        })?;
        Ok(Self { viewer, form })
    }
}

/// A form as its writer sees it: browsers send the end of each line as CR and LF, and everything that
/// counts or compares words means one character, as at every other door.
fn as_typed(bytes: &[u8]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(bytes) {
        form.append_pair(&name, &value.replace("\r\n", "\n"));
    }
    form.finish()
}

/// A session that is to end. Whose it is does not matter: also who is nobody any more signs out.
pub(crate) struct Leaving(pub(crate) session::Live);

impl FromRequest<App> for Leaving {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let (_, live, _) = sent_form(request, app).await?;
        Ok(Self(live))
    }
}

/// A form with the session it was sent in, once it is sure that one of its pages sent it.
async fn sent_form(request: Request, app: &App) -> Result<(Parts, session::Live, Bytes), Response> {
    let (parts, body) = request.into_parts();
    if !from_our_page(&parts.headers, &app.sign_in.public_url) {
        return Err(forged().into_response());
    }
    let live = session::of(app, &parts.headers)
        .await
        .map_err(IntoResponse::into_response)?;
    let bytes = crate::body::bytes(body, FORM_BYTES_MAX)
        .await
        .map_err(IntoResponse::into_response)?;
    let Some(live) = live else {
        return Err(to_sign_in(&parts, &bytes));
    };
    let token = form_urlencoded::parse(&bytes)
        .find(|(name, _)| name == "csrf")
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default();
    if live.accepts(&token) {
        Ok((parts, live, bytes))
    } else {
        Err(forged().into_response())
    }
}

fn forged() -> ProblemResponse {
    ProblemResponse::forbidden(
        "forged-form",
        "This form did not come from a page of yours, so nothing was done.",
    )
    .help("open the page again and press there; you may have signed in again since")
}

/// Whether a browser says that a call comes from a page of this server (Fetch Metadata; `Origin`
/// for browsers without it, compared with `server.public_url`: a proxy may rewrite `Host`). The form's token is checked
/// besides.
pub(crate) fn from_our_page(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == public_url,
        // a program without either has no cookie of anybody's by accident
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_local_paths_are_followed() {
        for (next, followed) in [
            (
                "/requests/req_1?said=approved",
                "/requests/req_1?said=approved",
            ),
            ("//evil.example", "/"),
            ("/\\evil.example", "/"),
            ("https://evil.example", "/"),
            ("javascript:alert(1)", "/"),
            ("/a\r\nSet-Cookie: b", "/"),
            ("", "/"),
        ] {
            assert_eq!(local_path(next), followed, "{next}");
        }
    }

    #[test]
    fn forms_of_other_sites_are_told_apart() {
        for (site, origin, ours) in [
            (Some("same-origin"), None, true),
            (Some("cross-site"), None, false),
            (Some("same-site"), None, false),
            (Some("none"), None, false),
            (None, Some("https://hallpass.example"), true),
            (None, Some("http://hallpass.example"), false),
            (None, Some("https://hallpass.example:8443"), false),
            // what the proxy calls the server
            (None, Some("https://10.0.0.7:8080"), false),
            (None, Some("http://evil.example"), false),
            (None, Some("null"), false),
            (None, None, true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("10.0.0.7:8080"));
            for (name, value) in [("sec-fetch-site", site), ("origin", origin)] {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            }
            let found = from_our_page(&headers, "https://hallpass.example");
            assert_eq!(found, ours, "{site:?} {origin:?}");
        }
    }

    #[tokio::test]
    async fn no_page_holds_anything_hidden() {
        let page = "<p>\u{202e}gnp.exe \u{1b}[2J 👩\u{200d}💻\r\n</p>".to_owned();
        let sent = html(StatusCode::OK, page).into_body();
        let sent = axum::body::to_bytes(sent, 1_000).await.unwrap();
        assert_eq!(sent, "<p>␦gnp.exe ␦[2J 👩\u{200d}💻\r\n</p>");
    }
}
