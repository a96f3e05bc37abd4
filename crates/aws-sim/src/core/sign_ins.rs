//! What the access portal remembers: sign-ins under way, portal sessions, access tokens. All of
//! it is part of the state, so it survives a restart with the state log.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::entities::Id;

/// Longest life of an access token, in seconds (`simulator.md` §3).
const ACCESS_TOKEN_SECONDS: Millis = 28_800;
/// How long what is over is kept, so that the right error can be given.
const PAST_KEPT: Millis = 24 * 3_600_000;

/// The portal's part of the state.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Portal {
    /// Sign-ins of devices, by user code.
    pub devices: BTreeMap<String, Device>,
    /// Authorization codes that were handed to a browser.
    pub codes: BTreeMap<String, AuthorizationCode>,
    /// Portal sessions by id.
    pub sign_ins: BTreeMap<String, SignIn>,
    /// Portal session and end, by access token.
    pub tokens: BTreeMap<String, (String, Millis)>,
    /// Portal session and client, by refresh token.
    pub refresh: BTreeMap<String, (String, String)>,
}

/// What a person said to a device's wish to sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    /// Nothing yet.
    Pending,
    /// Yes, as this user.
    Approved(Id),
    /// The person said no.
    Denied,
}

/// A device that waits for a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    /// The device code: what the device polls with.
    pub secret: String,
    /// The client that asked.
    pub client_id: String,
    /// Until when it may be approved and fetched.
    pub expires: Millis,
    /// When the device asked last.
    pub polled: Option<Millis>,
    /// What the person said.
    pub verdict: Verdict,
}

/// An authorization code (RFC 6749 §4.1.2) with its proof key (RFC 7636).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AuthorizationCode {
    /// The client that it is for.
    pub client_id: String,
    /// Where it was sent to.
    pub redirect_uri: String,
    /// SHA-256 of the verifier, base64url.
    pub challenge: String,
    /// Who signed in.
    pub user: Id,
    /// Until when it may be used.
    pub expires: Millis,
}

/// A portal session (`simulator.md` N-4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SignIn {
    /// Identifier in the control API.
    pub id: String,
    /// The user's id.
    pub user: Id,
    /// The user's name then.
    pub user_name: String,
    /// When it was issued.
    pub issued: Millis,
    /// Until when, at most.
    pub expires: Millis,
    /// Signed out, or deleted by an administrator: dead from then on.
    pub dead_from: Option<Millis>,
}

impl SignIn {
    /// Whether the session can still be used.
    pub(crate) fn is_live(&self, now: Millis) -> bool {
        now < self.expires && self.dead_from.is_none_or(|dead| now < dead)
    }
}

/// Notes an access token of a portal session and says how many seconds it is good for.
pub(crate) fn grant(portal: &mut Portal, token: &str, sign_in: &SignIn, now: Millis) -> Millis {
    let left = (sign_in.expires - now).max(0) / 1000;
    let seconds = left.min(ACCESS_TOKEN_SECONDS);
    portal
        .tokens
        .insert(token.to_owned(), (sign_in.id.clone(), now + seconds * 1000));
    seconds
}

/// Ends the session of an access token at once.
pub(crate) fn sign_out(portal: &mut Portal, token: &str, now: Millis) {
    let id = portal.tokens.get(token).map(|(id, _)| id.clone());
    if let Some(sign_in) = id.and_then(|id| portal.sign_ins.get_mut(&id)) {
        sign_in.dead_from = Some(sign_in.dead_from.map_or(now, |dead| dead.min(now)));
    }
}

/// Drops what has been over for a day.
pub(crate) fn forget(portal: &mut Portal, now: Millis) {
    let past = now - PAST_KEPT;
    portal.devices.retain(|_, device| device.expires > past);
    portal.codes.retain(|_, code| code.expires > past);
    portal.sign_ins.retain(|_, sign_in| sign_in.expires > past);
    let sign_ins = &portal.sign_ins;
    portal.tokens.retain(|_, (id, _)| sign_ins.contains_key(id));
    portal
        .refresh
        .retain(|_, (id, _)| sign_ins.contains_key(id));
}
