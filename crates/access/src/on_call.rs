//! Who is on call, as another service says.

use std::collections::BTreeSet;

use async_trait::async_trait;
use hallpass_base::{Email, Timestamp, UserId};

/// Why a service did not say who is on call: a sentence without secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OnCallFault(pub String);

#[async_trait]
pub trait OnCallSource: Send + Sync {
    /// Asks now; changes nothing. Returns the addresses of the people on call, none if no one is.
    ///
    /// # Errors
    /// The service did not answer, or not in its documented form. Never a shorter list instead.
    async fn on_call(&self) -> Result<Vec<Email>, OnCallFault>;
}

/// The newest answer about a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnCallStatus {
    /// `on-call:payments`.
    pub list: String,
    /// `None` if it was never asked.
    pub asked_at: Option<Timestamp>,
    pub answer: Result<OnCallPeople, OnCallFault>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OnCallPeople {
    pub people: BTreeSet<UserId>,
    /// Addresses that are not those of one user of the directory: these people get nothing.
    pub unknown: BTreeSet<Email>,
}
