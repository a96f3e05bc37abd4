//! Calls repeated with the same idempotency key.

use hallpass_base::{RequestId, TimeSpan};

use super::{Access, AccessError};
use crate::{Actor, Change, Request, StoredAnswer};

pub const ANSWER_KEPT: TimeSpan = TimeSpan::hours(24);

#[derive(Clone, Debug)]
pub struct Idempotency {
    pub key: String,
    pub fingerprint: String,
}

impl Access {
    /// Whether a call with this key was executed before.
    ///
    /// # Errors
    /// If the key was used for another call, or the store does not answer.
    pub async fn was_carried_out(
        &self,
        actor: &Actor,
        idempotency: Option<&Idempotency>,
    ) -> Result<bool, AccessError> {
        Ok(self.earlier(actor, idempotency).await?.is_some())
    }

    /// Records an executed call; repeats are harmless.
    ///
    /// # Errors
    /// If another call used the key first, or the store does not answer.
    pub async fn carried_out(
        &self,
        actor: &Actor,
        idempotency: Option<&Idempotency>,
    ) -> Result<(), AccessError> {
        let answer = self.answer_of(actor, idempotency);
        self.store_change(Change {
            answer,
            ..Change::default()
        })
        .await?;
        Ok(())
    }

    pub(super) fn answer_to(
        &self,
        actor: &Actor,
        request: RequestId,
        idempotency: Option<&Idempotency>,
    ) -> Option<StoredAnswer> {
        let answer = self.answer_of(actor, idempotency)?;
        Some(StoredAnswer {
            request: Some(request),
            ..answer
        })
    }

    /// For calls without a request.
    pub(super) fn answer_of(
        &self,
        actor: &Actor,
        idempotency: Option<&Idempotency>,
    ) -> Option<StoredAnswer> {
        let (idempotency, user) = (idempotency?, actor.user.clone()?);
        Some(StoredAnswer {
            actor: user,
            key: idempotency.key.clone(),
            fingerprint: idempotency.fingerprint.clone(),
            request: None,
            until: ANSWER_KEPT.after(self.now()),
        })
    }

    /// Whether the same call was executed for the same request.
    pub(super) async fn was_answered(
        &self,
        actor: &Actor,
        request: RequestId,
        idempotency: Option<&Idempotency>,
    ) -> Result<bool, AccessError> {
        let Some(answer) = self.earlier(actor, idempotency).await? else {
            return Ok(false);
        };
        if answer.request == Some(request) {
            Ok(true)
        } else {
            Err(AccessError::KeyReused)
        }
    }

    pub(super) async fn request_of(
        &self,
        answer: &StoredAnswer,
    ) -> Result<Option<Request>, AccessError> {
        match answer.request {
            Some(id) => Ok(self.ports.store.request(id).await?),
            None => Ok(None),
        }
    }

    /// Returns the earlier answer; refuses the key of a different call.
    pub(super) async fn earlier(
        &self,
        actor: &Actor,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<StoredAnswer>, AccessError> {
        let (Some(wanted), Some(user)) = (idempotency, &actor.user) else {
            return Ok(None);
        };
        let answer = self.ports.store.answer(user, &wanted.key).await?;
        match answer.filter(|answer| answer.until > self.now()) {
            Some(answer) if answer.fingerprint != wanted.fingerprint => Err(AccessError::KeyReused),
            answer => Ok(answer),
        }
    }
}
