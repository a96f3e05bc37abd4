//! How much a person can make the store keep. The store counts when it commits, so that nothing is stored over a quota,
//! whichever node the calls reach.

use hallpass_base::{HoldKey, UserId};

/// What is counted, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    /// Requests that wait.
    WaitingRequests(UserId),
    /// Requests that were refused, a UTC day.
    RefusedRequests(UserId),
    /// Presses that were refused, a UTC day.
    RefusedPresses(UserId),
    /// Live grants of one person for one target.
    Holds(HoldKey),
    /// Idempotency keys that are remembered.
    IdempotencyKeys(UserId),
}

/// What a change adds to a quota. It is committed only where that stays within `most`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    /// What is counted.
    pub quota: Quota,
    /// How many the change adds.
    pub adds: u32,
    /// How many there may be then.
    pub most: u32,
}

/// A change that would exceed a quota. Nothing of it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverQuota {
    /// Of requests that wait.
    #[error(
        "at most {0} requests of one person can wait: withdraw one, or wait until one is decided; nothing was stored"
    )]
    WaitingRequests(u32),
    /// Of refused requests.
    #[error(
        "{0} of your requests were refused today (UTC), and no more are accepted until tomorrow; nothing was stored"
    )]
    RefusedRequests(u32),
    /// Of refused presses.
    #[error(
        "{0} of your actions were refused today (UTC), and this one would be, too; nothing was stored"
    )]
    RefusedPresses(u32),
    /// Of grants for one target.
    #[error(
        "you have {0} grants for this already: release one, or wait until one ends; nothing was stored"
    )]
    Holds(u32),
    /// Of idempotency keys.
    #[error(
        "{0} of your Idempotency-Keys are remembered, for 24 hours each, and no more can be; nothing was stored"
    )]
    IdempotencyKeys(u32),
}

impl OverQuota {
    /// A stable code for callers.
    pub const fn code(self) -> &'static str {
        match self {
            Self::WaitingRequests(_) => "too-many-waiting",
            Self::RefusedRequests(_) => "too-many-refused",
            Self::RefusedPresses(_) => "too-many-refused-actions",
            Self::Holds(_) => "too-many-grants",
            Self::IdempotencyKeys(_) => "too-many-idempotency-keys",
        }
    }
}

impl QuotaUse {
    /// Refuses what is over the quota, where `stored` are counted already.
    ///
    /// # Errors
    /// When the change adds too many.
    pub fn ensure(&self, stored: u32) -> Result<(), OverQuota> {
        if stored.saturating_add(self.adds) <= self.most {
            return Ok(());
        }
        Err(match self.quota {
            Quota::WaitingRequests(_) => OverQuota::WaitingRequests(self.most),
            Quota::RefusedRequests(_) => OverQuota::RefusedRequests(self.most),
            Quota::RefusedPresses(_) => OverQuota::RefusedPresses(self.most),
            Quota::Holds(_) => OverQuota::Holds(self.most),
            Quota::IdempotencyKeys(_) => OverQuota::IdempotencyKeys(self.most),
        })
    }
}
