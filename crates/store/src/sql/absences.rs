//! People who are out of office.

use hallpass_access::{Absence, Write};
use hallpass_base::{Timestamp, UserId};

use super::number;
use super::unreadable::readable;
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, instant, read_body};
use crate::steps::wrong_version;

pub(super) fn read(tx: &Transaction<'_>, user: &UserId) -> Result<Option<Absence>, StorageFault> {
    let text: Option<String> = tx
        .prepare("SELECT body FROM absences WHERE user_id = ?1")?
        .query_row([user.as_str()], |row| row.get(0))
        .optional()?;
    text.map(|text| read_body("absence", &text)).transpose()
}

/// Skips and logs an unreadable row: its person then has no delegate.
pub(super) fn current(tx: &Transaction<'_>, now: Timestamp) -> Result<Vec<Absence>, StorageFault> {
    let sql = "SELECT user_id, body FROM absences WHERE ends_at > ?1 ORDER BY user_id";
    readable(tx, "absence", (sql, [instant(now)]), |text: &String| {
        read_body("absence", text)
    })
}

pub(super) fn store(tx: &Transaction<'_>, write: &Write<Absence>) -> Result<(), StorageFault> {
    let (user, changed) = match write {
        Write::Insert(row) => {
            let sql =
                "INSERT INTO absences (user_id, version, ends_at, body) VALUES (?1, ?2, ?3, ?4)
                       ON CONFLICT (user_id) DO NOTHING";
            (&row.person.user, tx.prepare(sql)?.execute(values(row)?)?)
        }
        Write::Update(read) => {
            let row = Absence {
                version: read.version + 1,
                ..read.clone()
            };
            let sql = "UPDATE absences SET version = ?2, ends_at = ?3, body = ?4
                       WHERE user_id = ?1 AND version = ?2 - 1";
            (&read.person.user, tx.prepare(sql)?.execute(values(&row)?)?)
        }
    };
    if changed == 0 {
        return Err(wrong_version(&format!("the absence of {user}")));
    }
    Ok(())
}

fn values(absence: &Absence) -> Result<(String, i64, String, String), StorageFault> {
    Ok((
        absence.person.user.to_string(),
        number(absence.version),
        instant(absence.until),
        body(absence)?,
    ))
}
