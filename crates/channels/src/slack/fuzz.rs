//! Fuzz targets for input from Slack: bodies, payloads, signatures. See `hallpass_base::testing`.

use hallpass_base::Timestamp;
use hallpass_base::testing::{changed, in_time};
use secrecy::SecretString;

use crate::slack::inbound::{command, interaction, is_check, parse};
use crate::slack::signature::{Signed, verify};

/// Common characters of forms and JSON.
const LETTERS: &[u8] = b"{}[]\",:\\&=%+ \n0aA-1_";

const BODIES: [&[u8]; 6] = [
    include_bytes!("__fuzz__/bodies/corpus/check"),
    include_bytes!("__fuzz__/bodies/corpus/command"),
    include_bytes!("__fuzz__/bodies/corpus/form"),
    include_bytes!("__fuzz__/bodies/corpus/press"),
    include_bytes!("__fuzz__/bodies/corpus/shortcut"),
    include_bytes!("__fuzz__/bodies/corpus/suggestion"),
];

#[test]
fn a_body_means_one_thing_or_is_not_understood() {
    // mutates JSON before form encoding, so that it mostly stays JSON
    let mut samples: Vec<Vec<u8>> = BODIES.iter().map(|body| body.to_vec()).collect();
    for body in BODIES {
        let payload = form_urlencoded::parse(body).find(|(name, _)| name == "payload");
        samples.extend(payload.map(|(_, value)| value.into_owned().into_bytes()));
    }
    let samples: Vec<&[u8]> = samples.iter().map(Vec::as_slice).collect();
    hallpass_base::testing::fuzz_target!("bodies", |input: &[u8]| {
        let bytes = changed(input, &samples, LETTERS);
        let _ = in_time(|| (is_check(&bytes), parse(&bytes).is_ok()));
        let text = String::from_utf8_lossy(&bytes);
        let read = in_time(|| interaction(&text));
        let body = form_urlencoded::Serializer::new(String::new())
            .append_pair("payload", &text)
            .finish();
        // sockets and HTTP carry the same content
        assert_eq!(parse(body.as_bytes()), read, "{text}");
        if let Ok(fields) = serde_json::from_str(&text) {
            let _ = command(&fields);
        }
    });
}

#[test]
fn only_what_slack_signed_counts() {
    const BODY: &[u8] = b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const GIVEN: &[u8] = include_bytes!("__fuzz__/signature/corpus/header");
    let secret = SecretString::from("8f742231b10e8888abcd99yyyzzz85a5");
    let now = Timestamp::from_second(1_531_420_618).unwrap();
    hallpass_base::testing::fuzz_target!("signature", |input: &[u8]| {
        let bytes = changed(input, &[GIVEN], b"v0=19aF +-");
        let text = String::from_utf8_lossy(&bytes);
        let (timestamp, signature) = text.split_once(' ').unzip();
        let signed = Signed {
            timestamp,
            signature,
        };
        if in_time(|| verify(&secret, &signed, BODY, now)).is_ok() {
            let wanted = String::from_utf8_lossy(GIVEN);
            assert_eq!(text.to_ascii_lowercase(), wanted, "{text}");
        }
    });
}
