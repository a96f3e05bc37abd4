//! State of sign-ins and logins between two calls, minutes apart. The second call may reach another
//! process.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use hallpass_base::Timestamp;

/// Entries of a kind at most; the earliest-expiring ones are evicted.
pub const HANDOVERS_MAX: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("handovers: {0}")]
pub struct HandoverFault(pub String);

pub type Handed<T> = Result<T, HandoverFault>;

/// Stores the entries. If two callers exchange the same body, only one succeeds.
#[async_trait]
pub trait HandoverStore: Send + Sync {
    /// Stores `body` under `key`, replacing an earlier one; at most [`HANDOVERS_MAX`] of a kind.
    ///
    /// # Errors
    /// The store does not respond.
    async fn keep(&self, kind: &str, key: &str, body: &str, until: Timestamp) -> Handed<()>;

    /// Returns the body under `key`, also if expired.
    ///
    /// # Errors
    /// The store does not respond.
    async fn kept(&self, kind: &str, key: &str) -> Result<Option<String>, HandoverFault>;

    /// Replaces `was` with `then`, or deletes it; `false` if the current body differs.
    ///
    /// # Errors
    /// The store does not respond.
    async fn exchange(&self, kind: &str, key: &str, was: &str, then: Option<&str>) -> Handed<bool>;
}

type Entries = HashMap<String, HashMap<String, (Timestamp, String)>>;

#[derive(Debug, Default)]
pub struct OwnHandovers(Mutex<Entries>);

impl OwnHandovers {
    fn all(&self) -> std::sync::MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl HandoverStore for OwnHandovers {
    async fn keep(&self, kind: &str, key: &str, body: &str, until: Timestamp) -> Handed<()> {
        let mut all = self.all();
        let of_kind = all.entry(kind.to_owned()).or_default();
        if of_kind.len() >= HANDOVERS_MAX {
            let oldest = of_kind.iter().min_by_key(|(_, (until, _))| *until);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                of_kind.remove(&oldest);
            }
        }
        of_kind.insert(key.to_owned(), (until, body.to_owned()));
        Ok(())
    }

    async fn kept(&self, kind: &str, key: &str) -> Result<Option<String>, HandoverFault> {
        let all = self.all();
        let found = all.get(kind).and_then(|of_kind| of_kind.get(key));
        Ok(found.map(|(_, body)| body.clone()))
    }

    async fn exchange(&self, kind: &str, key: &str, was: &str, then: Option<&str>) -> Handed<bool> {
        let mut all = self.all();
        let of_kind = all.entry(kind.to_owned()).or_default();
        match (of_kind.get_mut(key), then) {
            (Some((_, body)), Some(then)) if body == was => then.clone_into(body),
            (Some((_, body)), None) if body == was => drop(of_kind.remove(key)),
            (Some(_) | None, _) => return Ok(false),
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_bounded_and_the_first_to_end_make_room() {
        let own = OwnHandovers::default();
        let at = |second: usize| {
            let second = i64::try_from(second).unwrap();
            Timestamp::from_second(1_780_000_000 + second).unwrap()
        };
        own.keep("b", "other kind", "x", at(0)).await.unwrap();
        for number in 0..HANDOVERS_MAX + 2 {
            own.keep("a", &number.to_string(), "x", at(number))
                .await
                .unwrap();
        }
        assert_eq!(own.all()["a"].len(), HANDOVERS_MAX);
        assert_eq!(own.kept("a", "1").await.unwrap(), None);
        assert_eq!(own.kept("a", "2").await.unwrap().as_deref(), Some("x"));
        assert!(own.kept("b", "other kind").await.unwrap().is_some());
    }
}
