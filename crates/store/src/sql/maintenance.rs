//! Looking after the file: checking it, copying it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use hallpass_access::{Accepted, Lock, Message, ReadError, Sweep, SweepItem};
use hallpass_assignments::AssignmentRow;
use hallpass_audit::{GENESIS_HASH, Record};
use hallpass_org::armed_ends::ArmedEnd;
use hallpass_org::session_revocation::SessionRevocation;
use hallpass_org::{Drill, Revocation};
use hallpass_runner::Plan;

use super::listing_pool::ListingPool;
use super::opening::make_private;
use super::unreadable::each_body;
use super::{SqlStore, audit, plans, remediations, schema};
use crate::TokenRow;
use crate::database::{Connection, DatabaseError, Owner, Transaction};
use crate::fault::StorageFault;
use crate::files::{make_private_file, sync_folder_of};
use crate::rows::{read_body, read_grant, read_record, read_request};

/// Records read at a time when the chain is checked.
const CHECK_BATCH: u32 = 1_000;
/// Complaints listed; a broken file has no end of them.
const PROBLEMS_MAX: usize = 100;

/// What [`SqlStore::check`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// The schema's version.
    pub schema_version: u32,
    /// Audit records checked.
    pub records: u64,
    /// One sentence each, at most a hundred; empty when all is well.
    pub problems: Vec<String>,
}

/// A backup that was not made. Whatever stood at its place still stands there.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// There is a file of that name.
    #[error("`{}` exists already", .0.display())]
    Exists(PathBuf),
    /// A file of a database that is gone lies beside it, whose changes SQLite would make to the copy.
    #[error("`{}` is left of a database that was there", .0.display())]
    LeftOver(PathBuf),
    /// What is to be put back is no database of this program.
    #[error("`{}` is no backup of Hallpass", .0.display())]
    Foreign(PathBuf),
    /// The database could not be copied.
    #[error("cannot copy the database to `{}`", path.display())]
    Copy {
        /// Where to.
        path: PathBuf,
        /// What SQLite says.
        source: DatabaseError,
    },
    /// The copy is damaged, as the database is.
    #[error("the database is damaged, and so is its copy: {}", .0.join("; "))]
    Malformed(Vec<String>),
    /// The copy could not be put in its place.
    #[error("cannot write `{}`", path.display())]
    Place {
        /// Where to.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The program is stopping.
    #[error("interrupted: {0}")]
    Interrupted(String),
}

impl SqlStore {
    /// The schema's version in the file.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn schema_version(&self) -> Result<u32, ReadError> {
        Ok(self.read(|tx| Ok(schema::version_of(tx)?)).await?)
    }

    /// Reads everything: the file's structure, every row, and the audit chain to its head.
    ///
    /// # Errors
    /// When the store does not answer; what is wrong in it is told in [`Check::problems`].
    pub async fn check(&self) -> Result<Check, ReadError> {
        Ok(self.apart(check).await?)
    }

    /// The first complaints about the structure of the file: none where it is whole, or where the store is no file.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn damage(&self) -> Result<Vec<String>, ReadError> {
        Ok(self.apart(|tx| Ok(tx.first_complaints()?)).await?)
    }

    /// Copies the database to `to`, a file that does not exist yet, while others write. The copy
    /// is one instant, and is there whole or not at all.
    ///
    /// # Errors
    /// When the file exists or cannot be written, or the database is one of PostgreSQL.
    pub async fn backup(&self, to: impl AsRef<Path>) -> Result<(), BackupError> {
        let (store, to) = (self.clone(), to.as_ref().to_path_buf());
        tokio::task::spawn_blocking(move || match &store.listings {
            ListingPool::Shared(only) => {
                backup(&only.lock().unwrap_or_else(PoisonError::into_inner), &to)
            }
            // a connection of its own: a large file takes a while, and others read meanwhile
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

    /// Puts a copy of the backup `from` at `to`, a file that does not exist yet, as the release wrote it that
    /// made it, and opens it. Nothing is written to the backup, nor beside it. Blocks.
    ///
    /// # Errors
    /// When `to` exists or something of an earlier database lies beside it, when the backup is none, or when
    /// one cannot be read or written.
    pub fn restore(from: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<File, BackupError> {
        restore(from.as_ref(), to.as_ref())
    }

    /// What is left at `path` of a database that was there: a new one must not come to lie beside it.
    ///
    /// # Errors
    /// When the file exists, or one that SQLite keeps beside it.
    pub fn refuse_taken(path: impl AsRef<Path>) -> Result<(), BackupError> {
        refuse_taken(path.as_ref())
    }
}

impl BackupError {
    /// What to do about it, where more than the words helps.
    pub const fn help(&self) -> Option<&'static str> {
        match self {
            Self::Exists(_) => Some(
                "name a file that is not there yet, or move this one away with its `-wal` and `-shm`",
            ),
            Self::LeftOver(_) => Some(
                "move it to where its database is now: SQLite would write its changes into the new file",
            ),
            Self::Foreign(_) => Some("name the file that `hallpass server store backup` made"),
            Self::Malformed(_) => Some(
                "keep the backups that you have; `hallpass server store check` lists what is wrong, and docs/operations/runbooks/store-broken.md says what to do",
            ),
            Self::Copy { .. } | Self::Place { .. } | Self::Interrupted(_) => None,
        }
    }
}

/// What SQLite keeps beside a file; it belongs to the file of that name, whichever that is.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

/// Refuses a place where a database would become another one than was put there.
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

/// The copy is checked before it has its name: who deletes older backups then does so for one that can be restored.
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

/// Puts the bytes of a backup at another place. What lies beside a file that was copied by hand while it
/// was open is a part of it.
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

/// Not with the permissions of the original, which may not be written.
fn copy_bytes(from: &Path, to: &Path) -> std::io::Result<File> {
    let mut copy = make_private_file(to)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    Ok(copy)
}

/// Makes a file by `make`, whole or not at all.
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
    // one that was killed in the middle of this
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
    // the copy has its own name by now, or is of no use
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

/// Gives the copy its name. A link refuses to replace a file that came up meanwhile; a rename would
/// not, and serves only where the file system has no links.
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
        |text| read_body::<ArmedEnd>("armed end", text).map(drop),
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

/// Who is locked, and what people come in with.
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
        "tokens",
        "id",
        |text| read_body::<TokenRow>("token", text).map(drop),
        note,
    )
}

/// Sweeps, their items, and what is accepted as standing.
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
    )
}

/// Plans with their journals, and what plans left behind.
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

/// Packed bodies of requests or grants.
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

/// The numbers of rows by state, which pages show without counting.
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

/// Whether every record is found by every text it holds: one that is not would be hidden from who
/// searches the log.
fn check_mentions(tx: &Transaction<'_>, note: &mut impl FnMut(String)) -> Result<(), StorageFault> {
    let mut found = tx.prepare(
        "SELECT 1 FROM audit_mentions WHERE seq = ?2
             AND text = (SELECT number FROM audit_texts WHERE text = ?1)",
    )?;
    let mut bodies = tx.prepare("SELECT seq, body FROM audit ORDER BY seq")?;
    let mut rows = bodies.query([])?;
    while let Some(row) = rows.next()? {
        let (seq, body): (i64, Vec<u8>) = (row.get(0)?, row.get(1)?);
        // one that cannot be read was told of with the chain
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

/// Walks the chain and compares its end with the stored head; returns how many records there are.
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
