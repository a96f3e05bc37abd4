//! Authenticates Slack's calls by signature over the raw body, and age (`access.md` §11.1).

use aws_lc_rs::hmac;
use hallpass_base::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};

/// Maximum clock difference, either direction, in seconds.
pub const SKEW_SECONDS_MAX: u64 = 300;

#[derive(Clone, Copy, Debug, Default)]
pub struct Signed<'a> {
    /// `X-Slack-Request-Timestamp`.
    pub timestamp: Option<&'a str>,
    /// `X-Slack-Signature`.
    pub signature: Option<&'a str>,
}

/// The call is forged or too old. Gives no details to forgers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not signed by Slack")]
pub struct NotSigned;

/// Checks a call, in constant time.
///
/// # Errors
/// When a header is missing or invalid, the time is more than [`SKEW_SECONDS_MAX`] away, the
/// signature is wrong, or the secret is empty, with which every client can sign.
pub fn verify(
    secret: &SecretString,
    signed: &Signed<'_>,
    body: &[u8],
    now: Timestamp,
) -> Result<(), NotSigned> {
    if secret.expose_secret().is_empty() {
        return Err(NotSigned);
    }
    let text = signed.timestamp.ok_or(NotSigned)?;
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let at: i64 = text.parse().ok().filter(|_| digits).ok_or(NotSigned)?;
    if now.as_second().abs_diff(at) > SKEW_SECONDS_MAX {
        return Err(NotSigned);
    }
    let given = signed
        .signature
        .and_then(|text| text.strip_prefix("v0="))
        .and_then(|text| hex::decode(text).ok())
        .ok_or(NotSigned)?;
    let message = [b"v0:", text.as_bytes(), b":", body].concat();
    hmac::verify(&key(secret), &message, &given).map_err(|_| NotSigned)
}

pub fn sign(secret: &SecretString, timestamp: i64, body: &[u8]) -> String {
    let time = timestamp.to_string();
    let message = [b"v0:", time.as_bytes(), b":", body].concat();
    let tag = hmac::sign(&key(secret), &message);
    format!("v0={}", hex::encode(tag.as_ref()))
}

fn key(secret: &SecretString) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const AT: i64 = 1_531_420_618;
    const GIVEN: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";

    fn secret() -> SecretString {
        SecretString::from("8f742231b10e8888abcd99yyyzzz85a5")
    }

    #[test]
    fn the_known_vector_is_ours_too() {
        assert_eq!(sign(&secret(), AT, BODY), GIVEN);
    }

    #[test]
    fn nothing_is_signed_with_an_empty_secret() {
        let (empty, at) = (SecretString::from(""), AT.to_string());
        let given = sign(&empty, AT, BODY);
        let signed = Signed {
            timestamp: Some(&at),
            signature: Some(&given),
        };
        let now = Timestamp::from_second(AT).unwrap();
        assert_eq!(verify(&empty, &signed, BODY, now), Err(NotSigned));
    }

    /// Name, headers, seconds between the times, body, whether valid.
    type SignatureRow<'a> = (&'static str, Signed<'a>, i64, &'static [u8], bool);

    fn check(rows: &[SignatureRow<'_>]) {
        for (name, signed, skew, body, fine) in rows {
            let now = Timestamp::from_second(AT + skew).unwrap();
            let verified = verify(&secret(), signed, body, now);
            assert_eq!(verified.is_ok(), *fine, "{name}");
        }
    }

    #[test]
    fn times_far_from_ours_do_not_count() {
        let at = AT.to_string();
        let good = Signed {
            timestamp: Some(&at),
            signature: Some(GIVEN),
        };
        check(&[
            ("now", good, 0, BODY, true),
            ("300 s later", good, 300, BODY, true),
            ("301 s later", good, 301, BODY, false),
            ("300 s earlier", good, -300, BODY, true),
            ("301 s earlier", good, -301, BODY, false),
            ("another body", good, 0, b"token=", false),
        ]);
    }

    #[test]
    fn broken_headers_do_not_count() {
        let at = AT.to_string();
        let upper = GIVEN.to_uppercase().replace("V0=", "v0=");
        let other = format!("v0={}", "0".repeat(64));
        let padded = format!("+{at}");
        let spaced = format!(" {at}");
        let with = |timestamp, signature| Signed {
            timestamp,
            signature,
        };
        check(&[
            ("no time", with(None, Some(GIVEN)), 0, BODY, false),
            ("empty time", with(Some(""), Some(GIVEN)), 0, BODY, false),
            ("no number", with(Some("soon"), Some(GIVEN)), 0, BODY, false),
            ("a sign", with(Some(&padded), Some(GIVEN)), 0, BODY, false),
            ("a blank", with(Some(&spaced), Some(GIVEN)), 0, BODY, false),
            (
                "far too long",
                with(Some("99999999999999999999"), Some(GIVEN)),
                0,
                BODY,
                false,
            ),
            ("no signature", with(Some(&at), None), 0, BODY, false),
            (
                "no version",
                with(Some(&at), GIVEN.get(3..)),
                0,
                BODY,
                false,
            ),
            (
                "another version",
                with(Some(&at), Some("v1=00")),
                0,
                BODY,
                false,
            ),
            (
                "cut short",
                with(Some(&at), GIVEN.get(..60)),
                0,
                BODY,
                false,
            ),
            ("no hex", with(Some(&at), Some("v0=zz")), 0, BODY, false),
            (
                "another signature",
                with(Some(&at), Some(&other)),
                0,
                BODY,
                false,
            ),
            ("capitals", with(Some(&at), Some(&upper)), 0, BODY, true),
        ]);
    }
}
