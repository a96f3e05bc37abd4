//! One listing for many rows: of a target for all who have it, so that two hundred people who ask for
//! the same thing cost one call, and so do the looks at ten thousand live grants of few targets; of a
//! person for all that the person has.

use std::collections::{BTreeMap, HashSet};
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hallpass_base::{TimeSpan, Timestamp};

use crate::CenterFault;

/// How long a listing is kept.
const KEPT: TimeSpan = TimeSpan::minutes(1);
/// Listings kept at most; beyond that, old ones go early.
const KEPT_MAX: usize = 512;

/// A listing read to its end, of whatever `Shown` is.
#[derive(Debug)]
pub(crate) struct Listing<Shown> {
    /// When it began.
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
    /// Whether it shows this one.
    pub(crate) fn shows(&self, one: &Shown) -> bool {
        self.shown.contains(one)
    }
}

/// Listings of a minute, each of an `Of`. One of the same is read at a time; whoever comes meanwhile
/// waits for it and takes it, if it began late enough for them.
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
    /// Listings that began up to then speak for nobody.
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
    /// A listing of `one` that began after `after`: one that is kept, or the one that `read`
    /// brings. A failure is kept for nobody.
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

    /// Goes by no listing of `one` that began before `now`, also if it is still being read: something was sent meanwhile,
    /// and what came of that is not recorded.
    pub(crate) fn doubt(&self, one: &Of, now: Timestamp) {
        *lock(&self.place(one, now).doubted_until) = Some(now);
    }

    /// The place of one; forgets what is too old, or from a clock that was ahead.
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
    // every change is whole: a panic elsewhere leaves it usable
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[path = "listings_tests.rs"]
mod tests;
