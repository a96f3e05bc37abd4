//! Every text round-trips to the byte, and stored bodies stay readable.

use proptest::prelude::*;

use super::*;
use crate::rows::{body, grant_text, request_text};
use hallpass_store_testing::{a_draft, a_grant, a_request, grant_states, request_states};

#[test]
fn words_keep_their_numbers() {
    // stored bodies name words by number: this list may only grow at its end
    let known = [
        (0, "NA"),
        (19, "id"),
        (39, "why"),
        (40, "row"),
        (92, "detail"),
        (93, "pending"),
        (122, "scheduled_revocation"),
        (123, "request.created"),
        (127, "end.started"),
        (128, "end.succeeded"),
        (162, "AdministratorAccess"),
    ];
    for (number, word) in known {
        assert_eq!(words::word(number), Some(word), "{number}");
        assert_eq!(words::number(word), Some(number), "{word}");
    }
    let mut all: Vec<_> = words::WORDS.to_vec();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), words::WORDS.len(), "a word occurs twice");
}

#[test]
fn a_body_of_an_earlier_release_is_read() {
    // the format as first released: every kind of text once
    let text = r#"{"id":"req_019b86dee21070008000000000000001","user":"00000001-0000-4000-8000-000000000000","hash":"00ff00ff00ff00ff","account":"000000000012","at":"2026-01-05T00:00:01.5Z","time":"2026-01-05 00:00:01.500000+00:00","arn":"arn:aws:sso:::permissionSet/ssoins-0000000000000001/ps-00000000000000ff","reason":"a \"b\"\n","again":["a \"b\"\n",null,true,false,-12,1.5e3,[],{}],"event":"grant.failed"}"#;
    let golden = include_str!("golden.hex").trim();
    assert_eq!(hex::encode(pack(text)), golden);
    assert_eq!(unpack(&hex::decode(golden).unwrap()).unwrap(), text);
}

#[test]
fn what_is_stored_takes_less_than_half() {
    let record = hallpass_audit::seal(a_draft(1), None).unwrap();
    let texts = [
        record.canonical().to_owned(),
        request_text(&a_request(1)).unwrap(),
        grant_text(&a_grant(1)).unwrap(),
    ];
    for text in texts {
        let packed = pack(&text);
        assert_eq!(unpack(&packed).unwrap(), text);
        assert!(
            packed.len() * 2 < text.len(),
            "{} of {}: {text}",
            packed.len(),
            text.len()
        );
    }
}

#[test]
fn every_state_comes_back() {
    for state in request_states() {
        let request = hallpass_access::Request {
            state,
            ..a_request(7)
        };
        let text = request_text(&request).unwrap();
        assert_eq!(unpack(&pack(&text)).unwrap(), text);
    }
    for state in grant_states() {
        let grant = hallpass_access::Grant {
            state,
            ..a_grant(7)
        };
        let text = grant_text(&grant).unwrap();
        assert_eq!(unpack(&pack(&text)).unwrap(), text);
    }
}

#[test]
fn bytes_of_no_body_are_an_error() {
    for bytes in [
        &[][..],
        &[2],
        &[PACKED],
        &[PACKED, tag::OBJECT],
        &[PACKED, tag::AGAIN, 0],
        &[PACKED, tag::RARE_WORD, 255, 255, 3],
        &[
            PACKED,
            tag::TEXT,
            255,
            255,
            255,
            255,
            255,
            255,
            255,
            255,
            255,
            255,
            255,
        ],
        &[PACKED, tag::DIGITS, 255, 255, 255, 127, 1],
        &[PACKED, tag::NULL, tag::NULL],
        &[PLAIN, 0xff],
    ] {
        assert!(unpack(bytes).is_err(), "{bytes:?}");
    }
    let deep = [vec![PACKED], vec![tag::ARRAY; 10_000]].concat();
    assert!(unpack(&deep).is_err());
}

fn value() -> impl Strategy<Value = serde_json::Value> {
    let special = prop::sample::select(vec![
        "NA",
        "extend",
        "req_019b86dee21070008000000000000001",
        "req_019B86DEE21070008000000000000001",
        "019b86de-e210-7000-8000-000000000001",
        "019B86DE-e210-7000-8000-000000000001",
        "{19b86dee-2107-0008-0000-000000000001",
        "00000000000000001",
        "0",
        "007",
        "1234567890123456789",
        "deadbeefdeadbeef",
        "deadbeefdeadbee",
        "2026-01-05T00:00:01Z",
        "2026-01-05T00:00:01.000Z",
        "2026-01-05t00:00:01Z",
        "2026-01-05T00:00:01.123456789Z",
        "2026-01-05 00:00:01.500000+00:00",
        "2026-01-05 00:00:01.500000+01:00",
        "-000001-01-01T00:00:00Z",
        "arn:aws:sso:::permissionSet/ssoins-0/ps-1",
        "arn:aws:sso:::permissionSet/ssoins-0123456789abcdef/ps-0123456789abcdef",
    ]);
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        any::<String>().prop_map(Into::into),
        special.prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..6)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_json_comes_back(value in value()) {
        let text = body(&value).unwrap();
        prop_assert_eq!(unpack(&pack(&text)).unwrap(), text);
    }

    #[test]
    fn any_text_comes_back(text in any::<String>()) {
        prop_assert_eq!(unpack(&pack(&text)).unwrap(), text);
    }

    #[test]
    fn no_bytes_make_it_panic(mut bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = unpack(&bytes);
        bytes.insert(0, PACKED);
        let _ = unpack(&bytes);
    }
}
