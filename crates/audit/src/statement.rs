use std::fmt;
use std::str::FromStr;

use hallpass_base::Timestamp;
use serde_json::{Map, Value};

use crate::{HeadFault, PublishedHead, RecordError, Signer};

pub(crate) const WITNESS: &str = "witness";
const NAME_CHARACTERS_MAX: usize = 64;

/// A witness's name: letters, digits, `-`, `_` and `.`, because it is part of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WitnessName(String);

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not the name of a witness: it has up to 64 letters, digits, `-`, `_` and `.`, and begins with a letter or digit"
)]
pub struct WitnessNameFault;

impl WitnessName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for WitnessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for WitnessName {
    type Err = WitnessNameFault;

    fn from_str(text: &str) -> Result<Self, WitnessNameFault> {
        let is_usual = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
        if begins && text.len() <= NAME_CHARACTERS_MAX && text.chars().all(is_usual) {
            Ok(Self(text.to_owned()))
        } else {
            Err(WitnessNameFault)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StatementFault {
    #[error("it is not a JSON object: {0}")]
    NotAnObject(String),
    /// A required member is missing or malformed.
    #[error("it has no usable `{0}`")]
    Member(&'static str),
    #[error("its `head` is invalid: {0}")]
    Head(#[from] HeadFault),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    head: PublishedHead,
    seen: Timestamp,
    witness: WitnessName,
    fields: Map<String, Value>,
}

impl Statement {
    pub fn sign(
        head: &PublishedHead,
        seen: Timestamp,
        witness: &WitnessName,
        signer: &Signer,
    ) -> Result<Self, RecordError> {
        let object = Map::from_iter([
            ("head".to_owned(), Value::Object(head.fields().clone())),
            ("seen".to_owned(), seen.to_string().into()),
            ("witness".to_owned(), witness.as_str().into()),
        ]);
        Ok(Self {
            head: head.clone(),
            seen,
            witness: witness.clone(),
            fields: signer.sign_unnamed(object)?,
        })
    }

    /// Parses a statement. Checks its form, not its signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, StatementFault> {
        let fields = match serde_json::from_slice(bytes) {
            Ok(Value::Object(fields)) => fields,
            Ok(_) => return Err(StatementFault::NotAnObject("another JSON type".to_owned())),
            Err(error) => return Err(StatementFault::NotAnObject(error.to_string())),
        };
        let text = |name: &'static str| {
            let text = fields.get(name).and_then(Value::as_str);
            text.ok_or(StatementFault::Member(name))
        };
        let seen = text("seen")?
            .parse()
            .map_err(|_| StatementFault::Member("seen"))?;
        let witness = text("witness")?
            .parse()
            .map_err(|_| StatementFault::Member("witness"))?;
        let Some(Value::Object(head)) = fields.get("head") else {
            return Err(StatementFault::Member("head"));
        };
        Ok(Self {
            head: PublishedHead::from_fields(head.clone())?,
            seen,
            witness,
            fields,
        })
    }

    pub fn head(&self) -> &PublishedHead {
        &self.head
    }

    pub fn seen(&self) -> Timestamp {
        self.seen
    }

    pub fn witness(&self) -> &WitnessName {
        &self.witness
    }

    pub fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    pub fn key(&self) -> String {
        format!("{WITNESS}/{}/{}.json", self.witness, self.head.seq())
    }

    pub fn bytes(&self) -> Result<Vec<u8>, RecordError> {
        Ok(crate::canonical(&self.fields)?.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{Head, KeyDoubt, LogId, SignatureFault, TrustedKeys};

    fn head() -> PublishedHead {
        let end = Head {
            seq: 12,
            hash: "ab".repeat(32),
            time: Timestamp::UNIX_EPOCH,
        };
        let log = LogId::from_bytes([1; 16]);
        let server = Signer::from_seed(&[1; 32]).unwrap();
        let signed = server.sign(PublishedHead::unsigned(&end, &log)).unwrap();
        PublishedHead::from_fields(signed).unwrap()
    }

    #[test]
    fn a_statement_has_the_members_of_the_specification_and_reads_back() {
        let (name, signer) = (
            "audit-account".parse().unwrap(),
            Signer::from_seed(&[2; 32]),
        );
        let signer = signer.unwrap();
        let said = Statement::sign(&head(), Timestamp::UNIX_EPOCH, &name, &signer).unwrap();
        let mut members: Vec<&str> = said.fields().keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["alg", "head", "seen", "signature", "witness"]);
        assert_eq!(said.key(), "witness/audit-account/12.json");
        let read = Statement::parse(&said.bytes().unwrap()).unwrap();
        assert_eq!((read.head(), read.seen()), (said.head(), said.seen()));

        let list = format!("witness audit-account {}", signer.public());
        let keys = TrustedKeys::parse(&list).unwrap();
        assert_eq!(keys.check_witness(&name, read.fields()), Ok(()));
        let mut later = read.fields().clone();
        later.insert("seen".to_owned(), json!("2030-01-01T00:00:00Z"));
        let wrong = Err(KeyDoubt::Signature(SignatureFault::Wrong));
        assert_eq!(keys.check_witness(&name, &later), wrong);
        let other = "somebody-else".parse().unwrap();
        assert!(matches!(
            keys.check_witness(&other, read.fields()),
            Err(KeyDoubt::Unknown { .. })
        ));
    }

    #[test]
    fn names_are_safe_in_paths() {
        for good in ["a", "audit-account", "eu-west-1.b", "A_9", &"x".repeat(64)] {
            assert!(good.parse::<WitnessName>().is_ok(), "{good}");
        }
        for bad in [
            "",
            ".",
            "..",
            "a/b",
            "-a",
            "a b",
            "ä",
            "a\n",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<WitnessName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn what_is_no_statement_is_refused() {
        let whole = json!({"head": head().fields(), "seen": "2026-01-05T00:00:00Z", "witness": "a",
            "alg": "Ed25519", "signature": "s"});
        assert!(Statement::parse(whole.to_string().as_bytes()).is_ok());
        for (name, bad) in [
            ("head", json!(null)),
            ("head", json!({"seq": 1})),
            ("seen", json!(0)),
            ("seen", json!("x")),
            ("witness", json!("../a")),
        ] {
            let mut statement = whole.clone();
            statement[name] = bad;
            let bytes = statement.to_string();
            assert!(Statement::parse(bytes.as_bytes()).is_err(), "{bytes}");
        }
    }
}
