//! What databases say when they do not do as they were told.

use std::time::Duration;

use hallpass_model::with_causes;
use hallpass_postgres::ConnectError;

/// What the database says. Its text is the engine's own.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(Failure);

/// The same, for those inside.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// SQLite's own.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// PostgreSQL's own.
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    /// There is no connection.
    #[error("{}", with_causes(.0))]
    Unconnected(#[from] ConnectError),
    /// The server was waited for in vain.
    #[error("the database did not answer within {0:?}")]
    Silent(Duration),
    /// A row was looked for that is not there.
    #[error("the query found no row")]
    NoRow,
    /// A column holds what whoever reads it cannot take.
    #[error("column {0} holds a value of another kind")]
    Column(usize),
    /// A statement is run without a value for one of its parameters.
    #[error("the statement has no value for `{0}` (this is a bug)")]
    Parameter(String),
    /// The store is being closed.
    #[error("the connection to the database is closed")]
    Stopped,
    /// A statement failed, and with it all that was written beside it.
    #[error("the transaction was taken back by the database")]
    TakenBack,
    /// What this engine does not have.
    #[error("PostgreSQL makes no {0}")]
    OfAnotherEngine(&'static str),
    /// A part of a migration in Rust failed.
    #[error("{0}")]
    Step(String),
}

impl DatabaseError {
    pub(super) fn failure(&self) -> &Failure {
        &self.0
    }
}

impl<E: Into<Failure>> From<E> for DatabaseError {
    fn from(failure: E) -> Self {
        Self(failure.into())
    }
}

/// One row or none.
pub(crate) trait Optional<T> {
    /// `None` where no row was found.
    fn optional(self) -> Result<Option<T>, DatabaseError>;
}

impl<T> Optional<T> for Result<T, DatabaseError> {
    fn optional(self) -> Result<Option<T>, DatabaseError> {
        match self {
            Ok(value) => Ok(Some(value)),
            Err(DatabaseError(Failure::NoRow)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// What a server says, whole.
fn said(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(said) => said.to_string(),
        None => with_causes(error),
    }
}
