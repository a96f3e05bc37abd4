//! Portal state: pending sign-ins, sessions, access tokens. Part of the state, so it survives a
//! restart.

use std::collections::BTreeMap;

use crate::base::Millis;
use serde::{Deserialize, Serialize};

use super::entities::Id;

/// Maximum lifetime of an access token, in seconds (`simulator.md` §3).
const ACCESS_TOKEN_SECONDS: Millis = 28_800;
/// Retention of expired entries, so that the right error can be returned.
const PAST_KEPT: Millis = 24 * 3_600_000;

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Portal {
    /// By user code.
    pub devices: BTreeMap<String, Device>,
    pub codes: BTreeMap<String, AuthorizationCode>,
    pub sign_ins: BTreeMap<String, SignIn>,
    /// Portal session and end, by access token.
    pub tokens: BTreeMap<String, (String, Millis)>,
    /// Portal session and client, by refresh token.
    pub refresh: BTreeMap<String, (String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Verdict {
    Pending,
    Approved(Id),
    Denied,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    /// The device code, used to poll.
    pub secret: String,
    pub client_id: String,
    pub expires: Millis,
    pub polled: Option<Millis>,
    pub verdict: Verdict,
}

/// An authorization code (RFC 6749 §4.1.2) with its proof key (RFC 7636).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AuthorizationCode {
    pub client_id: String,
    pub redirect_uri: String,
    /// SHA-256 of the verifier, base64url.
    pub challenge: String,
    pub user: Id,
    pub expires: Millis,
}

/// A portal session (`simulator.md` N-4).
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SignIn {
    pub id: String,
    pub user: Id,
    /// The user's name at that time.
    pub user_name: String,
    pub issued: Millis,
    pub expires: Millis,
    /// End after a sign-out or an administrator's delete.
    pub dead_from: Option<Millis>,
}

impl SignIn {
    pub(crate) fn is_live(&self, now: Millis) -> bool {
        now < self.expires && self.dead_from.is_none_or(|dead| now < dead)
    }
}

/// Stores an access token and returns its lifetime in seconds.
pub(crate) fn grant(portal: &mut Portal, token: &str, sign_in: &SignIn, now: Millis) -> Millis {
    let left = (sign_in.expires - now).max(0) / 1000;
    let seconds = left.min(ACCESS_TOKEN_SECONDS);
    portal
        .tokens
        .insert(token.to_owned(), (sign_in.id.clone(), now + seconds * 1000));
    seconds
}

pub(crate) fn sign_out(portal: &mut Portal, token: &str, now: Millis) {
    let id = portal.tokens.get(token).map(|(id, _)| id.clone());
    if let Some(sign_in) = id.and_then(|id| portal.sign_ins.get_mut(&id)) {
        sign_in.dead_from = Some(sign_in.dead_from.map_or(now, |dead| dead.min(now)));
    }
}

/// Drops entries expired for a day.
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
