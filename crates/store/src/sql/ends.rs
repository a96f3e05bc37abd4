//! Pending ends of Hallpass's access: for the server's file of ends, and for a guard that reads the
//! database while the server writes it, hangs or is dead.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallpass_access::{Grant, ReadError};
use hallpass_assignments::OwnedEnd;
use hallpass_assignments::queue::OnceUnwanted;
use hallpass_audit::Head;
use hallpass_base::{GrantId, HoldKey};

use super::assignment_rows::{KIND, read_row, stored};
use super::unreadable::{each_body, or_told, unpacked_or_told};
use super::{audit, counter};
use crate::database::{Connection, DatabaseError, Owner, Transaction, TransactionMode};
use crate::fault::StorageFault;
use crate::rows::{read_instant, read_key};

/// A guard's lock timeout; a lock may be held forever.
const GUARD_PATIENCE: Duration = Duration::from_secs(1);

pub(super) fn owned(tx: &Transaction<'_>) -> Result<Vec<OwnedEnd>, StorageFault> {
    let mut holding: BTreeMap<String, Vec<GrantId>> = BTreeMap::new();
    let mut live = tx.prepare("SELECT hold_key, id FROM grants WHERE live = 1 ORDER BY id")?;
    let live = live.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    for pair in live {
        let (key, id): (String, String) = pair?;
        holding.entry(key).or_default().push(grant_id(&id)?);
    }
    let mut rows = Vec::new();
    let all = "SELECT hold_key, body FROM assignments ORDER BY hold_key";
    each_body(tx, (all, ()), |key, text| {
        let row = or_told(KIND, &key, read_row(text));
        rows.push((key, row));
    })?;
    let mut ends = Vec::new();
    for (key, row) in rows {
        let grants = holding.remove(&key).unwrap_or_default();
        ends.extend(match row {
            Some(row) => row.owned_end(grants),
            None => of_columns(tx, &key, grants)?,
        });
    }
    Ok(ends)
}

/// Derives an unreadable row's end from its columns. Access is Hallpass's if a grant holding it was
/// given and it did not exist before. If that grant is unreadable too (one page has both), its
/// column shows the gift; so does a pending delete, which only follows Hallpass's access.
fn of_columns(
    tx: &Transaction<'_>,
    name: &str,
    grants: Vec<GrantId>,
) -> Result<Option<OwnedEnd>, StorageFault> {
    let held = tx
        .prepare(
            "SELECT id, granted, body FROM grants WHERE live = 1 AND hold_key = ?1 ORDER BY id",
        )?
        .query_map([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2))))?
        .collect::<Result<Vec<(String, bool, Result<Vec<u8>, _>)>, _>>()?;
    let (until, rev, follows): (String, i64, String) = tx
        .prepare("SELECT unwanted_from, rev, once_unwanted FROM assignments WHERE hold_key = ?1")?
        .query_row([name], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    let is_to_be_deleted = follows == OnceUnwanted::Delete.name();
    let is_ours = held.into_iter().any(|(id, was_given, body)| {
        let grant = unpacked_or_told::<Grant>(&id, body);
        grant.map_or(was_given && is_to_be_deleted, |grant| {
            grant.granted_at.is_some() && !grant.standing
        })
    });
    if !is_ours {
        return Ok(None);
    }
    Ok(Some(OwnedEnd {
        key: read_key(name)?,
        until: read_instant(&until)?,
        rev: counter(rev),
        grants,
    }))
}

fn owned_one(tx: &Transaction<'_>, key: &HoldKey) -> Result<Option<OwnedEnd>, StorageFault> {
    let name = key.to_string();
    let Some(read) = stored(tx, &name)? else {
        return Ok(None);
    };
    let grants = tx
        .prepare("SELECT id FROM grants WHERE live = 1 AND hold_key = ?1 ORDER BY id")?
        .query_map([&name], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    let grants = grants.iter().map(|id| grant_id(id));
    let grants = grants.collect::<Result<_, _>>()?;
    match or_told(KIND, &name, read) {
        Some(row) => Ok(row.owned_end(grants)),
        None => of_columns(tx, &name, grants),
    }
}

fn grant_id(text: &str) -> Result<GrantId, StorageFault> {
    text.parse()
        .map_err(|error| StorageFault::Unavailable(format!("stored grant id `{text}`: {error}")))
}

/// Reads a server's database without writing. Reopens the file for each read, so that a moved,
/// replaced or restored one is seen.
#[derive(Clone, Debug)]
pub struct EndsReader {
    path: PathBuf,
}

impl EndsReader {
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the newest record and all pending ends of one instant. SQLite blocks for a second or
    /// two at most; a file system may block longer.
    ///
    /// # Errors
    /// When the file is missing, locked or foreign.
    pub fn read(&self) -> Result<(Option<Head>, Vec<OwnedEnd>), ReadError> {
        self.with(|tx| Ok((audit::head(tx)?, owned(tx)?)))
    }

    /// Returns the newest record and one key. Blocks as [`EndsReader::read`] does.
    ///
    /// # Errors
    /// As [`EndsReader::read`].
    pub fn one(&self, key: &HoldKey) -> Result<(Option<Head>, Option<OwnedEnd>), ReadError> {
        self.with(|tx| Ok((audit::head(tx)?, owned_one(tx, key)?)))
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> Result<T, StorageFault>,
    ) -> Result<T, ReadError> {
        let said = |error: DatabaseError| ReadError(error.to_string());
        let mut connection = Connection::open_beside(&self.path, GUARD_PATIENCE).map_err(said)?;
        if connection.owner().map_err(said)? != Owner::Us {
            let message = format!(
                "`{}` is not a database of this program",
                self.path.display()
            );
            return Err(ReadError(message));
        }
        let transaction = connection.begin(TransactionMode::Read).map_err(said)?;
        Ok(work(&transaction)?)
    }
}
