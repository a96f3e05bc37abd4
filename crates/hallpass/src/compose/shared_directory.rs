//! Shared directory: the leader reads AWS and stores it, other nodes load it. One node reads AWS;
//! others only for data missing in the stored read, so that all nodes agree.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{DirectoryFault, DirectoryPrefetch, DirectorySource};
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::sources::{cache_snapshot, cached_snapshot, cached_snapshot_taken};
use hallpass_aws::Inventory;
use hallpass_base::{Clock, TimeSpan, Timestamp, UserId};
use hallpass_rules::{Directory, NamedFacts};

use super::lead::Lead;

pub(super) struct SharedDirectory {
    inventory: Arc<Inventory>,
    store: ServerStore,
    clock: Arc<dyn Clock>,
    lead: Arc<Lead>,
    /// This node's last AWS read, even failed.
    asked: Mutex<Option<Timestamp>>,
    stored: tokio::sync::Mutex<Option<Timestamp>>,
}

impl SharedDirectory {
    pub(super) fn new(
        inventory: &Arc<Inventory>,
        store: &ServerStore,
        clock: &Arc<dyn Clock>,
        lead: &Arc<Lead>,
    ) -> Arc<Self> {
        Arc::new(Self {
            inventory: Arc::clone(inventory),
            store: store.clone(),
            clock: Arc::clone(clock),
            lead: Arc::clone(lead),
            asked: Mutex::default(),
            stored: tokio::sync::Mutex::default(),
        })
    }

    pub(super) async fn follow(&self) -> bool {
        let Some(taken) = cached_snapshot_taken(&self.store).await else {
            return false;
        };
        let known = self.inventory.current().taken_at();
        if !is_followed(taken, known, self.clock.look().elsewhere) {
            return false;
        }
        let Some(snapshot) = cached_snapshot(&self.store).await else {
            return false;
        };
        let age = TimeSpan::between(taken, self.clock.now());
        self.inventory
            .adopt(snapshot, Duration::from_secs(age.as_seconds()));
        true
    }
}

/// A read further in the future came from a fast clock.
const AHEAD_MAX: TimeSpan = TimeSpan::minutes(1);
/// A newer read is current enough for a miss.
const RECENT: TimeSpan = TimeSpan::minutes(1);

/// Whether another node's read from `taken` replaces the one from `known`: newer, or the old one
/// came from a fast clock. Ignores reads from a fast clock.
fn is_followed(taken: Timestamp, known: Option<Timestamp>, now: Timestamp) -> bool {
    let ahead = AHEAD_MAX.after(now);
    known.is_none_or(|known| taken <= ahead && (known < taken || known > ahead))
}

/// Minimum interval of followers' AWS reads: the leader's ends share the rate limit.
const ASK_EVERY: TimeSpan = TimeSpan::minutes(2);

/// Whether a follower reads AWS for missing data: the leader reads every few minutes and does not
/// see misses here. `followed` is the time of the loaded read, `asked` of the last own attempt.
fn asks_itself(followed: Option<Timestamp>, asked: Option<Timestamp>, now: Timestamp) -> bool {
    let is_recent = followed.is_some_and(|taken| RECENT.covers(taken, now));
    !is_recent && !asked.is_some_and(|at| ASK_EVERY.covers(at, now))
}

#[async_trait]
impl DirectorySource for SharedDirectory {
    fn current(&self) -> Arc<Directory> {
        self.inventory.current()
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        if self.lead.holds() {
            let read = self.inventory.refresh().await?;
            // one of several callers reads AWS and stores
            let mut stored = self.stored.lock().await;
            if *stored != read.taken_at() && cache_snapshot(&self.store, read.snapshot()).await {
                *stored = read.taken_at();
            }
            return Ok(read);
        }
        let has_followed = self.follow().await;
        let known = self.current();
        let followed = known.taken_at().filter(|_| has_followed);
        let now = self.clock.now();
        {
            // changes are atomic
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if !asks_itself(followed, *asked, now) {
                return Ok(known);
            }
            *asked = Some(now);
        }
        match self.inventory.refresh().await {
            Err(_) if has_followed => Ok(known),
            read => read,
        }
    }

    /// Any node reads one user for a current permission check.
    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        self.inventory.refresh_person(user).await
    }

    /// Each node reads ahead for its own callers.
    async fn read_ahead(&self, named: &NamedFacts) {
        self.inventory.read_ahead(named).await;
    }

    fn ahead(&self, named: &NamedFacts) -> DirectoryPrefetch {
        self.inventory.ahead(named)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn whoever_misses_something_is_answered_by_a_reading_of_now_on_every_node() {
        let now = at(0);
        for (followed, asked, asks) in [
            (None, None, true),
            (Some(at(-200)), None, true),
            (Some(at(-20)), None, false),
            // even if it failed
            (None, Some(at(-30)), false),
            (None, Some(at(-300)), true),
            (Some(at(-20)), Some(at(-300)), false),
            // a clock that moved back
            (None, Some(at(3_600)), true),
        ] {
            assert_eq!(
                asks_itself(followed, asked, now),
                asks,
                "{followed:?} {asked:?}"
            );
        }
    }

    #[test]
    fn what_a_clock_that_was_ahead_left_behind_is_replaced_and_never_taken_over() {
        let now = at(0);
        for (taken, known, followed) in [
            (at(-10), Some(at(-300)), true),
            (at(-10), Some(at(-10)), false),
            (at(-300), Some(at(-10)), false),
            (at(-9_000), None, true),
            (at(3_600), None, true),
            (at(3_600), Some(at(-10)), false),
            (at(-10), Some(at(3_600)), true),
            (at(7_200), Some(at(3_600)), false),
            // node clocks differ by seconds
            (at(20), Some(at(10)), true),
            (at(10), Some(at(20)), false),
        ] {
            assert_eq!(
                is_followed(taken, known, now),
                followed,
                "{taken} {known:?}"
            );
        }
    }
}
