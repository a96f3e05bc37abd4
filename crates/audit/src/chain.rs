//! The chain: each record has its own hash and the previous one's.
//!
//! `hash` is the lower-case hex SHA-256 of the record without `hash` in the canonical form of RFC
//! 8785, so anyone can verify it with a JSON library and `openssl`.

use std::borrow::Cow;
use std::fmt;
use std::sync::OnceLock;

use aws_lc_rs::digest;
use hallpass_base::{AuditId, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::Draft;
use crate::canonical::{self, Member};

pub const GENESIS_HASH: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// The largest record number that every JSON reader keeps exactly, as its successor is still a
/// number.
pub const SEQ_MAX: u64 = (1 << 53) - 1;

/// The end of a chain, for checking exports.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    pub seq: u64,
    pub hash: String,
    pub time: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    #[error("record is not a JSON object: {0}")]
    NotAnObject(String),
    #[error("record has no usable `{0}`")]
    Member(&'static str),
    /// RFC 8785 cannot express a number or text.
    #[error("record has no canonical form: {0}")]
    NotCanonical(String),
}

/// A final record.
///
/// Members are parsed lazily: logs are checked and searched as text.
#[derive(Clone)]
pub struct Record {
    seq: u64,
    id: AuditId,
    event: String,
    hash: String,
    prev_hash: String,
    canonical: String,
    /// `None` if parsing is needed.
    members: Option<Box<[Member]>>,
    fields: OnceLock<Map<String, Value>>,
}

impl PartialEq for Record {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl Eq for Record {}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Record").field(&self.canonical).finish()
    }
}

impl Record {
    /// Checks the form, not the hash.
    ///
    /// # Errors
    /// Not a JSON object with the mandatory members.
    pub fn parse(bytes: &[u8]) -> Result<Self, RecordError> {
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if let Ok(text) = str::from_utf8(line)
            && let Some(members) = canonical::members(text)
        {
            return Self::from_members(text.to_owned(), members);
        }
        let value: Value = serde_json::from_slice(bytes)
            .map_err(|error| RecordError::NotAnObject(error.to_string()))?;
        let Value::Object(fields) = value else {
            return Err(RecordError::NotAnObject("another JSON type".to_owned()));
        };
        Self::from_fields(fields)
    }

    fn from_members(canonical: String, members: Box<[Member]>) -> Result<Self, RecordError> {
        let text = |name: &'static str| {
            value_of(&canonical, &members, name)
                .and_then(unescaped)
                .ok_or(RecordError::Member(name))
        };
        Ok(Self {
            seq: value_of(&canonical, &members, "seq")
                .and_then(|value| value.parse().ok())
                .filter(|seq| *seq <= SEQ_MAX)
                .ok_or(RecordError::Member("seq"))?,
            id: text("id")?.parse().map_err(|_| RecordError::Member("id"))?,
            event: text("event")?.into_owned(),
            hash: text("hash")?.into_owned(),
            prev_hash: text("prev_hash")?.into_owned(),
            members: Some(members),
            canonical,
            fields: OnceLock::new(),
        })
    }

    fn from_fields(fields: Map<String, Value>) -> Result<Self, RecordError> {
        let text = |name: &'static str| {
            fields
                .get(name)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .ok_or(RecordError::Member(name))
        };
        let canonical = canonical_text(&fields)?;
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
            members: canonical::members(&canonical),
            canonical,
            fields: OnceLock::from(fields),
        })
    }

    /// Starts at 1, without gaps.
    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub fn id(&self) -> AuditId {
        self.id
    }

    pub fn event(&self) -> &str {
        &self.event
    }

    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub fn prev_hash(&self) -> &str {
        &self.prev_hash
    }

    pub fn fields(&self) -> &Map<String, Value> {
        // INVARIANT: `canonical` is a canonical object, so it parses.
        self.fields
            .get_or_init(|| serde_json::from_str(&self.canonical).unwrap_or_default())
    }

    /// `None` if absent, of another type, or `NA`.
    pub fn text(&self, field: &str) -> Option<&str> {
        let text = match &self.members {
            Some(members) if self.fields.get().is_none() => {
                match value_of(&self.canonical, members, field).map(unescaped)? {
                    Some(Cow::Borrowed(text)) => text,
                    Some(Cow::Owned(_)) => self.fields().get(field)?.as_str()?,
                    None => return None,
                }
            }
            _ => self.fields().get(field)?.as_str()?,
        };
        (text != crate::NOT_APPLICABLE).then_some(text)
    }

    /// `None` if it is no list of plain texts, or needs parsing.
    pub(crate) fn list(&self, field: &str) -> Option<Vec<Cow<'_, str>>> {
        let value = value_of(&self.canonical, self.members.as_ref()?, field)?;
        let inner = value.strip_prefix('[')?.strip_suffix(']')?;
        if inner.is_empty() {
            return Some(Vec::new());
        }
        if inner.contains(['[', '{', '\\']) {
            return None;
        }
        let inner = inner.strip_prefix('"')?.strip_suffix('"')?;
        Some(inner.split("\",\"").map(Cow::Borrowed).collect())
    }

    /// The stored and exported bytes: the canonical form with its hash.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// To the millisecond.
    pub fn at(&self) -> Option<Timestamp> {
        let millisecond = match &self.members {
            Some(members) => value_of(&self.canonical, members, "timestamp")?
                .parse()
                .ok()?,
            None => self.fields().get("timestamp")?.as_i64()?,
        };
        Timestamp::from_millisecond(millisecond).ok()
    }

    /// `(year, month, day)` in UTC, from the timestamp.
    pub fn day(&self) -> Option<(String, String, String)> {
        let at = self.at()?;
        let part = |format: &str| at.strftime(format).to_string();
        Some((part("%Y"), part("%m"), part("%d")))
    }

    pub fn hash_holds(&self) -> bool {
        if let Some(members) = &self.members
            && let Some(hash) = hash_without_itself(&self.canonical, members)
        {
            return hash == self.hash;
        }
        let mut unhashed = self.fields().clone();
        unhashed.remove("hash");
        canonical_text(&unhashed).is_ok_and(|text| hash_of(&[&text]) == self.hash)
    }
}

fn value_of<'a>(text: &'a str, members: &[Member], name: &str) -> Option<&'a str> {
    let member = members
        .iter()
        .find(|member| text.get(member.name()) == Some(name))?;
    text.get(member.value())
}

/// `None` for other types.
fn unescaped(value: &str) -> Option<Cow<'_, str>> {
    let inner = value.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::from_str(value).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

/// Hashes a canonical text with `hash` and its comma cut out, which is canonical again.
fn hash_without_itself(text: &str, members: &[Member]) -> Option<String> {
    let named = |member: &&Member| text.get(member.name()) == Some("hash");
    let member = members.iter().find(named)?;
    let before = text.get(..member.name().start.checked_sub(1)?)?;
    // A last member has no comma; `hash` is never last.
    let after = text.get(member.value().end..)?.strip_prefix(',')?;
    Some(hash_of(&[before, after]))
}

/// Numbers a draft and links it to the previous record (`None` for the first).
///
/// # Errors
/// The draft has no canonical form; nothing may be committed then.
pub fn seal(draft: Draft, previous: Option<&Head>) -> Result<Record, RecordError> {
    let (seq, prev_hash) = previous.map_or((1, GENESIS_HASH.to_owned()), |head| {
        (head.seq.saturating_add(1), head.hash.clone())
    });
    let mut fields = draft.into_fields();
    fields.insert("seq".to_owned(), seq.into());
    fields.insert("prev_hash".to_owned(), prev_hash.into());
    let hash = hash_of(&[&canonical_text(&fields)?]);
    fields.insert("hash".to_owned(), hash.into());
    Record::from_fields(fields)
}

fn canonical_text(fields: &Map<String, Value>) -> Result<String, RecordError> {
    serde_json_canonicalizer::to_string(fields)
        .map_err(|error| RecordError::NotCanonical(error.to_string()))
}

fn hash_of(parts: &[&str]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for part in parts {
        context.update(part.as_bytes());
    }
    hex::encode(context.finish())
}
