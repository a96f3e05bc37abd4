//! Rows that cannot be read. Each is left out and told of, and none stops another: what else is due begins and ends.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hallpass_access::{Grant, Lock, ReadError, Request};
use hallpass_assignments::AssignmentRow;
use hallpass_org::armed_ends::ArmedEnd;
use hallpass_org::session_revocation::SessionRevocation;

use super::SqlStore;
use crate::database::{DatabaseError, FromValue, Optional, Params, Transaction};
use crate::fault::StorageFault;
use crate::rows::{read_body, read_grant, read_request};

/// A row is read again and again; the log says so this often.
const TOLD_EVERY: Duration = Duration::from_mins(1);

/// So many requests, and so many grants, that lists came upon are remembered.
const MET_MAX: usize = 1_000;

/// When each was told of.
static TOLD: Mutex<BTreeMap<String, Instant>> = Mutex::new(BTreeMap::new());

/// Says in the log that a row cannot be read.
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

/// What was read of a row; one that cannot be read is told of.
pub(super) fn or_told<T>(what: &str, name: &str, read: Result<T, StorageFault>) -> Option<T> {
    match read {
        Ok(row) => Some(row),
        Err(fault) => {
            tell(&format!("{what} {name}"), fault);
            None
        }
    }
}

/// A row with a packed body: a request or a grant.
pub(super) trait PackedRow: Sized {
    /// What errors call it.
    const KIND: &'static str;
    /// The table, as `store check` calls it.
    const TABLE: &'static str;
    /// Gives the body of an id.
    const BODY_SQL: &'static str;

    /// Reads a body.
    fn read(body: &[u8]) -> Result<Self, StorageFault>;

    /// The ids of those that somebody came upon and could not read: Health reads what is live or waits, not all of the
    /// past, and learns of the rest by this. One that can be read by now is no harm there: each is looked at again.
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

/// A packed row of a body, or why there is none; one that cannot be read is remembered for Health.
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

/// The same where one that cannot be read is left out and told of.
pub(super) fn unpacked_or_told<R: PackedRow>(
    id: &str,
    body: Result<Vec<u8>, impl Into<StorageFault>>,
) -> Option<R> {
    or_told(R::KIND, id, unpacked(id, body))
}

/// The packed row of an id, if there is one.
pub(super) fn packed_one<R: PackedRow>(
    tx: &Transaction<'_>,
    id: &str,
) -> Result<Option<R>, StorageFault> {
    let body = body_of::<R>(tx, id)?;
    body.map(|body| unpacked(id, body)).transpose()
}

/// What the column of bodies gives for an id.
pub(super) fn body_of<R: PackedRow>(
    tx: &Transaction<'_>,
    id: &str,
) -> Result<Option<Result<Vec<u8>, DatabaseError>>, StorageFault> {
    Ok(tx
        .prepare(R::BODY_SQL)?
        .query_row([id], |row| Ok(row.get(0)))
        .optional()?)
}

/// The first `limit` that can be read of a query for ids and bodies, which is told how many rows to give at most: those
/// that cannot be read take the place of no other.
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

/// Those rows that can be read of a query for names and bodies.
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

/// Hands over each name and body that a query finds. A body that is no value of its kind is so by itself: text of which a bit
/// fell over is no text any more, and ends no query.
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

/// What makes access begin and end, in the words of `store check`.
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
            |text| read_body::<ArmedEnd>("armed end", text).map(drop),
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

/// Those that a query for ids and bodies gives, and those that somebody came upon before.
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
        // of another store of this process, or restored since
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
    /// The rows that cannot be read, of those that make access begin and end and of the requests and grants of the past
    /// that somebody came upon: they are left out of everything. Reads all of the former, beside what grants and ends read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn unreadable_rows(&self) -> Result<Vec<String>, ReadError> {
        Ok(self.apart(unreadable).await?)
    }
}
