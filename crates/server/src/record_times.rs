//! Maps times to audit record numbers. Numbers follow time, except for records written while a
//! clock was wrong: those are not used for the search. Callers must still filter by each record's
//! time.

use std::collections::VecDeque;

use hallpass_audit::{AuditStore, Event, Record, RecordQuery, StoreFault};
use hallpass_base::Timestamp;

const SLACK: u64 = 200;
const CLOCKS_MAX: u32 = 500;
/// Longer ranges are ignored: a dead node never reports its clock as right again.
const STRETCH_MAX: u64 = 5_000;

type Doubtful = (u64, u64);

/// The times of records, in milliseconds since 1970; the end is exclusive.
pub(crate) type Span = (i64, i64);

pub(crate) fn span(from: Option<Timestamp>, to: Option<Timestamp>) -> Span {
    (
        from.map_or(i64::MIN, Timestamp::as_millisecond),
        to.map_or(i64::MAX, Timestamp::as_millisecond),
    )
}

/// Whether a record is of the span, or has no time.
pub(crate) fn is_in((from, to): Span, record: &Record) -> bool {
    let at = record.at().map(Timestamp::as_millisecond);
    at.is_none_or(|at| from <= at && at < to)
}

/// Returns the record range that contains all records of a span.
pub(crate) async fn numbers(
    audit: &dyn AuditStore,
    (from, to): Span,
) -> Result<(u64, u64), StoreFault> {
    let head = audit.head().await?.map_or(0, |head| head.seq);
    if (from, to) == (i64::MIN, i64::MAX) {
        return Ok((1, head + 1));
    }
    let doubtful = doubtful(audit, head).await?;
    let first = match from {
        i64::MIN => 1,
        at => {
            let (low, _) = place(audit, &doubtful, head, at).await?;
            low.saturating_sub(SLACK).max(1)
        }
    };
    let end = match to {
        i64::MAX => head + 1,
        at => {
            let (_, high) = place(audit, &doubtful, head, at).await?;
            (high + SLACK).min(head + 1)
        }
    };
    Ok((first, end))
}

async fn doubtful(audit: &dyn AuditStore, head: u64) -> Result<Vec<Doubtful>, StoreFault> {
    let query = RecordQuery {
        before: Some(head + 1),
        events: [Event::ClockDisagreed, Event::ClockAgreed]
            .map(|event| event.name().to_owned())
            .to_vec(),
        ..RecordQuery::default()
    };
    let found = audit.records_found(&query, CLOCKS_MAX).await?;
    let noted = found.records.iter().rev().map(|record| Noted {
        number: record.seq(),
        is_wrong: record.event() == Event::ClockDisagreed.name(),
    });
    Ok(stretches(noted, head))
}

struct Noted {
    number: u64,
    is_wrong: bool,
}

/// Builds ranges from clock records, oldest first. Only the number of wrong clocks matters: the
/// first correction ends the oldest range, which covers the same records.
fn stretches(noted: impl IntoIterator<Item = Noted>, head: u64) -> Vec<Doubtful> {
    let mut wrong: VecDeque<u64> = VecDeque::new();
    let mut found = Vec::new();
    for note in noted {
        wrong.retain(|begun| note.number - begun <= STRETCH_MAX);
        if note.is_wrong {
            wrong.push_back(note.number);
        } else if let Some(begun) = wrong.pop_front() {
            found.push((begun, note.number));
        }
    }
    wrong.retain(|begun| head - begun <= STRETCH_MAX);
    found.extend(wrong.into_iter().map(|begun| (begun, head)));
    found.sort_unstable();
    let mut all: Vec<Doubtful> = Vec::new();
    for (begun, end) in found {
        let begun = begun.saturating_sub(SLACK).max(1);
        match all.last_mut() {
            Some((_, last)) if begun <= *last + 1 => *last = end.max(*last),
            _ => all.push((begun, end)),
        }
    }
    all
}

async fn place(
    audit: &dyn AuditStore,
    doubtful: &[Doubtful],
    head: u64,
    at: i64,
) -> Result<(u64, u64), StoreFault> {
    let mut halving = Halving::of(head);
    while let Some(probe) = halving.probe(doubtful) {
        let found = audit.records_from(probe, 1).await?;
        let time = found.first().and_then(Record::at);
        let is_older = time.is_some_and(|time| time.as_millisecond() < at);
        halving.note(probe, is_older);
    }
    Ok((halving.low, halving.high))
}

/// Binary search for the first record not older than a time. Ends at one number, or around a range
/// with a wrong clock.
struct Halving {
    low: u64,
    high: u64,
}

impl Halving {
    fn of(head: u64) -> Self {
        Self {
            low: 1,
            high: head + 1,
        }
    }

    fn probe(&self, doubtful: &[Doubtful]) -> Option<u64> {
        if self.low >= self.high {
            return None;
        }
        let middle = self.low + (self.high - self.low) / 2;
        let around = doubtful
            .iter()
            .find(|(begun, end)| (*begun..=*end).contains(&middle));
        match around {
            None => Some(middle),
            Some((_, end)) if end + 1 < self.high => Some(end + 1),
            Some((begun, _)) if *begun > self.low => Some(begun - 1),
            Some(_) => None,
        }
    }

    fn note(&mut self, probe: u64, is_older: bool) {
        if is_older {
            self.low = probe + 1;
        } else {
            self.high = probe;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(wrong: &[Doubtful], off: i64, at: i64) -> (u64, u64) {
        let mut halving = Halving::of(1_000);
        while let Some(probe) = halving.probe(wrong) {
            let is_wrong = { wrong.iter() }.any(|(begun, end)| (*begun..=*end).contains(&probe));
            let time = i64::try_from(probe).unwrap();
            halving.note(probe, if is_wrong { time + off } else { time } < at);
        }
        (halving.low, halving.high)
    }

    #[test]
    fn a_place_is_found_whatever_a_clock_said_elsewhere() {
        for off in [100_000, -100_000, 0] {
            for wrong in [
                &[][..],
                &[(500, 520)],
                &[(1, 30), (400, 700)],
                &[(980, 1_000)],
            ] {
                for at in [0, 1, 2, 250, 399, 800, 979] {
                    let wanted = u64::try_from(at).unwrap().max(1);
                    let is_doubtful = wrong
                        .iter()
                        .any(|(begun, end)| (*begun..=end + 1).contains(&wanted));
                    let (low, high) = found(wrong, off, at);
                    assert!(
                        (low..=high).contains(&wanted),
                        "{wrong:?} {off} {at}: {low} {high}"
                    );
                    if !is_doubtful {
                        assert_eq!((low, high), (wanted, wanted), "{wrong:?} {off} {at}");
                    }
                }
            }
        }
    }

    #[test]
    fn records_of_a_wrong_clock_are_taken_with_what_they_stand_beside() {
        assert_eq!(found(&[(500, 520)], 9_000, 510), (500, 521));
        assert_eq!(found(&[(500, 520)], 9_000, 499), (499, 499));
        assert_eq!(found(&[(500, 520)], 9_000, 522), (522, 522));
        assert_eq!(found(&[(1, 1_000)], 9_000, 7), (1, 1_001));
    }

    fn noted(of: &[(u64, bool)]) -> impl Iterator<Item = Noted> {
        of.iter()
            .map(|&(number, is_wrong)| Noted { number, is_wrong })
    }

    #[test]
    fn a_clock_is_in_doubt_from_before_it_was_noticed_until_it_agreed() {
        for (of, expected) in [
            (&[][..], &[][..]),
            (&[(1_000, true), (1_010, false)], &[(800, 1_010)]),
            (&[(50, true), (60, false)], &[(1, 60)]),
            (&[(1_000, true), (1_003, true)], &[(800, 5_000)]),
            (
                &[(1_000, true), (1_003, true), (1_004, false)],
                &[(800, 5_000)],
            ),
            (
                &[(1_000, true), (1_003, true), (1_004, false), (3_000, false)],
                &[(800, 3_000)],
            ),
            (
                &[(1_000, true), (1_010, false), (1_200, true), (1_210, false)],
                &[(800, 1_210)],
            ),
            (
                &[(1_000, true), (1_010, false), (1_300, true), (1_310, false)],
                &[(800, 1_010), (1_100, 1_310)],
            ),
            (&[(7, false)], &[]),
        ] {
            assert_eq!(stretches(noted(of), 5_000), expected, "{of:?}");
        }
    }

    #[test]
    fn a_node_that_never_came_back_leaves_no_doubt_of_all_that_follows() {
        let gone = [(1_000, true)];
        assert_eq!(stretches(noted(&gone), 1_000 + STRETCH_MAX), [(800, 6_000)]);
        assert_eq!(stretches(noted(&gone), 1_001 + STRETCH_MAX), []);
        let later = [(1_000, true), (20_000, true), (20_010, false)];
        assert_eq!(stretches(noted(&later), 40_000), [(19_800, 20_010)]);
    }
}
