//! Sessions in SQLite: what they hold is the server's business, kept as text.

use hallpass_access::ReadError;
use hallpass_audit::Draft;
use hallpass_model::{Email, Timestamp, UserId};
use rusqlite::{OptionalExtension, Transaction};

use super::{SqliteStore, commit, locks};
use crate::fault::StorageFault;
use crate::rows::instant;

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Lower-case hex SHA-256 of its secret.
    pub hash: String,
    /// Whose it is, by address.
    pub user: Email,
    /// Whose it is.
    pub user_id: UserId,
    /// When it was kept.
    pub at: Timestamp,
    /// When it may be forgotten.
    pub ends_at: Timestamp,
    /// Everything else, as the server wrote it.
    pub body: String,
}

fn insert(tx: &Transaction<'_>, row: &SessionRow) -> Result<(), StorageFault> {
    locks::refuse_locked(tx, &row.user_id, row.at)?;
    tx.prepare_cached(
        "INSERT INTO sessions (hash, user, user_id, ends_at, body) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute((
        &row.hash,
        row.user.as_str().to_ascii_lowercase(),
        row.user_id.as_str(),
        instant(row.ends_at),
        &row.body,
    ))?;
    Ok(())
}

fn bodies(tx: &Transaction<'_>, user: &UserId) -> Result<Vec<String>, StorageFault> {
    let all = tx
        .prepare_cached("SELECT body FROM sessions WHERE user_id = ?1 ORDER BY ends_at DESC")?
        .query_map([user.as_str()], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    Ok(all)
}

impl SqliteStore {
    /// Keeps a new session.
    ///
    /// # Errors
    /// When the store does not answer, or has one with this hash.
    pub async fn session_insert(&self, row: &SessionRow) -> Result<(), ReadError> {
        let row = row.clone();
        Ok(self.write(move |tx| insert(tx, &row)).await?)
    }

    /// What was written for the session with this hash.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_by_hash(&self, hash: &str) -> Result<Option<String>, ReadError> {
        let hash = hash.to_owned();
        Ok(self
            .read(move |tx| {
                Ok(tx
                    .prepare_cached("SELECT body FROM sessions WHERE hash = ?1")?
                    .query_row([hash], |row| row.get(0))
                    .optional()?)
            })
            .await?)
    }

    /// Writes `row` in place of the session with its hash, if what was written for that is still
    /// `was`, and keeps `beside` too; both or none. Says whether it did.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_replace(
        &self,
        was: &str,
        row: &SessionRow,
        beside: Option<&SessionRow>,
    ) -> Result<bool, ReadError> {
        let (was, row, beside) = (was.to_owned(), row.clone(), beside.cloned());
        Ok(self
            .write(move |tx| {
                let changed = tx
                    .prepare_cached(
                        "UPDATE sessions SET ends_at = ?3, body = ?4 WHERE hash = ?1 AND body = ?2",
                    )?
                    .execute((row.hash, was, instant(row.ends_at), row.body))?;
                if let Some(beside) = beside.filter(|_| changed > 0) {
                    insert(tx, &beside)?;
                }
                Ok(changed > 0)
            })
            .await?)
    }

    /// What was written for every session, with the hash of its secret.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions(&self) -> Result<Vec<(String, String)>, ReadError> {
        Ok(self
            .read(|tx| {
                let rows = tx
                    .prepare_cached("SELECT hash, body FROM sessions ORDER BY user, ends_at")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<Result<Vec<(String, String)>, _>>()?;
                Ok(rows)
            })
            .await?)
    }

    /// Ends the session with this hash.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_delete(&self, hash: &str) -> Result<(), ReadError> {
        let hash = hash.to_owned();
        Ok(self
            .write(move |tx| {
                tx.prepare_cached("DELETE FROM sessions WHERE hash = ?1")?
                    .execute([hash])?;
                Ok(())
            })
            .await?)
    }

    /// Ends every session of a person; how many there were.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions_delete(&self, user: &UserId) -> Result<u64, ReadError> {
        let user = user.clone();
        Ok(self
            .write(move |tx| {
                let gone = tx
                    .prepare_cached("DELETE FROM sessions WHERE user_id = ?1")?
                    .execute([user.as_str()])?;
                Ok(u64::try_from(gone).unwrap_or(u64::MAX))
            })
            .await?)
    }

    /// What was written for every session of a person.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<String>, ReadError> {
        let user = user.clone();
        Ok(self.read(move |tx| bodies(tx, &user)).await?)
    }

    /// Ends those sessions of a person of which `is_meant` says so by what was written for them, with
    /// a record if there are any; how many there were. Whatever is written meanwhile waits.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions_end(
        &self,
        user: &UserId,
        is_meant: impl Fn(&str) -> bool + Send + 'static,
        draft: Draft,
    ) -> Result<u64, ReadError> {
        let user = user.clone();
        Ok(self
            .write(move |tx| {
                let mut ended = 0_u64;
                for body in bodies(tx, &user)?.iter().filter(|body| is_meant(body)) {
                    let gone = tx
                        .prepare_cached("DELETE FROM sessions WHERE user_id = ?1 AND body = ?2")?
                        .execute((user.as_str(), body))?;
                    ended += u64::try_from(gone).unwrap_or(u64::MAX);
                }
                if ended > 0 {
                    commit::append(tx, vec![draft])?;
                }
                Ok(ended)
            })
            .await?)
    }

    /// Forgets sessions that ended before `now`.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions_prune(&self, now: Timestamp) -> Result<(), ReadError> {
        Ok(self
            .write(move |tx| {
                tx.prepare_cached("DELETE FROM sessions WHERE ends_at < ?1")?
                    .execute([instant(now)])?;
                Ok(())
            })
            .await?)
    }
}
