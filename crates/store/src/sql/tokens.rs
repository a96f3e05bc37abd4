//! API tokens and cached bytes in tables.

use hallpass_access::{CommitError, ReadError};
use hallpass_audit::Draft;
use hallpass_base::{Timestamp, TokenId, UserId};

use super::{SqlStore, audit, locks};
use crate::TokenRow;
use crate::database::{ConstraintRefusal, Optional, Transaction};
use crate::fault::StorageFault;
use crate::rows::{body, read_body};
use crate::steps::exists_already;

fn insert(tx: &Transaction<'_>, token: &TokenRow, draft: Draft) -> Result<(), StorageFault> {
    if let Some(user) = &token.user_id {
        locks::refuse_locked(tx, user, token.created_at)?;
    }
    let stored = tx
        .prepare("INSERT INTO tokens (id, hash, user_id, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute((
            token.id.to_string(),
            &token.hash,
            token.user_id.as_ref().map(UserId::as_str),
            body(token)?,
        ));
    if let Err(error) = stored {
        return Err(match error.refusal() {
            Some(ConstraintRefusal::Twin) => exists_already(&format!("token {}", token.id)),
            Some(ConstraintRefusal::Trigger) | None => error.into(),
        });
    }
    audit::append(tx, vec![draft])?;
    Ok(())
}

fn revoke(
    tx: &Transaction<'_>,
    id: TokenId,
    at: Timestamp,
    draft: Draft,
) -> Result<Option<TokenRow>, StorageFault> {
    let text: Option<String> = tx
        .prepare("SELECT body FROM tokens WHERE id = ?1")?
        .query_row([id.to_string()], |row| row.get(0))
        .optional()?;
    let Some(text) = text else {
        return Ok(None);
    };
    let mut token: TokenRow = read_body("token", &text)?;
    if token.revoked_at.is_none() {
        token.revoked_at = Some(at);
        tx.prepare("UPDATE tokens SET body = ?2 WHERE id = ?1")?
            .execute((id.to_string(), body(&token)?))?;
        audit::append(tx, vec![draft])?;
    }
    Ok(Some(token))
}

fn used(tx: &Transaction<'_>, hash: &str, at: Timestamp) -> Result<(), StorageFault> {
    let text: Option<String> = tx
        .prepare("SELECT body FROM tokens WHERE hash = ?1")?
        .query_row([hash], |row| row.get(0))
        .optional()?;
    let Some(text) = text else {
        return Ok(());
    };
    let mut token: TokenRow = read_body("token", &text)?;
    if token.used_at.is_none_or(|before| before < at) {
        token.used_at = Some(at);
        tx.prepare("UPDATE tokens SET body = ?2 WHERE hash = ?1")?
            .execute((hash, body(&token)?))?;
    }
    Ok(())
}

impl SqlStore {
    /// Stores a token together with its record.
    ///
    /// # Errors
    /// [`CommitError::Raced`] when the id or the hash is taken.
    pub async fn token_insert(&self, token: &TokenRow, draft: Draft) -> Result<(), CommitError> {
        let token = token.clone();
        Ok(self.write(move |tx| insert(tx, &token, draft)).await?)
    }

    pub async fn token_by_hash(&self, hash: &str) -> Result<Option<TokenRow>, ReadError> {
        let hash = hash.to_owned();
        Ok(self
            .read(move |tx| {
                let text: Option<String> = tx
                    .prepare("SELECT body FROM tokens WHERE hash = ?1")?
                    .query_row([hash], |row| row.get(0))
                    .optional()?;
                text.map(|text| read_body("token", &text)).transpose()
            })
            .await?)
    }

    pub async fn tokens(&self) -> Result<Vec<TokenRow>, ReadError> {
        Ok(self
            .read(|tx| {
                let texts = tx
                    .prepare("SELECT body FROM tokens ORDER BY id")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                texts.iter().map(|text| read_body("token", text)).collect()
            })
            .await?)
    }

    pub async fn tokens_of(&self, user: &UserId) -> Result<Vec<TokenRow>, ReadError> {
        let user = user.clone();
        Ok(self
            .read(move |tx| {
                let texts = tx
                    .prepare("SELECT body FROM tokens WHERE user_id = ?1 ORDER BY id DESC")?
                    .query_map([user.as_str()], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()?;
                texts.iter().map(|text| read_body("token", text)).collect()
            })
            .await?)
    }

    /// Notes the use of a token; unknown tokens and later notes are unchanged.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn token_used(&self, hash: &str, at: Timestamp) -> Result<(), ReadError> {
        let hash = hash.to_owned();
        Ok(self.write_for_ends(move |tx| used(tx, &hash, at)).await?)
    }

    /// Revokes a token with its record, and returns it as stored; `None` for an unknown one. A
    /// repeated revocation keeps its instant without a record.
    ///
    /// # Errors
    /// When the store does not answer.
    pub async fn token_revoke(
        &self,
        id: TokenId,
        at: Timestamp,
        draft: Draft,
    ) -> Result<Option<TokenRow>, CommitError> {
        Ok(self
            .write_for_ends(move |tx| revoke(tx, id, at, draft))
            .await?)
    }

    pub async fn blob_put(&self, key: &str, bytes: &[u8]) -> Result<(), ReadError> {
        let (key, bytes) = (key.to_owned(), bytes.to_vec());
        Ok(self
            .write(move |tx| {
                tx.prepare(
                    "INSERT INTO blobs (key, bytes) VALUES (?1, ?2)
                     ON CONFLICT (key) DO UPDATE SET bytes = excluded.bytes",
                )?
                .execute((key, bytes))?;
                Ok(())
            })
            .await?)
    }

    pub async fn blob_get(&self, key: &str) -> Result<Option<Vec<u8>>, ReadError> {
        let key = key.to_owned();
        Ok(self
            .read(move |tx| {
                Ok(tx
                    .prepare("SELECT bytes FROM blobs WHERE key = ?1")?
                    .query_row([key], |row| row.get(0))
                    .optional()?)
            })
            .await?)
    }
}
