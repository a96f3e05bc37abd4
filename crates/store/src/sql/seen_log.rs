//! What a process has seen of the audit log, held against what the database says now: one that failed over
//! to a replica without the last records, or was put back from a copy, has another log than was seen.
//!
//! What was seen is kept in a file beside the configuration, so that it outlives the process. What one
//! process misses it says in the database, so that every process knows.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_access::ReadError;
use hallpass_audit::{Draft, Head};
use serde::{Deserialize, Serialize};

use super::{Heeds, SqlStore, audit, counter, migrate, number, run};
use crate::database::{Engine, Optional, Transaction, TransactionMode};
use crate::fault::StorageFault;
use crate::files::make_private_file;
use crate::rows::read_record;

/// How many ends of the log are remembered, so that a process can say from which record on others are gone.
const REMEMBERED: usize = 16;
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
}

impl AcceptedLoss {
    fn covers(&self, seen: &SeenHead) -> bool {
        self.after < seen.seq && seen.seq <= self.to
    }
}

/// What a process has seen of the log.
#[derive(Debug)]
pub struct LogMemory {
    node: String,
    file: Option<PathBuf>,
    /// Ends of the log, oldest first.
    seen: Mutex<Vec<SeenHead>>,
}

impl LogMemory {
    /// What the file says that an earlier process has seen. `node` is what people call this one. A file
    /// that is not there, or not to be written, leaves the memory of the process alone.
    ///
    /// # Errors
    /// When the file is there and cannot be read: what was seen is not known then.
    pub fn in_file(file: &Path, node: &str) -> Result<Self, std::io::Error> {
        let seen = match std::fs::read(file) {
            Ok(bytes) => serde_json::from_slice(&bytes)?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        Ok(Self {
            node: node.to_owned(),
            file: Some(file.to_owned()),
            seen: Mutex::new(seen),
        })
    }

    /// Begins with nothing, and ends with the process.
    pub fn of_process(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            file: None,
            seen: Mutex::default(),
        }
    }

    /// The newest end of the log that was seen.
    pub fn newest(&self) -> Option<SeenHead> {
        self.all().last().cloned()
    }

    fn all(&self) -> Vec<SeenHead> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.clone()
    }

    /// The log was seen to end so.
    pub(super) fn note(&self, head: SeenHead) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.last().is_some_and(|newest| newest.seq >= head.seq) {
            return;
        }
        seen.push(head);
        if seen.len() > REMEMBERED {
            seen.remove(0);
        }
        self.keep(&seen);
    }

    /// What was seen and is gone is no matter any more.
    fn begin_again(&self, head: Option<SeenHead>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = head.into_iter().collect();
        self.keep(&seen);
    }

    /// Not written through to the disk: a process that is killed loses nothing of it, and a machine that
    /// loses its power has lost less than a second.
    fn keep(&self, seen: &[SeenHead]) {
        let Some(file) = &self.file else { return };
        let mut partial = file.as_os_str().to_owned();
        partial.push(crate::files::PARTIAL);
        let partial = PathBuf::from(partial);
        // one that was killed in the middle of this
        drop(std::fs::remove_file(&partial));
        let written = serde_json::to_vec(seen)
            .map_err(std::io::Error::from)
            .and_then(|bytes| make_private_file(&partial)?.write_all(&bytes))
            .and_then(|()| std::fs::rename(&partial, file));
        // what cannot be kept is known to this process all the same
        drop(written);
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
    /// What ends access goes on when records are missing.
    pub(super) ends_only: bool,
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
        let standing = standing(tx)?;
        let (found, known) = (standing.schema, migrate::known_version());
        if found > known {
            return Err(StorageFault::Unavailable(later_schema(found, known)));
        }
        if heeds == Heeds::Nothing {
            return Ok(Seen::Ignored);
        }
        // whoever writes has the lock of writers: nothing that this process saw can be newer than what it sees now
        match judge(tx, &self.memory, &self.memory.all(), standing)? {
            None => Ok(Seen::Noted),
            Some(_) if self.ends_only => Ok(Seen::Ignored),
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
            ends_only: false,
        };
        Self {
            heeding: Some(heeding),
            ..self.clone()
        }
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
        let memory = Arc::clone(memory);
        // of before the snapshot: what is seen while it is read is not in it
        let seen = memory.all();
        let looked = self.read(move |tx| {
            let standing = standing(tx)?;
            let schema = standing.schema;
            let head = standing.head.clone();
            let lost = judge(tx, &memory, &seen, standing)?;
            if lost.is_none()
                && let Some(head) = head
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
                later_schema: Some(schema).filter(|schema| *schema > migrate::known_version()),
                server_start,
            })
        });
        Ok(looked.await?)
    }

    /// Says in the database that records are missing, so that no node goes on without them.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn tell_lost_records(&self, lost: &LostRecords) -> Result<(), ReadError> {
        let lost = lost.clone();
        let told = run(&self.writer, TransactionMode::Write, move |tx| {
            let known = standing(tx)?.told;
            let is_known = known.is_some_and(|known| known.newest.seq >= lost.newest.seq);
            if is_known
                || has(tx, &lost.newest)?
                || accepted(tx)?.iter().any(|it| it.covers(&lost.newest))
            {
                return Ok(());
            }
            put(tx, MISSED, &lost)
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
        let done = run(&self.writer, TransactionMode::Write, move |tx| {
            let Some(lost) = judge(tx, &during, &during.all(), standing(tx)?)? else {
                return Ok(None);
            };
            let mut all = accepted(tx)?;
            all.push(AcceptedLoss {
                after: lost.kept,
                to: lost.newest.seq,
            });
            put(tx, ACCEPTED, &all)?;
            tx.prepare("DELETE FROM blobs WHERE key = ?1")?
                .execute([MISSED])?;
            let records = audit::append(tx, vec![record(&lost)])?;
            let seq = records.last().map_or(0, hallpass_audit::Record::seq);
            Ok(Some((lost, seq, audit::head(tx)?)))
        });
        let Some((lost, seq, head)) = done.await? else {
            return Ok(None);
        };
        memory.begin_again(head.map(SeenHead::from));
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
}

/// In one statement: it comes before every write.
fn standing(tx: &Transaction<'_>) -> Result<LogStanding, StorageFault> {
    let (schema, seq, hash, told) = tx
        .prepare(
            "SELECT (SELECT max(version) FROM schema_migrations), (SELECT seq FROM audit_head),
                 (SELECT hash FROM audit_head), (SELECT bytes FROM blobs WHERE key = ?1)",
        )?
        .query_row([MISSED], |row| {
            let seq: Option<i64> = row.get(1)?;
            let (hash, told): (Option<String>, Option<Vec<u8>>) = (row.get(2)?, row.get(3)?);
            Ok((row.get(0)?, seq, hash, told))
        })?;
    let head = seq.zip(hash).map(|(seq, hash)| SeenHead {
        seq: counter(seq),
        hash,
    });
    Ok(LogStanding {
        schema,
        head,
        told: told.map(|bytes| read(MISSED, &bytes)).transpose()?,
    })
}

/// The records that are missing: of those that this process has seen before `tx` began, `seen`, or of those that another
/// node has seen.
fn judge(
    tx: &Transaction<'_>,
    memory: &LogMemory,
    seen: &[SeenHead],
    LogStanding { head, told, .. }: LogStanding,
) -> Result<Option<LostRecords>, StorageFault> {
    let Some(newest) = seen.last().cloned() else {
        return Ok(told);
    };
    if head.as_ref() == Some(&newest) || has(tx, &newest)? {
        return Ok(told);
    }
    if accepted(tx)?.iter().any(|loss| loss.covers(&newest)) {
        memory.begin_again(head);
        return Ok(told);
    }
    if told
        .as_ref()
        .is_some_and(|told| told.newest.seq >= newest.seq)
    {
        return Ok(told);
    }
    let mut kept = 0;
    for seen in seen.iter().rev() {
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

fn accepted(tx: &Transaction<'_>) -> Result<Vec<AcceptedLoss>, StorageFault> {
    let bytes: Option<Vec<u8>> = tx
        .prepare("SELECT bytes FROM blobs WHERE key = ?1")?
        .query_row([ACCEPTED], |row| row.get(0))
        .optional()?;
    let read = bytes.map(|bytes| read(ACCEPTED, &bytes)).transpose()?;
    Ok(read.unwrap_or_default())
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
