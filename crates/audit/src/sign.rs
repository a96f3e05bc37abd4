//! Signatures over JSON objects, in the form of published heads (`access.md` V-1).
//!
//! `signature` covers the object's RFC 8785 form, with `key` and `alg` but without `signature`.
//! Keys: `Ed25519` in files, and `ECDSA_SHA_256` on the curve P-256 in a key service.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::RecordError;

const ED25519_NAME: &str = "Ed25519";
const ECDSA_NAME: &str = "ECDSA_SHA_256";
const ED25519_PREFIX: &str = "ed25519:";
const P256_PREFIX: &str = "ecdsa-p256:";
const ED25519_INFO: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
const P256_INFO: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
const ID_BYTES: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    #[error(
        "not an Ed25519 key file: it is PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it"
    )]
    NotAKeyFile,
    #[error(
        "not a file of a public key (Ed25519 or ECDSA over P-256): it is PEM, as `openssl pkey -pubout` writes it"
    )]
    NotAPublicKeyFile,
    #[error(
        "not a public key: it is written as `ed25519:` and 32 bytes in base64, or `ecdsa-p256:` and \
         what `aws kms get-public-key` answers"
    )]
    NotAPublicKey,
    #[error("not the seed of an Ed25519 key")]
    NotASeed,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    #[error("it is not signed")]
    Unsigned,
    #[error("it is signed with the key `{found}`, not with `{trusted}`")]
    OtherKey { found: String, trusted: String },
    #[error("it is signed with `{0}`, which this release does not know")]
    OtherAlgorithm(String),
    #[error("its signature does not fit its content")]
    Wrong,
}

pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public).finish()
    }
}

impl Signer {
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyFault> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyFault::NotASeed)?;
        let public = PublicKey::ed25519(pair.public_key().as_ref());
        let public = public.map_err(|_| KeyFault::NotASeed)?;
        Ok(Self { pair, public })
    }

    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    pub fn sign(&self, object: Map<String, Value>) -> Result<Map<String, Value>, RecordError> {
        let unsigned = Unsigned::new(object, &self.public)?;
        let signature = self.pair.sign(unsigned.content());
        Ok(unsigned.with(signature.as_ref()))
    }

    /// Signs objects that do not identify their signer by key id.
    pub fn sign_unnamed(
        &self,
        mut object: Map<String, Value>,
    ) -> Result<Map<String, Value>, RecordError> {
        object.insert("alg".to_owned(), self.public.algorithm().into());
        let unsigned = Unsigned::of(object)?;
        let signature = self.pair.sign(unsigned.content());
        Ok(unsigned.with(signature.as_ref()))
    }
}

/// An object to be signed, here or in a key service.
#[derive(Clone, Debug)]
pub struct Unsigned {
    object: Map<String, Value>,
    content: String,
}

impl Unsigned {
    pub fn new(mut object: Map<String, Value>, key: &PublicKey) -> Result<Self, RecordError> {
        object.insert("key".to_owned(), key.id().into());
        object.insert("alg".to_owned(), key.algorithm().into());
        Self::of(object)
    }

    fn of(mut object: Map<String, Value>) -> Result<Self, RecordError> {
        object.remove("signature");
        let content = canonical(&object)?;
        Ok(Self { object, content })
    }

    /// The bytes the signature covers.
    pub fn content(&self) -> &[u8] {
        self.content.as_bytes()
    }

    pub fn digest(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.content())
            .as_ref()
            .to_vec()
    }

    /// Adds the signature without checking it: see [`PublicKey::check`].
    pub fn with(mut self, signature: &[u8]) -> Map<String, Value> {
        let text = STANDARD.encode(signature);
        self.object.insert("signature".to_owned(), text.into());
        self.object
    }
}

/// A verification key. As text: `ed25519:` and its 32 bytes in base64, or `ecdsa-p256:` and its
/// `SubjectPublicKeyInfo` in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(Curve);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Curve {
    Ed25519([u8; 32]),
    P256([u8; 65]),
}

impl PublicKey {
    pub fn from_info(info: &[u8]) -> Result<Self, KeyFault> {
        if let Some(bytes) = info.strip_prefix(ED25519_INFO) {
            return Self::ed25519(bytes);
        }
        let bytes = info
            .strip_prefix(P256_INFO)
            .ok_or(KeyFault::NotAPublicKey)?;
        let point: [u8; 65] = bytes.try_into().map_err(|_| KeyFault::NotAPublicKey)?;
        // 4 = uncompressed
        if point.first() == Some(&4) {
            Ok(Self(Curve::P256(point)))
        } else {
            Err(KeyFault::NotAPublicKey)
        }
    }

    fn ed25519(bytes: &[u8]) -> Result<Self, KeyFault> {
        let bytes = bytes.try_into().map_err(|_| KeyFault::NotAPublicKey)?;
        Ok(Self(Curve::Ed25519(bytes)))
    }

    fn bytes(&self) -> &[u8] {
        match &self.0 {
            Curve::Ed25519(bytes) => bytes,
            Curve::P256(point) => point,
        }
    }

    /// Its id: the first 16 hexadecimal digits of the SHA-256 of its bytes (32, or the 65 of the
    /// uncompressed point).
    pub fn id(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.bytes());
        let short = hash.as_ref().iter().take(ID_BYTES).copied();
        hex::encode(short.collect::<Vec<u8>>())
    }

    pub const fn algorithm(&self) -> &'static str {
        match self.0 {
            Curve::Ed25519(_) => ED25519_NAME,
            Curve::P256(_) => ECDSA_NAME,
        }
    }

    /// Checks the signature of an object that names its key.
    pub fn check(&self, object: &Map<String, Value>) -> Result<(), SignatureFault> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        if text("signature").is_none() {
            return Err(SignatureFault::Unsigned);
        }
        ensure_known(text("alg"))?;
        let (found, trusted) = (text("key").unwrap_or_default(), self.id());
        if found != trusted {
            let found = found.to_owned();
            return Err(SignatureFault::OtherKey { found, trusted });
        }
        self.check_unnamed(object)
    }

    /// Checks the signature of an object, ignoring the key it names.
    pub fn check_unnamed(&self, object: &Map<String, Value>) -> Result<(), SignatureFault> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let signature = text("signature").ok_or(SignatureFault::Unsigned)?;
        ensure_known(text("alg"))?;
        if text("alg") != Some(self.algorithm()) {
            return Err(SignatureFault::Wrong);
        }
        let mut unsigned = object.clone();
        unsigned.remove("signature");
        let content = canonical(&unsigned).map_err(|_| SignatureFault::Wrong)?;
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| SignatureFault::Wrong)?;
        self.check_bytes(content.as_bytes(), &signature)
    }

    /// Checks a raw signature: 64 bytes of Ed25519, or ASN.1 of ECDSA over SHA-256.
    pub fn check_bytes(&self, content: &[u8], signature: &[u8]) -> Result<(), SignatureFault> {
        let checked = match &self.0 {
            Curve::Ed25519(bytes) => {
                UnparsedPublicKey::new(&ED25519, bytes.as_slice()).verify(content, signature)
            }
            Curve::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point.as_slice())
                .verify(content, signature),
        };
        checked.map_err(|_| SignatureFault::Wrong)
    }
}

fn ensure_known(algorithm: Option<&str>) -> Result<(), SignatureFault> {
    match algorithm {
        Some(ED25519_NAME | ECDSA_NAME) => Ok(()),
        other => {
            let name = other.unwrap_or("no algorithm").to_owned();
            Err(SignatureFault::OtherAlgorithm(name))
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Curve::Ed25519(bytes) => write!(f, "{ED25519_PREFIX}{}", STANDARD.encode(bytes)),
            Curve::P256(point) => {
                let info = [P256_INFO, point].concat();
                write!(f, "{P256_PREFIX}{}", STANDARD.encode(info))
            }
        }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for PublicKey {
    type Err = KeyFault;

    fn from_str(text: &str) -> Result<Self, KeyFault> {
        let text = text.trim();
        let decoded = |text: &str| STANDARD.decode(text).map_err(|_| KeyFault::NotAPublicKey);
        if let Some(text) = text.strip_prefix(ED25519_PREFIX) {
            let bytes = decoded(text)?;
            return Self::ed25519(bytes.strip_prefix(ED25519_INFO).unwrap_or(&bytes));
        }
        let text = text
            .strip_prefix(P256_PREFIX)
            .ok_or(KeyFault::NotAPublicKey)?;
        match Self::from_info(&decoded(text)?) {
            Ok(key @ Self(Curve::P256(_))) => Ok(key),
            Ok(Self(Curve::Ed25519(_))) | Err(_) => Err(KeyFault::NotAPublicKey),
        }
    }
}

/// Returns the RFC 8785 form of an object.
///
/// # Errors
/// When that form cannot express a value.
pub fn canonical(object: &Map<String, Value>) -> Result<String, RecordError> {
    serde_json_canonicalizer::to_string(object)
        .map_err(|error| RecordError::NotCanonical(error.to_string()))
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
