//! Storage quotas per user. The store counts at commit, so no node can exceed a quota.

use hallpass_base::{HoldKey, UserId};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quota {
    WaitingRequests(UserId),
    /// Refused requests per UTC day.
    RefusedRequests(UserId),
    /// Refused actions per UTC day.
    RefusedPresses(UserId),
    Holds(HoldKey),
    /// Only as many as a decision saw, since others could conflict.
    LiveGrants(UserId),
    IdempotencyKeys(UserId),
}

/// Usage that a change adds. It commits only within `most`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QuotaUse {
    pub quota: Quota,
    pub adds: u32,
    pub most: u32,
}

/// Nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OverQuota {
    #[error(
        "at most {0} requests of one person can wait: withdraw one, or wait until one is decided; nothing was stored"
    )]
    WaitingRequests(u32),
    #[error(
        "{0} of your requests were refused today (UTC), and no more are accepted until tomorrow; nothing was stored"
    )]
    RefusedRequests(u32),
    #[error(
        "{0} of your actions were refused today (UTC), and this one would be, too; nothing was stored"
    )]
    RefusedPresses(u32),
    #[error(
        "you have {0} grants for this already: release one, or wait until one ends; nothing was stored"
    )]
    Holds(u32),
    #[error("another grant of this person came first; nothing was stored")]
    LiveGrants(u32),
    #[error(
        "{0} of your Idempotency-Keys are remembered, for 24 hours each, and no more can be; nothing was stored"
    )]
    IdempotencyKeys(u32),
}

impl OverQuota {
    pub const fn code(self) -> &'static str {
        match self {
            Self::WaitingRequests(_) => "too-many-waiting",
            Self::RefusedRequests(_) => "too-many-refused",
            Self::RefusedPresses(_) => "too-many-refused-actions",
            Self::Holds(_) | Self::LiveGrants(_) => "too-many-grants",
            Self::IdempotencyKeys(_) => "too-many-idempotency-keys",
        }
    }
}

impl QuotaUse {
    /// Checks the quota; `stored` are already counted.
    ///
    /// # Errors
    /// If the change adds too many.
    pub fn ensure(&self, stored: u32) -> Result<(), OverQuota> {
        if stored.saturating_add(self.adds) <= self.most {
            return Ok(());
        }
        Err(match self.quota {
            Quota::WaitingRequests(_) => OverQuota::WaitingRequests(self.most),
            Quota::RefusedRequests(_) => OverQuota::RefusedRequests(self.most),
            Quota::RefusedPresses(_) => OverQuota::RefusedPresses(self.most),
            Quota::Holds(_) => OverQuota::Holds(self.most),
            Quota::LiveGrants(_) => OverQuota::LiveGrants(self.most),
            Quota::IdempotencyKeys(_) => OverQuota::IdempotencyKeys(self.most),
        })
    }
}
