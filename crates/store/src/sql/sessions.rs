//! Sessions in tables.

use std::collections::BTreeSet;

use hallpass_access::ReadError;
use hallpass_access::identity::{WebSession, WhichSessions};
use hallpass_audit::Draft;
use hallpass_base::{Email, Timestamp, UserId};
use serde_json::Value;

use super::unreadable::readable;
use super::{SqlStore, audit, locks};
use crate::database::{Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::{instant, read_session, session_body};

#[derive(Clone, Debug, PartialEq, Eq)]
struct SessionRow {
    hash: String,
    user: Email,
    user_id: UserId,
    at: Timestamp,
    ends_at: Timestamp,
    body: String,
}

impl SessionRow {
    fn of(session: &WebSession) -> Result<Self, StorageFault> {
        let nobodys = || StorageFault::Unavailable("a session has no user".to_owned());
        Ok(Self {
            user_id: session.user_id.clone().ok_or_else(nobodys)?,
            at: session.seen_at,
            hash: session.hash.clone(),
            user: session.user.clone(),
            ends_at: session.ends_at,
            body: session_body(session)?,
        })
    }
}

fn insert(tx: &Transaction<'_>, row: &SessionRow) -> Result<(), StorageFault> {
    locks::refuse_locked(tx, &row.user_id, row.at)?;
    tx.prepare(
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
        .prepare("SELECT body FROM sessions WHERE user_id = ?1 ORDER BY ends_at DESC")?
        .query_map([user.as_str()], |row| row.get(0))?
        .collect::<Result<Vec<String>, _>>()?;
    Ok(all)
}

fn delete(tx: &Transaction<'_>, hash: &str) -> Result<u64, StorageFault> {
    let gone = tx
        .prepare("DELETE FROM sessions WHERE hash = ?1")?
        .execute([hash])?;
    Ok(u64::try_from(gone).unwrap_or(u64::MAX))
}

fn end_meant(
    tx: &Transaction<'_>,
    user: &UserId,
    which: &WhichSessions,
) -> Result<u64, StorageFault> {
    let mut ended = 0_u64;
    // unreadable sessions are ended
    let is_meant = |body: &String| read_session(body).map_or(true, |it| which.means(&it));
    for body in bodies(tx, user)?.iter().filter(|body| is_meant(body)) {
        let gone = tx
            .prepare("DELETE FROM sessions WHERE user_id = ?1 AND body = ?2")?
            .execute((user.as_str(), body))?;
        ended += u64::try_from(gone).unwrap_or(u64::MAX);
    }
    Ok(ended)
}

fn is_of(issuer: &str, body: &str) -> bool {
    let Ok(body) = serde_json::from_str::<Value>(body) else {
        return false;
    };
    let at = body.pointer("/signed_in/issuer").and_then(Value::as_str);
    at == Some(issuer)
}

impl SqlStore {
    /// Stores a session, with a record in the same transaction.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_insert(
        &self,
        session: &WebSession,
        record: Option<Draft>,
    ) -> Result<(), ReadError> {
        let row = SessionRow::of(session)?;
        // an administrator without a session can sign in to revoke while the disk is full
        let write = self.write_for_ends(move |tx| {
            insert(tx, &row)?;
            audit::append(tx, record.clone().into_iter().collect()).map(drop)
        });
        Ok(write.await?)
    }

    pub async fn session_by_hash(&self, hash: &str) -> Result<Option<WebSession>, ReadError> {
        let hash = hash.to_owned();
        Ok(self
            .read(move |tx| {
                let text: Option<String> = tx
                    .prepare("SELECT body FROM sessions WHERE hash = ?1")?
                    .query_row([hash], |row| row.get(0))
                    .optional()?;
                text.map(|text| read_session(&text)).transpose()
            })
            .await?)
    }

    /// Replaces the session with the same hash if its stored form is still `was`, and stores
    /// `beside` too; both or neither. Returns whether it did.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_replace(
        &self,
        was: &WebSession,
        session: &WebSession,
        beside: Option<&WebSession>,
    ) -> Result<bool, ReadError> {
        let (was, row) = (session_body(was)?, SessionRow::of(session)?);
        let beside = beside.map(SessionRow::of).transpose()?;
        Ok(self
            .write_for_ends(move |tx| {
                let changed = tx
                    .prepare(
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

    pub async fn sessions(&self) -> Result<Vec<WebSession>, ReadError> {
        Ok(self
            .read(|tx| {
                let texts = tx
                    .prepare("SELECT body FROM sessions ORDER BY user, ends_at")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                texts.iter().map(|text| read_session(text)).collect()
            })
            .await?)
    }

    /// Ends a session under each of its secrets, including concurrently issued ones.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn session_end(&self, session: &WebSession) -> Result<(), ReadError> {
        let (hash, user) = (session.hash.clone(), session.user_id.clone());
        let which = WhichSessions::One(session.id());
        Ok(self
            .write_for_ends(move |tx| {
                delete(tx, &hash)?;
                if let Some(user) = user {
                    end_meant(tx, &user, &which)?;
                }
                Ok(())
            })
            .await?)
    }

    /// Ends sessions that a provider ended, with a record per affected person; returns the number
    /// of secrets. Concurrent writes wait.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions_end_at_provider(
        &self,
        issuer: &str,
        subject: Option<&str>,
        sid: Option<&str>,
        record: impl Fn(&UserId) -> Draft + Send + 'static,
    ) -> Result<u64, ReadError> {
        let issuer = issuer.to_owned();
        let (subject, sid) = (subject.map(str::to_owned), sid.map(str::to_owned));
        Ok(self
            .write_for_ends(move |tx| {
                let all = tx
                    .prepare("SELECT hash, user_id, body FROM sessions")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
                    .collect::<Result<Vec<(String, Option<String>, String)>, _>>()?;
                let (subject, sid) = (subject.as_deref(), sid.as_deref());
                let (mut ended, mut whose) = (0_u64, BTreeSet::new());
                for (hash, user, body) in all {
                    let is_meant = match read_session(&body) {
                        Ok(session) => session.signed_in.is_meant(&issuer, subject, sid),
                        Err(_) => is_of(&issuer, &body),
                    };
                    if is_meant {
                        ended += delete(tx, &hash)?;
                        // a session without a user gave no access
                        whose.extend(user.and_then(|user| UserId::new(&user).ok()));
                    }
                }
                audit::append(tx, whose.iter().map(record).collect())?;
                Ok(ended)
            })
            .await?)
    }

    /// Returns a person's sessions; an unreadable one gives no access and is logged and skipped.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions_of(&self, user: &UserId) -> Result<Vec<WebSession>, ReadError> {
        let user = user.clone();
        Ok(self
            .read(move |tx| {
                let sql =
                    "SELECT hash, body FROM sessions WHERE user_id = ?1 ORDER BY ends_at DESC";
                readable(tx, "session", (sql, [user.as_str()]), |text: &String| {
                    read_session(text)
                })
            })
            .await?)
    }

    /// Ends a person's selected sessions, with a record if there are any; returns their number.
    /// Concurrent writes wait.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn sessions_end(
        &self,
        user: &UserId,
        which: WhichSessions,
        draft: Draft,
    ) -> Result<u64, ReadError> {
        let user = user.clone();
        Ok(self
            .write_for_ends(move |tx| {
                let ended = end_meant(tx, &user, &which)?;
                if ended > 0 {
                    audit::append(tx, vec![draft])?;
                }
                Ok(ended)
            })
            .await?)
    }

    pub async fn sessions_prune(&self, now: Timestamp) -> Result<(), ReadError> {
        Ok(self
            .write_for_ends(move |tx| {
                tx.prepare("DELETE FROM sessions WHERE ends_at < ?1")?
                    .execute([instant(now)])?;
                Ok(())
            })
            .await?)
    }
}
