//! Verifies tokens of the provider with the keys and algorithms of `openidconnect`, and reads the
//! used claims. Others may have any form.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_base::{TimeSpan, Timestamp, text::line};
use openidconnect::{
    JsonWebKey as _, JsonWebKeyId,
    core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use serde_json::{Map, Value};

use super::{OidcSettings, SKEW};

/// Asymmetric signatures only: no shared secrets, no `none`.
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

pub(super) const TOKEN_BYTES_MAX: usize = 32 * 1024;
/// The event of a logout token (OpenID Connect Back-Channel Logout 1.0, 2.4).
const LOGOUT_EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
const LOGOUT_LASTS: TimeSpan = TimeSpan::minutes(5);

pub(super) type Claims = Map<String, Value>;

pub(super) fn part(text: &str) -> Option<Claims> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
    serde_json::from_slice(&bytes).ok()
}

pub(super) fn text<'a>(claims: &'a Claims, name: &str) -> Option<&'a str> {
    claims.get(name).and_then(Value::as_str)
}

pub(super) fn instant(claims: &Claims, name: &str) -> Option<Timestamp> {
    let number = claims.get(name)?;
    let seconds = number.as_i64().or_else(|| {
        let since_epoch = Duration::try_from_secs_f64(number.as_f64()?).ok()?;
        i64::try_from(since_epoch.as_secs()).ok()
    })?;
    Timestamp::from_second(seconds).ok()
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum TokenFault {
    #[error("it is not a signed token")]
    Form,
    #[error("its header `{0}` is not accepted")]
    Header(&'static str),
    #[error("its signature algorithm is not accepted: use RS256 or ES256")]
    Algorithm,
    #[error("none of the provider's keys is the one it names")]
    UnknownKey,
    #[error("its signature is not the provider's")]
    Signature,
    #[error("its `{0}` is missing or wrong")]
    Claim(&'static str),
    #[error("its `{claim}` is {found}, and `{expected}` is expected")]
    Differs {
        claim: &'static str,
        found: String,
        expected: String,
    },
}

/// Verifies the signature; returns header and claims.
fn signed(token: &str, keys: &CoreJsonWebKeySet) -> Result<(Claims, Claims), TokenFault> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenFault::Form);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenFault::Form)?;
    let (header, payload) = message.split_once('.').ok_or(TokenFault::Form)?;
    let header = part(header).ok_or(TokenFault::Form)?;
    let claims = part(payload).ok_or(TokenFault::Form)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| TokenFault::Form)?;
    // critical extensions (RFC 7515, 4.1.11): Hallpass supports none
    if header.contains_key("crit") {
        return Err(TokenFault::Header("crit"));
    }
    let algorithm = header.get("alg").cloned().unwrap_or(Value::Null);
    let algorithm: CoreJwsSigningAlgorithm =
        serde_json::from_value(algorithm).map_err(|_| TokenFault::Algorithm)?;
    if !ALGORITHMS.contains(&algorithm) {
        return Err(TokenFault::Algorithm);
    }
    let kid = text(&header, "kid").map(|kid| JsonWebKeyId::new(kid.to_owned()));
    let is_named = |key: &CoreJsonWebKey| kid.is_some() && key.key_id() == kid.as_ref();
    // without a `kid` in key or token, any key may match
    let may_be = |key: &&CoreJsonWebKey| kid.is_none() || key.key_id().is_none() || is_named(key);
    let is_good = |key: &CoreJsonWebKey| {
        let checked = key.verify_signature(&algorithm, message.as_bytes(), &signature);
        checked.is_ok()
    };
    if keys.keys().iter().filter(may_be).any(is_good) {
        return Ok((header, claims));
    }
    if keys.keys().iter().any(is_named) {
        return Err(TokenFault::Signature);
    }
    // the provider may have rotated its keys
    Err(TokenFault::UnknownKey)
}

fn all_hold<const N: usize>(checks: [(&'static str, bool); N]) -> Result<(), TokenFault> {
    match checks.into_iter().find(|(_, holds)| !holds) {
        Some((claim, _)) => Err(TokenFault::Claim(claim)),
        None => Ok(()),
    }
}

fn ensure_claim(
    claims: &Claims,
    claim: &'static str,
    expected: &str,
    holds: bool,
) -> Result<(), TokenFault> {
    if holds {
        return Ok(());
    }
    let found = claims.get(claim).ok_or(TokenFault::Claim(claim))?;
    Err(TokenFault::Differs {
        claim,
        found: line(&found.to_string(), 200),
        expected: expected.to_owned(),
    })
}

/// Validates an ID token for this sign-in (OpenID Connect Core 1.0, 3.1.3.7).
pub(super) fn id_token(
    token: &str,
    keys: &CoreJsonWebKeySet,
    settings: &OidcSettings,
    nonce: &str,
    now: Timestamp,
) -> Result<Claims, TokenFault> {
    let (header, claims) = signed(token, keys)?;
    // a logout token or an access token (`at+jwt`) is no ID token (RFC 8725, 3.11)
    let is_jwt = header.get("typ").is_none_or(|typ| {
        let typ = typ.as_str().unwrap_or_default().to_ascii_lowercase();
        matches!(
            typ.strip_prefix("application/").unwrap_or(&typ),
            "jwt" | "jose"
        )
    });
    if !is_jwt {
        return Err(TokenFault::Header("typ"));
    }
    // another audience could sign in with its copy of the token
    let is_ours_only = match claims.get("aud") {
        Some(Value::String(one)) => *one == settings.client_id,
        Some(Value::Array(many)) => {
            !many.is_empty() && many.iter().all(|one| *one == *settings.client_id)
        }
        _ => false,
    };
    let is_issued = text(&claims, "iss") == Some(&settings.issuer);
    ensure_claim(&claims, "iss", &settings.issuer, is_issued)?;
    ensure_claim(&claims, "aud", &settings.client_id, is_ours_only)?;
    let party = claims.get("azp");
    let is_for_us = party.is_none_or(|party| *party == *settings.client_id);
    ensure_claim(&claims, "azp", &settings.client_id, is_for_us)?;
    let expires = instant(&claims, "exp");
    let issued = instant(&claims, "iat");
    all_hold([
        ("exp", expires.is_some_and(|at| now < SKEW.after(at))),
        ("iat", issued.is_some_and(|at| at <= SKEW.after(now))),
        ("nonce", text(&claims, "nonce") == Some(nonce)),
        ("sub", text(&claims, "sub").is_some_and(|it| !it.is_empty())),
    ])?;
    Ok(claims)
}

pub(super) fn logout(
    token: &str,
    keys: &CoreJsonWebKeySet,
    settings: &OidcSettings,
    now: Timestamp,
) -> Result<Claims, TokenFault> {
    let (_, claims) = signed(token, keys)?;
    is_logout(&claims, settings, now)?;
    Ok(claims)
}

/// Back-Channel Logout 1.0, 2.6.
fn is_logout(claims: &Claims, settings: &OidcSettings, now: Timestamp) -> Result<(), TokenFault> {
    let is_ours = match claims.get("aud") {
        Some(Value::String(one)) => *one == settings.client_id,
        Some(Value::Array(many)) => many.iter().any(|one| *one == *settings.client_id),
        _ => false,
    };
    let issued = instant(claims, "iat");
    let in_time =
        issued.is_some_and(|at| at <= SKEW.after(now) && now < SKEW.after(LOGOUT_LASTS.after(at)));
    let over =
        claims.contains_key("exp") && instant(claims, "exp").is_none_or(|at| SKEW.after(at) <= now);
    let is_about_logout = claims
        .get("events")
        .and_then(|events| events.get(LOGOUT_EVENT))
        .is_some_and(Value::is_object);
    let names_somebody = text(claims, "sub").is_some() || text(claims, "sid").is_some();
    all_hold([
        ("iss", text(claims, "iss") == Some(&settings.issuer)),
        ("aud", is_ours),
        ("iat", in_time),
        ("exp", !over),
        ("events", is_about_logout),
        // an ID token is not a logout token
        ("nonce", !claims.contains_key("nonce")),
        ("sub", names_somebody),
    ])
}

/// Reads `email_verified`. Some providers send text or a number instead of a boolean.
pub(super) fn is_verified(claims: &Claims) -> bool {
    match claims.get("email_verified") {
        Some(Value::Bool(verified)) => *verified,
        Some(Value::String(word)) => word.eq_ignore_ascii_case("true") || word == "1",
        Some(Value::Number(number)) => number.as_u64() == Some(1),
        _ => false,
    }
}
