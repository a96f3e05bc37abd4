//! What a process has seen of the audit log, held against what the database says now: one that failed over
//! to a replica without the last records, or was put back from a copy, has another log than was seen.
//!
//! What was seen is kept in a file, so that it outlives the process, with the log and the database that it
//! is of. What one process misses it says in the database, so that every process knows.

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

/// How many ends of the log are remembered, so that a process can say from which record on others are gone.
const REMEMBERED: usize = 16;
/// How often what was seen is written through to the disk, at most.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// Where the database says that records are missing.
const MISSED: &str = "log_missed";
/// Where it says which losses somebody has accepted.
const ACCEPTED: &str = "log_losses_accepted";

/// A record of the log that was its newest when it was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenHead {
    /// Its number.
    pub seq: u64,
    /// Its hash, in lower-case hex.
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

/// Records that were seen committed and that the database does not have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LostRecords {
    /// The newest record that was seen and that the database has still; 0 when it has none of them.
    pub kept: u64,
    /// The newest that was seen: the records after `kept`, to this one, are gone.
    pub newest: SeenHead,
    /// Which node saw it.
    pub node: String,
}

/// A loss that somebody has accepted.
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

/// Which log it is, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct LogPlace {
    /// The address of the database, without secrets.
    database: Option<String>,
    /// The id that the log has from its first record on.
    log: Option<String>,
}

impl LogPlace {
    /// Whether somebody gave the node another database with another log. At the same address a log with
    /// another id, or none, is what is left of the one that was seen; at another address the same log is a
    /// replica or a copy.
    fn is_left_for(&self, now: &Self) -> bool {
        let is_elsewhere = self.database.is_some() && self.database != now.database;
        is_elsewhere && self.log.is_some() && self.log != now.log
    }
}

/// What was seen, as the file has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct SeenLog {
    #[serde(flatten)]
    place: LogPlace,
    /// The losses that had been accepted in what was seen: none of them explains what is missing of it.
    accepted: Vec<AcceptedLoss>,
    /// Ends of the log, oldest first.
    heads: Vec<SeenHead>,
}

impl SeenLog {
    /// Whether one of the losses is why `newest` is missing: one that was accepted in what was seen was
    /// before it.
    fn is_explained(&self, newest: &SeenHead, accepted: &[AcceptedLoss]) -> bool {
        let mut others = accepted.iter().filter(|it| !self.accepted.contains(it));
        others.any(|it| it.covers(newest))
    }

    /// What is there beside what was seen, or instead of it.
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

/// What a process has seen of the log.
#[derive(Debug)]
pub struct LogMemory {
    node: String,
    file: Option<PathBuf>,
    seen: Mutex<SeenLog>,
    /// When the file was written through to the disk last.
    synced: Mutex<Option<Instant>>,
    /// Why the file was not written when it was tried last.
    unkept: Mutex<Option<String>>,
}

impl LogMemory {
    /// What the file says that an earlier process has seen. `node` is what people call this one. A file
    /// that is not there, or not to be written, leaves the memory of the process alone.
    ///
    /// # Errors
    /// When the file is there and cannot be read: what was seen is not known then.
    pub fn in_file(file: &Path, node: &str) -> Result<Self, std::io::Error> {
        let seen = seen_file::read(file, parsed)?.unwrap_or_default();
        let memory = Self {
            file: Some(file.to_owned()),
            ..Self::of_process(node)
        };
        // whoever looks after the server hears of it now, not when something is missing
        memory.keep(&seen);
        *memory.lock() = seen;
        Ok(memory)
    }

    /// Begins with nothing and keeps it in the file, out of whose way one is moved that cannot be read.
    pub fn anew_in_file(file: &Path, node: &str) -> Self {
        seen_file::move_aside(file);
        let memory = Self {
            file: Some(file.to_owned()),
            ..Self::of_process(node)
        };
        memory.keep(&SeenLog::default());
        memory
    }

    /// Tries whether a file can be made where this one is to be, and whether one that is there can be read.
    ///
    /// # Errors
    /// What the system says.
    pub fn try_file(file: &Path) -> Result<(), std::io::Error> {
        seen_file::try_it(file, parsed)
    }

    /// Begins with nothing, and ends with the process.
    pub fn of_process(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            file: None,
            seen: Mutex::default(),
            synced: Mutex::default(),
            unkept: Mutex::default(),
        }
    }

    /// The newest end of the log that was seen.
    pub fn newest(&self) -> Option<SeenHead> {
        self.lock().heads.last().cloned()
    }

    /// Why what was seen ends with the process, if it does: where the file is to be, and what the system says.
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

    /// The log was seen to end so.
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

    /// The database has what was seen: this is its log.
    fn learn(&self, standing: &LogStanding) {
        let mut seen = self.lock();
        let before = seen.clone();
        seen.learn(standing);
        if *seen != before {
            self.keep(&seen);
        }
    }

    /// What was seen and is gone is no matter any more.
    fn begin_again(&self, standing: &LogStanding) {
        let mut seen = self.lock();
        seen.heads = standing.head.iter().cloned().collect();
        seen.learn(standing);
        self.keep(&seen);
    }

    /// A process that is killed loses nothing of it, and a machine that loses its power [`SYNC_EVERY`] of it.
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
        // what cannot be kept is known to this process all the same
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

/// What the database says, and what follows for whoever has seen more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLook {
    /// The records that are missing, if any are.
    pub lost: Option<LostRecords>,
    /// The version of the schema, where a later release has migrated it beyond ours.
    pub later_schema: Option<u32>,
    /// Since when the server runs that answered, in its words; none of a file. Another one may be a
    /// replica that took its place.
    pub server_start: Option<String>,
}

/// How a store heeds what was seen.
#[derive(Clone, Debug)]
pub(super) struct Heeding {
    pub(super) memory: Arc<LogMemory>,
    /// The address of the database.
    database: String,
    /// What ends access goes on when records are missing.
    pub(super) ends_only: bool,
    /// Whoever writes does so because of what it does at AWS, without a term.
    pub(super) acts: bool,
}

/// What a write may say of the log once it is committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// Its end is one that was seen.
    Noted,
    /// It goes on from a log that lacks records: what was seen stays what is missing.
    Ignored,
}

impl Heeding {
    /// Refuses a write over a schema of a later release, and, if `heeds` says so, over a database that
    /// lacks what was seen.
    pub(super) fn ensure(&self, tx: &Transaction<'_>, heeds: Heeds) -> Result<Seen, StorageFault> {
        let standing = standing(tx, &self.database)?;
        let (found, known) = (standing.schema, schema::VERSION);
        if found > known {
            return Err(StorageFault::Unavailable(later_schema(found, known)));
        }
        if heeds == Heeds::Nothing {
            return Ok(Seen::Ignored);
        }
        // whoever writes has the lock of writers: nothing that this process saw can be newer than what it sees now
        match judge(tx, &self.memory, &self.memory.all(), &standing)? {
            None => Ok(Seen::Noted),
            Some(_) if self.ends_only && heeds == Heeds::Log => Ok(Seen::Ignored),
            Some(lost) => Err(StorageFault::Unavailable(refusal(&lost))),
        }
    }
}

/// What a writer of an earlier release is told.
fn later_schema(found: u32, known: u32) -> String {
    format!(
        "a later release has migrated the database to schema version {found}, and this one knows versions up to \
         {known}: nothing was written"
    )
}

/// What a writer is told.
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
    /// The same store, which remembers what it saw of the log and writes nothing that gives access over a
    /// database that lacks it.
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

    /// The same store for a command that acts at AWS, called `node`: it writes nothing, and so begins nothing,
    /// while records are missing or after a later release has migrated the database.
    #[must_use]
    pub fn acting(&self, node: &str) -> Self {
        let mut store = self.heeding(&Arc::new(LogMemory::of_process(node)));
        if let Some(heeding) = &mut store.heeding {
            heeding.acts = true;
        }
        store
    }

    /// The same store for what ends access, also while records are missing.
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

    /// Looks whether the database has what was seen, by this node or, as they say, by others; and
    /// remembers the end of its log if so.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn look_at_log(&self, memory: &Arc<LogMemory>) -> Result<LogLook, ReadError> {
        let (memory, database) = (Arc::clone(memory), self.name.clone());
        // of before the snapshot: what is seen while it is read is not in it
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

    /// Says in the database which records are missing, if any are by now, so that no node goes on without them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tell_lost_records(&self, memory: &Arc<LogMemory>) -> Result<(), ReadError> {
        let (memory, database) = (Arc::clone(memory), self.name.clone());
        let told = run(&self.writer, TransactionMode::Write, move |tx| {
            // under the writers' lock: somebody may have accepted it since it was found
            let standing = standing(tx, &database)?;
            match judge(tx, &memory, &memory.all(), &standing)? {
                Some(lost) if standing.told.as_ref() != Some(&lost) => put(tx, MISSED, &lost),
                Some(_) | None => Ok(()),
            }
        });
        Ok(told.await?)
    }

    /// Goes on without the records that are missing, as somebody decided, and records that: the record's
    /// number, or none when nothing is missing by now.
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

/// What the database says of the end of its log.
struct LogStanding {
    /// The version of its schema.
    schema: u32,
    head: Option<SeenHead>,
    /// What some node has missed.
    told: Option<LostRecords>,
    accepted: Vec<AcceptedLoss>,
    place: LogPlace,
}

/// In one statement: it comes before every write.
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

/// The records that are missing: of those that this process has seen before `tx` began, `seen`, or of those that another
/// node has seen.
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
            "another database with another audit log: what was seen is forgotten"
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

/// Whether a record is there as it was seen.
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
