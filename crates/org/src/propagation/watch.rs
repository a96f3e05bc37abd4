//! Detects a permanent change in AWS's answers. AWS is eventually consistent, so a change counts
//! from the first of an unbroken series of answers. Pure.

use std::time::Duration;

use hallpass_base::Timestamp;

pub(super) const IN_A_ROW: u32 = 6;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadOutcome {
    Allowed,
    Refused,
}

/// Durations from sending to effect; accurate to the retry pause, never too short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settling {
    /// Until the first wanted answer.
    pub first: Duration,
    /// Until the last old answer; `None` if there was none.
    pub last_other: Option<Duration>,
    /// Until the answers are permanently as wanted.
    pub settled: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WatchState {
    Open,
    Settled(Settling),
    GivenUp,
}

#[derive(Clone, Debug)]
pub(super) struct Watch {
    wanted: ReadOutcome,
    since: Timestamp,
    patience: Duration,
    first: Option<Duration>,
    last_other: Option<Duration>,
    row: Option<(Duration, u32)>,
}

impl Watch {
    pub(super) fn new(wanted: ReadOutcome, since: Timestamp, patience: Duration) -> Self {
        Self {
            wanted,
            since,
            patience,
            first: None,
            last_other: None,
            row: None,
        }
    }

    pub(super) fn note(&mut self, answer: Option<ReadOutcome>, heard_at: Timestamp) -> WatchState {
        let after = heard_at.duration_since(self.since);
        let after = Duration::try_from(after).unwrap_or(Duration::ZERO);
        match answer {
            Some(answer) if answer == self.wanted => {
                self.first.get_or_insert(after);
                let (began, length) = self.row.unwrap_or((after, 0));
                self.row = Some((began, length.saturating_add(1)));
            }
            Some(_) => {
                self.last_other = Some(after);
                self.row = None;
            }
            // an unrelated answer
            None => {}
        }
        match (self.first, self.row) {
            (Some(first), Some((settled, length))) if length >= IN_A_ROW => {
                WatchState::Settled(Settling {
                    first,
                    last_other: self.last_other,
                    settled,
                })
            }
            _ if after >= self.patience => WatchState::GivenUp,
            _ => WatchState::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges answers one second apart: `a`llowed, `r`efused, `.` for none; returns the number
    /// used.
    fn watched(wanted: ReadOutcome, answers: &str) -> (WatchState, usize) {
        let since: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let mut watch = Watch::new(wanted, since, Duration::from_secs(20));
        for (number, letter) in (1..).zip(answers.chars()) {
            let answer = match letter {
                'a' => Some(ReadOutcome::Allowed),
                'r' => Some(ReadOutcome::Refused),
                _ => None,
            };
            let known = watch.note(answer, since + Duration::from_secs(number));
            if known != WatchState::Open {
                return (known, usize::try_from(number).unwrap());
            }
        }
        (WatchState::Open, answers.len())
    }

    fn settled(first: u64, last_other: Option<u64>, settled: u64) -> WatchState {
        WatchState::Settled(Settling {
            first: Duration::from_secs(first),
            last_other: last_other.map(Duration::from_secs),
            settled: Duration::from_secs(settled),
        })
    }

    #[test]
    fn a_change_counts_from_the_first_of_an_unbroken_row() {
        use ReadOutcome::{Allowed, Refused};
        for (row, wanted, answers, known, after) in [
            ("at once", Refused, "rrrrrr", settled(1, None, 1), 6),
            ("one too few", Refused, "rrrrr", WatchState::Open, 5),
            ("late", Refused, "aaarrrrrr", settled(4, Some(3), 4), 9),
            (
                "flapping",
                Refused,
                "arararrrrrr",
                settled(2, Some(5), 6),
                11,
            ),
            (
                "a row that breaks",
                Refused,
                "rrrrrarrrrrr",
                settled(1, Some(6), 7),
                12,
            ),
            ("away again", Allowed, "rraaaaaa", settled(3, Some(2), 3), 8),
            (
                "lost answers break no row",
                Refused,
                "ar.r.r.rrr",
                settled(2, Some(1), 2),
                10,
            ),
            (
                "and are no row",
                Refused,
                "....................",
                WatchState::GivenUp,
                20,
            ),
            (
                "never",
                Refused,
                "aaaaaaaaaaaaaaaaaaaaaaaa",
                WatchState::GivenUp,
                20,
            ),
            (
                "for ever both",
                Refused,
                "arararararararararararar",
                WatchState::GivenUp,
                20,
            ),
            (
                "at the last moment",
                Refused,
                "aaaaaaaaaaaaaarrrrrr",
                settled(15, Some(14), 15),
                20,
            ),
        ] {
            assert_eq!(watched(wanted, answers), (known, after), "{row}");
        }
    }

    #[test]
    fn a_clock_that_goes_back_makes_no_time_negative() {
        let since: Timestamp = "2026-03-02T10:00:00Z".parse().unwrap();
        let mut watch = Watch::new(ReadOutcome::Refused, since, Duration::from_secs(20));
        for _ in 1..IN_A_ROW {
            let early = since - Duration::from_secs(5);
            assert_eq!(
                watch.note(Some(ReadOutcome::Refused), early),
                WatchState::Open
            );
        }
        let last = watch.note(Some(ReadOutcome::Refused), since);
        assert_eq!(last, settled(0, None, 0));
    }
}
