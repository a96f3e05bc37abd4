//! Checks and copies the database file.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use hallpass_access::{
    Absence, Accepted, Campaign, CampaignLine, GroupAssignment, Lock, Message, ReadError, Sweep,
    SweepItem,
};
use hallpass_assignments::AssignmentRow;
use hallpass_audit::{GENESIS_HASH, Record};
use hallpass_enforcement::armed_ends::ArmedEnd;
use hallpass_enforcement::session_revocation::SessionRevocation;
use hallpass_enforcement::{Drill, Revocation};
use hallpass_plans::Plan;

use super::listing_pool::ListingPool;
use super::opening::make_private;
use super::unreadable::each_body;
use super::{SqlStore, audit, plans, remediations, schema};
use crate::TokenRow;
use crate::database::{Connection, DatabaseError, Owner, Transaction};
use crate::fault::StorageFault;
use crate::files::{make_private_file, sync_folder_of};
use crate::rows::{read_body, read_grant, read_record, read_request};

const CHECK_BATCH: u32 = 1_000;
/// Maximum listed problems; a broken file has countless.
const PROBLEMS_MAX: usize = 100;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    pub schema_version: u32,
    pub records: u64,
    /// One sentence each, at most a hundred; empty if valid.
    pub problems: Vec<String>,
}

/// No backup was made. An existing file at its place is unchanged.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("`{}` exists already", .0.display())]
    Exists(PathBuf),
    /// A deleted database's file lies beside it; SQLite would apply its changes to the copy.
    #[error("`{}` is left of a database that was there", .0.display())]
    LeftOver(PathBuf),
    #[error("`{}` is no backup of Hallpass", .0.display())]
    Foreign(PathBuf),
    #[error("cannot copy the database to `{}`", path.display())]
    Copy {
        path: PathBuf,
        source: DatabaseError,
    },
    #[error("the database is damaged, and so is its copy: {}", .0.join("; "))]
    Malformed(Vec<String>),
    #[error("cannot write `{}`", path.display())]
    Place {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("interrupted: {0}")]
    Interrupted(String),
}

impl SqlStore {
    pub async fn schema_version(&self) -> Result<u32, ReadError> {
        Ok(self.read(|tx| Ok(schema::version_of(tx)?)).await?)
    }

    /// Reads everything: the file's structure, every row, and the whole audit chain.
    ///
    /// # Errors
    /// When the store does not answer; defects are in [`Check::problems`].
    pub async fn check(&self) -> Result<Check, ReadError> {
        Ok(self.apart(check).await?)
    }

    /// Returns the first structural problems; none if intact or not a file.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn damage(&self) -> Result<Vec<String>, ReadError> {
        Ok(self.apart(|tx| Ok(tx.first_complaints()?)).await?)
    }

    /// Copies the database to `to`, a new file, during writes. The copy is one instant, whole or
    /// absent.
    ///
    /// # Errors
    /// When the file exists or cannot be written, or for PostgreSQL.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<(), BackupError> {
        let (store, to) = (self.clone(), to.as_ref().to_path_buf());
        tokio::task::spawn_blocking(move || match &store.listings {
            ListingPool::Shared(only) => {
                backup(&only.lock().unwrap_or_else(PoisonError::into_inner), &to)
            }
            // a separate connection: a large file takes a while, and other reads continue
            ListingPool::Own(_) => {
                let failed = |source| BackupError::Copy {
                    path: to.clone(),
                    source,
                };
                backup(&store.source.reading().map_err(failed)?, &to)
            }
        })
        .await
        .unwrap_or_else(|error| Err(BackupError::Interrupted(error.to_string())))
    }

    /// Copies the backup `from` to `to`, a new file, unmigrated, and opens it. Never writes to the
    /// backup or beside it. Blocks.
    ///
    /// # Errors
    /// When `to` or a file of an earlier database beside it exists, when the backup is invalid, or
    /// when one cannot be read or written.
    pub fn restore(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<File, BackupError> {
        restore(from.as_ref(), to.as_ref())
    }

    /// Refuses `path` if remains of a database exist: a new one must not be placed beside them.
    ///
    /// # Errors
    /// When the file exists, or one that SQLite keeps beside it.
    pub fn refuse_taken(path: impl AsRef<Path>) -> Result<(), BackupError> {
        refuse_taken(path.as_ref())
    }
}

impl BackupError {
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::Exists(_) => {
                Some("name a new file, or move this one away with its `-wal` and `-shm`")
            }
            Self::LeftOver(_) => Some(
                "move it to where its database is now: SQLite would write its changes into the new file",
            ),
            Self::Foreign(_) => Some("name the file that `hallpass server store backup` made"),
            Self::Malformed(_) => Some(
                "keep the backups that you have; `hallpass server store check` lists the problems, and \
                 docs/operations/runbooks/store-broken.md the steps",
            ),
            Self::Copy { .. } | Self::Place { .. } | Self::Interrupted(_) => None,
        }
    }
}

/// SQLite's companion files; they belong to any file of that name.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Refuses a place where companion files would change the database.
fn refuse_taken(to: &Path) -> Result<(), BackupError> {
    if to.exists() {
        return Err(BackupError::Exists(to.to_path_buf()));
    }
    let mut beside = BESIDE.iter().map(|end| with_end(to, end));
    match beside.find(|path| path.exists()) {
        Some(path) => Err(BackupError::LeftOver(path)),
        None => Ok(()),
    }
}

/// Checks the copy before naming it, so that older backups are deleted only for a restorable one.
fn backup(source: &Connection, to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::Copy {
        path: to.to_path_buf(),
        source,
    };
    made(to, |partial| {
        copy(source, partial).map_err(failed)?;
        let complaints = source.copy_complaints(partial).map_err(failed)?;
        if complaints.is_empty() {
            Ok(())
        } else {
            Err(BackupError::Malformed(complaints))
        }
    })
}

/// Copies a backup's bytes. Companion files of a file copied while open are a part of it.
fn restore(from: &Path, to: &Path) -> Result<File, BackupError> {
    let unwritten = |source| BackupError::Place {
        path: to.to_path_buf(),
        source,
    };
    let unread = |source| BackupError::Copy {
        path: to.to_path_buf(),
        source,
    };
    made(to, |partial| {
        let copied = copy_bytes(from, partial).map_err(unwritten)?;
        let newest = with_end(from, "-wal");
        if newest.exists() {
            copy_bytes(&newest, &with_end(partial, "-wal")).map_err(unwritten)?;
        }
        let copy = Connection::open(partial).map_err(unread)?;
        match copy.owner().map_err(unread)? {
            Owner::Us => copy.as_one_file().map_err(unread).map(|()| copied),
            Owner::Nobody | Owner::Another => Err(BackupError::Foreign(from.to_path_buf())),
        }
    })
}

/// Does not copy the original's permissions, which may be read-only.
fn copy_bytes(from: &Path, to: &Path) -> std::io::Result<File> {
    let mut copy = make_private_file(to)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    Ok(copy)
}

fn made<T>(
    to: &Path,
    make: impl FnOnce(&Path) -> Result<T, BackupError>,
) -> Result<T, BackupError> {
    refuse_taken(to)?;
    let partial = with_end(to, ".partial");
    let forget = || {
        for end in BESIDE {
            drop(std::fs::remove_file(with_end(&partial, end)));
        }
        drop(std::fs::remove_file(&partial));
    };
    forget();
    let placed = make(&partial).and_then(|made| {
        File::open(&partial)
            .and_then(|file| file.sync_all())
            .and_then(|()| place(&partial, to))
            .map(|()| made)
            .map_err(|source| BackupError::Place {
                path: to.to_path_buf(),
                source,
            })
    });
    forget();
    placed.and_then(|made| {
        sync_folder_of(to)
            .map(|()| made)
            .map_err(|source| BackupError::Place {
                path: to.to_path_buf(),
                source,
            })
    })
}

/// Names the copy. A link refuses to replace a new file; a rename would, and is only used where the
/// file system has no links.
fn place(partial: &Path, to: &Path) -> std::io::Result<()> {
    match std::fs::hard_link(partial, to) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            std::fs::rename(partial, to)
        }
        linked => linked,
    }
}

fn copy(source: &Connection, to: &Path) -> Result<(), DatabaseError> {
    make_private(to);
    source.copy_to(to)
}

fn check(tx: &Transaction<'_>) -> Result<Check, StorageFault> {
    let mut problems = Vec::new();
    let mut note = |problem: String| {
        if problems.len() < PROBLEMS_MAX {
            problems.push(problem);
        }
    };
    for complaint in tx.complaints()? {
        note(complaint);
    }
    let schema_version = schema::version_of(tx)?;
    if schema_version != schema::VERSION {
        note(format!(
            "schema version {schema_version} is not the one of this release"
        ));
    }
    check_packed(
        tx,
        "requests",
        |body| read_request(body).map(drop),
        &mut note,
    )?;
    check_packed(tx, "grants", |body| read_grant(body).map(drop), &mut note)?;
    check_counts(tx, &mut note)?;
    check_bodies(
        tx,
        "assignments",
        "hold_key",
        |text| read_body::<AssignmentRow>("assignment", text).map(drop),
        &mut note,
    )?;
    check_bodies(
        tx,
        "armed_ends",
        "hold_key",
        |text| read_body::<ArmedEnd>("enforced expiry", text).map(drop),
        &mut note,
    )?;
    check_bodies(
        tx,
        "session_cuts",
        "grant_id",
        |text| read_body::<SessionRevocation>("cut", text).map(drop),
        &mut note,
    )?;
    check_bodies(
        tx,
        "remediations",
        "id",
        |text| remediations::read(text).map(drop),
        &mut note,
    )?;
    check_bodies(
        tx,
        "notices",
        "CAST(number AS TEXT)",
        |text| read_body::<Message>("notice", text).map(drop),
        &mut note,
    )?;
    check_people(tx, &mut note)?;
    check_plans(tx, &mut note)?;
    check_sweeps(tx, &mut note)?;
    let records = check_chain(tx, &mut note)?;
    check_mentions(tx, &mut note)?;
    Ok(Check {
        schema_version,
        records,
        problems,
    })
}

fn check_people(tx: &Transaction<'_>, note: &mut impl FnMut(String)) -> Result<(), StorageFault> {
    check_bodies(
        tx,
        "locks",
        "user_id",
        |text| read_body::<Lock>("lock", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "absences",
        "user_id",
        |text| read_body::<Absence>("absence", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "tokens",
        "id",
        |text| read_body::<TokenRow>("token", text).map(drop),
        note,
    )
}

fn check_sweeps(tx: &Transaction<'_>, note: &mut impl FnMut(String)) -> Result<(), StorageFault> {
    check_bodies(
        tx,
        "sweeps",
        "id",
        |text| read_body::<Sweep>("sweep", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "sweep_items",
        "sweep_id || ' ' || hold_key",
        |text| read_body::<SweepItem>("sweep item", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "accepted_standing",
        "hold_key",
        |text| read_body::<Accepted>("acceptance", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "group_assignments",
        "key",
        |text| read_body::<GroupAssignment>("group assignment", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "campaigns",
        "id",
        |text| read_body::<Campaign>("campaign", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "campaign_lines",
        "campaign_id || ' ' || number",
        |text| read_body::<CampaignLine>("campaign line", text).map(drop),
        note,
    )
}

fn check_plans(tx: &Transaction<'_>, note: &mut impl FnMut(String)) -> Result<(), StorageFault> {
    check_bodies(
        tx,
        "plans",
        "id",
        |text| read_body::<Plan>("plan", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "drills",
        "id",
        |text| read_body::<Drill>("drill", text).map(drop),
        note,
    )?;
    check_bodies(
        tx,
        "revocations",
        "policy",
        |text| read_body::<Revocation>("revocation", text).map(drop),
        note,
    )?;
    for problem in plans::broken_journals(tx)? {
        note(problem);
    }
    Ok(())
}

fn check_bodies(
    tx: &Transaction<'_>,
    table: &str,
    name: &str,
    read: impl Fn(&str) -> Result<(), StorageFault>,
    note: &mut impl FnMut(String),
) -> Result<(), StorageFault> {
    let sql = format!("SELECT {name}, body FROM {table}");
    each_body::<String>(tx, (sql.as_str(), ()), |name, text| {
        if let Err(problem) = text.and_then(|text| read(&text)) {
            note(format!("{table}: {name}: {}", problem.text()));
        }
    })
}

fn check_packed(
    tx: &Transaction<'_>,
    table: &str,
    read: impl Fn(&[u8]) -> Result<(), StorageFault>,
    note: &mut impl FnMut(String),
) -> Result<(), StorageFault> {
    let sql = format!("SELECT id, body FROM {table}");
    each_body::<Vec<u8>>(tx, (sql.as_str(), ()), |id, body| {
        if let Err(problem) = body.and_then(|body| read(&body)) {
            note(format!("{table}: {id}: {}", problem.text()));
        }
    })
}

/// Checks the row counts by state, which pages show without counting.
fn check_counts(tx: &Transaction<'_>, note: &mut impl FnMut(String)) -> Result<(), StorageFault> {
    let different = tx
        .prepare(
            "SELECT kind, state FROM (
                 SELECT 'request' AS kind, state, count(*) AS count FROM requests GROUP BY state
                 UNION ALL
                 SELECT 'grant', state, count(*) FROM grants GROUP BY state
                 UNION ALL
                 SELECT kind, state, -count FROM state_counts) AS counted
             GROUP BY kind, state HAVING sum(count) <> 0",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, String)>, _>>()?;
    for (kind, state) in different {
        note(format!(
            "{kind}s in state `{state}` are not as many as were counted"
        ));
    }
    Ok(())
}

/// Checks that every record is indexed by all its texts: a missing one would be hidden from
/// searches.
fn check_mentions(tx: &Transaction<'_>, note: &mut impl FnMut(String)) -> Result<(), StorageFault> {
    let mut found = tx.prepare(
        "SELECT 1 FROM audit_mentions WHERE seq = ?2
             AND text = (SELECT number FROM audit_texts WHERE text = ?1)",
    )?;
    let mut bodies = tx.prepare("SELECT seq, body FROM audit ORDER BY seq")?;
    let mut rows = bodies.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, body): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        let Ok(record) = read_record(&body) else {
            continue;
        };
        for mention in hallpass_audit::mentions(&record) {
            if !found.exists((mention.text(), seq))? {
                let text = mention.text();
                note(format!("audit: record {seq} is not found by `{text}`"));
            }
        }
    }
    Ok(())
}

/// Checks the chain against the stored head; returns the number of records.
fn check_chain(tx: &Transaction<'_>, note: &mut impl FnMut(String)) -> Result<u64, StorageFault> {
    let (mut seq, mut hash) = (0, GENESIS_HASH.to_owned());
    loop {
        let batch = audit::records_from(tx, seq + 1, CHECK_BATCH)?;
        if batch.is_empty() {
            break;
        }
        for record in &batch {
            if let Some(problem) = link_problem(record, seq, &hash) {
                note(problem);
            }
            seq = record.seq();
            record.hash().clone_into(&mut hash);
        }
    }
    let head = audit::head(tx)?;
    let stored = head.map_or((0, GENESIS_HASH.to_owned()), |head| (head.seq, head.hash));
    if stored != (seq, hash) {
        note(format!(
            "audit: the stored head is record {}, the log ends with record {seq}",
            stored.0
        ));
    }
    Ok(seq)
}

fn link_problem(record: &Record, last: u64, hash: &str) -> Option<String> {
    let seq = record.seq();
    if seq != last + 1 {
        Some(format!("audit: record {} is missing", last + 1))
    } else if record.prev_hash() != hash {
        Some(format!("audit: record {seq} does not follow record {last}"))
    } else if !record.hash_holds() {
        Some(format!("audit: record {seq} was changed"))
    } else {
        None
    }
}
