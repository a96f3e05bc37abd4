//! A file of a log into a fold: all of it, or nothing (`inventory.md` H-24).

use std::io::Read;

use super::fold::ActivityFold;
use super::record::ActivityRecord;
use crate::log::{LogFault, ReadCount, each_text, record_text};

/// What was in a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityLog {
    /// How much.
    pub count: ReadCount,
    /// What it came to.
    pub fold: ActivityFold,
}

/// Reads a file: records of a trail or saved pages of `LookupEvents`, plain or gzipped.
///
/// # Errors
/// It is broken: then nothing of it counts.
pub fn read_activity(bytes: impl Read) -> Result<ActivityLog, LogFault> {
    let mut fold = ActivityFold::default();
    let mut count = each_text(bytes, |text, kind| {
        let text = record_text(text, kind)?;
        let record: ActivityRecord<'_> = serde_json::from_str(&text)?;
        fold.add(&record);
        Ok(())
    })?;
    count.wanted = count.records;
    Ok(ActivityLog { count, fold })
}
