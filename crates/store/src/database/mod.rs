//! The one room through which every statement goes: connections, transactions, statements and rows,
//! as an enum over the engines there are.
//!
//! Each method is one `match`; what an engine does in a way of its own stands in that engine's file
//! and nowhere else. Statements are written once, in SQLite's placeholders (`?1`, `:name`), and are
//! kept prepared.
//!
//! Knows nothing of what is stored.

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

/// The engines there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
}

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TransactionMode {
    /// One snapshot.
    Read,
    /// Alone among writers, from its first moment on.
    Write,
    /// Of one row that its writer alone changes: on PostgreSQL it waits for no other writer.
    Row,
}

/// Whose a database is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// There is nothing in it yet.
    Nobody,
    /// This program's, whatever its schema's version.
    Us,
    /// Another program's.
    Another,
}

/// Which kind of constraint refused a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConstraintRefusal {
    /// A primary key or unique index.
    Twin,
    /// A trigger.
    Trigger,
}

impl DatabaseError {
    /// The constraint that refused a write, if that is what happened.
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

    /// Whether somebody else has the database at this moment.
    pub(crate) fn is_busy(&self) -> bool {
        matches!(self.failure(), Failure::Sqlite(error) if sqlite::is_busy(error))
    }

    /// Whether the disk has no room for what was to be written.
    pub(crate) fn is_full(&self) -> bool {
        match self.failure() {
            Failure::Sqlite(error) => sqlite::is_full(error),
            failure => failure.is_trouble(error::ServerTrouble::DiskFull),
        }
    }

    /// Whether the file of the database is damaged.
    pub(crate) fn is_malformed(&self) -> bool {
        matches!(self.failure(), Failure::Sqlite(error) if sqlite::is_malformed(error))
    }
}

/// A connection to a database.
#[derive(Debug)]
pub(crate) enum Connection {
    Sqlite(rusqlite::Connection),
    Postgres(Box<postgres::Connection>),
}

impl Connection {
    /// Opens or makes a file.
    pub(crate) fn open(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open(path)?))
    }

    /// Opens a file that is there for reading.
    pub(crate) fn open_reading(path: &Path) -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open_reading(path)?))
    }

    /// Opens a file that another process writes, hangs on or was killed over; it is not made when it
    /// is gone, nothing is ever written to it, and its locks are waited for no longer than `patience`.
    pub(crate) fn open_beside(path: &Path, patience: Duration) -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open_beside(path, patience)?))
    }

    /// A session at a server, whose statements may take as long as `patience`. Blocks, and not where
    /// asynchronous work is driven.
    pub(crate) fn connect(server: &Arc<Server>, patience: Duration) -> Result<Self, DatabaseError> {
        let session = postgres::Connection::open(server, patience)?;
        Ok(Self::Postgres(Box::new(session)))
    }

    /// From now on statements may take as long as this, where the engine has a limit at all.
    pub(crate) fn be_patient_for(&mut self, patience: Duration) {
        match self {
            // a file is not waited for
            Self::Sqlite(_) => {}
            Self::Postgres(connection) => connection.be_patient_for(patience),
        }
    }

    /// A database that is gone with its connection.
    pub(crate) fn open_in_memory() -> Result<Self, DatabaseError> {
        Ok(Self::Sqlite(sqlite::open_in_memory()?))
    }

    /// Whose it is. Nothing is written.
    pub(crate) fn owner(&self) -> Result<Owner, DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::owner(connection)?),
            Self::Postgres(connection) => connection.owner(),
        }
    }

    /// Lets others read while one writes, from now on and for whoever opens it.
    pub(crate) fn read_beside_writes(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::read_beside_writes(connection)?),
            // they do
            Self::Postgres(_) => Ok(()),
        }
    }

    /// Begins; what is not committed is taken back.
    pub(crate) fn begin(
        &mut self,
        mode: TransactionMode,
    ) -> Result<Transaction<'_>, DatabaseError> {
        self.begin_in_line(mode, Instant::now())
    }

    /// The same for whoever has stood in line for this connection since `asked`: who waited behind somebody who waited for
    /// the database in vain is not made to wait as long again.
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

    /// Keeps nothing beside the file from now on: whoever carries it away has all of it.
    pub(crate) fn as_one_file(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::as_one_file(connection)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("one file").into()),
        }
    }

    /// Copies one instant of the whole to a new file, while others write.
    pub(crate) fn copy_to(&self, path: &Path) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::copy_to(connection, path)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("a copy in a file").into()),
        }
    }

    /// What is wrong in a copy that [`copy_to`](Self::copy_to) made, as far as the first few complaints.
    pub(crate) fn copy_complaints(&self, path: &Path) -> Result<Vec<String>, DatabaseError> {
        let found = match self {
            Self::Sqlite(_) => sqlite::copy_complaints(path),
            Self::Postgres(_) => return Err(Failure::OfAnotherEngine("a copy in a file").into()),
        };
        or_malformed(found.map_err(DatabaseError::from))
    }

    /// Adds one to `steps` for every hundred steps of the engine's own machine.
    pub(crate) fn count_steps(&mut self, steps: Arc<AtomicU64>) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(connection) => Ok(sqlite::count_steps(connection, steps)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("a count of steps").into()),
        }
    }
}

/// A transaction, taken back when it is dropped.
#[derive(Debug)]
pub(crate) enum Transaction<'c> {
    Sqlite(rusqlite::Transaction<'c>),
    Postgres(postgres::Transaction<'c>),
}

impl Transaction<'_> {
    /// A statement, prepared now or before.
    pub(crate) fn prepare(&self, sql: &str) -> Result<Statement<'_>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(Statement::Sqlite(transaction.prepare_cached(sql)?)),
            Self::Postgres(transaction) => Ok(Statement::Postgres(transaction.prepare(sql)?)),
        }
    }

    /// Which engine it is one of: for the few things that no statement says to all of them.
    pub(crate) const fn engine(&self) -> Engine {
        match self {
            Self::Sqlite(_) => Engine::Sqlite,
            Self::Postgres(_) => Engine::Postgres,
        }
    }

    /// Statements of a migration without parameters, one after the other.
    pub(crate) fn execute_batch(&self, sql: &str) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.execute_batch(sql)?),
            Self::Postgres(transaction) => transaction.execute_batch(sql),
        }
    }

    /// Makes the database one of ours.
    pub(crate) fn own(&self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(sqlite::own(transaction)?),
            Self::Postgres(transaction) => transaction.own(),
        }
    }

    /// What the engine finds wrong in the database's own structure: nothing, if all is well.
    pub(crate) fn complaints(&self) -> Result<Vec<String>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(sqlite::complaints(transaction)?),
            // it has none that a client could ask for
            Self::Postgres(_) => Ok(Vec::new()),
        }
    }

    /// The first few of these complaints, found in less time.
    pub(crate) fn first_complaints(&self) -> Result<Vec<String>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => {
                or_malformed(sqlite::first_complaints(transaction).map_err(DatabaseError::from))
            }
            Self::Postgres(_) => Ok(Vec::new()),
        }
    }

    /// How the engine would answer a query, a line for each of its steps.
    #[cfg(test)]
    pub(crate) fn plan_of(&self, sql: &str) -> Result<Vec<String>, DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(sqlite::plan_of(transaction, sql)?),
            Self::Postgres(_) => Err(Failure::OfAnotherEngine("a plan").into()),
        }
    }

    /// Keeps what was written.
    pub(crate) fn commit(self) -> Result<(), DatabaseError> {
        match self {
            Self::Sqlite(transaction) => Ok(transaction.commit()?),
            Self::Postgres(transaction) => transaction.commit(),
        }
    }
}

/// A file that cannot be checked because it is damaged is a complaint.
fn or_malformed(found: Result<Vec<String>, DatabaseError>) -> Result<Vec<String>, DatabaseError> {
    match found {
        Err(error) if error.is_malformed() => Ok(vec![error.to_string()]),
        found => found,
    }
}

/// A prepared statement.
pub(crate) enum Statement<'t> {
    Sqlite(rusqlite::CachedStatement<'t>),
    Postgres(postgres::Statement<'t>),
}

impl Statement<'_> {
    /// Runs it, and says how many rows it changed; those that triggers changed are not counted.
    pub(crate) fn execute(&mut self, params: impl Params) -> Result<usize, DatabaseError> {
        params.bound(|bound| match self {
            Self::Sqlite(statement) => Ok(sqlite::execute(statement, bound)?),
            Self::Postgres(statement) => statement.execute(bound),
        })
    }

    /// Runs it, for what it finds.
    pub(crate) fn query(&mut self, params: impl Params) -> Result<Rows<'_>, DatabaseError> {
        params.bound(|bound| match self {
            Self::Sqlite(statement) => Ok(Rows::Sqlite(sqlite::query(statement, bound)?)),
            Self::Postgres(statement) => Ok(Rows::Postgres(statement.query(bound)?)),
        })
    }

    /// What it finds, each row through `read`.
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

    /// The first row it finds, through `read`; an error when there is none, which
    /// [`Optional::optional`] makes `None`.
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

    /// Whether it finds anything.
    pub(crate) fn exists(&mut self, params: impl Params) -> Result<bool, DatabaseError> {
        Ok(self.query(params)?.next()?.is_some())
    }
}

/// Rows as they are found.
pub(crate) enum Rows<'s> {
    Sqlite(rusqlite::Rows<'s>),
    Postgres(postgres::Rows),
}

impl Rows<'_> {
    /// The next, if there is one.
    pub(crate) fn next(&mut self) -> Result<Option<TableRow<'_>>, DatabaseError> {
        match self {
            Self::Sqlite(rows) => Ok(rows.next()?.map(TableRow::Sqlite)),
            Self::Postgres(rows) => Ok(rows.next().map(TableRow::Postgres)),
        }
    }
}

/// Rows, each read as it is found.
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

/// A row that was found.
pub(crate) enum TableRow<'r> {
    Sqlite(&'r rusqlite::Row<'r>),
    Postgres(&'r tokio_postgres::Row),
}

impl TableRow<'_> {
    /// The value of a column, counted from 0.
    pub(crate) fn value(&self, column: usize) -> Result<Value<'_>, DatabaseError> {
        match self {
            Self::Sqlite(row) => sqlite::value(row, column),
            Self::Postgres(row) => postgres::value(row, column),
        }
    }

    /// A column, as whoever asks needs it.
    pub(crate) fn get<T: FromValue>(&self, column: usize) -> Result<T, DatabaseError> {
        T::from_value(self.value(column)?).ok_or_else(|| Failure::Column(column).into())
    }

    /// A column of text, where it lies.
    pub(crate) fn text(&self, column: usize) -> Result<&str, DatabaseError> {
        let text = self.text_or_null(column)?;
        text.ok_or_else(|| Failure::Column(column).into())
    }

    /// A column of text or nothing, where it lies.
    pub(crate) fn text_or_null(&self, column: usize) -> Result<Option<&str>, DatabaseError> {
        match self.value(column)? {
            Value::Text(text) => Ok(Some(text)),
            Value::Null => Ok(None),
            Value::Integer(_) | Value::Blob(_) => Err(Failure::Column(column).into()),
        }
    }
}
