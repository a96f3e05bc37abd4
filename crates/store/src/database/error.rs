//! Database errors.

use std::time::Duration;

use crate::postgres::ConnectError;
use hallpass_base::with_causes;
use tokio_postgres::error::SqlState;

#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct DatabaseError(Failure);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[error("{}", said(.0))]
    Postgres(#[from] tokio_postgres::Error),
    #[error("{}", unconnected(.0))]
    Unconnected(#[from] ConnectError),
    #[error(
        "the database did not answer within {0:?}: it hangs, or another session has a lock (`SELECT pid, \
         state, query FROM pg_stat_activity`)"
    )]
    Silent(Duration),
    #[error("the query found no row")]
    NoRow,
    #[error("column {0} holds a value of another kind")]
    Column(usize),
    #[error("the statement has no value for `{0}` (this is a bug)")]
    Parameter(String),
    #[error("the connection to the database is closed")]
    Stopped,
    /// A statement failed, and its transaction with it.
    #[error("the transaction was taken back by the database")]
    TakenBack,
    #[error("PostgreSQL makes no {0}")]
    OfAnotherEngine(&'static str),
    #[error("{0}")]
    Step(String),
}

impl Failure {
    pub(super) fn is_trouble(&self, trouble: ServerTrouble) -> bool {
        matches!(self, Self::Postgres(error)
            if error.code().is_some_and(|code| trouble_of(code) == trouble))
    }
}

impl DatabaseError {
    pub(super) fn failure(&self) -> &Failure {
        &self.0
    }

    /// Returns whether a pooler shares the session, so that prepared statements are missing.
    pub(crate) fn is_of_shared_session(&self) -> bool {
        self.0.is_trouble(ServerTrouble::SharedSession)
    }
}

impl<E: Into<Failure>> From<E> for DatabaseError {
    fn from(failure: E) -> Self {
        Self(failure.into())
    }
}

pub(crate) trait Optional<T> {
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

/// Describes a failed connection, with a remedy if the server's error suggests one.
fn unconnected(error: &ConnectError) -> String {
    match error {
        ConnectError::Refused(refused) => said(refused),
        ConnectError::Roots(_) | ConnectError::Silent(_) | ConnectError::Password(_) => {
            with_causes(error)
        }
    }
}

fn said(error: &tokio_postgres::Error) -> String {
    let Some(said) = error.as_db_error() else {
        return with_causes(error);
    };
    match trouble_of(said.code()).help() {
        "" => said.to_string(),
        help => format!("{said}: {help}"),
    }
}

/// Server problems that an operator can fix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerTrouble {
    DiskFull,
    TooManySessions,
    ReadOnly,
    /// A statement timed out: another session has a lock, or the server is slow.
    Waited,
    /// Prepared statements are missing: the session is shared.
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
