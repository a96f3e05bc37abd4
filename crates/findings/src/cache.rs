//! What was looked up of accounts, for as long as it counts (`organization.md` E-4).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_base::{AccountId, TimeSpan};
use jiff::Timestamp;

use crate::account::AccountFacts;

/// How long what was looked up counts, the last second included.
pub const ENTRY_LASTS: TimeSpan = TimeSpan::hours(24);
/// How long tags count before they are read anew: one call, where all else of an account is four.
const TAGS_LAST: TimeSpan = TimeSpan::minutes(5);
/// How long it counts where an account stands, for whoever changes something in it: nobody may have told us that it was moved,
/// or left.
const PLACE_LASTS: TimeSpan = TimeSpan::minutes(5);
/// How long what was looked up counts of an account that is not the organization's.
const OUTSIDE_LASTS: TimeSpan = TimeSpan::hours(1);

/// What is known of an account. Whoever looks it up holds it, so that others wait for that answer.
pub(crate) type CacheEntry = Arc<futures_util::lock::Mutex<Option<CachedFacts>>>;

/// Facts, and when they were read.
#[derive(Clone, Debug)]
pub(crate) struct CachedFacts {
    pub(crate) facts: AccountFacts,
    pub(crate) read_at: Timestamp,
    pub(crate) tags_read_at: Timestamp,
    pub(crate) place_read_at: Timestamp,
}

impl CachedFacts {
    /// All of it read now.
    pub(crate) fn of(facts: AccountFacts, now: Timestamp) -> Self {
        Self {
            facts,
            read_at: now,
            tags_read_at: now,
            place_read_at: now,
        }
    }

    /// Whether it was read lately where the account stands.
    pub(crate) fn has_recent_place(&self, now: Timestamp) -> bool {
        self.place_read_at <= now && now < PLACE_LASTS.after(self.place_read_at)
    }

    pub(crate) fn counts(&self, now: Timestamp) -> bool {
        let lasts = match self.facts {
            AccountFacts::Member(_) => ENTRY_LASTS,
            AccountFacts::Outside => OUTSIDE_LASTS,
        };
        // an entry from the future is of a clock that was wrong
        self.read_at <= now && now <= lasts.after(self.read_at)
    }

    /// Whether its tags, as far as it has some, were read lately.
    pub(crate) fn has_recent_tags(&self, now: Timestamp) -> bool {
        match self.facts {
            AccountFacts::Member(_) => {
                self.tags_read_at <= now && now < TAGS_LAST.after(self.tags_read_at)
            }
            AccountFacts::Outside => true,
        }
    }
}

/// What was looked up.
#[derive(Debug, Default)]
pub(crate) struct AccountCache {
    entries: Mutex<HashMap<AccountId, CacheEntry>>,
}

impl AccountCache {
    pub(crate) fn entry(&self, account: &AccountId) -> CacheEntry {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(entries.entry(account.clone()).or_default())
    }

    /// Forgets an account: a lookup under way is not given to whoever asks from now on.
    pub(crate) fn forget(&self, account: &AccountId) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.remove(account);
    }

    /// Forgets all of them.
    pub(crate) fn forget_all(&self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.clear();
    }
}
