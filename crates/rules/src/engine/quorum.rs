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
