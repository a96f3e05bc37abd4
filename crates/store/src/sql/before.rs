//! A database in the schema before migration 11, for tests and measurements of that migration.

use std::path::Path;
use std::sync::PoisonError;

use hallpass_access::ReadError;

use super::{SqlStore, migrate, number};
use crate::database::{Connection, Transaction, TransactionMode};
use crate::fault::StorageFault;
use crate::packed::unpack;
use crate::rows::{account_of, instant, read_grant, read_record, read_request};

const VERSION: u32 = 10;

impl SqlStore {
    /// Writes this store's requests, grants and records to a new file in the schema before
    /// migration 11. Blocks.
    ///
    /// # Errors
    /// When reading or writing fails.
    pub fn write_as_before(&self, path: &Path) -> Result<(), ReadError> {
        let mut reader = self.reader.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(write(&mut reader, path)?)
    }
}

fn write(reader: &mut Connection, path: &Path) -> Result<(), StorageFault> {
    let from = reader.begin(TransactionMode::Read)?;
    let mut old = Connection::open(path)?;
    let to = old.begin(TransactionMode::Write)?;
    migrate::up_to(&to, VERSION)?;
    requests(&from, &to)?;
    grants(&from, &to)?;
    records(&from, &to)?;
    Ok(to.commit()?)
}

fn bodies(
    from: &Transaction<'_>,
    sql: &str,
    mut take: impl FnMut(Vec<u8>) -> Result<(), StorageFault>,
) -> Result<(), StorageFault> {
    let mut statement = from.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row.get(0)?)?;
    }
    Ok(())
}

fn requests(from: &Transaction<'_>, to: &Transaction<'_>) -> Result<(), StorageFault> {
    let mut insert = to.prepare(
        "INSERT INTO requests (id, version, state, requester, hold_key, dedupe, due, open_review, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    bodies(from, "SELECT body FROM requests ORDER BY id", |body| {
        let row = read_request(&body)?;
        insert.execute((
            row.id.to_string(),
            number(row.version),
            row.state.name(),
            row.requester.user.as_str(),
            row.key.as_ref().map(ToString::to_string),
            row.dedupe_key(),
            row.due().map(instant),
            row.has_open_review(),
            unpack(&body)?,
        ))?;
        Ok(())
    })
}

fn grants(from: &Transaction<'_>, to: &Transaction<'_>) -> Result<(), StorageFault> {
    let mut insert = to.prepare(
        "INSERT INTO grants (id, version, state, holder, hold_key, account, due, ends_at, live, stuck,
             seen_news, news, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, 0, ?12)",
    )?;
    bodies(from, "SELECT body FROM grants ORDER BY id", |body| {
        let row = read_grant(&body)?;
        insert.execute((
            row.id.to_string(),
            number(row.version),
            row.state.name(),
            row.holder.user.as_str(),
            row.key.to_string(),
            account_of(&row.key.target),
            row.due().map(instant),
            instant(row.due_to_end()),
            !row.is_over(),
            row.stuck.is_some(),
            number(row.seen_news),
            unpack(&body)?,
        ))?;
        Ok(())
    })
}

fn records(from: &Transaction<'_>, to: &Transaction<'_>) -> Result<(), StorageFault> {
    let mut insert = to.prepare(
        "INSERT INTO audit (seq, id, event, request_id, grant_id, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    bodies(from, "SELECT body FROM audit ORDER BY seq", |body| {
        let record = read_record(&body)?;
        insert.execute((
            number(record.seq()),
            record.id().to_string(),
            record.event(),
            record.text("access_request_id"),
            record.text("grant_id"),
            record.canonical(),
        ))?;
        Ok(())
    })?;
    let head = super::audit::head(from)?;
    if let Some(head) = head {
        to.prepare("INSERT INTO audit_head (only_row, seq, hash, time) VALUES (1, ?1, ?2, ?3)")?
            .execute((number(head.seq), head.hash, instant(head.time)))?;
    }
    Ok(())
}
