//! `/_sim/device`: a person approves a device that shows a code.

use super::{
    Body, Response, StatusCode, Visit, button, escape, field, paragraph, picker, refused, show,
};
use crate::core::portal::Verdict;
use serde_json::json;

fn form(visit: &Visit<'_>, code: &str) -> String {
    format!(
        "<p>A program on a device wants to sign in. It shows the code \
         <strong class=\"code\">{}</strong>. Compare it, then say who you are.</p>\
         <form method=\"post\" action=\"/_sim/device\">{}{}<p>{}</p></form>",
        escape(code),
        field("user_code", code),
        picker(visit.shared),
        button("action", "deny", "It is not mine: deny"),
    )
}

/// Asks who the person is, or for the code.
pub(super) fn ask(visit: &Visit<'_>) -> Response<Body> {
    let code = visit.parameter("user_code").trim().to_uppercase();
    let waits = {
        let world = visit.shared.lock();
        let now = world.now(visit.shared.clock.now());
        let device = world.state.portal.devices.get(&code);
        device.is_some_and(|device| device.verdict == Verdict::Pending && now < device.expires)
    };
    if waits {
        return show(StatusCode::OK, "Sign in a device", &form(visit, &code), "");
    }
    let hint = if code.is_empty() {
        String::new()
    } else {
        paragraph(&format!("No device waits with the code {code}."))
    };
    let body = format!(
        "{hint}<form method=\"get\" action=\"/_sim/device\"><label>The code that the device shows \
         <input name=\"user_code\" autocomplete=\"off\" spellcheck=\"false\" required \
         placeholder=\"ABCD-EFGH\"></label> <button>Continue</button></form>"
    );
    show(StatusCode::OK, "Sign in a device", &body, "")
}

/// Takes the person's answer.
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
            show(StatusCode::OK, "Denied", &paragraph(text), "")
        }
        Ok(_) => {
            let text = format!("The device is signed in as {user}. You can close this page.");
            show(StatusCode::OK, "Approved", &paragraph(&text), "")
        }
    }
}
