//! Fuzz targets for untrusted text in webhooks and mails, and for the signature header. See
//! `hallpass_base::testing`.

use hallpass_access::NoticeContext;
use hallpass_base::testing::{changed, in_time};
use hallpass_base::{TargetNames, Timestamp, text};
use hallpass_store_testing::{a_notice, a_request};
use serde_json::Value;

use crate::notify::signature::{REPLAY_WINDOW, sign, verify};
use crate::notify::webhook;

const TEXTS: [&[u8]; 2] = [
    include_bytes!("__fuzz__/texts/corpus/hostile"),
    include_bytes!("__fuzz__/texts/corpus/usual"),
];

fn texts<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => {
            found.extend(members.keys().map(String::as_str));
            members.values().for_each(|member| texts(member, found));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn told_with(text: &str) -> NoticeContext {
    let mut request = a_request(1);
    request.requester.name = text.to_owned();
    request.reason = text.to_owned();
    request.ticket = Some(text.to_owned());
    request.names = TargetNames::Account {
        account: text.to_owned(),
        permission_set: text.to_owned(),
    };
    NoticeContext {
        number: 17,
        notice: a_notice(1),
        attempts: 0,
        request,
        grant: None,
        used: None,
    }
}

#[test]
fn nothing_hidden_leaves_by_a_webhook() {
    hallpass_base::testing::fuzz_target!("texts", |input: &[u8]| {
        let bytes = changed(input, &TEXTS, "\u{202e}\u{feff}\r\n\t\0\"<&".as_bytes());
        let text = String::from_utf8_lossy(&bytes);
        let sent = in_time(|| webhook::sent(&told_with(&text), "id", "https://h.example"));
        let body: Value = serde_json::from_str(&sent).unwrap();
        let mut all = Vec::new();
        texts(&body, &mut all);
        let hidden = all.iter().find(|it| !text::is_plain(it));
        assert!(hidden.is_none(), "{hidden:?}");
        let reason = body["request"]["reason"].as_str().unwrap();
        assert_eq!(reason.chars().count(), text.chars().count(), "{text:?}");
    });
}

#[test]
fn a_receiver_believes_what_was_signed_alone() {
    const SECRET: &[u8] = b"whsec-0123456789abcdef";
    const BODY: &[u8] = br#"{"version":1}"#;
    const SAMPLES: [&[u8]; 2] = [
        include_bytes!("__fuzz__/signature/corpus/known"),
        include_bytes!("__fuzz__/signature/corpus/two"),
    ];
    let at = Timestamp::from_second(1_780_000_000).unwrap();
    let good = sign(SECRET, BODY, at);
    let tag = good.split_once("v1=").unwrap().1;
    hallpass_base::testing::fuzz_target!("signature", |input: &[u8]| {
        let bytes = changed(input, &SAMPLES, b"tv=,0129af +-");
        let header = String::from_utf8_lossy(&bytes);
        if in_time(|| verify(SECRET, &header, BODY, at, REPLAY_WINDOW)).is_ok() {
            let lower = header.to_ascii_lowercase();
            assert!(
                lower.contains(tag) && header.contains("t=1780000000"),
                "{header}"
            );
        }
    });
}
