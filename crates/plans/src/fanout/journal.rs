//! Journal to resume a run (`inventory.md` F-15): one record per line, in order.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};

use crate::fanout::facts::{EnabledRegions, Extent, Slice};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalRecord {
    Asked(String),
    Regions {
        account: AccountId,
        regions: EnabledRegions,
    },
    Done {
        slice: Slice,
        extents: Vec<Extent>,
    },
}

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadJournal {
    /// An invalid record before the last.
    #[error("the journal is broken at byte {0}")]
    Record(usize),
    #[error("the journal does not name the call")]
    Empty,
    #[error("the journal is of another call: {was}")]
    Other { was: String },
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    pub regions: BTreeMap<AccountId, EnabledRegions>,
    pub done: BTreeMap<Slice, Vec<Extent>>,
}

impl Journal {
    /// Parses a journal. Ignores a truncated last record, and slices not completely within
    /// `spooled` bytes.
    ///
    /// # Errors
    /// An invalid journal, or arguments other than `asked`.
    pub fn read(text: &[u8], asked: &str, spooled: u64) -> Result<Self, BadJournal> {
        let mut journal = Self::default();
        let mut first = true;
        let mut at = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(whole) = line.strip_suffix(b"\n") else {
                break;
            };
            let record = serde_json::from_slice(whole).map_err(|_| BadJournal::Record(at))?;
            at += line.len();
            match record {
                JournalRecord::Asked(was) if first && was != asked => {
                    return Err(BadJournal::Other { was });
                }
                JournalRecord::Asked(_) => first = false,
                _ if first => return Err(BadJournal::Empty),
                JournalRecord::Regions { account, regions } => {
                    journal.regions.insert(account, regions);
                }
                JournalRecord::Done { slice, extents } => {
                    let end = |it: &Extent| it.at.saturating_add(it.bytes);
                    if extents.iter().all(|it| end(it) <= spooled) {
                        journal.done.insert(slice, extents);
                    }
                }
            }
        }
        if first {
            return Err(BadJournal::Empty);
        }
        Ok(journal)
    }

    pub fn line(record: &JournalRecord) -> Vec<u8> {
        // INVARIANT: the records are plain data with text keys
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        line.push(b'\n');
        line
    }
}
