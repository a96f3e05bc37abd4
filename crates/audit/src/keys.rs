//! Key files: the secret signing key (PKCS#8 in PEM, as `openssl genpkey -algorithm ed25519` writes
//! it), and lists of trusted public keys. Does no I/O.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use crate::{KeyFault, PublicKey, SignatureFault, Signer, WitnessName, WitnessNameFault};

const PKCS8_ED25519: &[u8] = &[
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];
/// The PEM labels of the two kinds of key files (RFC 7468).
const SECRET: &str = "PRIVATE KEY";
const PUBLIC: &str = "PUBLIC KEY";

pub fn key_file(seed: &[u8; 32]) -> String {
    let encoded = STANDARD.encode([PKCS8_ED25519, seed].concat());
    format!("-----BEGIN {SECRET}-----\n{encoded}\n-----END {SECRET}-----\n")
}

pub fn read_key_file(text: &str) -> Result<Signer, KeyFault> {
    let bytes = inside(text, SECRET).ok_or(KeyFault::NotAKeyFile)?;
    let seed = bytes
        .strip_prefix(PKCS8_ED25519)
        .and_then(|seed| seed.try_into().ok())
        .ok_or(KeyFault::NotAKeyFile)?;
    Signer::from_seed(seed)
}

pub fn read_public_key_file(text: &str) -> Result<PublicKey, KeyFault> {
    let info = inside(text, PUBLIC).ok_or(KeyFault::NotAPublicKeyFile)?;
    PublicKey::from_info(&info).map_err(|_| KeyFault::NotAPublicKeyFile)
}

fn inside(text: &str, kind: &str) -> Option<Vec<u8>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {kind}-----"))?;
    let (inside, _) = rest.split_once(&format!("-----END {kind}-----"))?;
    STANDARD
        .decode(inside.split_whitespace().collect::<String>())
        .ok()
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct KeyListFault {
    pub line: usize,
    pub fault: KeyLineFault,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyLineFault {
    #[error("write `head KEY` for a key of the server, or `witness NAME KEY` for one of a witness")]
    Form,
    #[error(transparent)]
    Key(#[from] KeyFault),
    #[error(transparent)]
    Name(#[from] WitnessNameFault),
    /// One key may not both sign heads and witness them: its holder could do both.
    #[error("this key is in the list in another role: a witness needs a separate key")]
    TwoRoles,
}

/// Trusted public keys: those that sign heads, and those of witnesses, by name.
///
/// As text, one per line; `#` begins a comment:
///
/// ```text
/// head ecdsa-p256:MFkwEwYHKoZIzj0CAQYI…
/// witness security-account ed25519:11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedKeys {
    heads: BTreeMap<String, PublicKey>,
    witnesses: BTreeMap<WitnessName, Vec<PublicKey>>,
}

impl TrustedKeys {
    pub fn parse(text: &str) -> Result<Self, KeyListFault> {
        let mut keys = Self::default();
        for (index, line) in text.lines().enumerate() {
            let line = line.split('#').next().unwrap_or_default();
            let fault = |fault| KeyListFault {
                line: index + 1,
                fault,
            };
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                [] => Ok(()),
                ["head", key] => keys.add_head(key),
                ["witness", name, key] => keys.add_witness(name, key),
                _ => Err(KeyLineFault::Form),
            }
            .map_err(fault)?;
        }
        Ok(keys)
    }

    fn add_head(&mut self, key: &str) -> Result<(), KeyLineFault> {
        let key: PublicKey = key.parse()?;
        if self.witnesses.values().flatten().any(|other| *other == key) {
            return Err(KeyLineFault::TwoRoles);
        }
        self.heads.insert(key.id(), key);
        Ok(())
    }

    fn add_witness(&mut self, name: &str, key: &str) -> Result<(), KeyLineFault> {
        let (name, key): (WitnessName, PublicKey) = (name.parse()?, key.parse()?);
        if self.heads.contains_key(&key.id()) {
            return Err(KeyLineFault::TwoRoles);
        }
        let known = self.witnesses.entry(name).or_default();
        if !known.contains(&key) {
            known.push(key);
        }
        Ok(())
    }

    pub fn heads(&self) -> usize {
        self.heads.len()
    }

    /// Checks a head's signature.
    ///
    /// # Errors
    /// An unknown key is [`KeyDoubt::Unknown`].
    pub fn check_head(&self, head: &Map<String, Value>) -> Result<(), KeyDoubt> {
        if !head.contains_key("signature") {
            return Err(SignatureFault::Unsigned.into());
        }
        let named = head.get("key").and_then(Value::as_str).unwrap_or_default();
        let key = self.heads.get(named).ok_or_else(|| KeyDoubt::Unknown {
            who: format!("the key `{named}`"),
        })?;
        Ok(key.check(head)?)
    }

    /// Checks the signature of a witness's statement.
    ///
    /// # Errors
    /// An unknown witness is [`KeyDoubt::Unknown`].
    pub fn check_witness(
        &self,
        name: &WitnessName,
        statement: &Map<String, Value>,
    ) -> Result<(), KeyDoubt> {
        let keys = self.witnesses.get(name).ok_or_else(|| KeyDoubt::Unknown {
            who: format!("the witness `{name}`"),
        })?;
        let mut doubt = SignatureFault::Wrong;
        for key in keys {
            match key.check_unnamed(statement) {
                Ok(()) => return Ok(()),
                Err(fault) => doubt = fault,
            }
        }
        Err(doubt.into())
    }
}

/// Why a signature is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyDoubt {
    #[error("{who} is not in the list of trusted keys")]
    Unknown { who: String },
    #[error(transparent)]
    Signature(#[from] SignatureFault),
}

impl fmt::Display for TrustedKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for key in self.heads.values() {
            writeln!(f, "head {key}")?;
        }
        for (name, keys) in &self.witnesses {
            for key in keys {
                writeln!(f, "witness {name} {key}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
