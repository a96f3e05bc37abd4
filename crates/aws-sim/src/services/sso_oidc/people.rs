//! Browser actions: choose a user, approve a device, authorize a program. Without passwords.

use crate::base::{Millis, Random};

use super::{
    clients::{Client, open},
    tokens::access_token,
};
use crate::core::{
    entities::Id,
    portal::begin,
    sign_ins::{AuthorizationCode, Verdict, grant},
    state::SimState,
};

const CODE_FOR: Millis = 60_000;

const OPAQUE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotSignedIn {
    #[error("there is no user `{0}`")]
    NoUser(String),
    /// The user may not sign in (`simulator.md` N-3).
    #[error("`{0}` is disabled and cannot sign in")]
    Disabled(String),
    #[error("no device waits with the code `{0}`")]
    NoDevice(String),
    #[error("the code `{0}` has expired")]
    Expired(String),
    #[error("the code `{0}` has been answered")]
    Answered(String),
    #[error("{0}")]
    BadRequest(&'static str),
}

fn person(state: &SimState, name: &str) -> Result<Id, NotSignedIn> {
    let user = state.user_named(name);
    let user = user.ok_or_else(|| NotSignedIn::NoUser(name.to_owned()))?;
    if !user.enabled {
        return Err(NotSignedIn::Disabled(name.to_owned()));
    }
    Ok(user.id.clone())
}

/// Answers a device's request; `user` is `None` for a denial.
pub(crate) fn answer_device(
    state: &mut SimState,
    user_code: &str,
    user: Option<&str>,
    now: Millis,
) -> Result<(), NotSignedIn> {
    let code = user_code.trim().to_uppercase();
    let verdict = match user {
        Some(name) => Verdict::Approved(person(state, name)?),
        None => Verdict::Denied,
    };
    let device = state.portal.devices.get_mut(&code);
    let device = device.ok_or_else(|| NotSignedIn::NoDevice(code.clone()))?;
    if now >= device.expires {
        return Err(NotSignedIn::Expired(code));
    }
    if device.verdict != Verdict::Pending {
        return Err(NotSignedIn::Answered(code));
    }
    device.verdict = verdict;
    Ok(())
}

/// A program's request for an authorization code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CodeRequest<'a> {
    pub client_id: &'a str,
    pub redirect_uri: &'a str,
    pub response_type: &'a str,
    pub method: &'a str,
    /// SHA-256 of the verifier, base64url.
    pub challenge: &'a str,
}

impl<'a> CodeRequest<'a> {
    pub(crate) const fn of(
        [client_id, redirect_uri, response_type, method, challenge]: [&'a str; 5],
    ) -> Self {
        Self {
            client_id,
            redirect_uri,
            response_type,
            method,
            challenge,
        }
    }
}

/// The client of a valid request. Nothing may be sent to an address that fails here.
pub(crate) fn check(
    state: &SimState,
    asked: &CodeRequest<'_>,
    now: Millis,
) -> Result<Client, NotSignedIn> {
    let bad = NotSignedIn::BadRequest;
    let client =
        open(state.seed, asked.client_id, now).ok_or_else(|| bad("the client is not known"))?;
    if !client.redirects_to(asked.redirect_uri) {
        return Err(bad(
            "the redirect address is not one that the client registered",
        ));
    }
    if asked.response_type != "code" || !client.may("authorization_code") {
        return Err(bad("the client may not sign in by authorization code"));
    }
    if asked.method != "S256" || asked.challenge.len() != 43 {
        return Err(bad("a code challenge of the method S256 is needed"));
    }
    Ok(client)
}

/// Signs a user in for a program and returns the code for its redirect address.
pub(crate) fn authorize(
    state: &mut SimState,
    asked: &CodeRequest<'_>,
    user: &str,
    seq: u64,
    now: Millis,
) -> Result<String, NotSignedIn> {
    check(state, asked, now)?;
    let user = person(state, user)?;
    let code = Random::new(state.seed, &format!("code {seq}")).text(OPAQUE, 64);
    let row = AuthorizationCode {
        client_id: asked.client_id.to_owned(),
        redirect_uri: asked.redirect_uri.to_owned(),
        challenge: asked.challenge.to_owned(),
        user,
        expires: now + CODE_FOR,
    };
    state.portal.codes.insert(code.clone(), row);
    Ok(code)
}

/// Signs a user in to the portal's page and returns an access token.
pub(crate) fn sign_in(
    state: &mut SimState,
    user: &str,
    seq: u64,
    now: Millis,
) -> Result<String, NotSignedIn> {
    let user = person(state, user)?;
    let home = state.center.home_region.clone();
    let sign_in = begin(state, &user, format!("p{seq}"), &home, now);
    let token = access_token(&mut Random::new(state.seed, &format!("portal {seq}")));
    grant(&mut state.portal, &token, &sign_in, now);
    Ok(token)
}
