//! The call log: what was asked, what came of it.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

/// One call as the log shows it.
#[derive(Debug, Clone)]
pub(crate) struct CallRecord {
    pub seq: u64,
    pub service: String,
    pub operation: String,
    pub outcome: &'static str,
    /// The whole record.
    pub shown: Value,
}

/// The most recent calls and counters over all.
pub(crate) struct CallLog {
    kept: usize,
    records: VecDeque<CallRecord>,
    /// Records that went, since there is room for so many only.
    dropped: u64,
    counters: BTreeMap<String, BTreeMap<&'static str, u64>>,
}

impl CallLog {
    /// A log that keeps so many records.
    pub(crate) fn new(kept: usize) -> Self {
        Self {
            kept,
            records: VecDeque::new(),
            dropped: 0,
            counters: BTreeMap::new(),
        }
    }

    /// Adds a record.
    pub(crate) fn push(&mut self, record: CallRecord) {
        let name = format!("{}:{}", record.service, record.operation);
        *self
            .counters
            .entry(name)
            .or_default()
            .entry(record.outcome)
            .or_default() += 1;
        self.records.push_back(record);
        while self.records.len() > self.kept {
            self.records.pop_front();
            self.dropped += 1;
        }
    }

    /// Clears log and counters.
    pub(crate) fn reset(&mut self) {
        self.records.clear();
        self.dropped = 0;
        self.counters.clear();
    }

    /// Records after `since`, filtered.
    pub(crate) fn read(&self, since: u64, limit: usize, filters: &[(&str, &str)]) -> Value {
        let passes = |record: &&CallRecord| {
            filters.iter().all(|(name, wanted)| match *name {
                "service" => record.service == *wanted,
                "operation" => record.operation == *wanted,
                _ => record.outcome == *wanted,
            })
        };
        let start = self.records.partition_point(|record| record.seq <= since);
        let found: Vec<&CallRecord> = self
            .records
            .range(start..)
            .filter(passes)
            .take(limit)
            .collect();
        let next = match found.last() {
            Some(last) if found.len() == limit => last.seq,
            _ => self
                .records
                .back()
                .map_or(since, |last| last.seq.max(since)),
        };
        let calls: Vec<&Value> = found.iter().map(|record| &record.shown).collect();
        json!({ "calls": calls, "next": next, "dropped": self.dropped, "counters": self.counters })
    }
}
