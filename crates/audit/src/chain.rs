//! The chain: each record carries the hash of the one before it and its own.
//!
//! `hash` is the lower-case hex SHA-256 of the record without its `hash` member in the canonical
//! form of RFC 8785, so that anyone can recompute it with a JSON library and `openssl`.

use aws_lc_rs::digest;
use hallpass_model::{AuditId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Draft;
use crate::sign::canonical;

/// What the first record links to.
pub const GENESIS_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The largest number of a record: every reader of JSON keeps it exactly, and the next one after it is
/// still a number.
pub const SEQ_MAX: u64 = (1 << 53) - 1;

/// The end of a chain: enough to check that an export reaches it unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Number of the last record.
    pub seq: u64,
    /// Its hash.
    pub hash: String,
    /// When the head was taken.
    pub time: Timestamp,
}

/// A record that cannot be read or sealed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Not a JSON object.
    #[error("record is not a JSON object: {0}")]
    NotAnObject(String),
    /// A member that every record has is absent or of another type.
    #[error("record has no usable `{0}`")]
    Member(&'static str),
    /// Numbers or text that RFC 8785 cannot express.
    #[error("record has no canonical form: {0}")]
    NotCanonical(String),
}

/// A record in its final form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    seq: u64,
    id: AuditId,
    event: String,
    hash: String,
    prev_hash: String,
    fields: Map<String, Value>,
    canonical: String,
}

impl Record {
    /// Reads a record from its bytes. Checks its shape, not its hash.
    ///
    /// # Errors
    /// When the bytes are not a JSON object with the members every record has.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| RecordError::NotAnObject(error.to_string()))?;
        let Value::Object(fields) = value else {
            return Err(RecordError::NotAnObject("another JSON type".to_owned()));
        };
        Self::from_fields(fields)
    }

    fn from_fields(fields: Map<String, Value>) -> Result<Self, RecordError> {
        let text = |name: &'static str| {
            fields
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or(RecordError::Member(name))
        };
        Ok(Self {
            seq: fields
                .get("seq")
                .and_then(Value::as_u64)
                .filter(|seq| *seq <= SEQ_MAX)
                .ok_or(RecordError::Member("seq"))?,
            id: text("id")?.parse().map_err(|_| RecordError::Member("id"))?,
            event: text("event")?,
            hash: text("hash")?,
            prev_hash: text("prev_hash")?,
            canonical: canonical(&fields)?,
            fields,
        })
    }

    /// Number in the chain, from 1, without gaps.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// The record's id.
    pub fn id(&self) -> AuditId {
        self.id
    }

    /// Name of the event.
    pub fn event(&self) -> &str {
        &self.event
    }

    /// Its own hash, as written in it.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// The hash it says the record before it has.
    pub fn prev_hash(&self) -> &str {
        &self.prev_hash
    }

    /// All members.
    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A member as text; `None` when absent, of another type, or `NA`.
    pub fn text(&self, field: &str) -> Option<&str> {
        self.fields
            .get(field)
            .and_then(Value::as_str)
            .filter(|text| *text != crate::NOT_APPLICABLE)
    }

    /// The bytes that are stored and exported: the canonical form with the hash in it.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// When it happened.
    pub fn at(&self) -> Option<Timestamp> {
        let millisecond = self.fields.get("timestamp")?.as_i64()?;
        Timestamp::from_millisecond(millisecond).ok()
    }

    /// UTC day of the record as `(year, month, day)` text, from its timestamp.
    pub fn day(&self) -> Option<(String, String, String)> {
        let at = self.at()?;
        let part = |format: &str| at.strftime(format).to_string();
        Some((part("%Y"), part("%m"), part("%d")))
    }

    /// Whether the hash written in the record is the hash of the record.
    pub fn hash_holds(&self) -> bool {
        let mut unhashed = self.fields.clone();
        unhashed.remove("hash");
        hash_of(&unhashed).is_ok_and(|hash| hash == self.hash)
    }
}

/// Gives a draft its number and links it to the record before it (`None` for the very first).
///
/// # Errors
/// When the draft has no canonical form; nothing may be committed then.
pub fn seal(draft: Draft, previous: Option<&Head>) -> Result<Record, RecordError> {
    let (seq, prev_hash) = previous.map_or((1, GENESIS_HASH.to_owned()), |head| {
        (head.seq.saturating_add(1), head.hash.clone())
    });
    let mut fields = draft.into_fields();
    fields.insert("seq".to_owned(), seq.into());
    fields.insert("prev_hash".to_owned(), prev_hash.into());
    let hash = hash_of(&fields)?;
    fields.insert("hash".to_owned(), hash.into());
    Record::from_fields(fields)
}

fn hash_of(fields: &Map<String, Value>) -> Result<String, RecordError> {
    let text = canonical(fields)?;
    Ok(hex::encode(digest::digest(
        &digest::SHA256,
        text.as_bytes(),
    )))
}
