//! An AWS rate limit: per service, account and Region.

use hallpass_base::AccountId;

/// A throttled lane grows by one per interval.
const GROWS_EVERY_MS: u64 = 1_000;

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum LaneKey {
    Accounts,
    Roles,
    Regions,
    Inside(AccountId, String),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct LaneWidth {
    most: usize,
    width: usize,
    narrowed_ms: Option<u64>,
    in_flight: usize,
}

impl LaneWidth {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            width: most,
            narrowed_ms: None,
            in_flight: 0,
        }
    }

    fn now(&self, now_ms: u64) -> usize {
        let since = self.narrowed_ms.map(|at| now_ms.saturating_sub(at));
        let grown = since.map_or(0, |since| since / GROWS_EVERY_MS);
        let grown = usize::try_from(grown).unwrap_or(usize::MAX);
        self.width.saturating_add(grown).min(self.most)
    }

    pub(crate) fn has_room(&self, now_ms: u64) -> bool {
        self.in_flight < self.now(now_ms)
    }

    pub(crate) fn take(&mut self) {
        self.in_flight += 1;
    }

    pub(crate) fn give_back(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.in_flight == 0 && self.narrowed_ms.is_none()
    }

    /// Narrows after a throttle. Calls begun before the last narrowing do not count.
    pub(crate) fn throttled(&mut self, begun_ms: u64, now_ms: u64) {
        if self.narrowed_ms.is_none_or(|at| begun_ms >= at) {
            self.width = (self.now(now_ms) / 2).max(1);
            self.narrowed_ms = Some(now_ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_throttle_halves_a_lane_and_each_second_widens_it_by_one() {
        let mut lane = LaneWidth::new(16);
        lane.throttled(0, 100);
        assert_eq!(lane.now(100), 8);
        lane.throttled(50, 120);
        assert_eq!(lane.now(120), 8, "it began before the lane was narrow");
        lane.throttled(110, 200);
        assert_eq!((lane.now(200), lane.now(1_199), lane.now(1_200)), (4, 4, 5));
        assert_eq!(lane.now(60_000), 16);
        for at in 0..20 {
            lane.throttled(60_000 + at, 60_000 + at);
        }
        assert_eq!(lane.now(60_020), 1);
    }
}
