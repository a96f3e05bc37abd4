//! Signatures over JSON objects, in the form of published heads (`access.md` V-1).
//!
//! A signed object names the key (`key`) and the algorithm (`alg`); its `signature` is over its
//! RFC 8785 form without that member, so that anyone with a JSON library and the public key can
//! check it. Keys come from outside: nothing here draws randomness or touches a file.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::RecordError;

/// The algorithm of keys in files.
const ED25519_NAME: &str = "Ed25519";
/// What the text form of a public key begins with.
const TEXT_PREFIX: &str = "ed25519:";
/// How much of the key's hash names it: enough to tell a handful of keys apart.
const ID_BYTES: usize = 8;

/// A key that is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// Text of another form.
    #[error("not a public key: it is written as `ed25519:` and 32 bytes in base64")]
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
        let bytes = pair.public_key().as_ref();
        let public = PublicKey(bytes.try_into().map_err(|_| KeyFault::NotASeed)?);
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
    pub fn sign(&self, mut object: Map<String, Value>) -> Result<Map<String, Value>, RecordError> {
        object.remove("signature");
        object.insert("key".to_owned(), self.public.id().into());
        object.insert("alg".to_owned(), ED25519_NAME.into());
        let signature = self.pair.sign(canonical(&object)?.as_bytes());
        let text = STANDARD.encode(signature.as_ref());
        object.insert("signature".to_owned(), text.into());
        Ok(object)
    }
}

/// A key that checks. As text: `ed25519:` and its 32 bytes in base64.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// Its name in what it signs: the first 16 hexadecimal digits of its SHA-256.
    pub fn id(&self) -> String {
        let hash = digest::digest(&digest::SHA256, &self.0);
        let short = hash.as_ref().iter().take(ID_BYTES).copied();
        hex::encode(short.collect::<Vec<u8>>())
    }

    /// Checks the signature of an object.
    ///
    /// # Errors
    /// Why it proves nothing.
    pub fn check(&self, object: &Map<String, Value>) -> Result<(), SignatureFault> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let signature = text("signature").ok_or(SignatureFault::Unsigned)?;
        match text("alg") {
            Some(ED25519_NAME) => {}
            other => {
                let name = other.unwrap_or("no algorithm").to_owned();
                return Err(SignatureFault::OtherAlgorithm(name));
            }
        }
        let (found, trusted) = (text("key").unwrap_or_default(), self.id());
        if found != trusted {
            let found = found.to_owned();
            return Err(SignatureFault::OtherKey { found, trusted });
        }
        let mut unsigned = object.clone();
        unsigned.remove("signature");
        let content = canonical(&unsigned).map_err(|_| SignatureFault::Wrong)?;
        let signature = STANDARD
            .decode(signature)
            .map_err(|_| SignatureFault::Wrong)?;
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(content.as_bytes(), &signature)
            .map_err(|_| SignatureFault::Wrong)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{TEXT_PREFIX}{}", STANDARD.encode(self.0))
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
        let encoded = text
            .trim()
            .strip_prefix(TEXT_PREFIX)
            .ok_or(KeyFault::NotAPublicKey)?;
        let bytes = STANDARD
            .decode(encoded)
            .map_err(|_| KeyFault::NotAPublicKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyFault::NotAPublicKey)?;
        Ok(Self(bytes))
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
