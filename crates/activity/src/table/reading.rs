//! Reads a log file into a fold: completely, or not at all (`inventory.md` H-24).

use std::io::Read;

use super::fold::ActivityFold;
use super::record::ActivityRecord;
use crate::log::{LogFault, ReadCount, each_text, record_text};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivityLog {
    pub count: ReadCount,
    pub fold: ActivityFold,
}

/// Reads trail records or saved `LookupEvents` pages, plain or gzipped.
///
/// # Errors
/// The file is broken: nothing of it counts.
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
