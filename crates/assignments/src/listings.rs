//! Shared listings: of a target for all holders, so that hundreds of rows cost one call; of a
//! person for all their access.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

use crate::CenterFault;

const KEPT: TimeSpan = TimeSpan::minutes(1);
const KEPT_MAX: usize = 512;

#[derive(Debug)]
pub(crate) struct Listing<Shown> {
    pub(crate) at: Timestamp,
    shown: Arc<HashSet<Shown>>,
}

impl<Shown> Clone for Listing<Shown> {
    fn clone(&self) -> Self {
        Self {
            at: self.at,
            shown: Arc::clone(&self.shown),
        }
    }
}

impl<Shown: Eq + Hash> Listing<Shown> {
    pub(crate) fn shows(&self, one: &Shown) -> bool {
        self.shown.contains(one)
    }
}

/// Listings of the last minute. Each key is read once at a time; waiting callers share a listing
/// that began late enough.
#[derive(Debug)]
pub(crate) struct Listings<Of, Shown> {
    places: Mutex<BTreeMap<Of, Arc<ListingSlot<Shown>>>>,
}

impl<Of, Shown> Default for Listings<Of, Shown> {
    fn default() -> Self {
        Self {
            places: Mutex::default(),
        }
    }
}

#[derive(Debug)]
struct ListingSlot<Shown> {
    reading: tokio::sync::Mutex<()>,
    newest: Mutex<Option<Listing<Shown>>>,
    doubted_until: Mutex<Option<Timestamp>>,
}

impl<Shown> Default for ListingSlot<Shown> {
    fn default() -> Self {
        Self {
            reading: tokio::sync::Mutex::default(),
            newest: Mutex::default(),
            doubted_until: Mutex::default(),
        }
    }
}

impl<Of: Clone + Ord, Shown: Eq + Hash> Listings<Of, Shown> {
    /// Returns a listing begun after `after`: a cached one, or a new one by `read`. Failures are
    /// not cached.
    pub(crate) async fn after<F>(
        &self,
        one: &Of,
        after: Timestamp,
        now: impl Fn() -> Timestamp,
        read: impl FnOnce() -> F,
    ) -> Result<Listing<Shown>, CenterFault>
    where
        F: Future<Output = Result<Vec<Shown>, CenterFault>>,
    {
        let place = self.place(one, now());
        let after = after.max(KEPT.before(now()));
        if let Some(listing) = place.newer(after, now()) {
            return Ok(listing);
        }
        let _reading = place.reading.lock().await;
        if let Some(listing) = place.newer(after, now()) {
            return Ok(listing);
        }
        let at = now();
        let shown = read().await?;
        let listing = Listing {
            at,
            shown: Arc::new(shown.into_iter().collect()),
        };
        *lock(&place.newest) = Some(listing.clone());
        Ok(listing)
    }

    /// Invalidates listings begun before `now`, running ones included: an unrecorded write happened
    /// meanwhile.
    pub(crate) fn doubt(&self, one: &Of, now: Timestamp) {
        *lock(&self.place(one, now).doubted_until) = Some(now);
    }

    fn place(&self, one: &Of, now: Timestamp) -> Arc<ListingSlot<Shown>> {
        let mut places = lock(&self.places);
        let is_kept = |place: &Arc<ListingSlot<Shown>>| {
            let newest = lock(&place.newest).as_ref().map(|listing| listing.at);
            let known = [newest, *lock(&place.doubted_until)];
            let is_recent = |at: &Timestamp| *at <= now && now < KEPT.after(*at);
            known.iter().flatten().any(is_recent) || Arc::strong_count(place) > 1
        };
        places.retain(|_, place| is_kept(place));
        while places.len() >= KEPT_MAX {
            places.pop_first();
        }
        Arc::clone(places.entry(one.clone()).or_default())
    }
}

impl<Shown> ListingSlot<Shown> {
    fn newer(&self, after: Timestamp, now: Timestamp) -> Option<Listing<Shown>> {
        let after = lock(&self.doubted_until).map_or(after, |until| after.max(until));
        lock(&self.newest)
            .clone()
            .filter(|listing| listing.at > after && listing.at <= now)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "listings_tests.rs"]
mod tests;
