//! Signatures over JSON objects, in the form of published heads (`access.md` V-1).
//!
//! A signed object names the key (`key`) and the algorithm (`alg`); its `signature` is over its
//! RFC 8785 form without that member, so that anyone with a JSON library and the public key can
//! check it. Keys come from outside: nothing here draws randomness or touches a file.
//!
//! Two kinds of keys sign: `Ed25519` ones from files, and `ECDSA_SHA_256` ones on the curve P-256
//! that stay in a key service.

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

/// The algorithm of keys in files.
const ED25519_NAME: &str = "Ed25519";
/// The algorithm of keys in a key service: ECDSA over SHA-256, on the curve P-256.
const ECDSA_NAME: &str = "ECDSA_SHA_256";
/// What the text form of a public key begins with.
const ED25519_PREFIX: &str = "ed25519:";
/// As [`ED25519_PREFIX`], for keys on the curve P-256.
const P256_PREFIX: &str = "ecdsa-p256:";
/// How `SubjectPublicKeyInfo` (RFC 5280) begins around the 32 bytes of an Ed25519 key.
const ED25519_INFO: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];
/// And around the uncompressed point of a key on the curve P-256.
const P256_INFO: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
    0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// How much of the key's hash names it: enough to tell a handful of keys apart.
const ID_BYTES: usize = 8;

/// A key that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// A file of another form.
    #[error(
        "not an Ed25519 key file: it is PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes it"
    )]
    NotAKeyFile,
    /// A file of another form.
    #[error(
        "not a file of a public key (Ed25519 or ECDSA over P-256): it is PEM, as `openssl pkey -pubout` writes it"
    )]
    NotAPublicKeyFile,
    /// Text of another form.
    #[error(
        "not a public key: it is written as `ed25519:` and 32 bytes in base64, or `ecdsa-p256:` and \
         what `aws kms get-public-key` answers"
    )]
    NotAPublicKey,
    /// A seed that makes no key.
    #[error("not the seed of an Ed25519 key")]
    NotASeed,
}

/// Why a signature proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureFault {
    /// There is none.
    #[error("it is not signed")]
    Unsigned,
    /// Made with another key than the one that is trusted.
    #[error("it is signed with the key `{found}`, not with `{trusted}`")]
    OtherKey {
        /// The key it names.
        found: String,
        /// The one that is trusted.
        trusted: String,
    },
    /// Made in a way that this release does not know.
    #[error("it is signed with `{0}`, which this release does not know")]
    OtherAlgorithm(String),
    /// It does not fit the content.
    #[error("its signature does not fit its content")]
    Wrong,
}

/// A key that signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the public half only
        f.debug_tuple("Signer").field(&self.public).finish()
    }
}

impl Signer {
    /// The key that 32 secret random bytes make.
    ///
    /// # Errors
    /// When they make none.
    pub fn from_seed(seed: &[u8; 32]) -> Result<Self, KeyFault> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyFault::NotASeed)?;
        let public = PublicKey::ed25519(pair.public_key().as_ref());
        let public = public.map_err(|_| KeyFault::NotASeed)?;
        Ok(Self { pair, public })
    }

    /// What others check its signatures with.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The object with `key`, `alg` and `signature` in it.
    ///
    /// # Errors
    /// When it has no canonical form.
    pub fn sign(&self, object: Map<String, Value>) -> Result<Map<String, Value>, RecordError> {
        let unsigned = Unsigned::new(object, &self.public)?;
        let signature = self.pair.sign(unsigned.content());
        Ok(unsigned.with(signature.as_ref()))
    }

    /// The object with `alg` and `signature` in it, for objects that name their signer by other
    /// means than a key's id.
    ///
    /// # Errors
    /// When it has no canonical form.
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

/// An object about to be signed by somebody, here or in a key service.
#[derive(Clone, Debug)]
pub struct Unsigned {
    object: Map<String, Value>,
    content: String,
}

impl Unsigned {
    /// Names key and algorithm in the object.
    ///
    /// # Errors
    /// When it has no canonical form.
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

    /// What the signature is over.
    pub fn content(&self) -> &[u8] {
        self.content.as_bytes()
    }

    /// Its SHA-256, for key services that sign digests.
    pub fn digest(&self) -> Vec<u8> {
        digest::digest(&digest::SHA256, self.content())
            .as_ref()
            .to_vec()
    }

    /// The object with its signature in it. Nothing is checked here: see [`PublicKey::check`].
    pub fn with(mut self, signature: &[u8]) -> Map<String, Value> {
        let text = STANDARD.encode(signature);
        self.object.insert("signature".to_owned(), text.into());
        self.object
    }
}

/// A key that checks. As text: `ed25519:` and its 32 bytes in base64, or `ecdsa-p256:` and its
/// `SubjectPublicKeyInfo` in base64, as a key service gives it out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(Curve);

/// The bytes of a key, by the curve it is on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Curve {
    Ed25519([u8; 32]),
    /// The uncompressed point.
    P256([u8; 65]),
}

impl PublicKey {
    /// The key in a `SubjectPublicKeyInfo`.
    ///
    /// # Errors
    /// When it is not one of the two kinds.
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

    /// Its name in what it signs: the first 16 hexadecimal digits of the SHA-256 of its bytes (32, or
    /// the 65 of the uncompressed point).
    pub fn id(&self) -> String {
        let hash = digest::digest(&digest::SHA256, self.bytes());
        let short = hash.as_ref().iter().take(ID_BYTES).copied();
        hex::encode(short.collect::<Vec<u8>>())
    }

    /// The algorithm of its signatures, as `alg` names it.
    pub const fn algorithm(&self) -> &'static str {
        match self.0 {
            Curve::Ed25519(_) => ED25519_NAME,
            Curve::P256(_) => ECDSA_NAME,
        }
    }

    /// Checks the signature of an object that names its key.
    ///
    /// # Errors
    /// Why it proves nothing.
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

    /// Checks the signature of an object, whatever key it names, if any.
    ///
    /// # Errors
    /// Why it proves nothing.
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

    /// Checks a signature over bytes, as it is: 64 bytes of Ed25519, or ASN.1 of ECDSA over SHA-256.
    ///
    /// # Errors
    /// [`SignatureFault::Wrong`], where it is not this key's.
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

/// Refuses an algorithm that this release does not know, by its name.
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

/// The RFC 8785 form of an object.
///
/// # Errors
/// When it holds what that form cannot express.
pub fn canonical(object: &Map<String, Value>) -> Result<String, RecordError> {
    serde_json_canonicalizer::to_string(object)
        .map_err(|error| RecordError::NotCanonical(error.to_string()))
}

#[cfg(test)]
#[path = "sign_tests.rs"]
mod tests;
