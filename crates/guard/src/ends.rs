//! Copies of the ends, and the file a server writes them to: one header, then one line per end.
//!
//! The header is an object in the form of published heads, so that it can be signed; it holds the
//! hash of all lines after it. A file is taken whole or not at all.

use aws_lc_rs::digest;
use hallpass_assignments::OwnedEnd;
use hallpass_audit::{
    GENESIS_HASH, Head, PublicKey, RecordError, SignatureFault, Signer, canonical,
};
use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The form of the file, in its header.
pub const FORM: &str = "hallpass-ends/1";

/// How far a copy goes in the audit log: later copies go at least as far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The number of the newest record; 0 before the first.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
}

impl Mark {
    /// The mark of a log with this head.
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

/// Where a copy was read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndsSource {
    /// The server's database.
    Store,
    /// The file that the server writes.
    File,
}

impl EndsSource {
    /// Its name for people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Store => "the store",
            Self::File => "the file of ends",
        }
    }
}

/// What is ours and must be gone by when, as of one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndsCopy {
    /// Where it comes from.
    pub source: EndsSource,
    /// When it was true by the server's clock; `None` when it was read where it lives.
    pub at: Option<Timestamp>,
    /// The log it belongs to, where logs have names.
    pub log: Option<String>,
    /// How far it goes.
    pub mark: Mark,
    /// The ends.
    pub ends: Vec<OwnedEnd>,
}

impl EndsCopy {
    /// What a store holds at this moment, under the head that its log had right before.
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

/// Which files of ends are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// Whoever can write the file is believed.
    Anyone,
    /// Only what this key signed.
    Key(PublicKey),
}

/// Why there is no copy to be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndsFault {
    /// It cannot be read now; says why.
    #[error("{place} cannot be read: {message}")]
    Unreadable {
        /// The store or the file.
        place: String,
        /// What the system says.
        message: String,
    },
    /// It was read and is not what it should be.
    #[error("{place} is not a file of ends: {message}")]
    Malformed {
        /// The file.
        place: String,
        /// What is wrong.
        message: String,
    },
    /// It was read, and nothing proves who wrote it.
    #[error("{place} is refused: {fault}")]
    Untrusted {
        /// The file.
        place: String,
        /// What is wrong with its signature.
        fault: SignatureFault,
    },
}

impl EndsFault {
    /// Whether there is a copy and it is not what the server wrote. Files and objects are replaced whole, so a
    /// copy that does not fit its signature or its digest was changed by somebody, or damaged.
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

/// The bytes of a file of ends as of `at`.
///
/// # Errors
/// When something in it has no canonical form.
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

/// Reads the bytes of a file of ends; `place` names it in errors.
///
/// # Errors
/// When it is not whole, or not to be believed.
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

/// One key as it stands now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Newest {
    /// How far the log goes.
    pub mark: Mark,
    /// Its end; `None` when there is nothing of ours to end any more.
    pub end: Option<OwnedEnd>,
}
