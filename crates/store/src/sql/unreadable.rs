//! Unreadable rows are logged and skipped, so that other due work continues.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallpass_access::{Absence, Grant, Lock, ReadError, Request};
use hallpass_assignments::AssignmentRow;
use hallpass_enforcement::armed_ends::ArmedEnd;
use hallpass_enforcement::session_revocation::SessionRevocation;

use super::SqlStore;
use crate::database::{DatabaseError, FromValue, Optional, Params, Transaction};
use crate::fault::StorageFault;
use crate::rows::{read_body, read_grant, read_request};

/// Minimum interval between log lines per row.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// Maximum remembered unreadable requests, and grants.
const MET_MAX: usize = 1_000;

static TOLD: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());

fn tell(name: &str, fault: StorageFault) {
    let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
    told.retain(|_, at| at.elapsed() < TOLD_EVERY);
    if told.insert(name.to_owned(), Instant::now()).is_none() {
        tracing::error!(
            row = name,
            error = fault.text(),
            "a row cannot be read, and is left out; `hallpass server store check` names it"
        );
    }
}

/// Returns a readable row; logs an unreadable one.
pub(super) fn or_told<T>(what: &str, name: &str, read: Result<T, StorageFault>) -> Option<T> {
    match read {
        Ok(row) => Some(row),
        Err(fault) => {
            tell(&format!("{what} {name}"), fault);
            None
        }
    }
}

pub(super) trait PackedRow: Sized {
    /// Used in errors.
    const KIND: &'static str;
    const TABLE: &'static str;
    const BODY_SQL: &'static str;

    fn read(body: &[u8]) -> Result<Self, StorageFault>;

    /// Unreadable ids met so far. Health only reads live and waiting rows, and learns of past ones
    /// by this. Each is read again, so repaired ones do no harm.
    fn met() -> &'static Mutex<BTreeSet<String>>;
}

impl PackedRow for Grant {
    const KIND: &'static str = "grant";
    const TABLE: &'static str = "grants";
    const BODY_SQL: &'static str = "SELECT body FROM grants WHERE id = ?1";

    fn read(body: &[u8]) -> Result<Self, StorageFault> {
        read_grant(body)
    }

    fn met() -> &'static Mutex<BTreeSet<String>> {
        static MET: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        &MET
    }
}

impl PackedRow for Request {
    const KIND: &'static str = "request";
    const TABLE: &'static str = "requests";
    const BODY_SQL: &'static str = "SELECT body FROM requests WHERE id = ?1";

    fn read(body: &[u8]) -> Result<Self, StorageFault> {
        read_request(body)
    }

    fn met() -> &'static Mutex<BTreeSet<String>> {
        static MET: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
        &MET
    }
}

fn met<R: PackedRow>() -> MutexGuard<'static, BTreeSet<String>> {
    R::met().lock().unwrap_or_else(PoisonError::into_inner)
}

/// Unpacks a row; remembers an unreadable one for Health.
pub(super) fn unpacked<R: PackedRow>(
    id: &str,
    body: Result<Vec<u8>, impl Into<StorageFault>>,
) -> Result<R, StorageFault> {
    let read = body.map_err(Into::into).and_then(|body| R::read(&body));
    if read.is_err() {
        let mut met = met::<R>();
        if met.len() < MET_MAX {
            met.insert(id.to_owned());
        }
    }
    read
}

pub(super) fn unpacked_or_told<R: PackedRow>(
    id: &str,
    body: Result<Vec<u8>, impl Into<StorageFault>>,
) -> Option<R> {
    or_told(R::KIND, id, unpacked(id, body))
}

pub(super) fn packed_one<R: PackedRow>(
    tx: &Transaction<'_>,
    id: &str,
) -> Result<Option<R>, StorageFault> {
    let body = body_of::<R>(tx, id)?;
    body.map(|body| unpacked(id, body)).transpose()
}

pub(super) fn body_of<R: PackedRow>(
    tx: &Transaction<'_>,
    id: &str,
) -> Result<Option<Result<Vec<u8>, DatabaseError>>, StorageFault> {
    Ok(tx
        .prepare(R::BODY_SQL)?
        .query_row([id], |row| Ok(row.get(0)))
        .optional()?)
}

/// Returns the first `limit` readable rows of a query for ids and bodies with a row limit:
/// unreadable ones take no place.
pub(super) fn first_readable<R: PackedRow, P: Params>(
    tx: &Transaction<'_>,
    (sql, params): (&str, impl Fn(i64) -> P),
    limit: u32,
) -> Result<Vec<R>, StorageFault> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut most = limit;
    loop {
        let (mut rows, mut given) = (Vec::new(), 0);
        let at_most = i64::try_from(most).unwrap_or(i64::MAX);
        each_body::<Vec<u8>>(tx, (sql, params(at_most)), |id, body| {
            given += 1;
            rows.extend(unpacked_or_told::<R>(&id, body));
        })?;
        if rows.len() >= limit || given < most {
            rows.truncate(limit);
            return Ok(rows);
        }
        most = most.saturating_mul(2);
    }
}

pub(super) fn readable<B: FromValue, T>(
    tx: &Transaction<'_>,
    what: &str,
    (sql, params): (&str, impl Params),
    read: impl Fn(&B) -> Result<T, StorageFault>,
) -> Result<Vec<T>, StorageFault> {
    let mut rows = Vec::new();
    each_body::<B>(tx, (sql, params), |name, body| {
        let row = body.and_then(|body| read(&body));
        rows.extend(or_told(what, &name, row));
    })?;
    Ok(rows)
}

/// Passes on each name and body of a query. An invalid value fails alone: text with a flipped bit
/// does not end the query.
pub(super) fn each_body<B: FromValue>(
    tx: &Transaction<'_>,
    (sql, params): (&str, impl Params),
    mut each: impl FnMut(String, Result<B, StorageFault>),
) -> Result<(), StorageFault> {
    let mut statement = tx.prepare(sql)?;
    let mut rows = statement.query(params)?;
    while let Some(row) = rows.next()? {
        each(row.get(0)?, row.get(1).map_err(StorageFault::from));
    }
    Ok(())
}

/// Lists unreadable rows that begin and end access, in the words of `store check`.
fn unreadable(tx: &Transaction<'_>) -> Result<Vec<String>, StorageFault> {
    let mut names = Vec::new();
    let texts = [
        (
            "assignments",
            "SELECT hold_key, body FROM assignments ORDER BY hold_key",
            (|text| read_body::<AssignmentRow>("assignment", text).map(drop))
                as fn(&str) -> Result<(), StorageFault>,
        ),
        (
            "armed_ends",
            "SELECT hold_key, body FROM armed_ends WHERE due IS NOT NULL ORDER BY hold_key",
            |text| read_body::<ArmedEnd>("enforced expiry", text).map(drop),
        ),
        (
            "session_cuts",
            "SELECT grant_id, body FROM session_cuts WHERE due IS NOT NULL ORDER BY grant_id",
            |text| read_body::<SessionRevocation>("cut", text).map(drop),
        ),
        (
            "locks",
            "SELECT user_id, body FROM locks WHERE lifted = 0 ORDER BY user_id",
            |text| read_body::<Lock>("lock", text).map(drop),
        ),
        (
            "absences",
            "SELECT user_id, body FROM absences ORDER BY user_id",
            |text| read_body::<Absence>("absence", text).map(drop),
        ),
    ];
    for (what, sql, read) in texts {
        each_body::<String>(tx, (sql, ()), |name, text| {
            if text.and_then(|text| read(&text)).is_err() {
                names.push(format!("{what}: {name}"));
            }
        })?;
    }
    let live = "SELECT id, body FROM grants INDEXED BY grants_live WHERE live = 1";
    unreadable_packed::<Grant>(tx, live, &mut names)?;
    let waiting = "SELECT id, body FROM requests WHERE due IS NOT NULL ORDER BY id";
    unreadable_packed::<Request>(tx, waiting, &mut names)?;
    Ok(names)
}

fn unreadable_packed<R: PackedRow>(
    tx: &Transaction<'_>,
    sql: &str,
    names: &mut Vec<String>,
) -> Result<(), StorageFault> {
    let mut ids = BTreeSet::new();
    each_body::<Vec<u8>>(tx, (sql, ()), |id, body| {
        if body.and_then(|body| R::read(&body)).is_err() {
            ids.insert(id);
        }
    })?;
    let before = met::<R>().clone();
    for id in before {
        // of another store in this process, or restored since
        let body = body_of::<R>(tx, &id)?;
        let is_torn = |body: Result<Vec<u8>, _>| !body.is_ok_and(|it| R::read(&it).is_ok());
        if body.is_some_and(is_torn) {
            ids.insert(id);
        }
    }
    names.extend(ids.into_iter().map(|id| format!("{}: {id}", R::TABLE)));
    Ok(())
}

impl SqlStore {
    /// Lists unreadable rows, which are skipped: those that begin and end access, and past requests
    /// and grants met so far. Reads all of the former.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn unreadable_rows(&self) -> Result<Vec<String>, ReadError> {
        Ok(self.apart(unreadable).await?)
    }
}
