//! SQLite specifics.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, Row, Rows, Statement, ToSql, Transaction,
    TransactionBehavior, params_from_iter,
};

use super::error::{DatabaseError, Failure};
use super::value::{Bound, Value};
use super::{ConstraintRefusal, Owner, TransactionMode};

/// How long a call waits for another writer of the same file.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Cached statements per connection; there are about eighty.
const STATEMENTS_KEPT: usize = 128;
/// Set in each Hallpass file (`PRAGMA application_id`): `hall`.
const APPLICATION_ID: i64 = 0x6861_6c6c;
/// Pages copied between checks for other writers; 4 KiB each.
const BACKUP_PAGES: std::ffi::c_int = 4_096;
const STEPS_COUNTED: std::ffi::c_int = 100;

pub(super) fn open(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open(path)?;
    configure(&connection)?;
    Ok(connection)
}

pub(super) fn open_in_memory() -> Result<Connection, rusqlite::Error> {
    let connection = Connection::open_in_memory()?;
    configure(&connection)?;
    Ok(connection)
}

pub(super) fn open_reading(path: &Path) -> Result<Connection, rusqlite::Error> {
    let connection = open(path)?;
    connection.pragma_update(None, "query_only", true)?;
    Ok(connection)
}

pub(super) fn open_beside(path: &Path, patience: Duration) -> Result<Connection, rusqlite::Error> {
    // never created or written: the server may be in the middle of a change
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(patience)?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.pragma_update(None, "synchronous", "full")?;
    // sorting and undo need no file, so no descriptor that might be unavailable
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)
}

pub(super) fn read_beside_writes(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "journal_mode", "wal")
}

pub(super) fn owner(connection: &Connection) -> Result<Owner, rusqlite::Error> {
    let application: i64 =
        connection.pragma_query_value(None, "application_id", |row| row.get(0))?;
    if application == APPLICATION_ID {
        return Ok(Owner::Us);
    }
    let objects: i64 =
        connection.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))?;
    Ok(if objects == 0 && application == 0 {
        Owner::Nobody
    } else {
        Owner::Another
    })
}

pub(super) fn own(transaction: &Transaction<'_>) -> Result<(), rusqlite::Error> {
    transaction.pragma_update(None, "application_id", APPLICATION_ID)
}

pub(super) fn begin(
    connection: &mut Connection,
    mode: TransactionMode,
) -> Result<Transaction<'_>, rusqlite::Error> {
    connection.transaction_with_behavior(match mode {
        TransactionMode::Read => TransactionBehavior::Deferred,
        TransactionMode::Write | TransactionMode::Row => TransactionBehavior::Immediate,
    })
}

pub(super) fn copy_to(source: &Connection, path: &Path) -> Result<(), rusqlite::Error> {
    let mut target = Connection::open(path)?;
    Backup::new(source, &mut target)?.run_to_completion(BACKUP_PAGES, Duration::ZERO, None)?;
    as_one_file(&target)
}

pub(super) fn as_one_file(connection: &Connection) -> Result<(), rusqlite::Error> {
    connection.pragma_update(None, "journal_mode", "delete")
}

pub(super) fn complaints(transaction: &Transaction<'_>) -> Result<Vec<String>, rusqlite::Error> {
    pragma_complaints(transaction, "PRAGMA integrity_check")
}

/// Skips the comparison of indexes with tables, which takes longest; returns the first few.
pub(super) fn first_complaints(connection: &Connection) -> Result<Vec<String>, rusqlite::Error> {
    pragma_complaints(connection, "PRAGMA quick_check(5)")
}

pub(super) fn copy_complaints(path: &Path) -> Result<Vec<String>, rusqlite::Error> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    pragma_complaints(&connection, "PRAGMA integrity_check(5)")
}

fn pragma_complaints(connection: &Connection, sql: &str) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = connection.prepare(sql)?;
    let lines = statement.query_map([], |row| row.get(0))?;
    let mut complaints = lines.collect::<Result<Vec<String>, _>>()?;
    complaints.retain(|line| line != "ok");
    Ok(complaints)
}

#[cfg(test)]
pub(super) fn plan_of(
    transaction: &Transaction<'_>,
    sql: &str,
) -> Result<Vec<String>, rusqlite::Error> {
    let mut statement = transaction.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    let mut rows = statement.raw_query();
    let mut lines = Vec::new();
    while let Some(row) = rows.next()? {
        lines.push(row.get(3)?);
    }
    Ok(lines)
}

pub(super) fn count_steps(
    connection: &mut Connection,
    steps: Arc<AtomicU64>,
) -> Result<(), rusqlite::Error> {
    let count = move || {
        steps.fetch_add(1, Ordering::Relaxed);
        false
    };
    connection.progress_handler(STEPS_COUNTED, Some(count))
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match *self {
            Value::Null => ValueRef::Null,
            Value::Integer(number) => ValueRef::Integer(number),
            Value::Text(text) => ValueRef::Text(text.as_bytes()),
            Value::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

pub(super) fn execute(
    statement: &mut Statement<'_>,
    bound: Bound<'_>,
) -> Result<usize, rusqlite::Error> {
    match bound {
        Bound::InOrder(values) => statement.execute(params_from_iter(values)),
        Bound::Named(values) => statement.execute(values),
    }
}

pub(super) fn query<'s>(
    statement: &'s mut Statement<'_>,
    bound: Bound<'_>,
) -> Result<Rows<'s>, rusqlite::Error> {
    match bound {
        Bound::InOrder(values) => statement.query(params_from_iter(values)),
        Bound::Named(values) => statement.query(values),
    }
}

pub(super) fn value<'r>(row: &'r Row<'_>, column: usize) -> Result<Value<'r>, DatabaseError> {
    match row.get_ref(column)? {
        ValueRef::Null => Ok(Value::Null),
        ValueRef::Integer(number) => Ok(Value::Integer(number)),
        ValueRef::Text(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Value::Text(text)),
            Err(error) => Err(rusqlite::Error::Utf8Error(column, error).into()),
        },
        ValueRef::Blob(bytes) => Ok(Value::Blob(bytes)),
        ValueRef::Real(_) => Err(Failure::Column(column).into()),
    }
}

pub(super) fn refusal(error: &rusqlite::Error) -> Option<ConstraintRefusal> {
    match error.sqlite_error()?.extended_code {
        rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE | rusqlite::ffi::SQLITE_CONSTRAINT_PRIMARYKEY => {
            Some(ConstraintRefusal::Twin)
        }
        rusqlite::ffi::SQLITE_CONSTRAINT_TRIGGER => Some(ConstraintRefusal::Trigger),
        _ => None,
    }
}

/// Returns whether the disk is full. SQLite has other codes for the write-ahead log's index, for a
/// disk quota (`EDQUOT`) and for a disk that reports it late.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_FSYNC, SQLITE_IOERR_SHMSIZE, SQLITE_IOERR_WRITE};
    error.sqlite_error().is_some_and(|error| {
        error.code == ErrorCode::DiskFull
            || matches!(
                error.extended_code,
                SQLITE_IOERR_SHMSIZE | SQLITE_IOERR_WRITE | SQLITE_IOERR_FSYNC
            )
    })
}

pub(super) fn is_malformed(error: &rusqlite::Error) -> bool {
    let code = error.sqlite_error_code();
    code == Some(ErrorCode::DatabaseCorrupt) || code == Some(ErrorCode::NotADatabase)
}

pub(super) fn is_busy(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
}
