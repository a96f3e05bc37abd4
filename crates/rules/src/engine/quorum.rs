//! Assigns approvers to stages: each to at most one stage, each stage with its quorum.

use std::collections::BTreeSet;

pub(super) struct Seats<'a> {
    pub(super) fitting: BTreeSet<&'a str>,
    pub(super) count: u32,
}

/// Returns whether `people` fill all seats, by maximum matching (Kuhn's algorithm), independent of
/// order.
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

/// An assignment that fills most seats, earlier stages first.
pub(super) struct Seating<'a> {
    seats: Vec<&'a Seats<'a>>,
    people: Vec<&'a str>,
    seat_of: Vec<Option<usize>>,
    filled: Vec<u32>,
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
                    // all seats of a stage are equal
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

    pub(super) fn filled(&self) -> &[u32] {
        &self.filled
    }

    pub(super) fn is_complete(&self) -> bool {
        self.free.iter().all(Option::is_none)
    }

    /// Returns whether a newcomer would fill another seat of a stage, with others moving.
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
