//! The audit log in tables: read here, written by commits with its text index.

use async_trait::async_trait;
use hallpass_audit::{
    AuditStore, Draft, FoundRecords, Head, LogId, LogIdFault, Mention, Record, RecordQuery,
    StoreFault, mentions,
};
use hallpass_base::Timestamp;

use super::finding::{grant_bytes, request_bytes};
use super::numbers::{self, Numbered};
use super::{SqlStore, counter, finding, number, search};
use crate::database::{ConstraintRefusal, DatabaseError, Optional, Transaction};
use crate::fault::StorageFault;
use crate::packed::pack;
use crate::rows::{head_at, instant, read_instant, read_record};
use crate::steps::exists_already;

pub(super) fn head(tx: &Transaction<'_>) -> Result<Option<Head>, StorageFault> {
    let stored: Option<(i64, String, String)> = tx
        .prepare("SELECT seq, hash, time FROM audit_head")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    stored
        .map(|(seq, hash, time)| {
            Ok(Head {
                seq: counter(seq),
                hash,
                time: read_instant(&time)?,
            })
        })
        .transpose()
}

pub(super) fn append(
    tx: &Transaction<'_>,
    drafts: Vec<Draft>,
) -> Result<Vec<Record>, StorageFault> {
    if drafts.is_empty() {
        return Ok(Vec::new());
    }
    let mut end = head(tx)?;
    let mut records = Vec::with_capacity(drafts.len());
    for draft in drafts {
        let record = hallpass_audit::seal(draft, end.as_ref())?;
        insert(tx, &record)?;
        end = Some(head_at(&record));
        records.push(record);
    }
    if let Some(end) = end {
        tx.prepare(
            "INSERT INTO audit_head (only_row, seq, hash, time) VALUES (1, ?1, ?2, ?3)
             ON CONFLICT (only_row) DO UPDATE
             SET seq = excluded.seq, hash = excluded.hash, time = excluded.time",
        )?
        .execute((number(end.seq), end.hash, instant(end.time)))?;
    }
    Ok(records)
}

fn insert(tx: &Transaction<'_>, record: &Record) -> Result<(), StorageFault> {
    let stored = tx
        .prepare(
            "INSERT INTO audit (seq, id, request_id, grant_id, body)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            number(record.seq()),
            record.id().uuid().as_bytes(),
            request_bytes(record.text("access_request_id")),
            grant_bytes(record.text("grant_id")),
            pack(record.canonical()),
        ));
    if let Err(error) = stored {
        return Err(match error.refusal() {
            Some(ConstraintRefusal::Twin) => {
                exists_already(&format!("audit record {}", record.id()))
            }
            Some(ConstraintRefusal::Trigger) | None => error.into(),
        });
    }
    Ok(mention(tx, number(record.seq()), record)?)
}

pub(super) fn mention(
    tx: &Transaction<'_>,
    seq: i64,
    record: &Record,
) -> Result<(), DatabaseError> {
    for mention in mentions(record) {
        let text = numbers::give(tx, Numbered::AuditText, mention.text())?;
        if text.is_new && matches!(mention, Mention::Text(_)) {
            search::add(tx, text.number, mention.text())?;
        }
        tx.prepare(
            "INSERT INTO audit_mentions (text, seq) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
        )?
        .execute((text.number, seq))?;
    }
    Ok(())
}

pub(super) fn records_from(
    tx: &Transaction<'_>,
    seq: u64,
    limit: u32,
) -> Result<Vec<Record>, StorageFault> {
    let bodies = tx
        .prepare("SELECT body FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2")?
        .query_map((number(seq), i64::from(limit)), |row| row.get(0))?
        .collect::<Result<Vec<Vec<u8>>, _>>()?;
    bodies.iter().map(|body| read_record(body)).collect()
}

fn exported(tx: &Transaction<'_>) -> Result<u64, StorageFault> {
    let seq: Option<i64> = tx
        .prepare("SELECT value FROM counters WHERE name = 'audit_exported'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(seq.map_or(0, counter))
}

pub(super) fn oldest_unexported(tx: &Transaction<'_>) -> Result<Option<Timestamp>, StorageFault> {
    let waiting = records_from(tx, exported(tx)? + 1, 1)?;
    Ok(waiting.first().and_then(Record::at))
}

#[async_trait]
impl AuditStore for SqlStore {
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault> {
        Ok(self.list(move |tx| records_from(tx, seq, limit)).await?)
    }

    async fn records_found(
        &self,
        query: &RecordQuery,
        limit: u32,
    ) -> Result<FoundRecords, StoreFault> {
        let (query, bounds) = (query.clone(), self.bounds);
        Ok(self
            .list(move |tx| finding::find(tx, &query, limit, bounds))
            .await?)
    }

    async fn head(&self) -> Result<Option<Head>, StoreFault> {
        Ok(self.read(head).await?)
    }

    async fn exported(&self) -> Result<u64, StoreFault> {
        Ok(self.read(exported).await?)
    }

    async fn set_exported(&self, seq: u64) -> Result<(), StoreFault> {
        Ok(self
            .write_for_ends(move |tx| {
                tx.prepare(
                    "INSERT INTO counters (name, value) VALUES ('audit_exported', ?1)
                     ON CONFLICT (name) DO UPDATE SET value = excluded.value
                     WHERE counters.value < excluded.value",
                )?
                .execute([number(seq)])?;
                Ok(())
            })
            .await?)
    }

    async fn log_id(&self) -> Result<Option<LogId>, StoreFault> {
        let id: Option<String> = self
            .read(|tx| {
                Ok(tx
                    .prepare("SELECT id FROM audit_log")?
                    .query_row([], |row| row.get(0))
                    .optional()?)
            })
            .await?;
        let unreadable = |fault: LogIdFault| StoreFault(format!("audit_log: {fault}"));
        id.map(|id| id.parse().map_err(unreadable)).transpose()
    }
}
