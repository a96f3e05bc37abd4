//! What a signature proves, and what it does not.
#![allow(clippy::unwrap_used, reason = "tests")]

use serde_json::json;

use super::*;

fn signer(byte: u8) -> Signer {
    Signer::from_seed(&[byte; 32]).unwrap()
}

fn object() -> Map<String, Value> {
    let value = json!({"seq": 12, "hash": "ab", "at": "2026-01-05T00:00:00Z", "log": null});
    value.as_object().unwrap().clone()
}

#[test]
fn what_was_signed_holds_and_anything_else_does_not() {
    let (ours, other) = (signer(1), signer(2));
    let signed = ours.sign(object()).unwrap();
    assert_eq!(ours.public().check(&signed), Ok(()));
    let changed = |name: &str, value: Value| {
        let mut changed = signed.clone();
        changed.insert(name.to_owned(), value);
        ours.public().check(&changed)
    };
    assert_eq!(changed("seq", json!(13)), Err(SignatureFault::Wrong));
    assert_eq!(changed("more", json!(1)), Err(SignatureFault::Wrong));
    assert_eq!(
        changed("signature", json!("AA==")),
        Err(SignatureFault::Wrong)
    );
    assert_eq!(changed("signature", json!("?")), Err(SignatureFault::Wrong));
    assert!(matches!(
        changed("alg", json!("ECDSA_SHA_256")),
        Err(SignatureFault::OtherAlgorithm(alg)) if alg == "ECDSA_SHA_256"
    ));
    assert_eq!(
        ours.public().check(&object()),
        Err(SignatureFault::Unsigned)
    );
    assert!(matches!(
        other.public().check(&signed),
        Err(SignatureFault::OtherKey { .. })
    ));
    // another key under our key's name
    let mut forged = other.sign(object()).unwrap();
    forged.insert("key".to_owned(), ours.public().id().into());
    assert_eq!(ours.public().check(&forged), Err(SignatureFault::Wrong));
    // what stood under `signature` before is not part of it
    let again = ours.sign(signed.clone()).unwrap();
    assert_eq!(again, signed);
}

#[test]
fn a_public_key_reads_back_and_nothing_else_is_one() {
    let key = *signer(3).public();
    assert_eq!(key.to_string().parse(), Ok(key));
    assert_eq!(format!(" {key}\n").parse(), Ok(key));
    for bad in ["", "ed25519:", "ed25519:AAAA", "rsa:AAAA", "ed25519:?"] {
        assert_eq!(
            bad.parse::<PublicKey>(),
            Err(KeyFault::NotAPublicKey),
            "{bad}"
        );
    }
}

/// The first key of RFC 8032, section 7.1; so anyone's Ed25519 checks what ours signed.
#[test]
fn the_form_is_golden() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
    let signer = Signer::from_seed(&seed).unwrap();
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(hex::encode(signer.public().0), public);
    let text = canonical(&signer.sign(object()).unwrap()).unwrap();
    let golden = concat!(
        r#"{"alg":"Ed25519","at":"2026-01-05T00:00:00Z","hash":"ab","key":"21fe31dfa154a261","#,
        r#""log":null,"seq":12,"signature":"rqFRfJRyYQWeG7kwGmn9PBNwJNVA2HZSxCp8BgLcD9O"#,
        r#"ajQbTskM+cfHjgMRdbWnwQUDE1J1yTB00zU8JmsvKBw=="}"#
    );
    assert_eq!(text, golden);
}
