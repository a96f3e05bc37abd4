//! `/_sim/device`: a user approves a device by its code.

use askama::Template;
use axum::{
    body::Body,
    http::{Response, StatusCode},
};
use serde_json::json;

use super::{People, Visit, refused, say, show};
use crate::core::sign_ins::Verdict;

const TITLE: &str = "Sign in a device";

#[derive(Template)]
#[template(path = "device.html")]
struct DevicePage<'a> {
    title: &'static str,
    code: &'a str,
    people: People,
}

#[derive(Template)]
#[template(path = "device_code.html")]
struct DeviceCodePage<'a> {
    title: &'static str,
    /// An unknown code; empty without one.
    unknown: &'a str,
}

/// Requests the user, or the code.
pub(super) fn ask(visit: &Visit<'_>) -> Response<Body> {
    let code = visit.parameter("user_code").trim().to_uppercase();
    let waits = {
        let world = visit.shared.lock();
        let now = world.now(visit.shared.clock.now());
        let device = world.state.portal.devices.get(&code);
        device.is_some_and(|device| device.verdict == Verdict::Pending && now < device.expires)
    };
    if waits {
        let page = DevicePage {
            title: TITLE,
            code: &code,
            people: People::of(visit.shared),
        };
        return show(StatusCode::OK, &page, "");
    }
    let page = DeviceCodePage {
        title: TITLE,
        unknown: &code,
    };
    show(StatusCode::OK, &page, "")
}

pub(super) fn answer(visit: &Visit<'_>) -> Response<Body> {
    let (code, user) = (visit.field("user_code"), visit.person());
    let denied = visit.field("action") == "deny";
    let answered = if denied {
        visit.run("device_deny", json!({ "user_code": code }))
    } else {
        let body = json!({ "user_code": code, "user": user });
        visit.run("device_approve", body)
    };
    match answered {
        Err(refusal) => refused(&refusal),
        Ok(_) if denied => {
            let text = "The device was refused. You can close this page.";
            say(StatusCode::OK, "Denied", text)
        }
        Ok(_) => {
            let text = format!("The device is signed in as {user}. You can close this page.");
            say(StatusCode::OK, "Approved", &text)
        }
    }
}
