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
use super::saved::Saved;
use super::words::sentence;
use super::words::{capital, initials, plain};
use super::{CSS, JS};
use crate::{App, ServerMode, problem::ProblemResponse, session};

/// Maximum count next to `Reviews`; more are `99+`.
const COUNTED_MAX: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Nav {
    Home,
    Ask,
    Reviews,
    Access,
    Audit,
    Reports,
    Rules,
    Alerts,
    People,
    Plans,
    Remediations,
    Health,
    Campaigns,
    Elsewhere,
}

/// The signed-in viewer of a page. Without a session, redirects to sign-in and back.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    pub(crate) actor: Actor,
    pub(crate) live: session::Live,
    pub(crate) zone: TimeZone,
    pub(super) theme: &'static str,
    pub(crate) saved: Saved,
    /// The newest log record at the read; the event stream resumes there.
    seen: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct Shell {
    pub(crate) title: String,
    pub(crate) nav: Nav,
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) initials: String,
    pub(crate) csrf: String,
    pub(crate) theme: &'static str,
    pub(crate) seen: u64,
    pub(crate) reviews: String,
    pub(crate) remediations: String,
    pub(crate) demo: bool,
    pub(crate) slack: Option<String>,
    pub(crate) said: Option<Toast>,
    pub(crate) obstacle: String,
    pub(crate) sees: Vec<Nav>,
    /// Address of the page's document.
    pub(crate) help: String,
    pub(crate) css: &'static str,
    pub(crate) js: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Toast {
    pub(crate) words: String,
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
    pub(crate) fn has(&self, page: Nav) -> bool {
        self.sees.contains(&page)
    }
}

impl Viewer {
    /// The user of a session. A removed user gets a page with sign-out.
    pub(super) async fn of(
        app: &App,
        live: session::Live,
        headers: &HeaderMap,
    ) -> Result<Self, Response> {
        let actor = crate::auth::signed_in(app, &live)
            .await
            .map_err(|failure| failed::page_with_sign_out(&failure.into_problem(), &live.csrf()))?;
        // `SEQ_MAX` listens from now: the page must not fail because of the stream
        let head = app.audit.head().await;
        let seen = head.map_or(SEQ_MAX, |head| head.map_or(0, |head| head.seq));
        Ok(Self {
            actor,
            live,
            zone: zone(headers),
            theme: theme(headers),
            saved: Saved::of(headers),
            seen,
        })
    }

    /// Users who read everything, and operators.
    pub(super) fn sees_plans(&self) -> bool {
        self.actor.reads_all() || self.actor.is(Role::Operator)
    }

    fn seen_pages(&self, app: &App) -> Vec<Nav> {
        let keeps_it_running = self.actor.is(Role::Operator) || self.actor.is(Role::Admin);
        let pages = [
            (Nav::Reports, self.actor.reads_all()),
            (Nav::Alerts, app.access.sees_alerts(&self.actor)),
            (Nav::People, app.access.sees_alerts(&self.actor)),
            (Nav::Remediations, app.access.sees_remediations(&self.actor)),
            (Nav::Plans, self.sees_plans()),
            (Nav::Health, keeps_it_running),
        ];
        let seen = pages.into_iter().filter(|(_, sees)| *sees);
        seen.map(|(page, _)| page).collect()
    }

    pub(crate) async fn shell(&self, app: &App, nav: Nav, title: impl Into<String>) -> Shell {
        let filter = RequestFilter::default();
        let waiting = app
            .access
            .requests(&self.actor, RequestView::ToReview, &filter, COUNTED_MAX)
            .await
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
            help: format!("/help/{}", document(nav)),
            css: CSS.url(),
            js: JS.url(),
        }
    }
}

/// The document of the pages of a menu item.
const fn document(nav: Nav) -> &'static str {
    match nav {
        Nav::Home | Nav::Ask | Nav::Reviews | Nav::Elsewhere => "how-to/request-access",
        Nav::Access => "explanation/standing-access",
        Nav::Audit => "explanation/audit-log",
        Nav::Reports => "how-to/reports",
        Nav::Rules => "how-to/write-rules",
        Nav::Alerts => "reference/alerts",
        Nav::People => "how-to/people-who-leave",
        Nav::Plans => "explanation/plans",
        Nav::Remediations => "how-to/remediation",
        Nav::Health => "operations/monitoring",
        Nav::Campaigns => "how-to/access-reviews",
    }
}

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

/// Redirects to sign-in and back. Fragments and the event stream get 401, and the page reports the
/// sign-out.
fn to_sign_in(parts: &Parts, form: &[u8]) -> Response {
    if session::is_by_itself(&parts.headers) {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let next = match parts.uri.path_and_query() {
        Some(page) if parts.method.is_safe() => page.as_str().to_owned(),
        Some(page) if page.path() == "/ask" => ask_again(form),
        _ => "/".to_owned(),
    };
    see_other(&format!("/signin?next={}", url_encoded(&next)))
}

/// Request form fields allowed in a URL. User text and tickets are excluded, because URLs end up in
/// logs and histories.
const CHOICES: [&str; 6] = ["kind", "account", "permission_set", "group", "for", "other"];
const CHOICE_BYTES_MAX: usize = 256;

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

/// Percent-encodes all but unreserved characters (RFC 3986).
pub(crate) fn url_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
        out
    })
}

/// Maximum return path length, because anyone can supply one.
const NEXT_BYTES_MAX: usize = 2_048;

/// Returns a local path or `/`: prevents open redirects.
pub(crate) fn local_path(next: &str) -> &str {
    let plain = next.len() <= NEXT_BYTES_MAX
        && next.starts_with('/')
        && !next.starts_with("//")
        && !next.contains('\\')
        && next.chars().all(|c| c.is_ascii_graphic());
    if plain { next } else { "/" }
}

/// 303: the response to every form, so that reloading repeats nothing.
pub(crate) fn see_other(to: &str) -> Response {
    let place = HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::SEE_OTHER, [(header::LOCATION, place)]).into_response()
}

pub(crate) fn page(template: &impl Template) -> Response {
    page_with(StatusCode::OK, template)
}

pub(crate) fn page_with(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(text) => html(status, text),
        Err(error) => ProblemResponse::unavailable(&error).into_response(),
    }
}

/// [`super::failed`] renders errors as pages.
pub(crate) type PageResult = Result<Response, ProblemResponse>;

/// A form submitted from a Hallpass page in the session of its user.
pub(crate) struct Posted<T> {
    pub(crate) viewer: Viewer,
    pub(crate) form: T,
}

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

/// Normalizes CRLF line ends of browsers to one character, as in all channels, for counting and
/// comparison.
fn as_typed(bytes: &[u8]) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in form_urlencoded::parse(bytes) {
        form.append_pair(&name, &value.replace("\r\n", "\n"));
    }
    form.finish()
}

/// A session to end, also of removed users.
pub(crate) struct Leaving(pub(crate) session::Live);

impl FromRequest<App> for Leaving {
    type Rejection = Response;

    async fn from_request(request: Request, app: &App) -> Result<Self, Self::Rejection> {
        let (_, live, _) = sent_form(request, app).await?;
        Ok(Self(live))
    }
}

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

/// Checks Fetch Metadata, or `Origin` in older browsers, against `server.public_url`: a proxy may
/// rewrite `Host`. In addition to the form token.
pub(crate) fn from_our_page(headers: &HeaderMap, public_url: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => origin == public_url,
        (None, None) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::super::documents;
    use super::*;

    const NAVS: [Nav; 14] = [
        Nav::Home,
        Nav::Ask,
        Nav::Reviews,
        Nav::Access,
        Nav::Audit,
        Nav::Reports,
        Nav::Rules,
        Nav::Alerts,
        Nav::People,
        Nav::Plans,
        Nav::Remediations,
        Nav::Health,
        Nav::Campaigns,
        Nav::Elsewhere,
    ];

    #[test]
    fn the_document_of_each_page_is_there() {
        for nav in NAVS {
            assert!(documents::address(document(nav)).is_some(), "{nav:?}");
        }
    }

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
