//! Whether people fill stages: each person in at most one stage, each stage with its quorum.

use std::collections::BTreeSet;

/// So many people out of these are needed.
pub(super) struct Seats<'a> {
    /// Everybody who fits, by whatever tells people apart.
    pub(super) fitting: BTreeSet<&'a str>,
    /// How many are needed.
    pub(super) count: u32,
}

/// Whether `people` can be dealt out so that all seats are taken. Order does not matter: a maximum
/// matching decides (Kuhn's algorithm).
pub(super) fn fills(stages: &[Seats<'_>], people: &BTreeSet<&str>) -> bool {
    if stages.is_empty() {
        return true;
    }
    let people: Vec<&str> = people.iter().copied().collect();
    let seats: Vec<&Seats<'_>> = stages
        .iter()
        .flat_map(|stage| (0..stage.count).map(move |_| stage))
        .collect();
    if people.len() < seats.len() {
        return false;
    }
    let mut seat_of: Vec<Option<usize>> = vec![None; people.len()];
    (0..seats.len()).all(|seat| {
        let mut tried = vec![false; people.len()];
        seat_somebody(seat, &seats, &people, &mut seat_of, &mut tried)
    })
}

/// People dealt out so that as many seats are taken as can be; those of earlier stages before those of later.
pub(super) struct Seating<'a> {
    /// Each seat, by its stage.
    seats: Vec<&'a Seats<'a>>,
    people: Vec<&'a str>,
    /// Where each of them sits.
    seat_of: Vec<Option<usize>>,
    /// How many seats of each stage are taken.
    filled: Vec<u32>,
    /// A seat of each stage that nobody has.
    free: Vec<Option<usize>>,
}

impl<'a> Seating<'a> {
    pub(super) fn of(stages: &'a [Seats<'a>], people: &BTreeSet<&'a str>) -> Self {
        let mut this = Self {
            seats: Vec::new(),
            people: people.iter().copied().collect(),
            seat_of: vec![None; people.len()],
            filled: Vec::new(),
            free: Vec::new(),
        };
        for stage in stages {
            let (mut filled, mut free) = (0, None);
            for _ in 0..stage.count {
                let seat = this.seats.len();
                this.seats.push(stage);
                let mut tried = vec![false; this.people.len()];
                let is_taken = seat_somebody(
                    seat,
                    &this.seats,
                    &this.people,
                    &mut this.seat_of,
                    &mut tried,
                );
                if !is_taken {
                    // who cannot take this one can take none of its equals
                    free = Some(seat);
                    break;
                }
                filled += 1;
            }
            this.filled.push(filled);
            this.free.push(free);
        }
        this
    }

    /// How many seats of each stage are taken.
    pub(super) fn filled(&self) -> &[u32] {
        &self.filled
    }

    /// Whether all are.
    pub(super) fn is_complete(&self) -> bool {
        self.free.iter().all(Option::is_none)
    }

    /// Whether one seat more of a stage were taken if somebody came who has none, others moving for them.
    pub(super) fn would_take(&self, stage: usize, who: &'a str) -> bool {
        let Some(seat) = self.free.get(stage).copied().flatten() else {
            return false;
        };
        let (mut people, mut seat_of) = (self.people.clone(), self.seat_of.clone());
        people.push(who);
        seat_of.push(None);
        let mut tried = vec![false; people.len()];
        seat_somebody(seat, &self.seats, &people, &mut seat_of, &mut tried)
    }
}

fn seat_somebody(
    seat: usize,
    seats: &[&Seats<'_>],
    people: &[&str],
    seat_of: &mut [Option<usize>],
    tried: &mut [bool],
) -> bool {
    let Some(stage) = seats.get(seat) else {
        return false;
    };
    for (place, person) in people.iter().enumerate() {
        if tried.get(place) != Some(&false) || !stage.fitting.contains(*person) {
            continue;
        }
        if let Some(slot) = tried.get_mut(place) {
            *slot = true;
        }
        let free = match seat_of.get(place).copied().flatten() {
            None => true,
            Some(other) => seat_somebody(other, seats, people, seat_of, tried),
        };
        if free {
            if let Some(slot) = seat_of.get_mut(place) {
                *slot = Some(seat);
            }
            return true;
        }
    }
    false
}
