//! Compares the seen audit log with the database, which has another log after a failover without
//! the last records, or a restore.
//!
//! The seen log is stored in a file with its log and database ids, and outlives the process.
//! Missing records are noted in the database, so that every process knows.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallpass_access::ReadError;
use hallpass_audit::{Draft, Head};
use serde::{Deserialize, Serialize};

use super::{Heeds, SqlStore, audit, counter, number, run, schema, seen_file};
use crate::database::{Engine, Optional, Transaction, TransactionMode};
use crate::fault::StorageFault;
use crate::rows::read_record;

/// Remembered log ends, which locate the first missing record.
const REMEMBERED: usize = 16;
/// Minimum interval between syncs.
const SYNC_EVERY: Duration = Duration::from_secs(1);
const MISSED: &str = "log_missed";
const ACCEPTED: &str = "log_losses_accepted";

/// A record that was the log's newest when seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHead {
    pub seq: u64,
    pub hash: String,
}

impl From<Head> for SeenHead {
    fn from(head: Head) -> Self {
        Self {
            seq: head.seq,
            hash: head.hash,
        }
    }
}

/// Records seen committed and missing in the database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostRecords {
    /// Newest seen record still present; 0 if all are missing.
    pub kept: u64,
    /// Newest seen record: those after `kept`, up to this one, are missing.
    pub newest: SeenHead,
    pub node: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct AcceptedLoss {
    after: u64,
    to: u64,
    /// The hash of the record that says so: it distinguishes two losses of the same numbers.
    record: String,
}

impl AcceptedLoss {
    fn covers(&self, seen: &SeenHead) -> bool {
        self.after < seen.seq && seen.seq <= self.to
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LogPlace {
    database: Option<String>,
    log: Option<String>,
}

impl LogPlace {
    /// Returns whether the node was given another database with another log. At the same address,
    /// another or missing log id means a loss; at another address, the same log is a replica or a
    /// copy.
    fn is_left_for(&self, now: &Self) -> bool {
        let is_elsewhere = self.database.is_some() && self.database != now.database;
        is_elsewhere && self.log.is_some() && self.log != now.log
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SeenLog {
    #[serde(flatten)]
    place: LogPlace,
    /// Losses accepted earlier: they explain no new loss.
    accepted: Vec<AcceptedLoss>,
    heads: Vec<SeenHead>,
}

impl SeenLog {
    /// Returns whether a loss accepted since explains the missing `newest`.
    fn is_explained(&self, newest: &SeenHead, accepted: &[AcceptedLoss]) -> bool {
        let mut others = accepted.iter().filter(|it| !self.accepted.contains(it));
        others.any(|it| it.covers(newest))
    }

    fn learn(&mut self, standing: &LogStanding) {
        self.place.clone_from(&standing.place);
        for loss in &standing.accepted {
            if !self.accepted.contains(loss) {
                self.accepted.push(loss.clone());
            }
        }
    }
}

fn parsed(bytes: &[u8]) -> std::io::Result<SeenLog> {
    Ok(serde_json::from_slice(bytes)?)
}

#[derive(Debug)]
pub struct LogMemory {
    node: String,
    file: Option<PathBuf>,
    seen: Mutex<SeenLog>,
    synced: Mutex<Option<Instant>>,
    unkept: Mutex<Option<String>>,
}

impl LogMemory {
    /// Restores the seen log of an earlier process from the file. `node` is this one's name. A
    /// missing or unwritable file leaves a memory of this process only.
    ///
    /// # Errors
    /// When an existing file is unreadable: the seen log is unknown then.
    pub fn in_file(file: &Path, node: &str) -> Result<Self, std::io::Error> {
        let seen = seen_file::read(file, parsed)?.unwrap_or_default();
        let memory = Self {
            file: Some(file.to_owned()),
            ..Self::of_process(node)
        };
        // reports an unwritable file now, not at a loss
        memory.keep(&seen);
        *memory.lock() = seen;
        Ok(memory)
    }

    pub fn anew_in_file(file: &Path, node: &str) -> Self {
        seen_file::move_aside(file);
        let memory = Self {
            file: Some(file.to_owned()),
            ..Self::of_process(node)
        };
        memory.keep(&SeenLog::default());
        memory
    }

    /// Tests that the file can be created, and read if it exists.
    ///
    /// # Errors
    /// System errors.
    pub fn try_file(file: &Path) -> Result<(), std::io::Error> {
        seen_file::try_it(file, parsed)
    }

    pub fn of_process(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            file: None,
            seen: Mutex::default(),
            synced: Mutex::default(),
            unkept: Mutex::default(),
        }
    }

    pub fn newest(&self) -> Option<SeenHead> {
        self.lock().heads.last().cloned()
    }

    /// Returns the file and the error, if the memory does not outlive the process.
    pub fn unkept(&self) -> Option<String> {
        let unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        unkept.clone()
    }

    fn lock(&self) -> MutexGuard<'_, SeenLog> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> SeenLog {
        self.lock().clone()
    }

    pub(super) fn note(&self, head: SeenHead) {
        let mut seen = self.lock();
        let newest = seen.heads.last();
        if newest.is_some_and(|newest| newest.seq >= head.seq) {
            return;
        }
        seen.heads.push(head);
        if seen.heads.len() > REMEMBERED {
            seen.heads.remove(0);
        }
        self.keep(&seen);
    }

    fn learn(&self, standing: &LogStanding) {
        let mut seen = self.lock();
        let before = seen.clone();
        seen.learn(standing);
        if *seen != before {
            self.keep(&seen);
        }
    }

    fn begin_again(&self, standing: &LogStanding) {
        let mut seen = self.lock();
        seen.heads = standing.head.iter().cloned().collect();
        seen.learn(standing);
        self.keep(&seen);
    }

    /// Stores the seen log: a kill loses nothing, a power loss [`SYNC_EVERY`].
    fn keep(&self, seen: &SeenLog) {
        let Some(file) = &self.file else { return };
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = synced.is_none_or(|at| at.elapsed() >= SYNC_EVERY);
        let written = serde_json::to_vec(seen)
            .map_err(std::io::Error::from)
            .and_then(|bytes| seen_file::write(file, &bytes, is_due));
        if is_due && written.is_ok() {
            *synced = Some(Instant::now());
        }
        drop(synced);
        let trouble = written.err().map(|error| {
            let file = file.display();
            format!("`{file}`: {error}")
        });
        let mut unkept = self.unkept.lock().unwrap_or_else(PoisonError::into_inner);
        if let (Some(trouble), None) = (&trouble, &*unkept) {
            tracing::warn!(
                %trouble,
                "what this node sees of the audit log cannot be kept and ends with the process; name a folder that it may write to in `store.seen_folder`"
            );
        }
        *unkept = trouble;
    }
}

/// The database's log compared with the seen one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLook {
    pub lost: Option<LostRecords>,
    pub later_schema: Option<u32>,
    /// Start of the answering server in its format; `None` for files. A change may mean a replica.
    pub server_start: Option<String>,
}

/// How a store checks the seen log.
#[derive(Clone, Debug)]
pub(super) struct Heeding {
    pub(super) memory: Arc<LogMemory>,
    database: String,
    /// Ends continue despite missing records.
    pub(super) ends_only: bool,
    /// Writes accompany acts at AWS outside a term.
    pub(super) acts: bool,
}

/// Effect of a committed write on the seen log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    Noted,
    /// It continues an incomplete log: the missing records stay missing.
    Ignored,
}

impl Heeding {
    /// Refuses a write over a later release's schema and, with `heeds`, over a database without the
    /// seen log.
    pub(super) fn ensure(&self, tx: &Transaction<'_>, heeds: Heeds) -> Result<Seen, StorageFault> {
        let standing = standing(tx, &self.database)?;
        let (found, known) = (standing.schema, schema::VERSION);
        if found > known {
            return Err(StorageFault::Unavailable(later_schema(found, known)));
        }
        if heeds == Heeds::Nothing {
            return Ok(Seen::Ignored);
        }
        // under the writers' lock nothing newer can have been seen
        match judge(tx, &self.memory, &self.memory.all(), &standing)? {
            None => Ok(Seen::Noted),
            Some(_) if self.ends_only && heeds == Heeds::Log => Ok(Seen::Ignored),
            Some(lost) => Err(StorageFault::Unavailable(refusal(&lost))),
        }
    }
}

fn later_schema(found: u32, known: u32) -> String {
    format!(
        "a later release has migrated the database to schema version {found}, and this one knows versions up to \
         {known}: nothing was written"
    )
}

fn refusal(lost: &LostRecords) -> String {
    format!(
        "the database lacks records {} to {} of the audit log, which `{}` has seen; nothing was written \
         (`hallpass server store accept-loss`)",
        lost.kept + 1,
        lost.newest.seq,
        lost.node
    )
}

impl SqlStore {
    /// Returns a store that remembers the seen log and refuses grants over a database without it.
    #[must_use]
    pub fn heeding(&self, memory: &Arc<LogMemory>) -> Self {
        let heeding = Heeding {
            memory: Arc::clone(memory),
            database: self.name.clone(),
            ends_only: false,
            acts: false,
        };
        Self {
            heeding: Some(heeding),
            ..self.clone()
        }
    }

    /// Returns the store of a command `node` that acts at AWS: it writes, and so begins, nothing
    /// while records are missing or after a later release's migration.
    #[must_use]
    pub fn acting(&self, node: &str) -> Self {
        let mut store = self.heeding(&Arc::new(LogMemory::of_process(node)));
        if let Some(heeding) = &mut store.heeding {
            heeding.acts = true;
        }
        store
    }

    /// Returns a store for ending access, also while records are missing.
    #[must_use]
    pub fn for_ends(&self) -> Self {
        let heeding = self.heeding.clone().map(|heeding| Heeding {
            ends_only: true,
            ..heeding
        });
        Self {
            heeding,
            ..self.clone()
        }
    }

    /// Checks for records seen by this node or reported by others; remembers the log's end if
    /// complete.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn look_at_log(&self, memory: &Arc<LogMemory>) -> Result<LogLook, ReadError> {
        let (memory, database) = (Arc::clone(memory), self.name.clone());
        // taken before the snapshot, which excludes later records
        let seen = memory.all();
        let looked = self.read(move |tx| {
            let standing = standing(tx, &database)?;
            let schema = standing.schema;
            let lost = judge(tx, &memory, &seen, &standing)?;
            if lost.is_none()
                && let Some(head) = standing.head
            {
                memory.note(head);
            }
            let server_start = match tx.engine() {
                Engine::Sqlite => None,
                Engine::Postgres => Some(
                    tx.prepare("SELECT CAST(pg_postmaster_start_time() AS TEXT)")?
                        .query_row([], |row| row.get(0))?,
                ),
            };
            Ok(LogLook {
                lost,
                later_schema: Some(schema).filter(|schema| *schema > schema::VERSION),
                server_start,
            })
        });
        Ok(looked.await?)
    }

    /// Stores current losses in the database, so that no node continues without them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tell_lost_records(&self, memory: &Arc<LogMemory>) -> Result<(), ReadError> {
        let (memory, database) = (Arc::clone(memory), self.name.clone());
        let told = run(&self.writer, TransactionMode::Write, move |tx| {
            // under the writers' lock: the loss may have been accepted since
            let standing = standing(tx, &database)?;
            match judge(tx, &memory, &memory.all(), &standing)? {
                Some(lost) if standing.told.as_ref() != Some(&lost) => put(tx, MISSED, &lost),
                Some(_) | None => Ok(()),
            }
        });
        Ok(told.await?)
    }

    /// Accepts the missing records by an operator's decision and records that. Returns the record's
    /// number, or `None` without a loss.
    ///
    /// # Errors
    /// When the store does not answer; nothing is accepted then.
    pub async fn accept_lost_records(
        &self,
        memory: &Arc<LogMemory>,
        record: impl FnOnce(&LostRecords) -> Draft + Send + 'static,
    ) -> Result<Option<(LostRecords, u64)>, ReadError> {
        let (memory, during) = (Arc::clone(memory), Arc::clone(memory));
        let database = self.name.clone();
        let done = run(&self.writer, TransactionMode::Write, move |tx| {
            let before = standing(tx, &database)?;
            let Some(lost) = judge(tx, &during, &during.all(), &before)? else {
                return Ok(None);
            };
            let records = audit::append(tx, vec![record(&lost)])?;
            let said = records.last();
            let mut all = before.accepted;
            all.push(AcceptedLoss {
                after: lost.kept,
                to: lost.newest.seq,
                record: said.map_or_else(String::new, |said| said.hash().to_owned()),
            });
            put(tx, ACCEPTED, &all)?;
            tx.prepare("DELETE FROM blobs WHERE key = ?1")?
                .execute([MISSED])?;
            let seq = said.map_or(0, hallpass_audit::Record::seq);
            Ok(Some((lost, seq, standing(tx, &database)?)))
        });
        let Some((lost, seq, standing)) = done.await? else {
            return Ok(None);
        };
        memory.begin_again(&standing);
        Ok(Some((lost, seq)))
    }
}

struct LogStanding {
    schema: u32,
    head: Option<SeenHead>,
    told: Option<LostRecords>,
    accepted: Vec<AcceptedLoss>,
    place: LogPlace,
}

/// One statement: it precedes every write.
fn standing(tx: &Transaction<'_>, database: &str) -> Result<LogStanding, StorageFault> {
    let (schema, head, told, accepted, log) = tx
        .prepare(
            "SELECT (SELECT max(version) FROM schema_migrations), (SELECT seq FROM audit_head),
                 (SELECT hash FROM audit_head), (SELECT bytes FROM blobs WHERE key = ?1),
                 (SELECT bytes FROM blobs WHERE key = ?2), (SELECT id FROM audit_log)",
        )?
        .query_row((MISSED, ACCEPTED), |row| {
            let (seq, hash): (Option<i64>, Option<String>) = (row.get(1)?, row.get(2)?);
            let (told, accepted): (Option<Vec<u8>>, Option<Vec<u8>>) = (row.get(3)?, row.get(4)?);
            Ok((row.get(0)?, seq.zip(hash), told, accepted, row.get(5)?))
        })?;
    let accepted = accepted.map(|bytes| read(ACCEPTED, &bytes)).transpose()?;
    Ok(LogStanding {
        schema,
        head: head.map(|(seq, hash)| SeenHead {
            seq: counter(seq),
            hash,
        }),
        told: told.map(|bytes| read(MISSED, &bytes)).transpose()?,
        accepted: accepted.unwrap_or_default(),
        place: LogPlace {
            database: Some(database.to_owned()),
            log,
        },
    })
}

/// Returns missing records: those in `seen`, which this process saw before `tx` began, or those
/// another node saw.
fn judge(
    tx: &Transaction<'_>,
    memory: &LogMemory,
    seen: &SeenLog,
    standing: &LogStanding,
) -> Result<Option<LostRecords>, StorageFault> {
    let told = standing.told.clone();
    let Some(newest) = seen.heads.last().cloned() else {
        memory.learn(standing);
        return Ok(told);
    };
    if standing.head.as_ref() == Some(&newest) || has(tx, &newest)? {
        memory.learn(standing);
        return Ok(told);
    }
    if seen.place.is_left_for(&standing.place) {
        let database = standing.place.database.as_deref();
        tracing::warn!(
            database,
            "another database with another audit log: its last seen state is forgotten"
        );
        memory.begin_again(standing);
        return Ok(told);
    }
    if seen.is_explained(&newest, &standing.accepted) {
        memory.begin_again(standing);
        return Ok(told);
    }
    if told
        .as_ref()
        .is_some_and(|told| told.newest.seq >= newest.seq)
    {
        return Ok(told);
    }
    let mut kept = 0;
    for seen in seen.heads.iter().rev() {
        if has(tx, seen)? {
            kept = seen.seq;
            break;
        }
    }
    Ok(Some(LostRecords {
        kept,
        newest,
        node: memory.node.clone(),
    }))
}

fn has(tx: &Transaction<'_>, seen: &SeenHead) -> Result<bool, StorageFault> {
    let body: Option<Vec<u8>> = tx
        .prepare("SELECT body FROM audit WHERE seq = ?1")?
        .query_row([number(seen.seq)], |row| row.get(0))
        .optional()?;
    match body {
        Some(body) => Ok(read_record(&body)?.hash() == seen.hash),
        None => Ok(false),
    }
}

fn read<T: for<'de> Deserialize<'de>>(key: &str, bytes: &[u8]) -> Result<T, StorageFault> {
    serde_json::from_slice(bytes)
        .map_err(|error| StorageFault::Unavailable(format!("`{key}` in the database: {error}")))
}

fn put(tx: &Transaction<'_>, key: &str, value: &impl Serialize) -> Result<(), StorageFault> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| StorageFault::Unavailable(format!("`{key}`: {error}")))?;
    tx.prepare(
        "INSERT INTO blobs (key, bytes) VALUES (?1, ?2)
         ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes",
    )?
    .execute((key, bytes))?;
    Ok(())
}
