//! Rows that cannot be read. Each is left out and told of, and none stops another: what else is due begins and ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hallpass_access::ReadError;
use hallpass_assignments::AssignmentRow;
use hallpass_org::armed_ends::ArmedEnd;
use hallpass_org::session_revocation::SessionRevocation;

use super::SqlStore;
use crate::database::{FromValue, Params, Transaction};
use crate::fault::StorageFault;
use crate::rows::{read_body, read_grant, read_request};

/// A row is read again and again; the log says so this often.
const TOLD_EVERY: Duration = Duration::from_mins(1);

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
    ];
    for (what, sql, read) in texts {
        each_body::<String>(tx, (sql, ()), |name, text| {
            if text.and_then(|text| read(&text)).is_err() {
                names.push(format!("{what}: {name}"));
            }
        })?;
    }
    let packed = [
        (
            "grants",
            "SELECT id, body FROM grants INDEXED BY grants_live WHERE live = 1",
            (|body| read_grant(body).map(drop)) as fn(&[u8]) -> Result<(), StorageFault>,
        ),
        (
            "requests",
            "SELECT id, body FROM requests WHERE due IS NOT NULL ORDER BY id",
            |body| read_request(body).map(drop),
        ),
    ];
    for (what, sql, read) in packed {
        each_body::<Vec<u8>>(tx, (sql, ()), |name, body| {
            if body.and_then(|body| read(&body)).is_err() {
                names.push(format!("{what}: {name}"));
            }
        })?;
    }
    Ok(names)
}

impl SqlStore {
    /// The rows that make access begin and end and that cannot be read: they are left out of everything. Reads all of them,
    /// beside what grants and ends read.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn unreadable_rows(&self) -> Result<Vec<String>, ReadError> {
        Ok(self.apart(unreadable).await?)
    }
}
