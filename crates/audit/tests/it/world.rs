//! A log, its export in memory, and tampering with both.

use std::collections::BTreeMap;

use async_trait::async_trait;
use hallpass_audit::{
    Draft, Event, ExportSource, Head, Input, LogId, Origin, PublishedHead, Record, Signer,
    SinkError, Statement, TrustedKeys, canonical, head_key, object_key, seal,
};
use hallpass_base::{AuditId, TimeSpan, Timestamp};
use uuid::Uuid;

/// The server's key, known to its operator.
const SERVER: u8 = 1;
/// The witness's key, held elsewhere.
const WITNESS: u8 = 2;

pub(crate) fn start() -> Timestamp {
    "2026-03-02T10:00:00Z".parse().unwrap()
}

pub(crate) fn minutes(n: u64) -> Timestamp {
    TimeSpan::minutes(n).after(start())
}

fn draft(seq: u64, note: &str) -> Draft {
    let at = minutes(seq - 1);
    let millisecond = u128::try_from(at.as_millisecond()).unwrap();
    let tail = note.bytes().map(u128::from).sum::<u128>() << 32 | u128::from(seq);
    let id = millisecond << 80 | 7 << 76 | 0b10 << 62 | tail;
    let id = AuditId::new(Uuid::from_u128(id));
    Draft::new(id, Event::ConfigLoaded, at, "hallpass", Origin::System).why(note)
}

pub(crate) fn signer(byte: u8) -> Signer {
    Signer::from_seed(&[byte; 32]).unwrap()
}

pub(crate) fn server() -> Signer {
    signer(SERVER)
}

pub(crate) fn witness() -> Signer {
    signer(WITNESS)
}

pub(crate) fn keys() -> TrustedKeys {
    let list = format!(
        "head {}\nwitness w {}\n",
        server().public(),
        witness().public()
    );
    TrustedKeys::parse(&list).unwrap()
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) records: Vec<Record>,
    pub(crate) objects: BTreeMap<String, Vec<u8>>,
    pub(crate) log: LogId,
    note: &'static str,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            records: Vec::new(),
            objects: BTreeMap::new(),
            log: LogId::from_bytes([5; 16]),
            note: "as it was",
        }
    }

    pub(crate) fn grow(&mut self, to: u64) -> &mut Self {
        while (self.records.len() as u64) < to {
            let previous = self.records.last().map(|record| Head {
                seq: record.seq(),
                hash: record.hash().to_owned(),
                time: start(),
            });
            let seq = self.records.len() as u64 + 1;
            let record = seal(draft(seq, self.note), previous.as_ref()).unwrap();
            let bytes = record.canonical().as_bytes().to_vec();
            self.objects.insert(object_key("logs", &record), bytes);
            self.records.push(record);
        }
        self
    }

    pub(crate) fn key_of(&self, seq: u64) -> String {
        object_key("logs", &self.records[usize::try_from(seq).unwrap() - 1])
    }

    fn end(&self, seq: u64, at: Timestamp) -> Head {
        let record = &self.records[usize::try_from(seq).unwrap() - 1];
        Head {
            seq,
            hash: record.hash().to_owned(),
            time: at,
        }
    }

    pub(crate) fn head_by(&self, seq: u64, at: Timestamp, signer: &Signer) -> PublishedHead {
        let object = PublishedHead::unsigned(&self.end(seq, at), &self.log);
        PublishedHead::from_fields(signer.sign(object).unwrap()).unwrap()
    }

    pub(crate) fn put_head(&mut self, head: &PublishedHead) -> &mut Self {
        let bytes = canonical(head.fields()).unwrap().into_bytes();
        self.objects.insert(head_key(head.at()), bytes);
        self
    }

    pub(crate) fn publish(&mut self, at: Timestamp) -> &mut Self {
        let head = self.head_by(self.records.len() as u64, at, &server());
        self.put_head(&head)
    }

    /// Publishes as releases before signed heads did.
    pub(crate) fn publish_unsigned(&mut self, at: Timestamp) -> &mut Self {
        let end = self.end(self.records.len() as u64, at);
        let bytes = serde_json::to_vec(&end).unwrap();
        self.objects.insert(head_key(at), bytes);
        self
    }

    /// Simulates an operator with the store and the server's key: rewrites the log from record
    /// `from` on, and re-signs every head.
    pub(crate) fn rewrite(&self, from: u64) -> Self {
        let mut other = Self {
            records: self.records[..usize::try_from(from).unwrap() - 1].to_vec(),
            objects: BTreeMap::new(),
            log: self.log.clone(),
            note: "as it should have been",
        };
        for record in &other.records {
            let bytes = record.canonical().as_bytes().to_vec();
            other.objects.insert(object_key("logs", record), bytes);
        }
        other.grow(self.records.len() as u64);
        for (_, head) in self.heads() {
            let again = other.head_by(head.seq(), head.at(), &server());
            other.put_head(&again);
        }
        other
    }

    pub(crate) fn heads(&self) -> Vec<(String, PublishedHead)> {
        let heads = self
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with("heads/"));
        heads
            .map(|(key, bytes)| (key.clone(), PublishedHead::parse(bytes).unwrap()))
            .collect()
    }

    pub(crate) fn inputs(&self) -> Vec<Input> {
        let records = self
            .objects
            .iter()
            .filter(|(key, _)| key.starts_with("logs/"));
        records
            .map(|(key, bytes)| Input {
                place: key.clone(),
                named: key
                    .rsplit('/')
                    .next()
                    .and_then(|file| file.strip_suffix(".json"))
                    .map(str::to_owned),
                bytes: bytes.clone(),
            })
            .collect()
    }

    pub(crate) fn statement(&self, seq: u64) -> (String, Statement) {
        let (_, head) = self
            .heads()
            .into_iter()
            .find(|(_, head)| head.seq() == seq)
            .unwrap();
        let name = "w".parse().unwrap();
        let seen = TimeSpan::seconds(20).after(head.at());
        let said = Statement::sign(&head, seen, &name, &witness()).unwrap();
        (said.key(), said)
    }
}

#[async_trait]
impl ExportSource for World {
    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<String>, SinkError> {
        let keys = self.objects.keys();
        Ok(keys
            .filter(|key| key.starts_with(prefix) && after.is_none_or(|it| key.as_str() > it))
            .cloned()
            .collect())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, SinkError> {
        Ok(self.objects.get(key).cloned())
    }

    fn name(&self) -> String {
        "memory".to_owned()
    }
}
