//! The schema: numbered, embedded, forward only, checked on every open.

use std::fmt::Display;
use std::time::{Duration, Instant};

use aws_lc_rs::digest;

use hallpass_access::{GrantStateKind, RequestStateKind, SweepState};

use super::open_error::OpenError;
use super::{plans, relay, search};
use crate::database::{Connection, DatabaseError, Engine, Owner, Transaction, TransactionMode};

/// A schema step. Never changed once released.
struct Migration {
    version: u32,
    name: &'static str,
    sql: &'static str,
    /// Runs where the SQL text has [`ROWS_ARE_COPIED`].
    then: Option<MigrationStep>,
}

/// A migration step in Rust. Deterministic: equal files stay equal.
type MigrationStep = fn(&Transaction<'_>) -> Result<(), DatabaseError>;

const ROWS_ARE_COPIED: &str = "-- Here the rows are copied.";

const MIGRATIONS: &[Migration] = &[
    Migration {
        version: 1,
        name: "first_tables",
        sql: include_str!("../../migrations/0001_first_tables.sql"),
        then: None,
    },
    Migration {
        version: 2,
        name: "outbox_per_channel",
        sql: include_str!("../../migrations/0002_outbox_per_channel.sql"),
        then: None,
    },
    Migration {
        version: 3,
        name: "sessions",
        sql: include_str!("../../migrations/0003_sessions.sql"),
        then: None,
    },
    Migration {
        version: 4,
        name: "open_reviews",
        sql: include_str!("../../migrations/0004_open_reviews.sql"),
        then: None,
    },
    Migration {
        version: 5,
        name: "plans",
        sql: include_str!("../../migrations/0005_plans.sql"),
        then: None,
    },
    Migration {
        version: 6,
        name: "session_cuts",
        sql: include_str!("../../migrations/0006_session_cuts.sql"),
        then: None,
    },
    Migration {
        version: 7,
        name: "lines",
        sql: include_str!("../../migrations/0007_lines.sql"),
        then: None,
    },
    Migration {
        version: 8,
        name: "sweeps",
        sql: include_str!("../../migrations/0008_sweeps.sql"),
        then: None,
    },
    Migration {
        version: 9,
        name: "log_id",
        sql: include_str!("../../migrations/0009_log_id.sql"),
        then: None,
    },
    Migration {
        version: 10,
        name: "identity",
        sql: include_str!("../../migrations/0010_identity.sql"),
        then: None,
    },
    Migration {
        version: 11,
        name: "bounded",
        sql: include_str!("../../migrations/0011_bounded.sql"),
        then: Some(relay::copy),
    },
    Migration {
        version: 12,
        name: "alerts",
        sql: include_str!("../../migrations/0012_alerts.sql"),
        then: None,
    },
    Migration {
        version: 13,
        name: "events",
        sql: include_str!("../../migrations/0013_events.sql"),
        then: None,
    },
    Migration {
        version: 14,
        name: "remediations",
        sql: include_str!("../../migrations/0014_remediations.sql"),
        then: None,
    },
    Migration {
        version: 16,
        name: "pci",
        sql: include_str!("../../migrations/0016_pci.sql"),
        then: None,
    },
    Migration {
        version: 17,
        name: "step_news",
        sql: include_str!("../../migrations/0017_step_news.sql"),
        then: None,
    },
    Migration {
        version: 19,
        name: "standards_visits",
        sql: include_str!("../../migrations/0019_standards_visits.sql"),
        then: None,
    },
    Migration {
        version: 20,
        name: "queued_sweeps",
        sql: include_str!("../../migrations/0020_queued_sweeps.sql"),
        then: None,
    },
    Migration {
        version: 22,
        name: "standards_modes",
        sql: include_str!("../../migrations/0022_standards_modes.sql"),
        then: None,
    },
    Migration {
        version: 23,
        name: "armed_ends",
        sql: include_str!("../../migrations/0023_armed_ends.sql"),
        then: None,
    },
    Migration {
        version: 24,
        name: "leader",
        sql: include_str!("../../migrations/0024_leader.sql"),
        then: None,
    },
    Migration {
        version: 25,
        name: "group_sync",
        sql: include_str!("../../migrations/0025_group_sync.sql"),
        then: None,
    },
    Migration {
        version: 26,
        name: "lines_of_thousands",
        sql: include_str!("../../migrations/0026_lines_of_thousands.sql"),
        then: None,
    },
    Migration {
        version: 27,
        name: "kinds_of_plans",
        sql: include_str!("../../migrations/0027_kinds_of_plans.sql"),
        then: Some(plans::give_kinds),
    },
    Migration {
        version: 29,
        name: "turns",
        sql: include_str!("../../migrations/0029_turns.sql"),
        then: None,
    },
    Migration {
        version: 30,
        name: "quotas",
        sql: include_str!("../../migrations/0030_quotas.sql"),
        then: None,
    },
];

/// Migrating older files rewrites the layout, which leaves much unused space.
const RELAID: usize = 11;

const HISTORY: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
    version  INTEGER PRIMARY KEY,
    name     TEXT NOT NULL,
    checksum TEXT NOT NULL
) STRICT";

pub(super) fn known_version() -> u32 {
    MIGRATIONS.iter().map(|it| it.version).max().unwrap_or(0)
}

pub(super) fn version_of(tx: &Transaction<'_>) -> Result<u32, DatabaseError> {
    tx.prepare("SELECT coalesce(max(version), 0) FROM schema_migrations")?
        .query_row([], |row| row.get(0))
}

/// Refuses a file with foreign tables before writing; returns the owner.
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

/// Refuses Hallpass databases of another release without writing: their server may be running.
pub(super) fn refuse_older(
    connection: &mut Connection,
    store: &str,
    unusable: &impl Fn(DatabaseError) -> OpenError,
) -> Result<(), OpenError> {
    let transaction = connection.begin(TransactionMode::Read).map_err(unusable)?;
    let done = applied(&transaction).map_err(unusable)?;
    check_history(&done, store)?;
    let found = done.last().map_or(0, |newest| newest.version);
    if found < known_version() {
        return Err(OpenError::Older {
            store: store.to_owned(),
            found,
            known: known_version(),
        });
    }
    Ok(())
}

/// Timeout of a migration, and of waiting for another node's.
pub(super) const PATIENCE_MAX: Duration = Duration::from_mins(10);
/// Timeout for table locks of a PostgreSQL migration, such as a backup's. Other sessions queue
/// behind it for this long.
const TABLE_PATIENCE: &str = "SET LOCAL lock_timeout = '3s'";
/// Pause between attempts, for other sessions.
const TABLE_PAUSE: Duration = Duration::from_secs(3);

/// Checks applied migrations and applies the rest, in one transaction. For a locked table it pauses
/// and retries until [`PATIENCE_MAX`].
pub(super) fn bring_up_to_date(
    connection: &mut Connection,
    store: &str,
    unusable: &impl Fn(DatabaseError) -> OpenError,
) -> Result<(), OpenError> {
    patiently(|| bring_up(connection, store, unusable), OpenError::waited)
}

fn patiently<E: Display>(
    mut work: impl FnMut() -> Result<(), E>,
    waited: impl Fn(&E) -> bool,
) -> Result<(), E> {
    let until = Instant::now() + PATIENCE_MAX;
    loop {
        match work() {
            Err(error) if waited(&error) && Instant::now() < until => {
                tracing::warn!(error = %error, "the database needs a migration, and another session locks a \
                                                table: trying again");
                std::thread::sleep(TABLE_PAUSE);
            }
            done => return done,
        }
    }
}

fn begin(connection: &mut Connection) -> Result<Transaction<'_>, DatabaseError> {
    let transaction = connection.begin(TransactionMode::Write)?;
    match transaction.engine() {
        Engine::Postgres => transaction.execute_batch(TABLE_PATIENCE)?,
        Engine::Sqlite => {}
    }
    Ok(transaction)
}

fn bring_up(
    connection: &mut Connection,
    store: &str,
    unusable: &impl Fn(DatabaseError) -> OpenError,
) -> Result<(), OpenError> {
    let transaction = begin(connection).map_err(unusable)?;
    transaction.own().map_err(unusable)?;
    transaction.execute_batch(HISTORY).map_err(unusable)?;
    let done = applied(&transaction).map_err(unusable)?;
    check_history(&done, store)?;
    let was_relaid = done.len() < RELAID && !done.is_empty();
    match transaction.engine() {
        Engine::Postgres if done.is_empty() => lay_out(&transaction).map_err(unusable)?,
        Engine::Sqlite | Engine::Postgres => apply_from(&transaction, done.len(), store)?,
    }
    fill_steps(&transaction, "request_steps", RequestStateKind::STEPS).map_err(unusable)?;
    fill_steps(&transaction, "grant_steps", GrantStateKind::STEPS).map_err(unusable)?;
    fill_steps(&transaction, "sweep_steps", SweepState::STEPS).map_err(unusable)?;
    transaction.commit().map_err(unusable)?;
    if was_relaid {
        // CRASH: without this the file is valid, only larger; the same where the disk has no space
        // for a second copy
        drop(connection.compact());
    }
    Ok(())
}

fn apply_from(transaction: &Transaction<'_>, first: usize, store: &str) -> Result<(), OpenError> {
    for migration in MIGRATIONS.iter().skip(first) {
        apply(transaction, migration).map_err(|source| OpenError::Migration {
            store: store.to_owned(),
            version: migration.version,
            name: migration.name,
            source,
        })?;
    }
    Ok(())
}

/// Gives an empty PostgreSQL database the schema of SQLite's last migration: no earlier rows exist.
fn lay_out(transaction: &Transaction<'_>) -> Result<(), DatabaseError> {
    let mut model = Connection::open_in_memory()?;
    let model = model.begin(TransactionMode::Write)?;
    model.execute_batch(HISTORY)?;
    for migration in MIGRATIONS {
        apply(&model, migration)?;
    }
    let statements = model
        .prepare(
            "SELECT sql FROM sqlite_schema
             WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite%' AND name <> 'schema_migrations'
                 AND tbl_name NOT LIKE 'audit_search%'
             ORDER BY type = 'trigger', type = 'index', rowid",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    transaction.execute_batch(&statements.join(";\n"))?;
    transaction.execute_batch(search::POSTGRES_TABLE)?;
    for migration in MIGRATIONS {
        remember(transaction, migration)?;
    }
    Ok(())
}

pub(super) fn as_later(
    connection: &mut Connection,
    version: u32,
    sql: &'static str,
) -> Result<(), DatabaseError> {
    let later = Migration {
        version,
        name: "later",
        sql,
        then: None,
    };
    let migrate = || {
        let transaction = begin(connection)?;
        apply(&transaction, &later)?;
        transaction.commit()
    };
    patiently(migrate, DatabaseError::waited)
}

pub(super) fn up_to(transaction: &Transaction<'_>, version: u32) -> Result<(), DatabaseError> {
    transaction.own()?;
    transaction.execute_batch(HISTORY)?;
    for migration in MIGRATIONS.iter().filter(|it| it.version <= version) {
        apply(transaction, migration)?;
    }
    Ok(())
}

struct Applied {
    version: u32,
    name: String,
    checksum: String,
}

fn applied(tx: &Transaction<'_>) -> Result<Vec<Applied>, DatabaseError> {
    tx.prepare("SELECT version, name, checksum FROM schema_migrations ORDER BY version")?
        .query_map([], |row| {
            Ok(Applied {
                version: row.get(0)?,
                name: row.get(1)?,
                checksum: row.get(2)?,
            })
        })?
        .collect()
}

fn check_history(done: &[Applied], store: &str) -> Result<(), OpenError> {
    let known = known_version();
    if let Some(newest) = done.last().filter(|newest| newest.version > known) {
        return Err(OpenError::Newer {
            store: store.to_owned(),
            found: newest.version,
            known,
        });
    }
    let changed = done
        .iter()
        .zip(MIGRATIONS)
        .find(|(was, is)| was.version != is.version || was.checksum != checksum(is));
    match changed {
        Some((was, _)) => Err(OpenError::Changed {
            store: store.to_owned(),
            version: was.version,
            name: was.name.clone(),
        }),
        None => Ok(()),
    }
}

fn apply(transaction: &Transaction<'_>, migration: &Migration) -> Result<(), DatabaseError> {
    let parts = migration.sql.split_once(ROWS_ARE_COPIED);
    let (before, after) = parts.unwrap_or((migration.sql, ""));
    transaction.execute_batch(before)?;
    if let Some(step) = migration.then {
        step(transaction)?;
    }
    transaction.execute_batch(after)?;
    remember(transaction, migration)
}

fn remember(transaction: &Transaction<'_>, migration: &Migration) -> Result<(), DatabaseError> {
    transaction
        .prepare("INSERT INTO schema_migrations (version, name, checksum) VALUES (?1, ?2, ?3)")?
        .execute((migration.version, migration.name, checksum(migration)))?;
    Ok(())
}

/// Returns lower-case hex SHA-256, independent of a checkout's line ends.
fn checksum(migration: &Migration) -> String {
    let text = migration.sql.replace("\r\n", "\n");
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn fill_steps(
    transaction: &Transaction<'_>,
    table: &str,
    steps: &[(impl Display, impl Display)],
) -> Result<(), DatabaseError> {
    transaction
        .prepare(&format!("DELETE FROM {table}"))?
        .execute([])?;
    let mut insert = transaction.prepare(&format!(
        "INSERT INTO {table} (prior, next) VALUES (?1, ?2)"
    ))?;
    for (prior, next) in steps {
        insert.execute((prior.to_string(), next.to_string()))?;
    }
    Ok(())
}
