//! Cache of account lookups (`organization.md` E-4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_base::{AccountId, TimeSpan};
use jiff::Timestamp;

use crate::account::AccountFacts;

/// Inclusive.
pub const ENTRY_LASTS: TimeSpan = TimeSpan::hours(24);
const TAGS_LAST: TimeSpan = TimeSpan::minutes(5);
/// Limit for callers that change the account: a move may be unreported.
const PLACE_LASTS: TimeSpan = TimeSpan::minutes(5);
/// For accounts outside the organization.
const OUTSIDE_LASTS: TimeSpan = TimeSpan::hours(1);

/// Locked during a lookup, so that others wait for it.
pub(crate) type CacheEntry = Arc<futures_util::lock::Mutex<Option<CachedFacts>>>;

#[derive(Clone, Debug)]
pub(crate) struct CachedFacts {
    pub(crate) facts: AccountFacts,
    pub(crate) read_at: Timestamp,
    pub(crate) tags_read_at: Timestamp,
    pub(crate) place_read_at: Timestamp,
}

impl CachedFacts {
    pub(crate) fn of(facts: AccountFacts, now: Timestamp) -> Self {
        Self {
            facts,
            read_at: now,
            tags_read_at: now,
            place_read_at: now,
        }
    }

    pub(crate) fn has_recent_place(&self, now: Timestamp) -> bool {
        self.place_read_at <= now && now < PLACE_LASTS.after(self.place_read_at)
    }

    pub(crate) fn counts(&self, now: Timestamp) -> bool {
        let lasts = match self.facts {
            AccountFacts::Member(_) => ENTRY_LASTS,
            AccountFacts::Outside => OUTSIDE_LASTS,
        };
        // a future entry is from a wrong clock
        self.read_at <= now && now <= lasts.after(self.read_at)
    }

    pub(crate) fn has_recent_tags(&self, now: Timestamp) -> bool {
        match self.facts {
            AccountFacts::Member(_) => {
                self.tags_read_at <= now && now < TAGS_LAST.after(self.tags_read_at)
            }
            AccountFacts::Outside => true,
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct AccountCache {
    entries: Mutex<HashMap<AccountId, CacheEntry>>,
}

impl AccountCache {
    pub(crate) fn entry(&self, account: &AccountId) -> CacheEntry {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(account.clone()).or_default())
    }

    /// A lookup in progress does not serve later callers.
    pub(crate) fn forget(&self, account: &AccountId) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(account);
    }

    pub(crate) fn forget_all(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clear();
    }
}
