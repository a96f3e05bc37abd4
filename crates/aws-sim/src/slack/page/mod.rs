//! The page `GET /_slack/`: one person's Slack from templates, refreshed by a small script. Nested
//! blocks and markup are rendered here. Strict content security policy.

mod blocks;
mod emoji;
mod frame;
mod initials;
mod mrkdwn;
mod talk;

use crate::base::{Parameters, Refusal};
use askama::Template;
use axum::{
    extract::{Path, Query, State as Extract},
    http::{HeaderValue, StatusCode},
    response::{IntoResponse, Redirect, Response},
};
use jiff::{Timestamp, tz::TimeZone};
use serde_json::json;

use super::{face::SlackFace, forms::parameter, workspace::Workspace};
use mrkdwn::MessageReader;

/// Nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
    connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; \
    frame-ancestors 'none'";

const FILES: &[(&str, &str, &str)] = &[
    (
        "slack.css",
        "text/css; charset=utf-8",
        include_str!("static/slack.css"),
    ),
    (
        "slack.js",
        "text/javascript; charset=utf-8",
        include_str!("static/slack.js"),
    ),
    ("icon.svg", "image/svg+xml", include_str!("static/icon.svg")),
];

struct Look<'a> {
    reader: MessageReader<'a>,
    channel: Option<&'a str>,
    connected: bool,
}

fn html(part: &impl Template) -> String {
    part.render().unwrap_or_else(|error| {
        tracing::error!(%error, "a part of the page cannot be shown");
        String::new()
    })
}

fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-security-policy", POLICY),
        ("x-content-type-options", "nosniff"),
        ("referrer-policy", "no-referrer"),
        ("cache-control", "no-store"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

pub(super) async fn slash() -> Redirect {
    Redirect::permanent("/_slack/")
}

pub(super) async fn file(Path(name): Path<String>) -> Response {
    let found = FILES.iter().find(|(known, ..)| *known == name);
    match found {
        Some((_, kind, content)) => guarded(([("content-type", *kind)], *content).into_response()),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn with_look<T>(
    face: &SlackFace,
    parameters: &[(String, String)],
    show: impl FnOnce(&Workspace, &Look<'_>) -> T,
) -> Result<T, Refusal> {
    let sockets = face.slack.wires.is_connected();
    let mut open = face.lock();
    let now = face.host.now();
    let space = &*open.space()?;
    let person = parameter(parameters, "as").and_then(|who| space.person(who));
    let person = person.or_else(|| space.settings.users.first());
    let user = person.map(|person| person.id.as_str()).unwrap_or_default();
    let zone = person.and_then(|person| person.tz.as_deref());
    let zone = zone.and_then(|name| TimeZone::get(name).ok());
    let seen = || space.channels.iter().filter(|one| one.is_seen_by(user));
    let wanted = parameter(parameters, "channel");
    let channel = seen()
        .find(|one| Some(one.id.as_str()) == wanted)
        .or_else(|| seen().next());
    let look = Look {
        reader: MessageReader {
            space,
            user,
            zone: zone.unwrap_or(TimeZone::UTC),
            now: Timestamp::from_millisecond(now).unwrap_or_default(),
        },
        channel: channel.map(|channel| channel.id.as_str()),
        connected: sockets || space.settings.request_url.is_some(),
    };
    Ok(show(space, &look))
}

pub(super) async fn page(
    Extract(face): Extract<SlackFace>,
    Query(parameters): Parameters,
) -> Response {
    let html = with_look(&face, &parameters, |_, look| frame::whole(look));
    match html {
        Ok(html) => guarded(([("content-type", "text/html; charset=utf-8")], html).into_response()),
        Err(refusal) => refusal.into_response(),
    }
}

/// Returns the changing parts, if they changed.
pub(super) async fn parts(
    Extract(face): Extract<SlackFace>,
    Query(parameters): Parameters,
) -> Response {
    let seen = parameter(&parameters, "seen");
    let found = with_look(&face, &parameters, |space, look| {
        let mark = frame::mark(space, look);
        (seen != Some(mark.as_str())).then(|| {
            json!({
                "seen": mark,
                "places": frame::places(look),
                "talk": talk::talk(look),
                "layer": frame::layer(look),
            })
        })
    });
    match found {
        Ok(Some(parts)) => guarded(axum::Json(parts).into_response()),
        Ok(None) => StatusCode::NO_CONTENT.into_response(),
        Err(refusal) => refusal.into_response(),
    }
}
