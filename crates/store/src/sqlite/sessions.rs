//! Sessions in SQLite: what they hold is the server's business, kept as text.

use hallpass_access::ReadError;
use hallpass_model::{Email, Timestamp};
use rusqlite::OptionalExtension;

use super::SqliteStore;
use crate::rows::instant;

/// A session as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Lower-case hex SHA-256 of its secret.
    pub hash: String,
    /// Whose it is.
    pub user: Email,
    /// When it may be forgotten.
    pub ends_at: Timestamp,
    /// Everything else, as the server wrote it.
    pub body: String,
}

impl SqliteStore {
    /// Keeps a new session.
    ///
    /// # Errors
    /// When the store does not answer, or has one with this hash.
    pub async fn session_insert(&self, row: &SessionRow) -> Result<(), ReadError> {
        let row = row.clone();
        Ok(self
            .write(move |tx| {
                tx.prepare_cached(
                    "INSERT INTO sessions (hash, user, ends_at, body) VALUES (?1, ?2, ?3, ?4)",
                )?
                .execute((
                    row.hash,
                    row.user.as_str().to_ascii_lowercase(),
                    instant(row.ends_at),
                    row.body,
                ))?;
                Ok(())
            })
            .await?)
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

    /// Writes `row` in place of the session with this hash; nothing when that is gone.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_replace(&self, hash: &str, row: &SessionRow) -> Result<(), ReadError> {
        let (hash, row) = (hash.to_owned(), row.clone());
        Ok(self
            .write(move |tx| {
                tx.prepare_cached(
                    "UPDATE sessions SET hash = ?2, ends_at = ?3, body = ?4 WHERE hash = ?1",
                )?
                .execute((hash, row.hash, instant(row.ends_at), row.body))?;
                Ok(())
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
    pub async fn sessions_delete(&self, user: &Email) -> Result<u64, ReadError> {
        let user = user.as_str().to_ascii_lowercase();
        Ok(self
            .write(move |tx| {
                let gone = tx
                    .prepare_cached("DELETE FROM sessions WHERE user = ?1")?
                    .execute([user])?;
                Ok(u64::try_from(gone).unwrap_or(u64::MAX))
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
