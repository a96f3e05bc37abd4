//! Calls that are made again with the same idempotency key.

use hallpass_model::{RequestId, TimeSpan};

use super::{Access, AccessError};
use crate::{Actor, StoredAnswer};

/// How long the answer to an idempotency key is remembered.
const ANSWER_KEPT: TimeSpan = TimeSpan::hours(24);

/// A caller's promise that two equal calls are one.
#[derive(Clone, Debug)]
pub struct Idempotency {
    /// The caller's key.
    pub key: String,
    /// Hash of the call.
    pub fingerprint: String,
}

impl Access {
    /// What to remember of a call that led to `request`.
    pub(super) fn answer_to(
        &self,
        actor: &Actor,
        request: RequestId,
        idempotency: Option<&Idempotency>,
    ) -> Option<StoredAnswer> {
        let (idempotency, user) = (idempotency?, actor.user.clone()?);
        Some(StoredAnswer {
            actor: user,
            key: idempotency.key.clone(),
            fingerprint: idempotency.fingerprint.clone(),
            request,
            until: ANSWER_KEPT.after(self.now()),
        })
    }

    /// Whether the same call was carried out before, for the same request.
    pub(super) async fn was_answered(
        &self,
        actor: &Actor,
        request: RequestId,
        idempotency: Option<&Idempotency>,
    ) -> Result<bool, AccessError> {
        let Some(answer) = self.earlier(actor, idempotency).await? else {
            return Ok(false);
        };
        if answer.request == request {
            Ok(true)
        } else {
            Err(AccessError::KeyReused)
        }
    }

    /// What was answered to an earlier call with the key; that of another call is refused.
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
