//! Copies of ends, and their file: one header, then one line per end.
//!
//! The header is an object in published head form, so that it can be signed; it has the hash of all
//! later lines. A file is valid only as a whole.

use aws_lc_rs::digest;
use hallpass_assignments::OwnedEnd;
use hallpass_audit::{
    GENESIS_HASH, Head, PublicKey, RecordError, SignatureFault, Signer, canonical,
};
use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub const FORM: &str = "hallpass-ends/1";

/// Position in the audit log: must never decrease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// Newest record number; 0 if empty.
    pub seq: u64,
    pub hash: String,
}

impl Mark {
    pub fn of(head: Option<&Head>) -> Self {
        match head {
            Some(head) => Self {
                seq: head.seq,
                hash: head.hash.clone(),
            },
            None => Self {
                seq: 0,
                hash: GENESIS_HASH.to_owned(),
            },
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndsSource {
    Store,
    File,
}

impl EndsSource {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "the store",
            Self::File => "the file of ends",
        }
    }
}

/// All ends at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndsCopy {
    pub source: EndsSource,
    /// By the server's clock; `None` if read from the store.
    pub at: Option<Timestamp>,
    pub log: Option<String>,
    pub mark: Mark,
    pub ends: Vec<OwnedEnd>,
}

impl EndsCopy {
    /// A store's current ends; the head was read just before.
    pub fn of_store(head: Option<&Head>, ends: Vec<OwnedEnd>) -> Self {
        Self {
            source: EndsSource::Store,
            at: None,
            log: None,
            mark: Mark::of(head),
            ends,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Trusts any file.
    Anyone,
    /// Requires this key's signature.
    Key(PublicKey),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndsFault {
    #[error("{place} cannot be read: {message}")]
    Unreadable { place: String, message: String },
    #[error("{place} is not a file of ends: {message}")]
    Malformed { place: String, message: String },
    #[error("{place} is refused: {fault}")]
    Untrusted {
        place: String,
        fault: SignatureFault,
    },
}

impl EndsFault {
    /// Whether a copy exists that the server did not write. Replacement is atomic, so a wrong
    /// signature or digest means tampering or damage.
    pub const fn is_alarming(&self) -> bool {
        match self {
            Self::Malformed { .. } | Self::Untrusted { .. } => true,
            Self::Unreadable { .. } => false,
        }
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    form: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    log: Option<String>,
    at: Timestamp,
    seq: u64,
    hash: String,
    rows: u64,
    digest: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    alg: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signature: Option<String>,
}

pub fn render(
    ends: &[OwnedEnd],
    mark: &Mark,
    at: Timestamp,
    signer: Option<&Signer>,
) -> Result<Vec<u8>, RecordError> {
    let mut lines = String::new();
    for end in ends {
        lines.push_str(&canonical(&object(end)?)?);
        lines.push('\n');
    }
    let header = object(&Header {
        form: FORM.to_owned(),
        log: None,
        at,
        seq: mark.seq,
        hash: mark.hash.clone(),
        rows: ends.len() as u64,
        digest: digest_of(lines.as_bytes()),
        key: None,
        alg: None,
        signature: None,
    })?;
    let header = match signer {
        Some(signer) => signer.sign(header)?,
        None => header,
    };
    let mut text = canonical(&header)?;
    text.push('\n');
    text.push_str(&lines);
    Ok(text.into_bytes())
}

pub fn read(place: &str, bytes: &[u8], trust: Trust) -> Result<EndsCopy, EndsFault> {
    let malformed = |message: String| EndsFault::Malformed {
        place: place.to_owned(),
        message,
    };
    let cut = bytes.iter().position(|byte| *byte == b'\n');
    let cut = cut.ok_or_else(|| malformed("it has no header".to_owned()))?;
    let (first, rest) = bytes.split_at(cut);
    let rest = rest.get(1..).unwrap_or_default();
    let fields: Map<String, Value> =
        serde_json::from_slice(first).map_err(|error| malformed(format!("header: {error}")))?;
    if let Trust::Key(key) = trust {
        key.check(&fields).map_err(|fault| EndsFault::Untrusted {
            place: place.to_owned(),
            fault,
        })?;
    }
    let header: Header = serde_json::from_value(Value::Object(fields))
        .map_err(|error| malformed(format!("header: {error}")))?;
    if header.form != FORM {
        let message = format!("its form is `{}`, this release reads `{FORM}`", header.form);
        return Err(malformed(message));
    }
    if digest_of(rest) != header.digest {
        return Err(malformed(
            "its lines are not those of its header".to_owned(),
        ));
    }
    let lines = rest.split(|byte| *byte == b'\n');
    let ends = lines
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
        .map(|(index, line)| {
            serde_json::from_slice(line)
                .map_err(|error| malformed(format!("line {}: {error}", index + 2)))
        })
        .collect::<Result<Vec<OwnedEnd>, _>>()?;
    if ends.len() as u64 != header.rows {
        let message = format!("{} lines instead of {}", ends.len(), header.rows);
        return Err(malformed(message));
    }
    Ok(EndsCopy {
        source: EndsSource::File,
        at: Some(header.at),
        log: header.log,
        mark: Mark {
            seq: header.seq,
            hash: header.hash,
        },
        ends,
    })
}

fn object(value: &impl Serialize) -> Result<Map<String, Value>, RecordError> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(_) => Err(RecordError::NotAnObject("another JSON type".to_owned())),
        Err(error) => Err(RecordError::NotCanonical(error.to_string())),
    }
}

fn digest_of(bytes: &[u8]) -> String {
    hex::encode(digest::digest(&digest::SHA256, bytes))
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    pub mark: Mark,
    /// `None`: Hallpass no longer has an end for it.
    pub end: Option<OwnedEnd>,
}
