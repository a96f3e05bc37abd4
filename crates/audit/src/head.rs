//! Published heads, in the current form and in the one before heads were signed. A head names its
//! log and the end of the chain at an instant, so it covers every earlier record.

use std::fmt;
use std::str::FromStr;

use hallpass_base::Timestamp;
use serde_json::{Map, Value};

use crate::Head;

const LOG_PREFIX: &str = "log_";
const LOG_DIGITS: usize = 32;
const HASH_DIGITS: usize = 64;

/// The random id of one log, made at its first record: `log_` and 32 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogId(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the id of a log: it is written as `log_` and 32 hexadecimal digits")]
pub struct LogIdFault;

impl LogId {
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(format!("{LOG_PREFIX}{}", hex::encode(bytes)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for LogId {
    type Err = LogIdFault;

    fn from_str(text: &str) -> Result<Self, LogIdFault> {
        let digits = text.strip_prefix(LOG_PREFIX).ok_or(LogIdFault)?;
        if is_hex(digits, LOG_DIGITS) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LogIdFault)
        }
    }
}

fn is_hex(text: &str, digits: usize) -> bool {
    let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    text.len() == digits && text.bytes().all(is_digit)
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeadFault {
    #[error("it is not a JSON object: {0}")]
    NotAnObject(String),
    /// A required member is missing or malformed.
    #[error("it has no usable `{0}`")]
    Member(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedHead {
    end: Head,
    log: Option<LogId>,
    fields: Map<String, Value>,
}

impl PublishedHead {
    /// Parses a head, signed or not. Checks its form, not its signature.
    pub fn parse(bytes: &[u8]) -> Result<Self, HeadFault> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => Self::from_fields(fields),
            Ok(_) => Err(HeadFault::NotAnObject("another JSON type".to_owned())),
            Err(error) => Err(HeadFault::NotAnObject(error.to_string())),
        }
    }

    pub fn from_fields(fields: Map<String, Value>) -> Result<Self, HeadFault> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        let seq = fields.get("seq").and_then(Value::as_u64);
        let seq = seq.filter(|seq| *seq > 0).ok_or(HeadFault::Member("seq"))?;
        let hash = text("hash")
            .filter(|hash| is_hex(hash, HASH_DIGITS))
            .ok_or(HeadFault::Member("hash"))?
            .to_owned();
        let time = text("at")
            .or_else(|| text("time"))
            .and_then(|at| at.parse().ok())
            .ok_or(HeadFault::Member("at"))?;
        let log = match fields.get("log") {
            None | Some(Value::Null) => None,
            Some(log) => Some(
                log.as_str()
                    .and_then(|log| log.parse().ok())
                    .ok_or(HeadFault::Member("log"))?,
            ),
        };
        Ok(Self {
            end: Head { seq, hash, time },
            log,
            fields,
        })
    }

    pub fn unsigned(end: &Head, log: &LogId) -> Map<String, Value> {
        Map::from_iter([
            ("seq".to_owned(), end.seq.into()),
            ("hash".to_owned(), end.hash.clone().into()),
            ("at".to_owned(), end.time.to_string().into()),
            ("log".to_owned(), log.as_str().into()),
        ])
    }

    pub fn end(&self) -> &Head {
        &self.end
    }

    pub fn seq(&self) -> u64 {
        self.end.seq
    }

    pub fn hash(&self) -> &str {
        &self.end.hash
    }

    pub fn at(&self) -> Timestamp {
        self.end.time
    }

    /// Its log; `None` in heads from before logs had ids.
    pub fn log(&self) -> Option<&LogId> {
        self.log.as_ref()
    }

    /// Whether it claims to be signed; [`TrustedKeys::check_head`](crate::TrustedKeys::check_head)
    /// verifies that.
    pub fn is_signed(&self) -> bool {
        self.fields.contains_key("signature")
    }

    pub fn key(&self) -> Option<&str> {
        self.fields.get("key").and_then(Value::as_str)
    }

    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(value: &Value) -> Result<PublishedHead, HeadFault> {
        PublishedHead::parse(value.to_string().as_bytes())
    }

    #[test]
    fn heads_of_today_and_of_before_are_read_and_nothing_else() {
        let (hash, log) = ("ab".repeat(32), format!("log_{}", "0f".repeat(16)));
        let today = json!({"seq": 7, "hash": hash, "at": "2026-01-05T00:00:00Z", "log": log,
            "key": "k", "alg": "Ed25519", "signature": "s"});
        let head = parse(&today).unwrap();
        assert_eq!(
            (head.seq(), head.is_signed(), head.key()),
            (7, true, Some("k"))
        );
        assert_eq!(head.log().map(LogId::as_str), Some(log.as_str()));
        let before = json!({"seq": 7, "hash": hash, "time": "2026-01-05T00:00:00Z"});
        let old = parse(&before).unwrap();
        assert_eq!(
            (old.end(), old.is_signed(), old.log()),
            (head.end(), false, None)
        );

        for (name, bad) in [
            ("seq", json!(0)),
            ("seq", json!(-1)),
            ("seq", json!("7")),
            ("hash", json!("ab")),
            ("hash", json!("AB".repeat(32))),
            ("at", json!("yesterday")),
            ("log", json!("log_7")),
            ("log", json!(7)),
        ] {
            let mut head = today.clone();
            head[name] = bad;
            assert_eq!(parse(&head), Err(HeadFault::Member(name)), "{head}");
        }
        assert!(matches!(parse(&json!([])), Err(HeadFault::NotAnObject(_))));
        assert!(PublishedHead::parse(b"{").is_err());
    }

    #[test]
    fn what_is_about_to_be_signed_reads_back() {
        let end = Head {
            seq: 9,
            hash: "cd".repeat(32),
            time: Timestamp::UNIX_EPOCH,
        };
        let log = LogId::from_bytes([7; 16]);
        let head = PublishedHead::from_fields(PublishedHead::unsigned(&end, &log)).unwrap();
        assert_eq!((head.end(), head.log()), (&end, Some(&log)));
    }
}
