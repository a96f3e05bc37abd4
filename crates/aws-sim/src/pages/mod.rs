//! Pages for users: persona choice, program authorization, access portal. Without passwords, so
//! guarded like the control API: from this machine, or with its token. No inline script or style.

mod authorize;
mod device;
mod on_call;
mod start;
mod tickets;

use std::sync::Arc;

use crate::base::{KEPT_OUT, Refusal};
use askama::Template;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State as Extract,
    http::{HeaderMap, HeaderValue, Response, StatusCode, request::Parts},
    routing::get,
};
use serde_json::Value;

use crate::{core::state::SimState, world::Shared};

const CSS: &str = include_str!("portal.css");
const JS: &str = include_str!("portal.js");

const SHOWN: usize = 12;

type Fields = Vec<(String, String)>;

/// The page of a request outside the control API; `None` when it is no page.
pub(crate) fn answer(shared: &Shared, parts: &Parts, body: &[u8]) -> Option<Response<Body>> {
    let path = parts.uri.path();
    if path == "/" {
        // the path of nearly every service call
        return None;
    }
    let portal = portal_path(&shared.lock().state);
    let below = portal
        .as_deref()
        .and_then(|portal| path.strip_prefix(portal));
    let below = below.filter(|rest| rest.is_empty() || rest.starts_with('/'));
    if path != "/authorize" && below.is_none() {
        return None;
    }
    if !shared.access.lets_in(&parts.headers, &parts.extensions) {
        return Some(sorry(StatusCode::FORBIDDEN, KEPT_OUT));
    }
    let visit = Visit {
        shared,
        headers: &parts.headers,
        query: fields(parts.uri.query()),
        form: form(body),
        portal: portal.unwrap_or_default(),
    };
    let posted = parts.method == http::Method::POST;
    if posted && !visit.is_from_here() {
        return Some(sorry(StatusCode::FORBIDDEN, "sent by another site"));
    }
    if !posted && parts.method != http::Method::GET {
        return Some(sorry(StatusCode::METHOD_NOT_ALLOWED, "only GET and POST"));
    }
    Some(match (posted, below) {
        (false, None) => authorize::ask(&visit),
        (true, None) => authorize::answer(&visit),
        (posted, Some(rest)) => start::answer(&visit, posted, rest),
    })
}

/// Pages under `/_sim/`, behind its guard.
pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/device", get(get_device).post(post_device))
        .route("/on-call", get(get_on_call).post(post_on_call))
        .route("/tickets", get(get_tickets).post(post_tickets))
        .route("/portal.css", get(|| async { asset("text/css", CSS) }))
        .route("/portal.js", get(|| async { asset("text/javascript", JS) }))
}

async fn get_device(
    Extract(shared): Extract<Arc<Shared>>,
    uri: http::Uri,
    headers: HeaderMap,
) -> Response<Body> {
    device::ask(&Visit::new(&shared, &headers, uri.query(), b""))
}

async fn post_device(
    Extract(shared): Extract<Arc<Shared>>,
    uri: http::Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    Visit::new(&shared, &headers, uri.query(), &body).answered(device::answer)
}

async fn get_on_call(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Response<Body> {
    on_call::ask(&Visit::new(&shared, &headers, None, b""))
}

async fn post_on_call(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    Visit::new(&shared, &headers, None, &body).answered(on_call::answer)
}

async fn get_tickets(Extract(shared): Extract<Arc<Shared>>, headers: HeaderMap) -> Response<Body> {
    tickets::ask(&Visit::new(&shared, &headers, None, b""))
}

async fn post_tickets(
    Extract(shared): Extract<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    Visit::new(&shared, &headers, None, &body).answered(tickets::answer)
}

fn portal_path(state: &SimState) -> Option<String> {
    let url = &state.center.portal_url;
    let rest = url
        .strip_prefix("http://")
        .or_else(|| url.strip_prefix("https://"))?;
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let (authority, path) = rest.split_once('/')?;
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next(),
        None => authority.split(':').next(),
    };
    let host = host.unwrap_or_default();
    let address = host.parse::<std::net::IpAddr>();
    let here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    let path = path.trim_end_matches('/');
    (here && !path.is_empty()).then(|| format!("/{path}"))
}

struct Visit<'a> {
    shared: &'a Shared,
    headers: &'a HeaderMap,
    query: Fields,
    form: Fields,
    portal: String,
}

impl<'a> Visit<'a> {
    fn new(shared: &'a Shared, headers: &'a HeaderMap, query: Option<&str>, body: &[u8]) -> Self {
        Self {
            shared,
            headers,
            query: fields(query),
            form: form(body),
            portal: String::new(),
        }
    }

    /// Whether a form comes from an own page, or not from a browser.
    fn is_from_here(&self) -> bool {
        let text = |name: &str| self.headers.get(name).and_then(|value| value.to_str().ok());
        let host = text("host").unwrap_or_default();
        text("origin").is_none_or(|origin| {
            let place = origin.split_once("://").map(|(_, place)| place);
            place == Some(host)
        })
    }

    fn answered(&self, answer: impl FnOnce(&Self) -> Response<Body>) -> Response<Body> {
        if self.is_from_here() {
            answer(self)
        } else {
            sorry(StatusCode::FORBIDDEN, "sent by another site")
        }
    }

    fn field(&self, name: &str) -> &str {
        value(&self.form, name)
    }

    fn parameter(&self, name: &str) -> &str {
        value(&self.query, name)
    }

    fn person(&self) -> &str {
        let typed = self.field("other").trim();
        if typed.is_empty() {
            self.field("user")
        } else {
            typed
        }
    }

    fn run(&self, command: &str, body: Value) -> Result<Value, Refusal> {
        self.shared.run(command, body)
    }
}

fn fields(query: Option<&str>) -> Fields {
    form(query.unwrap_or_default().as_bytes())
}

fn form(body: &[u8]) -> Fields {
    form_urlencoded::parse(body).into_owned().collect()
}

fn value<'a>(fields: &'a Fields, name: &str) -> &'a str {
    let found = fields.iter().find(|(key, _)| key == name);
    found.map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// Selectable people: buttons for the file's first ones, a field for others.
struct People {
    shown: Vec<PersonButton>,
    count: usize,
}

struct PersonButton {
    user_name: String,
    name: String,
    /// Distinguishes people with equal names.
    under: String,
}

impl People {
    fn of(shared: &Shared) -> Self {
        let world = shared.lock();
        let rows = world.loaded.identity_center.users.iter();
        let people = rows.filter_map(|row| {
            let user = world.state.user_named(&row.user_name)?;
            let or_user_name = |text: &str| {
                let text = if text.is_empty() {
                    user.user_name()
                } else {
                    text
                };
                text.to_owned()
            };
            user.enabled.then(|| PersonButton {
                user_name: user.user_name().to_owned(),
                name: or_user_name(user.text("DisplayName")),
                under: or_user_name(user.text("Title")),
            })
        });
        Self {
            shown: people.take(SHOWN).collect(),
            count: world.state.users.len(),
        }
    }
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    title: &'a str,
    text: &'a str,
}

fn respond(status: StatusCode, content_type: &'static str, body: String) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let fixed = [
        ("content-type", content_type),
        ("cache-control", "no-store"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "same-origin"),
    ];
    for (name, value) in fixed {
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn asset(content_type: &'static str, text: &str) -> Response<Body> {
    respond(StatusCode::OK, content_type, text.to_owned())
}

/// A page; its forms may also target `also`.
fn show(status: StatusCode, page: &impl Template, also: &str) -> Response<Body> {
    let Ok(html) = page.render() else {
        let text = "the page could not be written".to_owned();
        return respond(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", text);
    };
    let mut response = respond(status, "text/html; charset=utf-8", html);
    let policy = format!(
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
         form-action 'self' {also}; base-uri 'none'; frame-ancestors 'none'"
    );
    if let Ok(policy) = HeaderValue::from_str(policy.trim()) {
        response
            .headers_mut()
            .insert("content-security-policy", policy);
    }
    response
}

fn say(status: StatusCode, title: &str, text: &str) -> Response<Body> {
    show(status, &MessagePage { title, text }, "")
}

fn sorry(status: StatusCode, why: &str) -> Response<Body> {
    say(status, "That did not work", why)
}

fn refused(refusal: &Refusal) -> Response<Body> {
    sorry(refusal.status(), refusal.message())
}

/// Redirects; `None` if the location is not a valid header value.
fn go(location: &str) -> Response<Body> {
    let Ok(location) = HeaderValue::from_str(location) else {
        return sorry(StatusCode::BAD_REQUEST, "the address cannot be used");
    };
    let mut response = respond(StatusCode::SEE_OTHER, "text/plain", String::new());
    response.headers_mut().insert("location", location);
    response
}

/// Encodes text for a query (RFC 3986 §2).
fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push_str(&hex::encode_upper([byte]));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_portal_is_here_when_its_address_is() {
        for (url, expected) in [
            ("http://127.0.0.1:4570/start", Some("/start")),
            ("http://127.0.0.1:4570/start/", Some("/start")),
            ("http://localhost:4570/start#/", Some("/start")),
            ("http://[::1]:4570/a/b", Some("/a/b")),
            ("http://127.0.0.1:4570/", None),
            ("http://127.0.0.1:4570", None),
            ("https://acme.awsapps.com/start", None),
            ("http://127.0.0.1.example/start", None),
            ("", None),
        ] {
            let mut state = SimState::default();
            url.clone_into(&mut state.center.portal_url);
            assert_eq!(portal_path(&state).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn parts_of_a_query_are_encoded() {
        assert_eq!(encode("a-B_1.~"), "a-B_1.~");
        assert_eq!(encode("x y&z=é\r\n"), "x%20y%26z%3D%C3%A9%0D%0A");
    }

    #[test]
    fn text_stays_text() {
        let page = MessagePage {
            title: "Title",
            text: "<a href=\"x\">'&'</a>é",
        };
        let shown = "<p>&#60;a href=&#34;x&#34;&#62;&#39;&#38;&#39;&#60;/a&#62;é</p>";
        let html = page.render().unwrap();
        assert!(html.contains(shown), "{html}");
    }
}
