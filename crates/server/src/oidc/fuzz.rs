//! Fuzz targets for data of a real or fake identity provider: tokens, key sets, discovery
//! documents. See `hallpass_base::testing`.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use hallpass_base::Timestamp;
use hallpass_base::testing::{changed, in_time};
use openidconnect::JsonWebKey as _;
use openidconnect::core::CoreJsonWebKeySet;
use serde_json::json;

use super::OidcSettings;
use super::calls::Discovery;
use super::claims::{self, ALGORITHMS};

const LETTERS: &[u8] = b"{}[]\",:\\\n.-_=ehAzQ019tn";

const LOGOUT: &[u8] = include_bytes!("__fuzz__/tokens/corpus/logout");
const TOKENS: [&[u8]; 4] = [
    LOGOUT,
    include_bytes!("__fuzz__/tokens/corpus/id"),
    include_bytes!("__fuzz__/tokens/corpus/none"),
    include_bytes!("__fuzz__/tokens/corpus/compact"),
];
const KEYS: &[u8] = include_bytes!("__fuzz__/keys/corpus/keys.json");
const DISCOVERY: &[u8] = include_bytes!("__fuzz__/keys/corpus/discovery.json");

fn settings() -> OidcSettings {
    OidcSettings {
        issuer: "https://login.example.com".to_owned(),
        client_id: "hallpass".to_owned(),
        client_secret: None,
        scopes: Vec::new(),
        email_claim: "email".to_owned(),
        require_verified_email: true,
        name: "X".to_owned(),
        public_url: "https://hallpass.example.com".to_owned(),
    }
}

fn signed_part(text: &[u8]) -> Vec<u8> {
    match text.iter().position(|byte| *byte == b'\n') {
        Some(cut) => {
            let (header, claims) = (&text[..cut], &text[cut + 1..]);
            let encoded = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
            encoded.join(".").into_bytes()
        }
        None => text.to_vec(),
    }
}

#[test]
fn a_token_counts_for_what_the_provider_signed_alone() {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
    let keys = json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "first", "x": public}]});
    let keys: CoreJsonWebKeySet = serde_json::from_value(keys).unwrap();
    let now = Timestamp::from_second(1_780_000_010).unwrap();
    let good = signed_part(LOGOUT);
    let signature = URL_SAFE_NO_PAD.encode(pair.sign(&good));
    let token = |part: &[u8]| format!("{}.{signature}", String::from_utf8_lossy(part));
    let settings = settings();
    let wanted = claims::logout(&token(&good), &keys, &settings, now).unwrap();
    hallpass_base::testing::fuzz_target!("tokens", |input: &[u8]| {
        let text = changed(input, &TOKENS, LETTERS);
        let part = signed_part(&text);
        for token in [token(&part), String::from_utf8_lossy(&text).into_owned()] {
            if let Ok(read) = in_time(|| claims::logout(&token, &keys, &settings, now)) {
                assert_eq!((&read, &part), (&wanted, &good), "{token}");
            }
            let read = in_time(|| claims::id_token(&token, &keys, &settings, "n", now));
            assert!(read.is_err(), "{token}");
            let payload = token.split('.').nth(1);
            if let Some(said) = payload.and_then(|part| in_time(|| claims::part(part))) {
                for name in ["auth_time", "iat", "exp"] {
                    let _ = claims::instant(&said, name);
                }
                let _ = claims::is_verified(&said);
            }
        }
    });
}

#[test]
fn keys_of_any_form_verify_nothing_or_say_no() {
    let read: CoreJsonWebKeySet = serde_json::from_slice(KEYS).unwrap();
    assert_eq!(read.keys().len(), 4);
    let issuer = settings().issuer;
    Discovery::read(DISCOVERY, &issuer).unwrap();
    hallpass_base::testing::fuzz_target!("keys", |input: &[u8]| {
        let bytes = changed(input, &[KEYS, DISCOVERY], LETTERS);
        if let Ok(set) = in_time(|| serde_json::from_slice::<CoreJsonWebKeySet>(&bytes)) {
            for key in set.keys() {
                for algorithm in &ALGORITHMS {
                    let signature = input.get(..64).unwrap_or(input);
                    let checked = in_time(|| key.verify_signature(algorithm, b"a.b", signature));
                    assert!(checked.is_err(), "{}", String::from_utf8_lossy(&bytes));
                }
            }
        }
        let _ = in_time(|| Discovery::read(&bytes, &issuer).is_ok());
    });
}
