//! Which connections are open, and which one gives way to a newcomer. Pure: whoever holds the
//! table tells those who give way.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::{sync::Notify, time::Instant};

use super::progress::{ConnectionProgress, Rank};

/// A stranger's call that waits for its peer is left alone for so long: most only wait for the next
/// packet.
const CALL_PATIENCE: Duration = Duration::from_secs(1);

/// Names a connection as long as the process lives.
pub(super) type Id = u64;

/// Where a newcomer comes from, as the limit for one address counts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountedSource {
    /// This one.
    Counted(IpAddr),
    /// A proxy, behind which are many.
    Many,
}

/// Why a newcomer is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    /// There are too many connections, and none can give way.
    Everywhere,
    /// There are too many from its address, and none of those can give way.
    Address,
}

/// What becomes of a newcomer.
#[derive(Debug)]
pub(super) enum Admission {
    /// It has a place. Told when it must give it up again.
    Admitted(Id, Arc<Notify>),
    /// It has one as soon as this one has been told and has gone.
    After(Arc<Notify>),
    /// It has one as soon as somebody who was told before has gone.
    Soon,
    /// It has none.
    Refused(Full),
}

/// Whether a change made a connection stay that had been told to give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// It goes on as it was told.
    AsItWas,
    /// It was quicker, and stays.
    Stays,
}

/// Whether an open connection was told to give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    GivesWay,
}

#[derive(Debug)]
struct Open {
    source: CountedSource,
    progress: ConnectionProgress,
    fate: Fate,
    told: Arc<Notify>,
}

/// Those who may give way, each rank by itself and its longest waiting first.
#[derive(Debug, Default)]
struct Queue([BTreeSet<(Instant, Id)>; Rank::ALL.len()]);

impl Queue {
    fn of(&mut self, rank: Rank) -> Option<&mut BTreeSet<(Instant, Id)>> {
        self.0.get_mut(rank as usize)
    }

    /// Who gives way first.
    fn first(&self, now: Instant) -> Option<Id> {
        let ranks = Rank::ALL.into_iter().zip(&self.0);
        ranks.into_iter().find_map(|(rank, waiting)| {
            let (since, id) = *waiting.first()?;
            let patience = match rank {
                Rank::StrangersCall => CALL_PATIENCE,
                Rank::Stranger | Rank::Somebody => Duration::ZERO,
            };
            (now.saturating_duration_since(since) >= patience).then_some(id)
        })
    }
}

/// Connections that share a limit: all, or those of one address.
#[derive(Debug, Default)]
struct Crowd {
    open: usize,
    /// Of these, told to give way.
    leaving: usize,
    /// Every connection in it is open and `Stays`.
    queue: Queue,
}

/// Whether a crowd has room for one more.
enum Room {
    Now,
    Soon,
    After(Id),
    Never,
}

impl Crowd {
    fn room(&self, max: usize, now: Instant) -> Room {
        if self.open < max {
            return Room::Now;
        }
        if self.open - self.leaving < max {
            return Room::Soon;
        }
        self.queue.first(now).map_or(Room::Never, Room::After)
    }

    fn put(&mut self, id: Id, place: Option<(Rank, Instant)>) {
        if let Some((rank, since)) = place
            && let Some(waiting) = self.queue.of(rank)
        {
            waiting.insert((since, id));
        }
    }

    fn take(&mut self, id: Id, place: Option<(Rank, Instant)>) {
        if let Some((rank, since)) = place
            && let Some(waiting) = self.queue.of(rank)
        {
            waiting.remove(&(since, id));
        }
    }
}

/// The crowd of all, and those of each address.
#[derive(Debug, Default)]
struct Crowds {
    all: Crowd,
    near: HashMap<IpAddr, Crowd>,
}

impl Crowds {
    /// Does something to each crowd a source belongs to.
    fn each(&mut self, source: CountedSource, act: impl Fn(&mut Crowd)) {
        act(&mut self.all);
        let CountedSource::Counted(address) = source else {
            return;
        };
        let near = self.near.entry(address).or_default();
        act(near);
        if near.open == 0 {
            self.near.remove(&address);
        }
    }
}

/// The open connections.
#[derive(Debug)]
pub(super) struct Table {
    max: usize,
    per_address: usize,
    next: Id,
    open: HashMap<Id, Open>,
    crowds: Crowds,
}

impl Table {
    /// Room for `max`, and for `per_address` of each address.
    pub(super) fn new(max: usize, per_address: usize) -> Self {
        Self {
            max,
            per_address,
            next: 0,
            open: HashMap::new(),
            crowds: Crowds::default(),
        }
    }

    /// How many are open.
    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Finds a place for a newcomer.
    pub(super) fn admit(&mut self, source: CountedSource, now: Instant) -> Admission {
        let near = match source {
            CountedSource::Counted(address) => self.crowds.near.get(&address),
            CountedSource::Many => None,
        };
        let near = near.map_or(Room::Now, |near| near.room(self.per_address, now));
        let (room, full) = match near {
            Room::Now => (self.crowds.all.room(self.max, now), Full::Everywhere),
            full => (full, Full::Address),
        };
        match room {
            Room::Now => self.enter(source, now),
            Room::Soon => Admission::Soon,
            Room::After(id) => self.dismiss(id).map_or(Admission::Soon, Admission::After),
            Room::Never => Admission::Refused(full),
        }
    }

    fn enter(&mut self, source: CountedSource, now: Instant) -> Admission {
        let id = self.next;
        self.next += 1;
        let told = Arc::new(Notify::new());
        let progress = ConnectionProgress::opened(now);
        self.crowds.each(source, |crowd| {
            crowd.open += 1;
            crowd.put(id, progress.place());
        });
        let open = Open {
            source,
            progress,
            fate: Fate::Stays,
            told: Arc::clone(&told),
        };
        self.open.insert(id, open);
        Admission::Admitted(id, told)
    }

    /// Decides that a connection gives way; whom to tell.
    fn dismiss(&mut self, id: Id) -> Option<Arc<Notify>> {
        let open = self.open.get_mut(&id)?;
        open.fate = Fate::GivesWay;
        let place = open.progress.place();
        self.crowds.each(open.source, |crowd| {
            crowd.leaving += 1;
            crowd.take(id, place);
        });
        Some(Arc::clone(&open.told))
    }

    /// Decides that up to `number` give way although nobody waits; whom to tell.
    pub(super) fn shed(&mut self, number: usize, now: Instant) -> Vec<Arc<Notify>> {
        let mut told = Vec::new();
        while told.len() < number
            && let Some(id) = self.crowds.all.queue.first(now)
        {
            told.extend(self.dismiss(id));
        }
        told
    }

    /// A connection went on. One that was told to give way and was quicker stays.
    pub(super) fn change(
        &mut self,
        id: Id,
        change: impl FnOnce(&mut ConnectionProgress),
    ) -> Changed {
        let Some(open) = self.open.get_mut(&id) else {
            return Changed::AsItWas;
        };
        let before = open.progress.place();
        change(&mut open.progress);
        let after = open.progress.place();
        match open.fate {
            Fate::Stays if before == after => Changed::AsItWas,
            Fate::Stays => {
                self.crowds.each(open.source, |crowd| {
                    crowd.take(id, before);
                    crowd.put(id, after);
                });
                Changed::AsItWas
            }
            Fate::GivesWay if after.is_some() => Changed::AsItWas,
            Fate::GivesWay => {
                open.fate = Fate::Stays;
                self.crowds.each(open.source, |crowd| crowd.leaving -= 1);
                Changed::Stays
            }
        }
    }

    /// What is known of a connection.
    pub(super) fn progress(&self, id: Id) -> Option<&ConnectionProgress> {
        self.open.get(&id).map(|open| &open.progress)
    }

    /// Whether a connection must give way.
    pub(super) fn gives_way(&self, id: Id) -> bool {
        let open = self.open.get(&id);
        open.is_some_and(|open| open.fate == Fate::GivesWay)
    }

    /// A connection is closed.
    pub(super) fn remove(&mut self, id: Id) {
        let Some(gone) = self.open.remove(&id) else {
            return;
        };
        let left = usize::from(gone.fate == Fate::GivesWay);
        self.crowds.each(gone.source, |crowd| {
            crowd.open -= 1;
            crowd.leaving -= left;
            crowd.take(id, gone.progress.place());
        });
    }
}

#[cfg(test)]
#[path = "table_tests.rs"]
mod tests;
