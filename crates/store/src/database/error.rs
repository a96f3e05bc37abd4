//! What databases say when they do not do as they were told.

use std::time::Duration;

use hallpass_model::with_causes;
use hallpass_postgres::ConnectError;
use tokio_postgres::error::SqlState;

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
    #[error("{}", unconnected(.0))]
    Unconnected(#[from] ConnectError),
    /// The server was waited for in vain.
    #[error(
        "the database did not answer within {0:?}: it stands still, or another session has a lock (`SELECT pid, state, query FROM pg_stat_activity`)"
    )]
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

impl Failure {
    /// Whether a PostgreSQL says that this is the matter.
    pub(super) fn is_trouble(&self, trouble: ServerTrouble) -> bool {
        matches!(self, Self::Postgres(error)
            if error.code().is_some_and(|code| trouble_of(code) == trouble))
    }
}

impl DatabaseError {
    pub(super) fn failure(&self) -> &Failure {
        &self.0
    }

    /// Whether a pooler shares the session, so that what it prepared is not there.
    pub(crate) fn is_of_shared_session(&self) -> bool {
        self.0.is_trouble(ServerTrouble::SharedSession)
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

/// Why there is no connection, and what helps where the server says why.
fn unconnected(error: &ConnectError) -> String {
    match error {
        ConnectError::Refused(refused) => said(refused),
        ConnectError::Roots(_) | ConnectError::Silent(_) | ConnectError::Password(_) => {
            with_causes(error)
        }
    }
}

/// What a server says, whole, and what helps where that is known.
fn said(error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else {
        return with_causes(error);
    };
    match trouble_of(said.code()).help() {
        "" => said.to_string(),
        help => format!("{said}: {help}"),
    }
}

/// What a server complains of, where somebody can do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerTrouble {
    DiskFull,
    TooManySessions,
    ReadOnly,
    /// A statement was waited for in vain: another session has a lock, or the server is slow.
    Waited,
    /// Statements that a session prepared are not there: it is shared.
    SharedSession,
    Other,
}

pub(super) fn trouble_of(code: &SqlState) -> ServerTrouble {
    let troubles = [
        (SqlState::DISK_FULL, ServerTrouble::DiskFull),
        (
            SqlState::TOO_MANY_CONNECTIONS,
            ServerTrouble::TooManySessions,
        ),
        (SqlState::READ_ONLY_SQL_TRANSACTION, ServerTrouble::ReadOnly),
        (SqlState::QUERY_CANCELED, ServerTrouble::Waited),
        (SqlState::LOCK_NOT_AVAILABLE, ServerTrouble::Waited),
        (
            SqlState::INVALID_SQL_STATEMENT_NAME,
            ServerTrouble::SharedSession,
        ),
        (SqlState::DUPLICATE_PSTATEMENT, ServerTrouble::SharedSession),
    ];
    let known = troubles.iter().find(|(known, _)| known == code);
    known.map_or(ServerTrouble::Other, |(_, trouble)| *trouble)
}

impl ServerTrouble {
    const fn help(self) -> &'static str {
        match self {
            Self::DiskFull => "make room on the database's disk; nothing was written",
            Self::TooManySessions => {
                "raise `max_connections` of the database, or end other sessions: a node has five, and one more for what takes minutes"
            }
            Self::ReadOnly => {
                "this is a replica: name the primary in `store.url`, or all hosts with `target_session_attrs=read-write`"
            }
            Self::Waited => {
                "another session has a lock or the database is slow: `SELECT pid, state, query FROM pg_stat_activity` shows who"
            }
            Self::SharedSession => {
                "a pooler gives this session to others between transactions: set `pool_mode = session`, or let PgBouncer 1.21 or later keep prepared statements (`max_prepared_statements`)"
            }
            Self::Other => "",
        }
    }
}
