//! Event outcomes in tables: a row per event for a day, and parked ones.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_base::Timestamp;
use hallpass_findings::events::{EventKey, EventMemory, EventMemoryFault, EventRecord, EventState};

use super::SqlStore;
use crate::database::Transaction;
use crate::fault::StorageFault;
use crate::rows::{body, read_body};

impl From<StorageFault> for EventMemoryFault {
    fn from(fault: StorageFault) -> Self {
        Self(fault.text())
    }
}

fn state(record: &EventRecord) -> i64 {
    match record.state {
        EventState::Handled { .. } => 0,
        EventState::Parked { .. } => 1,
        EventState::Replayed { .. } => 2,
    }
}

fn known(
    tx: &Transaction<'_>,
    keys: &[EventKey],
    since: Timestamp,
) -> Result<BTreeSet<EventKey>, StorageFault> {
    let mut find = tx.prepare(
        "SELECT 1 FROM events WHERE key = ?1 AND (state = 1 OR (state = 0 AND at >= ?2))",
    )?;
    let mut found = BTreeSet::new();
    for key in keys {
        if find.exists((key.as_str(), since.as_millisecond()))? {
            found.insert(key.clone());
        }
    }
    Ok(found)
}

fn remember(tx: &Transaction<'_>, records: &[EventRecord]) -> Result<(), StorageFault> {
    let mut put = tx.prepare(
        "INSERT INTO events (key, at, state, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (key) DO UPDATE SET at = ?2, state = ?3, body = ?4",
    )?;
    for record in records {
        put.execute((
            record.key.as_str(),
            record.at.as_millisecond(),
            state(record),
            body(record)?,
        ))?;
    }
    Ok(())
}

#[async_trait]
impl EventMemory for SqlStore {
    async fn known(
        &self,
        keys: &[EventKey],
        since: Timestamp,
    ) -> Result<BTreeSet<EventKey>, EventMemoryFault> {
        let keys = keys.to_vec();
        Ok(self.list(move |tx| known(tx, &keys, since)).await?)
    }

    async fn remember(&self, records: &[EventRecord]) -> Result<(), EventMemoryFault> {
        let records = records.to_vec();
        Ok(self.write(move |tx| remember(tx, &records)).await?)
    }

    async fn forget(&self, before: Timestamp) -> Result<(), EventMemoryFault> {
        let forget = move |tx: &Transaction<'_>| {
            tx.prepare("DELETE FROM events WHERE state = 0 AND at < ?1")?
                .execute([before.as_millisecond()])?;
            Ok(())
        };
        Ok(self.write(forget).await?)
    }

    async fn parked(&self, most: usize) -> Result<Vec<EventRecord>, EventMemoryFault> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let found = move |tx: &Transaction<'_>| {
            let texts = tx
                .prepare("SELECT body FROM events WHERE state > 0 ORDER BY at, key LIMIT ?1")?
                .query_map([most], |row| row.get(0))?
                .collect::<Result<Vec<String>, _>>()?;
            texts.iter().map(|text| read_body("event", text)).collect()
        };
        Ok(self.list(found).await?)
    }
}
