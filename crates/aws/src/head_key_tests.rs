use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use hallpass_audit::{Head, LogId, PublishedHead};
use hallpass_base::Timestamp;

use super::*;
use crate::fake_http::{FakeHttp, NoIds, ReceivedRequest, ScriptedResponse, Still, settings};

const KEY: &str = "arn:aws:kms:eu-central-1:111111111111:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const INFO: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";

fn pair() -> EcdsaKeyPair {
    let random = SystemRandom::new();
    let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref()).unwrap()
}

fn said(status: u16, body: &Value) -> ScriptedResponse {
    (status, Vec::new(), body.to_string().into_bytes())
}

fn answer(pair: &EcdsaKeyPair, asked: &ReceivedRequest) -> ScriptedResponse {
    let body: Value = serde_json::from_slice(&asked.body).unwrap();
    assert_eq!(body["KeyId"], KEY);
    match asked.header("x-amz-target") {
        Some("TrentService.GetPublicKey") => {
            let info = [
                hex::decode(INFO).unwrap(),
                pair.public_key().as_ref().to_vec(),
            ]
            .concat();
            let key = STANDARD.encode(info);
            let about = json!({"KeyId": KEY, "PublicKey": key, "KeySpec": "ECC_NIST_P256",
                "KeyUsage": "SIGN_VERIFY", "SigningAlgorithms": [ALGORITHM]});
            said(200, &about)
        }
        Some("TrentService.Sign") => {
            assert_eq!(body["MessageType"], "DIGEST");
            assert_eq!(body["SigningAlgorithm"], "ECDSA_SHA_256");
            let bytes = STANDARD.decode(body["Message"].as_str().unwrap()).unwrap();
            let digest = digest::Digest::import_less_safe(&bytes, &digest::SHA256).unwrap();
            let signature = STANDARD.encode(pair.sign_digest(&digest).unwrap());
            let signed =
                json!({"KeyId": KEY, "Signature": signature, "SigningAlgorithm": ALGORITHM});
            said(200, &signed)
        }
        other => panic!("{other:?}"),
    }
}

async fn key(url: &str) -> KmsKey {
    let clock = Still::at("2026-03-02T10:00:00Z");
    KmsKey::open(&settings(url), KEY, clock, &NoIds)
        .await
        .unwrap()
}

fn head() -> Map<String, Value> {
    let end = Head {
        seq: 12,
        hash: "ab".repeat(32),
        time: Timestamp::UNIX_EPOCH,
    };
    PublishedHead::unsigned(&end, &LogId::from_bytes([1; 16]))
}

#[tokio::test]
async fn a_head_is_signed_by_a_digest_that_leaves_us_and_a_key_that_does_not_leave_kms() {
    let pair = pair();
    let fake = FakeHttp::start(move |asked| answer(&pair, asked)).await;
    let key = key(&fake.url).await;
    for _ in 0..2 {
        let signed = key.sign_head(head()).await.unwrap();
        let public = key.public_key().await.unwrap();
        assert_eq!(public.check(&signed), Ok(()));
        assert_eq!(signed["alg"], "ECDSA_SHA_256");
        assert_eq!(signed["key"], json!(public.id()));
    }
    let asked = fake.asked();
    let targets: Vec<_> = asked
        .iter()
        .filter_map(|it| it.header("x-amz-target"))
        .collect();
    let (public, sign) = ("TrentService.GetPublicKey", "TrentService.Sign");
    assert_eq!(
        targets,
        [public, sign, sign],
        "the public key is requested once"
    );
    let sent = &asked[1];
    assert_eq!(
        sent.header("content-type"),
        Some("application/x-amz-json-1.1")
    );
    let scope = "/20260302/eu-central-1/kms/aws4_request";
    assert!(
        sent.header("authorization").unwrap().contains(scope),
        "the key's own Region"
    );
    assert!(
        !String::from_utf8_lossy(&sent.body).contains("abab"),
        "a digest, not the head"
    );
}

#[tokio::test]
async fn a_signature_that_does_not_fit_is_not_published_and_the_key_is_asked_for_again() {
    let (named, other) = (pair(), pair());
    let fake = FakeHttp::start(move |asked| match asked.header("x-amz-target") {
        Some("TrentService.Sign") => answer(&other, asked),
        _ => answer(&named, asked),
    })
    .await;
    let key = key(&fake.url).await;
    for _ in 0..2 {
        let refused = key.sign_head(head()).await.unwrap_err();
        assert!(refused.0.contains("does not fit"), "{refused}");
    }
    let asked = fake.asked().len();
    assert_eq!(asked, 4, "the public key was requested both times");
}

#[tokio::test]
async fn a_key_of_another_kind_is_named() {
    let rsa = json!({"PublicKey": "MIIB", "KeySpec": "RSA_2048", "KeyUsage": "ENCRYPT_DECRYPT"});
    let fake = FakeHttp::start(move |_| said(200, &rsa)).await;
    let refused = key(&fake.url).await.public_key().await.unwrap_err();
    for words in ["RSA_2048", "ECC_NIST_P256"] {
        assert!(refused.0.contains(words), "{refused}");
    }
}

#[tokio::test]
async fn what_kms_says_is_passed_on() {
    for (status, kind, tries) in [
        (400, "AccessDeniedException", 1),
        (400, "DisabledException", 1),
        (400, "ThrottlingException", 4),
        (500, "KMSInternalException", 4),
    ] {
        let body = json!({"__type": kind, "message": "in words"});
        let fake = FakeHttp::start(move |_| said(status, &body)).await;
        let refused = key(&fake.url).await.sign_head(head()).await.unwrap_err();
        assert!(
            refused.0.contains(kind) && refused.0.contains("in words"),
            "{refused}"
        );
        assert_eq!(fake.asked().len(), tries, "{kind}");
    }
}

#[test]
fn an_arn_names_its_region_and_nothing_else_does() {
    assert_eq!(region_of(KEY), Some("eu-central-1"));
    for other in [
        "alias/audit",
        "1234abcd-12ab-34cd-56ef-1234567890ab",
        "arn:aws:kms",
    ] {
        assert_eq!(region_of(other), None, "{other}");
    }
}
