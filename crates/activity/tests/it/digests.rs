//! Signed CloudTrail digests, and findings for changed, deleted and added files (`inventory.md`
//! H-37 to H-39).

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Write as _};
use std::sync::OnceLock;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair};
use hallpass_activity::{
    DigestFault, DigestReport, LogEntry, LogFile, LogFiles, LogScope, PublicKeys, digest_chains,
    verify_digests,
};
use jiff::civil::date;
use serde_json::{Value, json};

use crate::files::MemoryFiles;

const ACCOUNT: &str = "111111111111";
const REGION: &str = "eu-west-1";
const FINGERPRINT: &str = "0123456789abcdef";

struct SignedFiles {
    files: MemoryFiles,
    signatures: BTreeMap<String, String>,
}

impl LogFiles for SignedFiles {
    fn entries(&self, folder: &str) -> io::Result<Vec<LogEntry>> {
        self.files.entries(folder)
    }

    fn open(&self, path: &str) -> io::Result<Box<dyn Read + '_>> {
        self.files.open(path)
    }

    fn signature(&self, path: &str) -> io::Result<Option<String>> {
        Ok(self.signatures.get(path).cloned())
    }

    fn ahead(&self, files: &[LogFile]) {
        self.files.ahead(files);
    }
}

fn key() -> &'static RsaKeyPair {
    static KEY: OnceLock<RsaKeyPair> = OnceLock::new();
    KEY.get_or_init(|| RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

fn gzipped(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn log_path(hour: i64) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail/{REGION}/2026/11/20/{ACCOUNT}_CloudTrail_{REGION}_20261120T{hour:02}05Z_Ab{hour}.json.gz"
    )
}

fn digest_path(end: i64) -> String {
    format!(
        "AWSLogs/{ACCOUNT}/CloudTrail-Digest/{REGION}/2026/11/20/{ACCOUNT}_CloudTrail-Digest_{REGION}_main_{REGION}_20261120T{end:02}0000Z.json.gz"
    )
}

/// Three hours of a trail with a file each, built from AWS's documentation, not from the crate.
fn trail() -> SignedFiles {
    let mut trail = SignedFiles {
        files: MemoryFiles::default(),
        signatures: BTreeMap::new(),
    };
    let mut last: Option<(String, String, String)> = None;
    for hour in 0..3 {
        let log = json!({"Records": [{"eventID": format!("e{hour}")}]}).to_string();
        let (path, end) = (log_path(hour), hour + 1);
        trail
            .files
            .files
            .insert(path.clone(), gzipped(log.as_bytes()));
        let document = json!({
            "awsAccountId": ACCOUNT,
            "digestStartTime": format!("2026-11-20T{hour:02}:00:00Z"),
            "digestEndTime": format!("2026-11-20T{end:02}:00:00Z"),
            "digestS3Bucket": "acme-trail",
            "digestS3Object": format!("kept/{}", digest_path(end)),
            "digestPublicKeyFingerprint": FINGERPRINT,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "previousDigestS3Object": last.as_ref().map(|it| format!("kept/{}", it.0)),
            "previousDigestHashValue": last.as_ref().map(|it| &it.1),
            "previousDigestSignature": last.as_ref().map(|it| &it.2),
            "logFiles": [{
                "s3Object": format!("kept/{path}"), "hashValue": sha256(log.as_bytes()), "hashAlgorithm": "SHA-256",
            }],
        });
        let (text, path) = (document.to_string(), digest_path(end));
        let hash = sha256(text.as_bytes());
        let previous = last.as_ref().map_or("null", |it| it.2.as_str());
        let signed =
            format!("2026-11-20T{end:02}:00:00Z\nacme-trail/kept/{path}\n{hash}\n{previous}");
        let mut signature = vec![0; key().public_modulus_len()];
        key()
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                signed.as_bytes(),
                &mut signature,
            )
            .unwrap();
        let signature = hex::encode(signature);
        trail.signatures.insert(path.clone(), signature.clone());
        trail
            .files
            .files
            .insert(path.clone(), gzipped(text.as_bytes()));
        last = Some((path, hash, signature));
    }
    trail
}

/// A late file, and its backfill digest.
fn backfill(trail: &mut SignedFiles) -> (String, String) {
    let log = json!({"Records": [{"eventID": "late"}]}).to_string();
    let log_path = log_path(1).replace("_Ab1.", "_Late1.");
    let path = digest_path(2).replace(".json.gz", "_backfill.json.gz");
    let document = json!({
        "awsAccountId": ACCOUNT, "digestStartTime": "2026-11-20T01:00:00Z", "digestEndTime": "2026-11-20T02:00:00Z",
        "digestS3Bucket": "acme-trail", "digestS3Object": format!("kept/{path}"),
        "digestPublicKeyFingerprint": FINGERPRINT, "digestSignatureAlgorithm": "SHA256withRSA",
        "previousDigestS3Object": null, "previousDigestHashValue": null, "previousDigestSignature": null,
        "logFiles": [{
            "s3Object": format!("kept/{log_path}"), "hashValue": sha256(log.as_bytes()), "hashAlgorithm": "SHA-256",
        }],
    });
    let text = document.to_string();
    let hash = sha256(text.as_bytes());
    let signed = format!("2026-11-20T02:00:00Z\nacme-trail/kept/{path}\n{hash}\nnull");
    let mut signature = vec![0; key().public_modulus_len()];
    let random = SystemRandom::new();
    key()
        .sign(
            &RSA_PKCS1_SHA256,
            &random,
            signed.as_bytes(),
            &mut signature,
        )
        .unwrap();
    trail
        .signatures
        .insert(path.clone(), hex::encode(signature));
    let files = &mut trail.files.files;
    files.insert(path.clone(), gzipped(text.as_bytes()));
    files.insert(log_path.clone(), gzipped(log.as_bytes()));
    (log_path, path)
}

fn bytes_of(trail: &SignedFiles) -> Vec<u8> {
    trail.files.files[&log_path(1)].clone()
}

fn keys() -> PublicKeys {
    let mut keys = PublicKeys::default();
    keys.add(FINGERPRINT, key().public_key().as_ref().to_vec())
        .unwrap();
    keys
}

fn check_with(files: &dyn LogFiles, keys: &PublicKeys) -> DigestReport {
    let scope = LogScope {
        accounts: BTreeSet::new(),
        regions: BTreeSet::new(),
        days: date(2026, 11, 20)..=date(2026, 11, 20),
    };
    let chains = digest_chains(files, &scope).unwrap();
    verify_digests(files, &scope, &chains, keys).unwrap()
}

fn check(files: &dyn LogFiles) -> DigestReport {
    check_with(files, &keys())
}

fn found(report: &DigestReport) -> Vec<(String, DigestFault)> {
    let findings = report.findings.iter();
    findings
        .map(|it| (it.path.clone(), it.fault.clone()))
        .collect()
}

fn changed(files: &mut SignedFiles, path: &str, old: &str, new: &str) {
    let bytes = files.files.files.get_mut(path).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    assert!(text.contains(old), "{text}");
    *bytes = gzipped(text.replacen(old, new, 1).as_bytes());
}

#[test]
fn h_37_what_was_delivered_is_verified() {
    let trail = trail();
    let report = check(&trail);
    assert_eq!((report.digests_verified, report.logs_verified), (3, 3));
    assert_eq!((found(&report), report.is_whole()), (Vec::new(), true));
    let span = &report.chains[0];
    assert_eq!((span.trail.as_str(), report.chains.len()), ("main", 1));
    assert_eq!(span.from.to_string(), "2026-11-20T00:00:00Z");
    assert_eq!(span.until.to_string(), "2026-11-20T03:00:00Z");
}

#[test]
fn h_37_in_a_folder_the_newest_has_no_signature() {
    let report = check(&trail().files);
    assert_eq!((report.digests_verified, report.logs_verified), (2, 2));
    assert_eq!(
        (
            report.digests_without_signature,
            report.logs_without_signature
        ),
        (1, 1)
    );
    assert!(report.is_whole());
    // Recompressed content is equal.
    let mut again = trail();
    changed(&mut again, &log_path(1), "e1", "e1");
    assert!(check(&again).is_whole());
}

type Change = fn(&mut SignedFiles);

fn changes(name: &str, change: Change, wanted: &[(String, DigestFault)]) {
    let mut trail = trail();
    change(&mut trail);
    let report = check(&trail);
    let shown = |all: &[(String, DigestFault)]| -> Vec<String> {
        let row = |(path, fault): &(String, DigestFault)| {
            let text = fault.to_string();
            format!("{path}: {}", text.split(" at line").next().unwrap())
        };
        all.iter().map(row).collect()
    };
    assert_eq!(shown(&found(&report)), shown(wanted), "{name}");
    assert!(!report.is_whole(), "{name}");
    let is_log = |it: &&DigestFault| matches!(it, DigestFault::LogChanged | DigestFault::NotNamed);
    let logs = found(&report).iter().map(|it| &it.1).filter(is_log).count();
    assert_eq!(report.not_delivered.len(), logs, "{name}");
}

#[test]
fn h_38_a_log_that_was_changed_taken_away_or_added_is_named() {
    let log = log_path(1);
    let rows: [(&str, Change, (String, DigestFault)); 4] = [
        (
            "changed",
            |it| changed(it, &log_path(1), "e1", "e9"),
            (log.clone(), DigestFault::LogChanged),
        ),
        (
            "cut short",
            |it| {
                let bytes = it.files.files.get_mut(&log_path(1)).unwrap();
                bytes.truncate(bytes.len() - 9);
            },
            (log.clone(), DigestFault::LogChanged),
        ),
        (
            "gone",
            |it| drop(it.files.files.remove(&log_path(1))),
            (log.clone(), DigestFault::LogMissing),
        ),
        (
            "delivered by no trail",
            |it| {
                let bytes = bytes_of(it);
                let path = log_path(1).replace("Ab", "Xx");
                it.files.files.insert(path, bytes);
            },
            (log.replace("Ab", "Xx"), DigestFault::NotNamed),
        ),
    ];
    for (name, change, wanted) in rows {
        changes(name, change, &[wanted]);
    }
}

type DigestRow = (&'static str, Change, Vec<(String, DigestFault)>);

#[test]
fn h_38_a_digest_that_was_changed_or_taken_away_is_named() {
    let (second, log) = (digest_path(2), log_path(1));
    let unreadable = DigestFault::Unreadable {
        why: "missing field `logFiles`".to_owned(),
    };
    let rows: [DigestRow; 4] = [
        (
            "without its logs",
            |it| changed(it, &digest_path(2), "logFiles", "noFiles"),
            vec![
                (second.clone(), unreadable),
                (log.clone(), DigestFault::NotNamed),
            ],
        ),
        (
            "changed",
            |it| changed(it, &digest_path(2), "SHA-256", "SHA-257"),
            vec![(second.clone(), DigestFault::DigestChanged)],
        ),
        (
            "the newest",
            |it| changed(it, &digest_path(3), "SHA-256", "SHA-257"),
            vec![(digest_path(3), DigestFault::DigestChanged)],
        ),
        (
            "gone",
            |it| drop(it.files.files.remove(&digest_path(2))),
            vec![
                (second.clone(), DigestFault::DigestMissing),
                (log.clone(), DigestFault::NotNamed),
            ],
        ),
    ];
    for (name, change, wanted) in rows {
        changes(name, change, &wanted);
    }
}

#[test]
fn h_38_without_the_right_key_nothing_is_proved() {
    let other_key = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
    let mut others = PublicKeys::default();
    let other = other_key.public_key().as_ref().to_vec();
    others.add(FINGERPRINT, other).unwrap();
    let report = check_with(&trail(), &others);
    assert_eq!((report.digests_verified, report.findings_count), (0, 3));
    let report = check_with(&trail(), &PublicKeys::default());
    let fingerprint = FINGERPRINT.to_owned();
    assert_eq!(report.findings[0].fault, DigestFault::NoKey { fingerprint });
}

#[test]
fn h_38_a_digest_that_was_signed_elsewhere_proves_nothing_here() {
    // Another hour's signed digest and file in place of others.
    let mut trail = trail();
    let bytes = trail.files.files[&digest_path(1)].clone();
    trail.files.files.insert(digest_path(3), bytes);
    let signature = trail.signatures[&digest_path(1)].clone();
    trail.signatures.insert(digest_path(3), signature);
    let key = format!("kept/{}", digest_path(1));
    assert_eq!(
        found(&check(&trail))[0],
        (digest_path(3), DigestFault::Moved { key })
    );
}

#[test]
fn h_39_a_gap_between_chains_and_a_place_without_digests_are_said() {
    let mut trail = trail();
    // The chain restarts an hour later: logging stopped, or digests were deleted.
    trail.files.files.remove(&digest_path(2));
    trail.files.files.remove(&log_path(1));
    let text = |hour: i64, end: i64| -> Value {
        json!({
            "digestStartTime": format!("2026-11-20T{hour:02}:00:00Z"), "digestEndTime": format!("2026-11-20T{end:02}:00:00Z"),
            "digestS3Bucket": "acme-trail", "digestS3Object": digest_path(end),
            "digestPublicKeyFingerprint": FINGERPRINT, "digestSignatureAlgorithm": "SHA256withRSA",
            "previousDigestS3Object": null, "logFiles": [],
        })
    };
    trail
        .files
        .files
        .insert(digest_path(3), gzipped(text(2, 3).to_string().as_bytes()));
    let report = check(&trail.files);
    let gap = DigestFault::Gap {
        from: "2026-11-20T01:00:00Z".parse().unwrap(),
        until: "2026-11-20T02:00:00Z".parse().unwrap(),
    };
    assert_eq!(found(&report)[0], (digest_path(1), gap));
    assert_eq!(found(&report)[1], (log_path(2), DigestFault::NotNamed));
    let mut none = self::trail();
    none.files.files.retain(|path, _| !path.contains("Digest"));
    let report = check(&none);
    assert_eq!(report.findings_count, 3);
    assert_eq!(report.findings[0].fault, DigestFault::NoDigests);
}

#[test]
fn h_39_what_came_after_the_last_digest_waits_for_the_next() {
    let mut trail = trail();
    let bytes = trail.files.files[&log_path(1)].clone();
    trail.files.files.insert(log_path(4), bytes);
    let report = check(&trail);
    assert_eq!(
        (report.logs_after_last_digest, report.is_whole()),
        (1, true)
    );
    // The same for a new account, but not for its earlier files.
    for (hour, wanted) in [(4, (2, 0)), (1, (2, 1))] {
        let path = log_path(hour).replace(ACCOUNT, "222222222222");
        let bytes = bytes_of(&trail);
        trail.files.files.insert(path, bytes);
        let report = check(&trail);
        assert_eq!(
            (report.logs_after_last_digest, report.findings_count),
            wanted
        );
    }
}

#[test]
fn h_39_a_backfilled_digest_names_what_came_too_late() {
    let mut files = trail();
    let (log, digest) = backfill(&mut files);
    let report = check(&files);
    assert_eq!(found(&report), []);
    assert_eq!((report.digests_verified, report.logs_verified), (4, 4));
    // A backfill is no link of the chain.
    assert_eq!(report.chains.len(), 1);
    assert_eq!(report.chains[0].until.to_string(), "2026-11-20T03:00:00Z");
    let not_named = (log.clone(), DigestFault::NotNamed);
    // An unsigned digest could be forged.
    let mut unsigned = trail();
    backfill(&mut unsigned);
    unsigned.signatures.remove(&digest);
    let unsigned = check(&unsigned);
    let mut wanted = vec![(digest.clone(), DigestFault::NotSigned), not_named.clone()];
    wanted.sort_by(|a, b| a.0.cmp(&b.0));
    let mut told = found(&unsigned);
    told.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(told, wanted);
    assert_eq!((unsigned.digests_verified, unsigned.logs_verified), (3, 3));
    // Also if it was changed or deleted.
    let mut other = trail();
    backfill(&mut other);
    changed(&mut other, &digest, "01:00:00Z", "00:30:00Z");
    assert!(found(&check(&other)).contains(&(digest.clone(), DigestFault::DigestChanged)));
    assert!(found(&check(&other)).contains(&not_named));
    files.files.files.remove(&digest);
    assert_eq!(found(&check(&files)), [not_named]);
    // Its files are verified.
    let mut late = trail();
    backfill(&mut late);
    changed(&mut late, &log, "late", "lato");
    assert_eq!(found(&check(&late)), [(log, DigestFault::LogChanged)]);
}
