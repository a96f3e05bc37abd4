use crate::base::{Millis, Random};
use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output,
    clients::{Client, DEVICE_CODE, GRANTS, caller},
    device::INTERVAL_SECONDS,
    is_here, refused,
};
use crate::core::{
    entities::Id,
    portal::begin,
    sign_ins::{SignIn, Verdict, grant},
    windows::Window,
};
use crate::services::{OperationHandler::Writes, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[("CreateToken", Writes(create))];

const OPAQUE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

pub(crate) const ACCESS_TOKEN: &str = "accessToken";

/// Resembles AWS's.
pub(super) fn access_token(random: &mut Random) -> String {
    format!("aoaAAAAA{}", random.text(OPAQUE, 120))
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let client = caller(context)?;
    let grant = context.text("grantType");
    if !GRANTS.contains(&grant) {
        let text = "This grant type is not supported";
        return Err(refused("UnsupportedGrantTypeException", text));
    }
    if !client.may(grant) {
        let text = "The client is not registered for this grant type";
        return Err(refused("UnauthorizedClientException", text));
    }
    if !is_here(context) {
        return Err(invalid_grant("Invalid grant provided"));
    }
    match grant {
        DEVICE_CODE => device_code(context, &client),
        "authorization_code" => code(context, &client),
        _ => refresh(context),
    }
}

fn invalid_grant(text: &str) -> ApiError {
    refused("InvalidGrantException", text)
}

fn need<'a>(context: &Context<'a>, name: &str) -> Result<&'a str, ApiError> {
    let text = format!("{name} is missing");
    context
        .optional(name)
        .ok_or_else(|| refused("InvalidRequestException", &text))
}

fn device_code(context: &mut Context<'_>, client: &Client) -> HandlerResult {
    let device_code = need(context, "deviceCode")?;
    let (now, client_id) = (context.now, context.text("clientId"));
    let devices = &mut context.state.portal.devices;
    let found = devices
        .iter_mut()
        .find(|(_, device)| device.secret == device_code && device.client_id == client_id);
    let Some((user_code, device)) = found else {
        return Err(invalid_grant("Invalid device code provided"));
    };
    if now >= device.expires {
        return Err(refused(
            "ExpiredTokenException",
            "The device code has expired",
        ));
    }
    let user = match &device.verdict {
        Verdict::Denied => {
            let text = "The person denied the sign-in";
            return Err(refused("AccessDeniedException", text));
        }
        Verdict::Approved(user) => user.clone(),
        Verdict::Pending => {
            let before = device.polled.replace(now);
            context.write(Window::Immediate);
            let soon = before.is_some_and(|before| now - before < INTERVAL_SECONDS * 1000);
            return Err(if soon {
                refused("SlowDownException", "Polled faster than the interval")
            } else {
                let text = "The person has not answered yet";
                refused("AuthorizationPendingException", text)
            });
        }
    };
    let user_code = user_code.clone();
    context.write(Window::Immediate);
    context.state.portal.devices.remove(&user_code);
    signed_in(context, client, &user)
}

fn code(context: &mut Context<'_>, client: &Client) -> HandlerResult {
    let given = need(context, "code")?;
    let (redirect, verifier) = (
        need(context, "redirectUri")?,
        need(context, "codeVerifier")?,
    );
    let client_id = context.text("clientId");
    let Some(code) = context.state.portal.codes.remove(given) else {
        return Err(invalid_grant("Invalid authorization code provided"));
    };
    // a code is spent by its first use, valid or not
    context.write(Window::Immediate);
    let digest = digest::digest(&digest::SHA256, verifier.as_bytes());
    let right = code.client_id == client_id
        && code.redirect_uri == redirect
        && code.challenge == URL_SAFE_NO_PAD.encode(digest.as_ref())
        && context.now < code.expires;
    if !right {
        return Err(invalid_grant("Invalid authorization code provided"));
    }
    signed_in(context, client, &code.user)
}

fn signed_in(context: &mut Context<'_>, client: &Client, user: &Id) -> HandlerResult {
    let enabled = context.state.user(user).is_some_and(|user| user.enabled);
    if !enabled {
        let text = "The user cannot sign in";
        return Err(refused("AccessDeniedException", text));
    }
    let (id, now) = (format!("p{}", context.call.seq), context.now);
    let sign_in = begin(context.state, user, id, &context.call.region, now);
    let mut answer = tokens(context, &sign_in, now);
    if !client.scopes.is_empty() {
        let refresh = format!("aorAAAAA{}", context.random().text(OPAQUE, 120));
        let client_id = context.text("clientId").to_owned();
        let kept = &mut context.state.portal.refresh;
        kept.insert(refresh.clone(), (sign_in.id, client_id));
        if let Some(members) = answer.as_object_mut() {
            members.insert("refreshToken".to_owned(), refresh.into());
        }
    }
    Ok(Output::Members(answer))
}

fn tokens(context: &mut Context<'_>, sign_in: &SignIn, now: Millis) -> Value {
    let token = access_token(context.random());
    let seconds = grant(&mut context.state.portal, &token, sign_in, now);
    json!({ ACCESS_TOKEN: token, "tokenType": "Bearer", "expiresIn": seconds })
}

/// A new access token of the same portal session; the refresh token stays the same, and both end
/// with the session.
fn refresh(context: &mut Context<'_>) -> HandlerResult {
    let given = need(context, "refreshToken")?;
    let (now, client_id) = (context.now, context.text("clientId"));
    let portal = &context.state.portal;
    let kept = portal.refresh.get(given);
    let sign_in = kept
        .filter(|(_, client)| client == client_id)
        .and_then(|(id, _)| portal.sign_ins.get(id))
        .filter(|sign_in| sign_in.is_live(now) && context.state.user(&sign_in.user).is_some())
        .cloned();
    let sign_in = sign_in.ok_or_else(|| invalid_grant("Invalid refresh token provided"))?;
    context.write(Window::Immediate);
    let mut answer = tokens(context, &sign_in, now);
    if let Some(members) = answer.as_object_mut() {
        members.insert("refreshToken".to_owned(), given.into());
    }
    Ok(Output::Members(answer))
}
