use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

#[derive(Debug, Clone)]
pub(crate) struct CallRecord {
    pub seq: u64,
    pub service: String,
    pub operation: String,
    pub outcome: &'static str,
    pub shown: Value,
}

pub(crate) struct CallLog {
    kept: usize,
    last: u64,
    records: VecDeque<CallRecord>,
    dropped: u64,
    counters: BTreeMap<String, BTreeMap<&'static str, u64>>,
}

impl CallLog {
    pub(crate) fn new(kept: usize, last: u64) -> Self {
        Self {
            kept,
            last,
            records: VecDeque::new(),
            dropped: 0,
            counters: BTreeMap::new(),
        }
    }

    /// Numbers records at completion: a slow call follows those that finished before it, so a
    /// polling reader misses none.
    pub(crate) fn push(&mut self, mut record: CallRecord) {
        self.last += 1;
        record.seq = self.last;
        if let Some(members) = record.shown.as_object_mut() {
            members.insert("seq".to_owned(), self.last.into());
        }
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

    pub(crate) fn reset(&mut self) {
        self.records.clear();
        self.dropped = 0;
        self.counters.clear();
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, operation: &str) -> CallRecord {
        CallRecord {
            seq,
            service: "sso".to_owned(),
            operation: operation.to_owned(),
            outcome: "ok",
            shown: json!({ "seq": seq, "operation": operation }),
        }
    }

    #[test]
    fn who_reads_on_misses_no_slow_call() {
        let mut log = CallLog::new(2, 40);
        log.push(record(2, "Fast"));
        let first = log.read(0, 10, &[]);
        assert_eq!(
            (&first["calls"][0]["seq"], &first["next"]),
            (&json!(41), &json!(41))
        );
        log.push(record(1, "Slow"));
        let second = log.read(41, 10, &[]);
        assert_eq!(second["calls"], json!([{ "seq": 42, "operation": "Slow" }]));
        assert_eq!(log.read(42, 10, &[])["calls"], json!([]));
    }
}
