//! What a provider's tokens say, once their signature is known to be good: the parts of OpenID
//! Connect that `openidconnect` leaves to its user, and logout tokens, which it does not have.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_model::{TimeSpan, Timestamp};
use openidconnect::{
    JsonWebKey as _, JsonWebKeyId,
    core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use serde_json::{Map, Value};

use super::{OidcSettings, SKEW};

/// Signatures that only the provider can make. Those with a shared secret and none at all are not
/// among them.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

/// The longest token read, in bytes.
pub(super) const TOKEN_BYTES_MAX: usize = 32 * 1024;
/// The event a logout token is about (OpenID Connect Back-Channel Logout 1.0, 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old a logout token may be.
const LOGOUT_LASTS: TimeSpan = TimeSpan::minutes(5);

/// The claims of a token, as they stand there.
pub(super) type Claims = Map<String, Value>;

/// One part of a token.
fn part(text: &str) -> Option<Claims> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&bytes).ok()
}

/// The claims of a token, whoever signed it.
pub(super) fn unverified(token: &str) -> Option<Claims> {
    part(token.split('.').nth(1)?)
}

pub(super) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

/// An instant in seconds of Unix time.
pub(super) fn instant(claims: &Claims, name: &str) -> Option<Timestamp> {
    let second = claims.get(name).and_then(Value::as_i64)?;
    Timestamp::from_second(second).ok()
}

/// Why a logout token does not count.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum NotALogout {
    #[error("it is not a signed token")]
    Form,
    #[error("none of the provider's keys is the one it names")]
    UnknownKey,
    #[error("its signature is not the provider's")]
    Signature,
    #[error("its `{0}` is wrong")]
    Claim(&'static str),
}

/// The claims of a logout token whose signature one of `keys` made.
pub(super) fn logout(
    token: &str,
    keys: &CoreJsonWebKeySet,
    settings: &OidcSettings,
    now: Timestamp,
) -> Result<Claims, NotALogout> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(NotALogout::Form);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(NotALogout::Form)?;
    let (header, payload) = signed.split_once('.').ok_or(NotALogout::Form)?;
    let header = part(header).ok_or(NotALogout::Form)?;
    let claims = part(payload).ok_or(NotALogout::Form)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| NotALogout::Form)?;
    let algorithm = header.get("alg").cloned().unwrap_or(Value::Null);
    let algorithm: CoreJwsSigningAlgorithm =
        serde_json::from_value(algorithm).map_err(|_| NotALogout::Claim("alg"))?;
    if !ALGORITHMS.contains(&algorithm) {
        return Err(NotALogout::Claim("alg"));
    }
    let kid = text(&header, "kid").map(|kid| JsonWebKeyId::new(kid.to_owned()));
    let named = |key: &&CoreJsonWebKey| kid.is_none() || key.key_id() == kid.as_ref();
    let candidates: Vec<&CoreJsonWebKey> = keys.keys().iter().filter(named).collect();
    if candidates.is_empty() {
        return Err(NotALogout::UnknownKey);
    }
    let is_good = |key: &&CoreJsonWebKey| {
        let checked = key.verify_signature(&algorithm, signed.as_bytes(), &signature);
        checked.is_ok()
    };
    if !candidates.iter().any(is_good) {
        return Err(NotALogout::Signature);
    }
    is_logout(&claims, settings, now)?;
    Ok(claims)
}

/// Back-Channel Logout 1.0, 2.6.
fn is_logout(claims: &Claims, settings: &OidcSettings, now: Timestamp) -> Result<(), NotALogout> {
    let second = |name| claims.get(name).and_then(Value::as_i64);
    let at = |second: Option<i64>| second.and_then(|it| Timestamp::from_second(it).ok());
    let is_ours = match claims.get("aud") {
        Some(Value::String(one)) => *one == settings.client_id,
        Some(Value::Array(many)) => many.iter().any(|one| *one == *settings.client_id),
        _ => false,
    };
    let issued = at(second("iat"));
    let in_time =
        issued.is_some_and(|at| at <= SKEW.after(now) && now < SKEW.after(LOGOUT_LASTS.after(at)));
    let over =
        claims.contains_key("exp") && at(second("exp")).is_none_or(|at| SKEW.after(at) <= now);
    let is_about_logout = claims
        .get("events")
        .and_then(|events| events.get(LOGOUT_EVENT))
        .is_some_and(Value::is_object);
    let names_somebody = text(claims, "sub").is_some() || text(claims, "sid").is_some();
    let checks = [
        ("iss", text(claims, "iss") == Some(&settings.issuer)),
        ("aud", is_ours),
        ("iat", in_time),
        ("exp", !over),
        ("events", is_about_logout),
        // an ID token is not a logout token
        ("nonce", !claims.contains_key("nonce")),
        ("sub", names_somebody),
    ];
    match checks.into_iter().find(|(_, holds)| !holds) {
        Some((claim, _)) => Err(NotALogout::Claim(claim)),
        None => Ok(()),
    }
}

/// Whether an address is vouched for. Some providers write the word in quotes.
pub(super) fn is_verified(claims: &Claims) -> bool {
    match claims.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(word)) => word == "true",
        _ => false,
    }
}

/// OpenID Connect Core 3.1.3.7, 4 and 5: who the token was made for, where that is said.
pub(super) fn is_for(claims: &Claims, client_id: &str) -> bool {
    claims
        .get("azp")
        .is_none_or(|party| party.as_str() == Some(client_id))
}
