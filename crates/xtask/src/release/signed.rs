//! Signs and verifies the checksums of a release.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::Path;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The file of sums, as `sha256sum --check` reads it.
pub(super) const SUMS: &str = "SHA256SUMS";
/// The signature over it: 64 bytes, as `openssl pkeyutl -sign -rawin` makes them.
pub(super) const SIGNATURE: &str = "SHA256SUMS.sig";
/// Prefix of the 32 bytes of an Ed25519 public key in its `SubjectPublicKeyInfo` (RFC 8410).
const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// SHA-256 as lower-case hex digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    digest(&SHA256, bytes)
        .as_ref()
        .iter()
        .fold(String::new(), |mut text, byte| {
            // writing to a `String` cannot fail
            let _ = write!(text, "{byte:02x}");
            text
        })
}

pub(super) fn sums(files: &BTreeMap<String, String>) -> String {
    files.iter().fold(String::new(), |mut text, (name, sum)| {
        // writing to a `String` cannot fail
        let _ = writeln!(text, "{sum}  {name}");
        text
    })
}

/// Signs with the private key of a PEM file, as `openssl genpkey -algorithm ed25519` writes it.
pub(super) fn sign(pem: &str, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let der = decoded(pem, "PRIVATE KEY")?;
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(&der)
        .map_err(|error| format!("the private key is not one of Ed25519: {error}"))?;
    Ok(key.sign(bytes).as_ref().to_vec())
}

fn decoded(pem: &str, kind: &str) -> Result<Vec<u8>, String> {
    let missing = || format!("there is no `BEGIN {kind}` in the key's file");
    let (_, rest) = pem
        .split_once(&format!("-----BEGIN {kind}-----"))
        .ok_or_else(missing)?;
    let (inner, _) = rest
        .split_once(&format!("-----END {kind}-----"))
        .ok_or_else(missing)?;
    let inner: String = inner.split_whitespace().collect();
    STANDARD
        .decode(inner)
        .map_err(|error| format!("the key's file is not PEM: {error}"))
}

pub(super) fn wrong(folder: &Path, public_pem: &str) -> Result<Vec<String>, io::Error> {
    let sums = fs::read(folder.join(SUMS))?;
    let signature = fs::read(folder.join(SIGNATURE))?;
    let key = match decoded(public_pem, "PUBLIC KEY") {
        Ok(der) => der,
        Err(why) => return Ok(vec![why]),
    };
    let Some(key) = key.strip_prefix(&SPKI) else {
        return Ok(vec!["the public key is not one of Ed25519".to_owned()]);
    };
    if UnparsedPublicKey::new(&ED25519, key)
        .verify(&sums, &signature)
        .is_err()
    {
        // the sums do not count then
        return Ok(vec![format!("`{SUMS}` is not signed by this key")]);
    }
    let text = String::from_utf8_lossy(&sums);
    let mut listed = BTreeSet::from([SUMS.to_owned(), SIGNATURE.to_owned()]);
    let mut found = Vec::new();
    for line in text.lines() {
        let Some((sum, name)) = line.split_once("  ") else {
            found.push(format!("`{line}` is no line of sums"));
            continue;
        };
        listed.insert(name.to_owned());
        match fs::read(folder.join(name)) {
            Ok(bytes) if sha256(&bytes) == sum => {}
            Ok(_) => found.push(format!("`{name}` is not the file that was signed")),
            Err(error) => found.push(format!("`{name}` cannot be read: {error}")),
        }
    }
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if !listed.contains(&name) {
            found.push(format!("`{name}` is not signed"));
        }
    }
    Ok(found)
}
