//! All statements pass here: connections, transactions, statements and rows, as an enum over the
//! engines.
//!
//! Each method is one `match`; engine-specific code is only in that engine's file. Statements are
//! written once, with SQLite's placeholders (`?1`, `:name`), and stay prepared. Knows nothing of
//! the stored data.

mod dialect;
mod error;
mod postgres;
mod sqlite;
mod value;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

pub use error::DatabaseError;
pub(crate) use error::{Failure, Optional};
pub(crate) use postgres::{PATIENCE, Server};
pub(crate) use value::{FromValue, OwnedValue, Params, ToValue, Value, named};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionMode {
    Read,
    /// Exclusive among writers from its start.
    Write,
    /// For a row with a single writer: on PostgreSQL it waits for no other writer.
    Row,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Nobody,
    /// This program, at any schema version.
    Us,
    Another,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintRefusal {
    /// A primary key or unique index.
    Twin,
    Trigger,
}

impl DatabaseError {
    pub(crate) fn refusal(&self) -> Option<ConstraintRefusal> {
        match self.failure() {
            Failure::Sqlite(error) => sqlite::refusal(error),
            Failure::Postgres(error) => postgres::refusal(error),
            Failure::NoRow
            | Failure::Column(_)
            | Failure::Parameter(_)
            | Failure::Step(_)
            | Failure::Stopped
            | Failure::TakenBack
            | Failure::Unconnected(_)
            | Failure::Silent(_)
            | Failure::OfAnotherEngine(_) => None,
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.failure(), Failure::Sqlite(error) if sqlite::is_busy(error))
    }

    pub(crate) fn is_full(&self) -> bool {
        match self.failure() {
            Failure::Sqlite(error) => sqlite::is_full(error),
            failure => failure.is_trouble(error::ServerTrouble::DiskFull),
        }
    }

    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self.failure(), Failure::Sqlite(error) if sqlite::is_malformed(error))
    }
}

#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<postgres::Connection>),
}

impl Connection {
    pub(crate) fn open(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open(path)?))
    }

    pub(crate) fn open_reading(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open_reading(path)?))
    }

    /// Opens another process's file, even a hung or killed one's. Never creates or writes it, and
    /// waits for its locks at most `patience`.
    pub(crate) fn open_beside(path: &Path, patience: Duration) -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open_beside(path, patience)?))
    }

    /// Opens a server session whose statements time out after `patience`. Blocks: never call it on
    /// an async thread.
    pub(crate) fn connect(server: &Arc<Server>, patience: Duration) -> Result<Self, DatabaseError> {
        let session = postgres::Connection::open(server, patience)?;
        Ok(Self::Postgres(Box::new(session)))
    }

    /// Sets the statement timeout, if the engine has one.
    pub(crate) fn be_patient_for(&mut self, patience: Duration) {
        match self {
            Self::Sqlite(_) => {}
            Self::Postgres(connection) => connection.be_patient_for(patience),
        }
    }

    pub(crate) fn open_in_memory() -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open_in_memory()?))
    }

    /// Returns the owner without writing.
    pub(crate) fn owner(&self) -> Result<Owner, DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::owner(connection)?),
            Self::Postgres(connection) => connection.owner(),
        }
    }

    /// Allows reads during writes, permanently.
    pub(crate) fn read_beside_writes(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::read_beside_writes(connection)?),
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Begins a transaction, which rolls back unless committed.
    pub(crate) fn begin(
        &mut self,
        mode: TransactionMode,
    ) -> Result<Transaction<'_>, DatabaseError> {
        self.begin_in_line(mode, Instant::now())
    }

    /// Begins for a caller queued since `asked`: the queue time counts, so that waiting behind a
    /// timed-out caller does not repeat the full timeout.
    pub(crate) fn begin_in_line(
        &mut self,
        mode: TransactionMode,
        asked: Instant,
    ) -> Result<Transaction<'_>, DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(Transaction::Sqlite(sqlite::begin(connection, mode)?)),
            Self::Postgres(connection) => Ok(Transaction::Postgres(connection.begin(mode, asked)?)),
        }
    }

    /// Keeps everything in one file from now on, so that the file can be moved alone.
    pub(crate) fn as_one_file(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::as_one_file(connection)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("one file").into()),
        }
    }

    /// Copies a consistent snapshot to a new file during writes.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::copy_to(connection, path)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("a copy in a file").into()),
        }
    }

    /// Returns the first problems of a [`copy_to`](Self::copy_to) copy.
    pub(crate) fn copy_complaints(&self, path: &Path) -> Result<Vec<String>, DatabaseError> {
        let found = match self {
            Self::Sqlite(_) => sqlite::copy_complaints(path),
            Self::Postgres(_) => return Err(Failure::OfAnotherEngine("a copy in a file").into()),
        };
        or_malformed(found.map_err(DatabaseError::from))
    }

    /// Adds one to `steps` per hundred steps of the engine.
    pub(crate) fn count_steps(&mut self, steps: Arc<AtomicU64>) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::count_steps(connection, steps)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("a count of steps").into()),
        }
    }
}

#[derive(Debug)]
pub(crate) enum Transaction<'c> {
    Sqlite(rusqlite::Transaction<'c>),
    Postgres(postgres::Transaction<'c>),
}

impl Transaction<'_> {
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'_>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(Statement::Sqlite(transaction.prepare_cached(sql)?)),
            Self::Postgres(transaction) => Ok(Statement::Postgres(transaction.prepare(sql)?)),
        }
    }

    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    pub(crate) fn execute_batch(&self, sql: &str) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.execute_batch(sql)?),
            Self::Postgres(transaction) => transaction.execute_batch(sql),
        }
    }

    pub(crate) fn own(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(sqlite::own(transaction)?),
            Self::Postgres(transaction) => transaction.own(),
        }
    }

    /// Returns structural problems found by the engine.
    pub(crate) fn complaints(&self) -> Result<Vec<String>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(sqlite::complaints(transaction)?),
            // PostgreSQL offers clients no such check
            Self::Postgres(_) => Ok(Vec::new()),
        }
    }

    /// Returns the first few problems, faster.
    pub(crate) fn first_complaints(&self) -> Result<Vec<String>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => {
                or_malformed(sqlite::first_complaints(transaction).map_err(DatabaseError::from))
            }
            Self::Postgres(_) => Ok(Vec::new()),
        }
    }

    #[cfg(test)]
    pub(crate) fn plan_of(&self, sql: &str) -> Result<Vec<String>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(sqlite::plan_of(transaction, sql)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("a plan").into()),
        }
    }

    pub(crate) fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit()?),
            Self::Postgres(transaction) => transaction.commit(),
        }
    }
}

fn or_malformed(found: Result<Vec<String>, DatabaseError>) -> Result<Vec<String>, DatabaseError> {
    match found {
        Err(error) if error.is_malformed() => Ok(vec![error.to_string()]),
        found => found,
    }
}

pub(crate) enum Statement<'t> {
    Sqlite(rusqlite::CachedStatement<'t>),
    Postgres(postgres::Statement<'t>),
}

impl Statement<'_> {
    /// Returns the number of changed rows, without those changed by triggers.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<usize, DatabaseError> {
        params.bound(|bound| match self {
            Self::Sqlite(statement) => Ok(sqlite::execute(statement, bound)?),
            Self::Postgres(statement) => statement.execute(bound),
        })
    }

    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>, DatabaseError> {
        params.bound(|bound| match self {
            Self::Sqlite(statement) => Ok(Rows::Sqlite(sqlite::query(statement, bound)?)),
            Self::Postgres(statement) => Ok(Rows::Postgres(statement.query(bound)?)),
        })
    }

    pub(crate) fn query_map<T, F>(
        &mut self,
        params: impl Params,
        read: F,
    ) -> Result<MappedRows<'_, F>, DatabaseError>
    where
        F: FnMut(&TableRow<'_>) -> Result<T, DatabaseError>,
    {
        let rows = self.query(params)?;
        Ok(MappedRows { rows, read })
    }

    /// Returns the first row through `read`; an error without one, which [`Optional::optional`]
    /// makes `None`.
    pub(crate) fn query_row<T>(
        &mut self,
        params: impl Params,
        read: impl FnOnce(&TableRow<'_>) -> Result<T, DatabaseError>,
    ) -> Result<T, DatabaseError> {
        match self.query(params)?.next()? {
            Some(row) => read(&row),
            None => Err(Failure::NoRow.into()),
        }
    }

    pub(crate) fn exists(&mut self, params: impl Params) -> Result<bool, DatabaseError> {
        Ok(self.query(params)?.next()?.is_some())
    }
}

pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres(postgres::Rows),
}

impl Rows<'_> {
    pub(crate) fn next(&mut self) -> Result<Option<TableRow<'_>>, DatabaseError> {
        match self {
            Self::Sqlite(rows) => Ok(rows.next()?.map(TableRow::Sqlite)),
            Self::Postgres(rows) => Ok(rows.next().map(TableRow::Postgres)),
        }
    }
}

pub(crate) struct MappedRows<'s, F> {
    rows: Rows<'s>,
    read: F,
}

impl<T, F: FnMut(&TableRow<'_>) -> Result<T, DatabaseError>> Iterator for MappedRows<'_, F> {
    type Item = Result<T, DatabaseError>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.rows.next() {
            Ok(row) => row.map(|row| (self.read)(&row)),
            Err(error) => Some(Err(error)),
        }
    }
}

pub(crate) enum TableRow<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl TableRow<'_> {
    pub(crate) fn value(&self, column: usize) -> Result<Value<'_>, DatabaseError> {
        match self {
            Self::Sqlite(row) => sqlite::value(row, column),
            Self::Postgres(row) => postgres::value(row, column),
        }
    }

    pub(crate) fn get<T: FromValue>(&self, column: usize) -> Result<T, DatabaseError> {
        T::from_value(self.value(column)?).ok_or_else(|| Failure::Column(column).into())
    }

    pub(crate) fn text(&self, column: usize) -> Result<&str, DatabaseError> {
        let text = self.text_or_null(column)?;
        text.ok_or_else(|| Failure::Column(column).into())
    }

    pub(crate) fn text_or_null(&self, column: usize) -> Result<Option<&str>, DatabaseError> {
        match self.value(column)? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::Integer(_) | Value::Blob(_) => Err(Failure::Column(column).into()),
        }
    }
}
