use hallpass_base::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Value, json};

/// A newest record from yesterday is normal CloudTrail delay.
const LATE_DAYS: i64 = 1;

#[derive(Debug)]
pub(super) struct LogAge {
    first: Date,
    last: Date,
    days_old: i64,
}

impl LogAge {
    pub(super) fn of(days: Option<(Date, Date)>, as_of: Timestamp) -> Option<Self> {
        let (first, last) = days?;
        let day = as_of.to_zoned(TimeZone::UTC).date();
        let hours = last.duration_until(day).as_hours();
        Some(Self {
            first,
            last,
            days_old: (hours / 24).max(0),
        })
    }

    pub(super) fn ended(&self) -> Option<String> {
        let Self { last, days_old, .. } = self;
        (*days_old > LATE_DAYS).then(|| {
            format!(
                "the newest record of the log is {days_old} days old: use since {last} is not known, and may \
                 be dropped"
            )
        })
    }

    pub(super) fn document(&self) -> Value {
        json!({"first": self.first, "last": self.last, "newest_days_old": self.days_old})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_has_ended_where_its_newest_record_is_older_than_a_day() {
        let first = "2026-08-01".parse().unwrap();
        let as_of = "2026-11-20T00:30:00Z".parse().unwrap();
        for (last, days, has_ended) in [
            ("2026-11-21", 0, false),
            ("2026-11-20", 0, false),
            ("2026-11-19", 1, false),
            ("2026-11-18", 2, true),
            ("2026-08-02", 110, true),
        ] {
            let age = LogAge::of(Some((first, last.parse().unwrap())), as_of).unwrap();
            assert_eq!(age.document()["newest_days_old"], days, "{last}");
            let said = age.ended();
            assert_eq!(said.is_some(), has_ended, "{last}: {said:?}");
            assert!(said.is_none_or(|it| it.contains(&format!("{days} days old"))));
        }
        assert!(LogAge::of(None, as_of).is_none());
    }
}
