//! The audit log in SQLite: read only here, appended by commits.

use std::fmt::Write as _;

use async_trait::async_trait;
use hallpass_audit::{AuditStore, Head, LogId, LogIdFault, Record, RecordQuery, StoreFault};
use hallpass_model::Timestamp;
use rusqlite::{OptionalExtension, Transaction, params_from_iter, types::Value};

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

/// How far the log is known to be exported.
fn exported(tx: &Transaction<'_>) -> Result<u64, Fault> {
    let seq: Option<i64> = tx
        .prepare_cached("SELECT value FROM counters WHERE name = 'audit_exported'")?
        .query_row([], |row| row.get(0))
        .optional()?;
    Ok(seq.map_or(0, counter))
}

/// When the oldest record happened that is not known to be exported.
pub(super) fn oldest_unexported(tx: &Transaction<'_>) -> Result<Option<Timestamp>, Fault> {
    let waiting = records_from(tx, exported(tx)? + 1, 1)?;
    Ok(waiting.first().and_then(Record::at))
}

/// Records that fit, newest first. The log has no index for texts: it is read by number, backwards,
/// within the bounds of the query.
fn records_found(
    tx: &Transaction<'_>,
    query: &RecordQuery,
    limit: u32,
) -> Result<Vec<Record>, Fault> {
    let mut sql = "SELECT body FROM audit WHERE seq < ?1 AND seq >= ?2".to_owned();
    let before = query.before.map_or(i64::MAX, number);
    let mut values: Vec<Value> = vec![before.into(), number(query.from).into()];
    let mut one_of = |sql: &mut String, form: &str, texts: &[String]| {
        let each: Vec<String> = texts
            .iter()
            .map(|text| {
                values.push(text.clone().into());
                form.replace('?', &format!("?{}", values.len()))
            })
            .collect();
        // an empty list has no text that could be found
        let any = if each.is_empty() {
            "0".to_owned()
        } else {
            each.join(" OR ")
        };
        sql.push_str(" AND (");
        sql.push_str(&any);
        sql.push(')');
    };
    if !query.events.is_empty() {
        one_of(&mut sql, "event = ?", &query.events);
    }
    for any in &query.with {
        one_of(&mut sql, "instr(lower(body), lower(?)) > 0", any);
    }
    // writing to a String cannot fail
    let _ = write!(sql, " ORDER BY seq DESC LIMIT {limit}");
    let texts = tx
        .prepare_cached(&sql)?
        .query_map(params_from_iter(values), |row| row.get(0))?
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

    async fn records_found(
        &self,
        query: &RecordQuery,
        limit: u32,
    ) -> Result<Vec<Record>, StoreFault> {
        let query = query.clone();
        Ok(self
            .read(move |tx| records_found(tx, &query, limit))
            .await?)
    }

    async fn head(&self) -> Result<Option<Head>, StoreFault> {
        Ok(self.read(commit::head).await?)
    }

    async fn exported(&self) -> Result<u64, StoreFault> {
        Ok(self.read(exported).await?)
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

    async fn log_id(&self) -> Result<Option<LogId>, StoreFault> {
        let id: Option<String> = self
            .read(|tx| {
                Ok(tx
                    .prepare_cached("SELECT id FROM audit_log")?
                    .query_row([], |row| row.get(0))
                    .optional()?)
            })
            .await?;
        let unreadable = |fault: LogIdFault| StoreFault(format!("audit_log: {fault}"));
        id.map(|id| id.parse().map_err(unreadable)).transpose()
    }
}
