//! What is known of the organization, on every node: the one that leads reads it from AWS and stores it,
//! the others take it from the store. So however many nodes there are, AWS is asked by one; the others ask where somebody
//! misses what the stored reading lacks, so that all give the same answer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{DirectoryAhead, DirectoryFault, DirectorySource};
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::sources::{cache_snapshot, cached_snapshot, cached_snapshot_taken};
use hallpass_aws::Inventory;
use hallpass_base::{Clock, TimeSpan, Timestamp, UserId};
use hallpass_rules::{Directory, NamedFacts};

use super::lead::Lead;

/// The directory of a node.
pub(super) struct SharedDirectory {
    inventory: Arc<Inventory>,
    store: ServerStore,
    clock: Arc<dyn Clock>,
    lead: Arc<Lead>,
    /// When this node last asked AWS itself, whatever came of it.
    asked: Mutex<Option<Timestamp>>,
    /// When what this node stored last was read.
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

    /// Takes over what another node read since; whether it had.
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

/// A reading of further ahead than this was taken by a clock that ran ahead.
const AHEAD_MAX: TimeSpan = TimeSpan::minutes(1);
/// A reading of so lately has what people miss.
const RECENT: TimeSpan = TimeSpan::minutes(1);

/// Whether what another node read at `taken` is taken over where that of `known` is known: it is newer, or that of before
/// was taken by a clock that ran ahead. What was taken so itself is nothing to go by.
fn is_followed(taken: Timestamp, known: Option<Timestamp>, now: Timestamp) -> bool {
    let ahead = AHEAD_MAX.after(now);
    known.is_none_or(|known| taken <= ahead && (known < taken || known > ahead))
}

/// A node that does not lead asks AWS itself at most so often: the one that leads has ends to make at the same rate.
const ASK_EVERY: TimeSpan = TimeSpan::minutes(2);

/// Whether a node that does not lead asks AWS itself, for somebody who misses what it knows: the node that leads reads every
/// few minutes, and would be told of no miss here. `followed` is of when what it took over just now was read, `asked` of when it
/// last asked.
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
            // of several who ask at once, one is answered by AWS, and one stores it
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
            // every change is whole
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

    /// One user is asked about by whichever node they press on: their rights are those of this moment.
    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        self.inventory.refresh_person(user).await
    }

    /// Whichever node is asked reads for its own callers: nobody else has use for it.
    async fn read_ahead(&self, named: &NamedFacts) {
        self.inventory.read_ahead(named).await;
    }

    fn ahead(&self, named: &NamedFacts) -> DirectoryAhead {
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
            // whatever came of it
            (None, Some(at(-30)), false),
            (None, Some(at(-300)), true),
            (Some(at(-20)), Some(at(-300)), false),
            // a clock that went back
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
            // the newer one
            (at(-10), Some(at(-300)), true),
            (at(-10), Some(at(-10)), false),
            (at(-300), Some(at(-10)), false),
            // whatever there is, where nothing is known
            (at(-9_000), None, true),
            (at(3_600), None, true),
            // an hour ahead
            (at(3_600), Some(at(-10)), false),
            (at(-10), Some(at(3_600)), true),
            (at(7_200), Some(at(3_600)), false),
            // nodes differ by seconds
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
