//! One listing of a target for all rows of it: two hundred people who ask for the same thing cost
//! one call, and so do the looks at ten thousand live grants of few targets.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hallpass_model::{Span, Target, Timestamp, UserId};

use crate::CenterFault;

/// How long a listing is kept.
const KEPT: Span = Span::minutes(1);
/// Listings kept at most; beyond that, old ones go early.
const KEPT_MAX: usize = 512;

/// A listing read to its end.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// When it began.
    pub(crate) at: Timestamp,
    holders: Arc<HashSet<UserId>>,
}

impl Listing {
    /// Whether it shows the person.
    pub(crate) fn shows(&self, user: &UserId) -> bool {
        self.holders.contains(user)
    }
}

/// Listings of a minute. One of a target is read at a time; whoever comes meanwhile waits for it
/// and takes it, if it began late enough for them.
#[derive(Debug, Default)]
pub(crate) struct Listings {
    targets: Mutex<BTreeMap<Target, Arc<Place>>>,
}

#[derive(Debug, Default)]
struct Place {
    reading: tokio::sync::Mutex<()>,
    newest: Mutex<Option<Listing>>,
}

impl Listings {
    /// A listing of `target` that began after `after`: one that is kept, or the one that `read`
    /// brings. A failure is kept for nobody.
    pub(crate) async fn after<F>(
        &self,
        target: &Target,
        after: Timestamp,
        now: impl Fn() -> Timestamp,
        read: impl FnOnce() -> F,
    ) -> Result<Listing, CenterFault>
    where
        F: Future<Output = Result<Vec<UserId>, CenterFault>>,
    {
        let place = self.place(target, now());
        let after = after.max(KEPT.before(now()));
        if let Some(listing) = place.newer(after, now()) {
            return Ok(listing);
        }
        let _reading = place.reading.lock().await;
        if let Some(listing) = place.newer(after, now()) {
            return Ok(listing);
        }
        let at = now();
        let holders = read().await?;
        let listing = Listing {
            at,
            holders: Arc::new(holders.into_iter().collect()),
        };
        *lock(&place.newest) = Some(listing.clone());
        Ok(listing)
    }

    /// The place of a target; forgets what is too old, or from a clock that was ahead.
    fn place(&self, target: &Target, now: Timestamp) -> Arc<Place> {
        let mut targets = lock(&self.targets);
        let is_kept = |place: &Arc<Place>| {
            let newest = lock(&place.newest);
            let is_recent = newest
                .as_ref()
                .is_some_and(|listing| listing.at <= now && now < KEPT.after(listing.at));
            is_recent || Arc::strong_count(place) > 1
        };
        targets.retain(|_, place| is_kept(place));
        while targets.len() >= KEPT_MAX {
            targets.pop_first();
        }
        Arc::clone(targets.entry(target.clone()).or_default())
    }
}

impl Place {
    fn newer(&self, after: Timestamp, now: Timestamp) -> Option<Listing> {
        lock(&self.newest)
            .clone()
            .filter(|listing| listing.at > after && listing.at <= now)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // every change is whole: a panic elsewhere leaves it usable
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "listings_tests.rs"]
mod tests;
