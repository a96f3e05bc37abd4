//! Determines since when the log is complete: inactivity is only known for times that were read
//! (`inventory.md` H-8).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{TimeSpan, Timestamp};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Maximum delivery delay: a day that just began needs no file yet.
const DELIVERY_MAX: TimeSpan = TimeSpan::hours(2);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogCoverage {
    read: BTreeMap<String, BTreeSet<Date>>,
    broken: BTreeMap<String, BTreeSet<Date>>,
}

impl LogCoverage {
    pub(crate) fn add_read(&mut self, region: &str, day: Date) {
        self.read.entry(region.to_owned()).or_default().insert(day);
    }

    pub(crate) fn add_broken(&mut self, region: &str, day: Date) {
        let days = self.broken.entry(region.to_owned()).or_default();
        days.insert(day);
    }

    pub fn has(&self, region: &str) -> bool {
        self.read.contains_key(region) || self.broken.contains_key(region)
    }

    /// Returns the start of the gapless span of days up to `as_of`. Named Regions must all be
    /// present; without names, any Region counts. An unreadable file breaks its day, even in
    /// another Region, since it may hold activity.
    pub fn from(&self, regions: &BTreeSet<String>, as_of: Timestamp) -> Option<Timestamp> {
        let broken = self.broken_days();
        if regions.is_empty() {
            let read = self.read.values().flatten().copied().collect();
            return unbroken(&read, &broken, as_of);
        }
        let none = BTreeSet::new();
        let of = |region| unbroken(self.read.get(region).unwrap_or(&none), &broken, as_of);
        let starts: Option<Vec<Timestamp>> = regions.iter().map(of).collect();
        starts?.into_iter().max()
    }

    /// Returns the end of the last day up to `as_of` with an unreadable file: earlier events are
    /// uncertain.
    pub fn broken_until(&self, as_of: Timestamp) -> Option<Timestamp> {
        let broken = self.broken_days();
        let last = broken.range(..=date(as_of)).next_back()?;
        let next = last.tomorrow().ok()?;
        Some(next.to_zoned(TimeZone::UTC).ok()?.timestamp())
    }

    fn broken_days(&self) -> BTreeSet<Date> {
        self.broken.values().flatten().copied().collect()
    }
}

fn date(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn unbroken(read: &BTreeSet<Date>, broken: &BTreeSet<Date>, as_of: Timestamp) -> Option<Timestamp> {
    let is_there = |day: &Date| read.contains(day) && !broken.contains(day);
    let mut day = date(as_of);
    if broken.contains(&day) {
        return None;
    }
    if !is_there(&day) {
        day = date(DELIVERY_MAX.before(as_of));
    }
    let mut first = None;
    while is_there(&day) {
        first = Some(day);
        day = day.yesterday().ok()?;
    }
    let start = first?.to_zoned(TimeZone::UTC).ok()?;
    Some(start.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn h_8_coverage_is_the_unbroken_span_of_days() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let rows = [
            // Read, broken, as of, from.
            (
                "2025-08-29 2025-08-30 2025-08-31",
                "",
                "2025-09-01T00:00:00Z",
                "2025-08-29T00:00:00Z",
            ),
            (
                "2025-08-29 2025-08-31",
                "",
                "2025-09-01T00:00:00Z",
                "2025-08-31T00:00:00Z",
            ),
            (
                "2025-08-29 2025-08-30 2025-08-31",
                "2025-08-30",
                "2025-09-01T00:00:00Z",
                "2025-08-31T00:00:00Z",
            ),
            ("2025-08-29 2025-08-30", "", "2025-09-01T00:00:00Z", "-"),
            (
                "2025-08-31",
                "",
                "2025-09-01T01:59:00Z",
                "2025-08-31T00:00:00Z",
            ),
            ("2025-08-31", "", "2025-09-01T02:00:00Z", "-"),
            (
                "2025-08-31 2025-09-01",
                "2025-09-01",
                "2025-09-01T12:00:00Z",
                "-",
            ),
            ("", "", "2025-09-01T00:00:00Z", "-"),
        ];
        for (read, broken, as_of, wanted) in rows {
            let mut coverage = LogCoverage::default();
            for it in read.split_whitespace() {
                coverage.add_read("eu-west-1", day(it));
            }
            for it in broken.split_whitespace() {
                coverage.add_broken("eu-west-1", day(it));
            }
            let as_of = as_of.parse().unwrap();
            for regions in [BTreeSet::new(), BTreeSet::from(["eu-west-1".to_owned()])] {
                let found = coverage.from(&regions, as_of);
                let found = found.map_or("-".to_owned(), |it| it.to_string());
                assert_eq!(found, wanted, "{read} / {broken} at {as_of} {regions:?}");
            }
            let both = BTreeSet::from(["eu-west-1".to_owned(), "us-east-1".to_owned()]);
            assert_eq!(
                coverage.from(&both, as_of),
                None,
                "a Region that has nothing"
            );
        }
    }
    #[test]
    fn h_8_a_day_with_a_broken_file_of_any_region_is_no_coverage() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        let mut coverage = LogCoverage::default();
        for it in ["2025-08-29", "2025-08-30", "2025-08-31"] {
            coverage.add_read("eu-west-1", day(it));
        }
        let regions = BTreeSet::from(["eu-west-1".to_owned()]);
        let as_of = "2025-08-31T12:00:00Z".parse().unwrap();
        assert_eq!(coverage.broken_until(as_of), None);
        // Another Region, and a later day.
        coverage.add_broken("us-east-1", day("2025-08-29"));
        coverage.add_broken("us-east-1", day("2025-09-01"));
        let from = "2025-08-30T00:00:00Z".parse().unwrap();
        assert_eq!(coverage.broken_until(as_of), Some(from));
        for regions in [BTreeSet::new(), regions] {
            assert_eq!(coverage.from(&regions, as_of), Some(from), "{regions:?}");
        }
    }
}
