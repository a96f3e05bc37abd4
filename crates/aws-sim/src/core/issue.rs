//! Access keys, secrets and session tokens. A token contains its caller and a MAC, so it needs no
//! table and survives a restart.

use crate::base::{Millis, Random};
use aws_lc_rs::hmac;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::caller::AwsCaller;

const MAC: usize = 32;
const BASE32: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn key(seed: u64) -> hmac::Key {
    hmac::Key::new(
        hmac::HMAC_SHA256,
        format!("hallpass sim credentials {seed}").as_bytes(),
    )
}

/// Derives a secret of forty characters.
pub(crate) fn derive_secret(seed: u64, access_key_id: &str) -> String {
    let tag = hmac::sign(&key(seed), access_key_id.as_bytes());
    STANDARD.encode(tag.as_ref().get(..30).unwrap_or_default())
}

/// The key of every account's `sim-admin` (`simulator.md` AU-2).
pub(crate) fn default_key(account: &str) -> String {
    format!("AKIA0000{account}")
}

pub(crate) fn unique_id(seed: u64, prefix: &str, arn: &str) -> String {
    format!("{prefix}{}", Random::new(seed, arn).text(BASE32, 17))
}

/// A key id, `AKIA…` or `ASIA…`, that encodes the account, as AWS's do.
pub(crate) fn key_id(kind: &str, account: &str, random: &mut Random) -> String {
    let number: u128 = account.parse().unwrap_or(0);
    let bits = (1_u128 << 79) | (number << 39) | u128::from(random.bits() & 0x7f_ffff_ffff);
    let letters: Vec<char> = BASE32.chars().collect();
    let text: String = (0..16)
        .rev()
        .filter_map(|place| letters.get(usize::try_from((bits >> (place * 5)) & 31).unwrap_or(0)))
        .collect();
    format!("{kind}{text}")
}

pub(crate) fn account_of(access_key_id: &str) -> Option<String> {
    let text = access_key_id
        .strip_prefix("ASIA")
        .or_else(|| access_key_id.strip_prefix("AKIA"))
        .filter(|text| text.len() == 16)?;
    let mut bits = 0_u128;
    for letter in text.chars() {
        let value = BASE32.find(letter)?;
        bits = (bits << 5) | u128::try_from(value).ok()?;
    }
    Some(format!("{:012}", (bits >> 39) & 0xff_ffff_ffff))
}

pub(crate) fn issue(
    seed: u64,
    caller: AwsCaller,
    random: &mut Random,
    now: Millis,
    seconds: u32,
) -> (AwsCaller, Value) {
    issue_sized(seed, caller, random, (now, seconds), 0)
}

/// Pads the token to a minimum of bytes.
pub(crate) fn issue_sized(
    seed: u64,
    mut caller: AwsCaller,
    random: &mut Random,
    (now, seconds): (Millis, u32),
    token_bytes: usize,
) -> (AwsCaller, Value) {
    let expires = now + i64::from(seconds) * 1000;
    caller.access_key_id = key_id("ASIA", &caller.account, random);
    caller.issued = now;
    caller.expires = Some(expires);
    let mut body = serde_json::to_vec(&caller).unwrap_or_default();
    // three bytes are four characters; pads with spaces after the JSON
    let wanted = token_bytes.div_ceil(4) * 3;
    body.resize(body.len().max(wanted.saturating_sub(MAC)), b' ');
    let mut bytes = hmac::sign(&key(seed), &body).as_ref().to_vec();
    bytes.extend(body);
    let credentials = json!({
        "AccessKeyId": caller.access_key_id,
        "SecretAccessKey": derive_secret(seed, &caller.access_key_id),
        "SessionToken": STANDARD.encode(bytes),
        "Expiration": whole_seconds(expires),
    });
    (caller, credentials)
}

/// `2026-11-20T07:27:43Z`
pub(crate) fn whole_seconds(at: Millis) -> String {
    jiff::Timestamp::from_second(at.div_euclid(1000))
        .map(|at| at.to_string())
        .unwrap_or_default()
}

/// The caller in a session token; `None` unless the simulator issued it.
pub(crate) fn caller_of(seed: u64, token: &str) -> Option<AwsCaller> {
    let bytes = STANDARD.decode(token).ok()?;
    let (tag, body) = bytes.split_at_checked(MAC)?;
    hmac::verify(&key(seed), body, tag).ok()?;
    serde_json::from_slice(body).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_key_has_its_account_inside() {
        let mut random = Random::new(1, "x");
        for account in ["000000000001", "111122223333", "999999999999"] {
            let id = key_id("ASIA", account, &mut random);
            assert_eq!((id.len(), account_of(&id).as_deref()), (20, Some(account)));
        }
        assert_eq!(account_of("ASIA0000111122223333"), None);
        let long = key_id("AKIA", "111122223333", &mut random);
        assert_eq!(account_of(&long).as_deref(), Some("111122223333"));
    }

    #[test]
    fn tokens_cannot_be_made_up() {
        let caller = AwsCaller {
            account: "111122223333".to_owned(),
            ..AwsCaller::default()
        };
        let (caller, credentials) = issue(1, caller, &mut Random::new(1, "x"), 0, 3600);
        let token = credentials["SessionToken"].as_str().unwrap();
        assert!((200..=900).contains(&token.len()), "{}", token.len());
        assert_eq!(caller_of(1, token), Some(caller));
        assert_eq!(caller_of(2, token), None);
        assert_eq!(caller_of(1, &token.replace('A', "B")), None);
        for bytes in [0, 900, 4_095, 4_096] {
            let random = &mut Random::new(1, "x");
            let (caller, credentials) =
                issue_sized(1, AwsCaller::default(), random, (0, 3600), bytes);
            let token = credentials["SessionToken"].as_str().unwrap();
            assert!(token.len() >= bytes, "{bytes}: {}", token.len());
            assert_eq!(caller_of(1, token), Some(caller), "{bytes}");
        }
    }
}
