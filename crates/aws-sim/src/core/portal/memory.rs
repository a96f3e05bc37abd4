//! What the access portal remembers: sign-ins under way, portal sessions, access tokens. All of
//! it is part of the state, so it survives a restart with the state log.

use std::collections::BTreeMap;

use hallpass_sim_base::Millis;
use serde::{Deserialize, Serialize};

use crate::core::{entities::Id, sign_in_events::note_sign_in, state::SimState};

/// Longest life of an access token, in seconds (`simulator.md` §3).
const ACCESS_TOKEN_SECONDS: Millis = 28_800;
/// How long a portal session lasts when the file does not say, in seconds: 8 hours
/// (`simulator.md` N-4).
const SESSION_SECONDS: u32 = 28_800;
/// From an administrator's delete to the end of a portal session, in seconds (`simulator.md` N-4).
const REVOCATION_LAG: u32 = 300;
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

/// The live portal session of an access token. A deleted user has none.
pub(crate) fn holder<'a>(state: &'a SimState, token: &str, now: Millis) -> Option<&'a SignIn> {
    let (id, expires) = state.portal.tokens.get(token)?;
    let sign_in = state.portal.sign_ins.get(id)?;
    let live = now < *expires && sign_in.is_live(now) && state.user(&sign_in.user).is_some();
    live.then_some(sign_in)
}

/// Begins a portal session; the caller has checked that the user may sign in.
pub(crate) fn begin(state: &mut SimState, user: &Id, id: String, now: Millis) -> SignIn {
    let length = state
        .center
        .portal_session_seconds
        .unwrap_or(SESSION_SECONDS);
    let name = state.user(user).map(|user| user.user_name().to_owned());
    let sign_in = SignIn {
        id,
        user: user.clone(),
        user_name: name.unwrap_or_default(),
        issued: now,
        expires: now + Millis::from(length) * 1000,
        dead_from: None,
    };
    forget(&mut state.portal, now);
    let kept = &mut state.portal.sign_ins;
    kept.insert(sign_in.id.clone(), sign_in.clone());
    note_sign_in(state, user, &sign_in.id, now);
    sign_in
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

/// An administrator deletes a person's portal sessions; they end after a while
/// (`simulator.md` N-4).
pub(crate) fn revoke(state: &mut SimState, user: &str, now: Millis) {
    let lag = state.center.portal_revocation_lag.unwrap_or(REVOCATION_LAG);
    let dead = now + Millis::from(lag) * 1000;
    for sign_in in state.portal.sign_ins.values_mut() {
        if *sign_in.user == *user {
            sign_in.dead_from = Some(sign_in.dead_from.map_or(dead, |old| old.min(dead)));
        }
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
