//! The schema: laid out in an empty database, checked on every open. Another version is refused.

use std::fmt::{Display, Write as _};

use aws_lc_rs::digest;

use hallpass_access::{GrantStateKind, RequestStateKind, SweepState};

use super::open_error::OpenError;
use super::search;
use crate::database::{
    Connection, DatabaseError, Engine, Optional as _, Owner, Transaction, TransactionMode,
};

/// The version of [`SCHEMA`].
pub(super) const VERSION: u32 = 1;

/// The tables of both engines, in the words of SQLite.
const SCHEMA: &str = include_str!("schema.sql");

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version  INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT";

/// The version of a database.
pub(super) fn version_of(tx: &Transaction<'_>) -> Result<u32, DatabaseError> {
    tx.prepare("SELECT coalesce(max(version), 0) FROM schema_migrations")?
        .query_row([], |row| row.get(0))
}

/// Refuses a database with tables of another program, before anything is written to it.
pub(super) fn refuse_foreign(
    connection: &Connection,
    store: &str,
    unusable: &impl Fn(DatabaseError) -> OpenError,
) -> Result<Owner, OpenError> {
    match connection.owner().map_err(unusable)? {
        owner @ (Owner::Nobody | Owner::Us) => Ok(owner),
        Owner::Another => Err(OpenError::Foreign {
            store: store.to_owned(),
        }),
    }
}

/// Refuses a database of another schema. Writes nothing.
pub(super) fn check(
    connection: &mut Connection,
    store: &str,
    unusable: &impl Fn(DatabaseError) -> OpenError,
) -> Result<(), OpenError> {
    let transaction = connection.begin(TransactionMode::Read).map_err(unusable)?;
    let found = found(&transaction).map_err(unusable)?;
    ensure_same(found.unwrap_or_default(), store)
}

/// Lays out an empty database, in one transaction. Another process may have done it meanwhile.
pub(super) fn lay_out(
    connection: &mut Connection,
    store: &str,
    unusable: &impl Fn(DatabaseError) -> OpenError,
) -> Result<(), OpenError> {
    let transaction = connection.begin(TransactionMode::Write).map_err(unusable)?;
    transaction.execute_batch(HISTORY).map_err(unusable)?;
    if let Some(found) = found(&transaction).map_err(unusable)? {
        return ensure_same(found, store);
    }
    make(&transaction)
        .and_then(|()| transaction.commit())
        .map_err(unusable)
}

fn make(transaction: &Transaction<'_>) -> Result<(), DatabaseError> {
    transaction.own()?;
    transaction.execute_batch(SCHEMA)?;
    transaction.execute_batch(match transaction.engine() {
        Engine::Sqlite => search::SQLITE_TABLE,
        Engine::Postgres => search::POSTGRES_TABLE,
    })?;
    for (table, prior, next) in steps() {
        transaction
            .prepare(&format!(
                "INSERT INTO {table} (prior, next) VALUES (?1, ?2)"
            ))?
            .execute((prior, next))?;
    }
    transaction
        .prepare("INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)")?
        .execute((VERSION, "schema", checksum()))?;
    Ok(())
}

/// The newest version of a database and its checksum; none before the layout.
fn found(tx: &Transaction<'_>) -> Result<Option<(u32, String)>, DatabaseError> {
    tx.prepare("SELECT version, checksum FROM schema_migrations ORDER BY version DESC LIMIT 1")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

fn ensure_same((found, sum): (u32, String), store: &str) -> Result<(), OpenError> {
    if found != VERSION {
        return Err(OpenError::OtherVersion {
            store: store.to_owned(),
            found,
            known: VERSION,
        });
    }
    if sum != checksum() {
        return Err(OpenError::OtherForm {
            store: store.to_owned(),
            version: VERSION,
        });
    }
    Ok(())
}

/// Every legal step of the state machines: its table, the state before and the state after.
fn steps() -> Vec<(&'static str, String, String)> {
    let mut all = Vec::new();
    add_steps(&mut all, "request_steps", RequestStateKind::STEPS);
    add_steps(&mut all, "grant_steps", GrantStateKind::STEPS);
    add_steps(&mut all, "sweep_steps", SweepState::STEPS);
    all
}

fn add_steps(
    all: &mut Vec<(&'static str, String, String)>,
    table: &'static str,
    steps: &[(impl Display, impl Display)],
) {
    all.extend(
        steps
            .iter()
            .map(|(prior, next)| (table, prior.to_string(), next.to_string())),
    );
}

/// Lower-case hex SHA-256 of the schema and the steps, independent of the line ends of a checkout.
fn checksum() -> String {
    let mut text = SCHEMA.replace("\r\n", "\n");
    for (table, prior, next) in steps() {
        // into a string, which never fails
        let _ = writeln!(text, "{table} {prior} {next}");
    }
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}
