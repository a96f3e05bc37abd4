//! Devices that wait for a person.

use crate::base::Millis;
use serde_json::json;

use super::{
    Context, HandlerResult, Output,
    clients::{DEVICE_CODE, caller},
    is_here, is_portal, refused,
};
use crate::core::{
    sign_ins::{Device, Verdict, forget},
    windows::Window,
};
use crate::services::{OperationHandler::Writes, OperationRow};

/// What of this file is called by its name.
pub(super) const OPERATIONS: &[OperationRow] = &[("StartDeviceAuthorization", Writes(start))];

/// How long a person has, in seconds.
const EXPIRES_SECONDS: Millis = 600;
/// Seconds between two polls.
pub(super) const INTERVAL_SECONDS: Millis = 1;
/// Devices that wait at once.
const WAITING_MAX: usize = 10_000;

/// No vowels, so that no words come out.
const LETTERS: &str = "BCDFGHJKLMNPQRSTVWXZ";
const OPAQUE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// `StartDeviceAuthorization`
fn start(context: &mut Context<'_>) -> HandlerResult {
    let client = caller(context)?;
    if !client.may(DEVICE_CODE) {
        let text = "The client is not registered for device codes";
        return Err(refused("UnauthorizedClientException", text));
    }
    if !is_portal(context, context.text("startUrl")) || !is_here(context) {
        return Err(refused(
            "InvalidRequestException",
            "Invalid start url provided",
        ));
    }
    let now = context.now;
    forget(&mut context.state.portal, now);
    if context.state.portal.devices.len() >= WAITING_MAX {
        return Err(refused("SlowDownException", "Too many devices wait"));
    }
    let mut random = context.random().clone();
    let letters = random.text(LETTERS, 8);
    let (first, last) = letters.split_at(4);
    let user_code = format!("{first}-{last}");
    let device = Device {
        secret: random.text(OPAQUE, 56),
        client_id: context.text("clientId").to_owned(),
        expires: now + EXPIRES_SECONDS * 1000,
        polled: None,
        verdict: Verdict::Pending,
    };
    let page = format!("{}/_sim/device", context.call.origin);
    let answer = json!({
        "deviceCode": device.secret,
        "userCode": user_code,
        "verificationUri": page,
        "verificationUriComplete": format!("{page}?user_code={user_code}"),
        "expiresIn": EXPIRES_SECONDS,
        "interval": INTERVAL_SECONDS,
    });
    context.write(Window::Immediate);
    let devices = &mut context.state.portal.devices;
    devices.insert(user_code, device);
    Ok(Output::Members(answer))
}
