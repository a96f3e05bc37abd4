//! Open connections, and which one is displaced by a newcomer. Pure: the owner notifies displaced
//! ones.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::{sync::Notify, time::Instant};

use super::progress::{ConnectionProgress, Rank};

/// Grace period of an anonymous call waiting for its peer: most wait for the next packet only.
const CALL_PATIENCE: Duration = Duration::from_secs(1);

pub(super) type Id = u64;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CountedSource {
    Counted(IpAddr),
    Many,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Full {
    Everywhere,
    Address,
}

#[derive(Debug)]
pub(super) enum Admission {
    Admitted(Id, Arc<Notify>),
    /// Admitted once this one is notified and closed.
    After(Arc<Notify>),
    /// Admitted once an already notified one closes.
    Soon,
    Refused(Full),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    AsItWas,
    Stays,
}

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

#[derive(Debug, Default)]
struct Queue([BTreeSet<(Instant, Id)>; Rank::ALL.len()]);

impl Queue {
    fn of(&mut self, rank: Rank) -> Option<&mut BTreeSet<(Instant, Id)>> {
        self.0.get_mut(rank as usize)
    }

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

/// Connections sharing a limit: all, or those of an address.
#[derive(Debug, Default)]
struct Crowd {
    open: usize,
    leaving: usize,
    queue: Queue,
}

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

#[derive(Debug, Default)]
struct Crowds {
    all: Crowd,
    near: HashMap<IpAddr, Crowd>,
}

impl Crowds {
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

#[derive(Debug)]
pub(super) struct Table {
    max: usize,
    per_address: usize,
    next: Id,
    open: HashMap<Id, Open>,
    crowds: Crowds,
}

impl Table {
    pub(super) fn new(max: usize, per_address: usize) -> Self {
        Self {
            max,
            per_address,
            next: 0,
            open: HashMap::new(),
            crowds: Crowds::default(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

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

    pub(super) fn shed(&mut self, number: usize, now: Instant) -> Vec<Arc<Notify>> {
        let mut told = Vec::new();
        while told.len() < number
            && let Some(id) = self.crowds.all.queue.first(now)
        {
            told.extend(self.dismiss(id));
        }
        told
    }

    /// Records progress. A displaced connection that progressed first is kept.
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

    pub(super) fn progress(&self, id: Id) -> Option<&ConnectionProgress> {
        self.open.get(&id).map(|open| &open.progress)
    }

    pub(super) fn gives_way(&self, id: Id) -> bool {
        let open = self.open.get(&id);
        open.is_some_and(|open| open.fate == Fate::GivesWay)
    }

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
