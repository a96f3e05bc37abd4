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

pub(super) const OPERATIONS: &[OperationRow] = &[("StartDeviceAuthorization", Writes(start))];

/// Time limit for the user's approval.
const EXPIRES_SECONDS: Millis = 600;
pub(super) const INTERVAL_SECONDS: Millis = 1;
/// Maximum waiting devices.
const WAITING_MAX: usize = 10_000;

/// No vowels, to avoid words.
const LETTERS: &str = "BCDFGHJKLMNPQRSTVWXZ";
const OPAQUE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

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
