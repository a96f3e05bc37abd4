//! Locks of people in tables, dependent credentials, and owners of sign-ins.

use std::collections::BTreeSet;

use hallpass_access::{Lock, LocksSeen, ReadError, Write};
use hallpass_audit::Draft;
use hallpass_base::{Timestamp, UserId};

use super::unreadable::{each_body, or_told, readable};
use super::{SqlStore, audit, number, places};
use crate::database::{DatabaseError, Optional, TableRow, Transaction, Value};
use crate::fault::StorageFault;
use crate::rows::{body, instant, read_body, read_instant};
use crate::steps::{exists_already, wrong_version};
use crate::{SignInRow, TokenRow};

const USERS_PER_QUERY: usize = 250;

pub(super) fn read(tx: &Transaction<'_>, user: &UserId) -> Result<Option<Lock>, StorageFault> {
    let text: Option<String> = tx
        .prepare("SELECT body FROM locks WHERE user_id = ?1")?
        .query_row([user.as_str()], |row| row.get(0))
        .optional()?;
    text.map(|text| read_body("lock", &text)).transpose()
}

pub(super) fn of_these(tx: &Transaction<'_>, users: &[UserId]) -> Result<Vec<Lock>, StorageFault> {
    let mut found = Vec::new();
    for users in users.chunks(USERS_PER_QUERY) {
        let sql = format!(
            "SELECT body FROM locks WHERE user_id IN ({})",
            places(1, users.len())
        );
        let values: Vec<Value<'_>> = users
            .iter()
            .map(|user| Value::Text(user.as_str()))
            .collect();
        let texts = tx
            .prepare(&sql)?
            .query_map(values.as_slice(), |row| row.get(0))?
            .collect::<Result<Vec<String>, _>>()?;
        for text in texts {
            found.push(read_body("lock", &text)?);
        }
    }
    Ok(found)
}

/// Returns active locks. An unreadable one is logged and skipped, so that others still apply; a
/// single user's check never skips.
pub(super) fn all(tx: &Transaction<'_>) -> Result<Vec<Lock>, StorageFault> {
    let sql = "SELECT user_id, body FROM locks WHERE lifted = 0 ORDER BY user_id";
    readable(tx, "lock", (sql, ()), |text: &String| {
        read_body("lock", text)
    })
}

/// Refuses a change when a lock differs from the one read.
pub(super) fn ensure_as_seen(tx: &Transaction<'_>, seen: &LocksSeen) -> Result<(), StorageFault> {
    for (user, version) in seen.versions() {
        let stored = read(tx, user)?.map(|lock| lock.version);
        if stored != version {
            return Err(wrong_version(&format!("the lock of {user}")));
        }
    }
    Ok(())
}

pub(super) fn refuse_locked(
    tx: &Transaction<'_>,
    user: &UserId,
    now: Timestamp,
) -> Result<(), StorageFault> {
    match read(tx, user)? {
        Some(lock) if lock.is_in_force(now) => Err(exists_already(&format!("a lock of {user}"))),
        Some(_) | None => Ok(()),
    }
}

pub(super) fn store(tx: &Transaction<'_>, write: &Write<Lock>) -> Result<(), StorageFault> {
    let (row, changed) = match write {
        Write::Insert(row) => {
            let changed = tx
                .prepare(
                    "INSERT INTO locks (user_id, version, lifted, body) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (user_id) DO NOTHING",
                )?
                .execute(values(row)?)?;
            (row, changed)
        }
        Write::Update(read) => {
            let row = Lock {
                version: read.version + 1,
                ..read.clone()
            };
            let changed = tx
                .prepare(
                    "UPDATE locks SET version = ?2, lifted = ?3, body = ?4
                     WHERE user_id = ?1 AND version = ?2 - 1",
                )?
                .execute(values(&row)?)?;
            (read, changed)
        }
    };
    if changed == 0 {
        return Err(wrong_version(&format!("the lock of {}", row.person.user)));
    }
    Ok(())
}

fn values(lock: &Lock) -> Result<(String, i64, bool, String), StorageFault> {
    Ok((
        lock.person.user.to_string(),
        number(lock.version),
        lock.lifted.is_some(),
        body(lock)?,
    ))
}

pub(super) fn end_credentials(
    tx: &Transaction<'_>,
    user: &UserId,
    at: Timestamp,
) -> Result<(), StorageFault> {
    let mut tokens = Vec::new();
    let sql = "SELECT id, body FROM tokens WHERE user_id = ?1";
    each_body::<String>(tx, (sql, [user.as_str()]), |id, text| {
        tokens.push((id, text.and_then(|text| read_body("token", &text))));
    })?;
    for (id, token) in tokens {
        let Some(mut token): Option<TokenRow> = or_told("token", &id, token) else {
            // an unreadable token is useless now, but would work once repaired
            tx.prepare("DELETE FROM tokens WHERE id = ?1")?
                .execute([id.as_str()])?;
            continue;
        };
        if token.revoked_at.is_none() {
            token.revoked_at = Some(at);
            tx.prepare("UPDATE tokens SET body = ?2 WHERE id = ?1")?
                .execute((token.id.to_string(), body(&token)?))?;
        }
    }
    tx.prepare("DELETE FROM sessions WHERE user_id = ?1")?
        .execute([user.as_str()])?;
    Ok(())
}

/// Returns people with a valid token or session.
pub(super) fn with_credentials(
    tx: &Transaction<'_>,
    now: Timestamp,
) -> Result<Vec<UserId>, StorageFault> {
    let mut users = tx
        .prepare("SELECT user_id FROM sessions WHERE ends_at > ?1 AND user_id IS NOT NULL")?
        .query_map([instant(now)], |row| row.get(0))?
        .collect::<Result<BTreeSet<String>, _>>()?;
    // tokens are stored for years: those expired before today are not read. Unreadable ones count,
    // because the person could lose access otherwise unnoticed
    let today = now.strftime("%Y-%m-%d").to_string();
    let tokens = tx
        .prepare(
            "SELECT user_id, CASE WHEN json_valid(body) THEN json_extract(body, '$.expires_at') END FROM tokens
             WHERE user_id IS NOT NULL AND CASE WHEN json_valid(body)
                 THEN json_extract(body, '$.revoked_at') IS NULL
                     AND coalesce(substr(json_extract(body, '$.expires_at'), 1, 10), ?1) >= ?1
                 ELSE TRUE END",
        )?
        .query_map([today], |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<Vec<(String, Option<String>)>, _>>()?;
    for (user, end) in tokens {
        let end = end.and_then(|end| read_instant(&end).ok());
        // decimals vary: text order is not time order
        if end.is_none_or(|end| now < end) {
            users.insert(user);
        }
    }
    let users = users
        .iter()
        .map(|text| read_body("user", &format!("\"{text}\"")));
    users.collect()
}

fn sign_in(row: &TableRow<'_>) -> Result<(String, String, String, String), DatabaseError> {
    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
}

fn sign_ins(
    tx: &Transaction<'_>,
    filter: &str,
    values: (&str, &str, &str),
) -> Result<Vec<SignInRow>, StorageFault> {
    let rows = tx
        .prepare(&format!(
            "SELECT issuer, subject, user_id, bound_at FROM sign_ins
             WHERE ?1 = ?1 AND ?2 = ?2 AND ?3 = ?3 AND ({filter}) ORDER BY issuer, subject"
        ))?
        .query_map(values, sign_in)?
        .collect::<Result<Vec<_>, _>>()?;
    rows.into_iter()
        .map(|(issuer, subject, user, at)| {
            Ok(SignInRow {
                issuer,
                subject,
                user: read_body("user", &format!("\"{user}\""))?,
                bound_at: read_instant(&at)?,
            })
        })
        .collect()
}

impl SqlStore {
    /// Returns sign-ins bound to the user, and this one: at most two of one issuer.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sign_ins_near(
        &self,
        issuer: &str,
        subject: &str,
        user: &UserId,
    ) -> Result<Vec<SignInRow>, ReadError> {
        let (issuer, subject, user) = (issuer.to_owned(), subject.to_owned(), user.clone());
        Ok(self
            .read(move |tx| {
                sign_ins(
                    tx,
                    "issuer = ?1 AND (subject = ?2 OR user_id = ?3)",
                    (&issuer, &subject, user.as_str()),
                )
            })
            .await?)
    }

    pub async fn sign_ins(&self) -> Result<Vec<SignInRow>, ReadError> {
        Ok(self.read(|tx| sign_ins(tx, "true", ("", "", ""))).await?)
    }

    /// Binds a sign-in in place of `instead`, with its record. `false` when another came first.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sign_in_bind(
        &self,
        row: &SignInRow,
        instead: Option<&SignInRow>,
        draft: Draft,
    ) -> Result<bool, ReadError> {
        let (row, instead) = (row.clone(), instead.cloned());
        Ok(self
            .write_for_ends(move |tx| {
                if let Some(old) = instead {
                    tx.prepare(
                        "DELETE FROM sign_ins WHERE issuer = ?1 AND subject = ?2 AND user_id = ?3",
                    )?
                    .execute((old.issuer, old.subject, old.user.as_str()))?;
                }
                let kept = tx
                    .prepare(
                        "INSERT INTO sign_ins (issuer, subject, user_id, bound_at)
                         VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
                    )?
                    .execute((
                        row.issuer,
                        row.subject,
                        row.user.as_str(),
                        instant(row.bound_at),
                    ))?;
                if kept > 0 {
                    audit::append(tx, vec![draft])?;
                }
                Ok(kept > 0)
            })
            .await?)
    }

    pub async fn sign_in_forget(&self, row: &SignInRow, draft: Draft) -> Result<bool, ReadError> {
        let row = row.clone();
        Ok(self
            .write(move |tx| {
                let gone = tx
                    .prepare(
                        "DELETE FROM sign_ins WHERE issuer = ?1 AND subject = ?2 AND user_id = ?3",
                    )?
                    .execute((row.issuer, row.subject, row.user.as_str()))?;
                if gone > 0 {
                    audit::append(tx, vec![draft])?;
                }
                Ok(gone > 0)
            })
            .await?)
    }

    pub async fn append_record(&self, draft: Draft) -> Result<(), ReadError> {
        Ok(self
            .write(move |tx| {
                audit::append(tx, vec![draft])?;
                Ok(())
            })
            .await?)
    }
}
