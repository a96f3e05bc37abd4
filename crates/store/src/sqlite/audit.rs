//! The audit log in SQLite: read only here, appended by commits.

use async_trait::async_trait;
use hallpass_audit::{AuditStore, Head, Record, StoreFault};
use rusqlite::{OptionalExtension, Transaction};

use super::{SqliteStore, commit, counter, number};
use crate::fault::Fault;

/// Records from `seq` on, at most `limit`.
pub(super) fn records_from(
    tx: &Transaction<'_>,
    seq: u64,
    limit: u32,
) -> Result<Vec<Record>, Fault> {
    let texts = tx
        .prepare_cached("SELECT body FROM audit WHERE seq >= ?1 ORDER BY seq LIMIT ?2")?
        .query_map((number(seq), i64::from(limit)), |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    texts
        .iter()
        .map(|text| Ok(Record::parse(text.as_bytes())?))
        .collect()
}

#[async_trait]
impl AuditStore for SqliteStore {
    async fn records_from(&self, seq: u64, limit: u32) -> Result<Vec<Record>, StoreFault> {
        Ok(self.read(move |tx| records_from(tx, seq, limit)).await?)
    }

    async fn head(&self) -> Result<Option<Head>, StoreFault> {
        Ok(self.read(commit::head).await?)
    }

    async fn exported(&self) -> Result<u64, StoreFault> {
        Ok(self
            .read(|tx| {
                let seq: Option<i64> = tx
                    .prepare_cached("SELECT value FROM counters WHERE name = 'audit_exported'")?
                    .query_row([], |row| row.get(0))
                    .optional()?;
                Ok(seq.map_or(0, counter))
            })
            .await?)
    }

    async fn set_exported(&self, seq: u64) -> Result<(), StoreFault> {
        Ok(self
            .write(move |tx| {
                tx.prepare_cached(
                    "INSERT INTO counters (name, value) VALUES ('audit_exported', ?1)
                     ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
                )?
                .execute([number(seq)])?;
                Ok(())
            })
            .await?)
    }
}
