//! Checks a stored log as it grows. Checked records are not read again, so the cost depends on the
//! new records only.

use crate::{BadRecord, FaultKind, GENESIS_HASH, Record};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Followed {
    seq: u64,
    hash: String,
}

impl Default for Followed {
    fn default() -> Self {
        Self {
            seq: 0,
            hash: GENESIS_HASH.to_owned(),
        }
    }
}

impl Followed {
    pub fn at(seq: u64, hash: String) -> Self {
        Self { seq, hash }
    }

    pub fn seq(&self) -> u64 {
        self.seq
    }

    pub fn hash(&self) -> &str {
        &self.hash
    }

    pub fn step(&mut self, record: &Record) -> Result<(), BadRecord> {
        let expected = self.seq.saturating_add(1);
        let fault = |seq, kind, detail: &str| {
            Err(BadRecord {
                seq,
                kind,
                detail: detail.to_owned(),
            })
        };
        match record.seq() {
            seq if seq > expected => {
                return fault(expected, FaultKind::Missing, "it is not in the log");
            }
            seq if seq < expected => {
                return fault(seq, FaultKind::Reordered, "it is in another place");
            }
            _ => {}
        }
        if !record.hash_holds() {
            let detail = "its hash does not match its content";
            return fault(expected, FaultKind::Changed, detail);
        }
        if record.prev_hash() != self.hash {
            let detail = "it does not follow from the record before it";
            return fault(expected, FaultKind::Forked, detail);
        }
        self.seq = expected;
        record.hash().clone_into(&mut self.hash);
        Ok(())
    }
}
