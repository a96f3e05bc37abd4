use std::collections::BTreeMap;

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// No digest could name it.
    #[error("a public key has no fingerprint")]
    NoFingerprint,
}

#[derive(Clone, Debug, Default)]
pub struct PublicKeys(BTreeMap<String, Vec<u8>>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SignatureAnswer {
    Right,
    Wrong,
    NoKey,
}

impl PublicKeys {
    /// Adds an RSA key, as PKCS #1 in DER (`Value` of `ListPublicKeys`, decoded).
    ///
    /// # Errors
    /// It has no fingerprint.
    pub fn add(&mut self, fingerprint: &str, key: Vec<u8>) -> Result<(), KeyError> {
        if fingerprint.is_empty() {
            return Err(KeyError::NoFingerprint);
        }
        self.0.insert(fingerprint.to_owned(), key);
        Ok(())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn verify(&self, fingerprint: &str, text: &str, signature: &str) -> SignatureAnswer {
        let Some(key) = self.0.get(fingerprint) else {
            return SignatureAnswer::NoKey;
        };
        let Ok(signature) = hex::decode(signature) else {
            return SignatureAnswer::Wrong;
        };
        let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
        match key.verify(text.as_bytes(), &signature) {
            Ok(()) => SignatureAnswer::Right,
            Err(_) => SignatureAnswer::Wrong,
        }
    }
}
