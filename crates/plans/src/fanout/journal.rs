//! What of a run is written down so that another can go on with it (`inventory.md` F-15): a record
//! a line, in the order in which things happened.

use std::collections::BTreeMap;

use hallpass_base::AccountId;
use serde::{Deserialize, Serialize};

use crate::fanout::facts::{EnabledRegions, Extent, Slice};

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JournalRecord {
    /// What was asked. Always the first.
    Asked(String),
    /// The Regions of an account.
    Regions {
        /// The account.
        account: AccountId,
        /// Which are on.
        regions: EnabledRegions,
    },
    /// A slice that was read to its end, and where its results lie.
    Done {
        /// The slice.
        slice: Slice,
        /// Its pages, in their order.
        extents: Vec<Extent>,
    },
}

/// Why a journal cannot be gone on with.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadJournal {
    /// A record before the last is none.
    #[error("the journal is broken at byte {0}")]
    Record(usize),
    /// There is nothing in it.
    #[error("the journal does not say what was asked")]
    Empty,
    /// It belongs to another call.
    #[error("the journal is of another call: {was}")]
    Other {
        /// What was asked then.
        was: String,
    },
}

/// What a journal says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Journal {
    /// Regions of accounts.
    pub regions: BTreeMap<AccountId, EnabledRegions>,
    /// Slices that were read to their end.
    pub done: BTreeMap<Slice, Vec<Extent>>,
}

impl Journal {
    /// Reads a journal. The last record may be torn, and does not count then; a slice whose results
    /// are not all in a spool of `spooled` bytes was not read.
    ///
    /// # Errors
    /// It is broken, or what was asked is not `asked`.
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

    /// A record as it is written.
    pub fn line(record: &JournalRecord) -> Vec<u8> {
        // INVARIANT: the records are plain data, whose maps have keys of text
        let mut line = serde_json::to_vec(record).unwrap_or_default();
        line.push(b'\n');
        line
    }
}
