//! Signs webhooks, with replay protection.
//!
//! `Hallpass-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256>` (RFC 2104); the signed bytes are the
//! decimal of `t`, a full stop, and the body. Several `v1` values are allowed and one valid value
//! is enough, so that secrets can be rotated without a gap.

use aws_lc_rs::hmac;
use hallpass_base::{TimeSpan, Timestamp};

/// Largest difference between signature time and the receiver's clock.
pub const REPLAY_WINDOW: TimeSpan = TimeSpan::minutes(5);

const SIGNATURES_MAX: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// Not of the form `t=…,v1=…`.
    #[error("the signature header is malformed")]
    Malformed,
    /// Too old or in the future: possibly a replay.
    #[error("the signature is outside the time window")]
    OutsideWindow,
    #[error("the signature does not match")]
    Mismatch,
}

fn signed(key: &hmac::Key, at: &str, body: &[u8]) -> hmac::Tag {
    let mut context = hmac::Context::with_key(key);
    context.update(at.as_bytes());
    context.update(b".");
    context.update(body);
    context.sign()
}

/// The value of `Hallpass-Signature` for a body sent at `at`.
pub fn sign(secret: &[u8], body: &[u8], at: Timestamp) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let seconds = at.as_second().to_string();
    let tag = signed(&key, &seconds, body);
    format!("t={seconds},v1={}", hex::encode(tag.as_ref()))
}

/// Verifies a header against the body at the receiver's `now`, with [`REPLAY_WINDOW`] or another
/// window. Example code for receivers.
///
/// # Errors
/// Why the call is rejected.
pub fn verify(
    secret: &[u8],
    header: &str,
    body: &[u8],
    now: Timestamp,
    window: TimeSpan,
) -> Result<(), SignatureError> {
    let mut at = None;
    let mut given = Vec::new();
    for part in header.split(',') {
        let (name, value) = part
            .trim()
            .split_once('=')
            .ok_or(SignatureError::Malformed)?;
        match name {
            "t" if at.is_none() => at = Some(value),
            "t" => return Err(SignatureError::Malformed),
            "v1" if given.len() < SIGNATURES_MAX => {
                given.push(hex::decode(value).map_err(|_| SignatureError::Malformed)?);
            }
            _ => {}
        }
    }
    let at = at.ok_or(SignatureError::Malformed)?;
    let seconds: i64 = at.parse().map_err(|_| SignatureError::Malformed)?;
    if given.is_empty() {
        return Err(SignatureError::Malformed);
    }
    let apart = seconds.abs_diff(now.as_second());
    if apart > window.as_seconds() {
        return Err(SignatureError::OutsideWindow);
    }
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let expected = signed(&key, at, body);
    let holds = given.iter().any(|tag| {
        aws_lc_rs::constant_time::verify_slices_are_equal(expected.as_ref(), tag).is_ok()
    });
    if holds {
        Ok(())
    } else {
        Err(SignatureError::Mismatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"whsec-0123456789abcdef";
    const BODY: &[u8] = br#"{"version":1}"#;
    const AT: i64 = 1_780_000_000;
    /// Computed independently: `printf '1780000000.{"version":1}' | openssl dgst -sha256 -hmac …`
    const KNOWN: &str =
        "t=1780000000,v1=1e19718d4723d543bb3a9f0ff09ae2896fd5a12c786788090bd1142300ef1872";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn check(header: &str, body: &[u8], now: i64) -> Result<(), SignatureError> {
        verify(SECRET, header, body, at(now), REPLAY_WINDOW)
    }

    #[test]
    fn the_known_vector_holds() {
        assert_eq!(sign(SECRET, BODY, at(AT)), KNOWN);
        assert_eq!(check(KNOWN, BODY, AT), Ok(()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        use SignatureError::{Malformed, Mismatch, OutsideWindow};
        let tag = KNOWN.rsplit_once("v1=").unwrap().1;
        let other = "0".repeat(64);
        let rows = [
            (KNOWN.to_owned(), AT + 300, Ok(())),
            (KNOWN.to_owned(), AT - 300, Ok(())),
            (KNOWN.to_owned(), AT + 301, Err(OutsideWindow)),
            (KNOWN.to_owned(), AT - 301, Err(OutsideWindow)),
            (format!("t={AT}, v1={other}, v1={tag}"), AT, Ok(())),
            (format!("v2=later,t={AT},v1={tag}"), AT, Ok(())),
            (format!("t={AT},v1={other}"), AT, Err(Mismatch)),
            (format!("t={AT},v1={tag}00"), AT, Err(Mismatch)),
            (format!("t={},v1={tag}", AT + 1), AT, Err(Mismatch)),
            (format!("t=0{AT},v1={tag}"), AT, Err(Mismatch)),
            (format!("t={AT}"), AT, Err(Malformed)),
            (format!("v1={tag}"), AT, Err(Malformed)),
            (format!("t={AT},t={AT},v1={tag}"), AT, Err(Malformed)),
            (format!("t={AT},v1=xyz"), AT, Err(Malformed)),
            (format!("t=soon,v1={tag}"), AT, Err(Malformed)),
            (String::new(), AT, Err(Malformed)),
        ];
        for (header, now, wanted) in rows {
            assert_eq!(check(&header, BODY, now), wanted, "{header}");
        }
        assert_eq!(check(KNOWN, b"{}", AT), Err(Mismatch));
        let theirs = sign(b"another secret", BODY, at(AT));
        assert_eq!(check(&theirs, BODY, AT), Err(Mismatch));
    }
}
