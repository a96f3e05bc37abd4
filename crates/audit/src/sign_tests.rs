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
        changed("alg", json!("RS256")),
        Err(SignatureFault::OtherAlgorithm(alg)) if alg == "RS256"
    ));
    // a known algorithm, but not this key's
    assert_eq!(
        changed("alg", json!("ECDSA_SHA_256")),
        Err(SignatureFault::Wrong)
    );
    assert_eq!(
        ours.public().check(&object()),
        Err(SignatureFault::Unsigned)
    );
    assert!(matches!(
        other.public().check(&signed),
        Err(SignatureFault::OtherKey { .. })
    ));
    let mut forged = other.sign(object()).unwrap();
    forged.insert("key".to_owned(), ours.public().id().into());
    assert_eq!(ours.public().check(&forged), Err(SignatureFault::Wrong));
    // an earlier `signature` is not part of the content
    let again = ours.sign(signed.clone()).unwrap();
    assert_eq!(again, signed);
}

#[test]
fn a_public_key_reads_back_and_nothing_else_is_one() {
    let key = *signer(3).public();
    assert_eq!(key.to_string().parse(), Ok(key));
    assert_eq!(format!(" {key}\n").parse(), Ok(key));
    let info = [ED25519_INFO, key.bytes()].concat();
    let as_info = format!("ed25519:{}", STANDARD.encode(&info));
    assert_eq!(as_info.parse(), Ok(key), "the form of other programs");
    assert_eq!(PublicKey::from_info(&info), Ok(key));
    let under_another_name = format!("ecdsa-p256:{}", STANDARD.encode(&info));
    for bad in [
        "",
        "ed25519:",
        "ed25519:AAAA",
        "rsa:AAAA",
        "ed25519:?",
        "ecdsa-p256:AAAA",
        &under_another_name,
    ] {
        assert_eq!(
            bad.parse::<PublicKey>(),
            Err(KeyFault::NotAPublicKey),
            "{bad}"
        );
    }
}

/// The first key of RFC 8032, section 7.1: any Ed25519 implementation can check our signatures.
#[test]
fn the_form_is_golden() {
    let seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
    let seed: [u8; 32] = hex::decode(seed).unwrap().try_into().unwrap();
    let signer = Signer::from_seed(&seed).unwrap();
    let public = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    assert_eq!(hex::encode(signer.public().bytes()), public);
    let text = canonical(&signer.sign(object()).unwrap()).unwrap();
    let golden = concat!(
        r#"{"alg":"Ed25519","at":"2026-01-05T00:00:00Z","hash":"ab","key":"21fe31dfa154a261","#,
        r#""log":null,"seq":12,"signature":"rqFRfJRyYQWeG7kwGmn9PBNwJNVA2HZSxCp8BgLcD9O"#,
        r#"ajQbTskM+cfHjgMRdbWnwQUDE1J1yTB00zU8JmsvKBw=="}"#
    );
    assert_eq!(text, golden);
}

/// A key service signs the digest of the same content.
#[test]
fn a_key_on_p256_checks_what_was_signed_elsewhere() {
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};

    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref()).unwrap();
    let info = [P256_INFO, pair.public_key().as_ref()].concat();
    let key = PublicKey::from_info(&info).unwrap();
    assert_eq!(key.to_string().parse(), Ok(key));
    assert_eq!(key.algorithm(), "ECDSA_SHA_256");

    let unsigned = Unsigned::new(object(), &key).unwrap();
    let hash = digest::digest(&digest::SHA256, unsigned.content());
    assert_eq!(unsigned.digest(), hash.as_ref());
    let signature = pair.sign(&random, unsigned.content()).unwrap();
    let signed = unsigned.with(signature.as_ref());
    assert_eq!(key.check(&signed), Ok(()));
    assert_eq!(signed["key"], json!(key.id()));

    let mut changed = signed.clone();
    changed.insert("seq".to_owned(), json!(13));
    assert_eq!(key.check(&changed), Err(SignatureFault::Wrong));
    // the same bytes labelled as an Ed25519 signature
    let mut renamed = signed;
    renamed.insert("alg".to_owned(), json!("Ed25519"));
    assert_eq!(key.check(&renamed), Err(SignatureFault::Wrong));
}

#[test]
fn an_object_that_names_its_signer_itself_carries_no_key() {
    let (ours, other) = (signer(1), signer(2));
    let signed = ours.sign_unnamed(object()).unwrap();
    assert!(!signed.contains_key("key"));
    assert_eq!(ours.public().check_unnamed(&signed), Ok(()));
    assert_eq!(
        other.public().check_unnamed(&signed),
        Err(SignatureFault::Wrong)
    );
    assert!(matches!(
        ours.public().check(&signed),
        Err(SignatureFault::OtherKey { .. })
    ));
}
