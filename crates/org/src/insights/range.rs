//! Query time ranges (`organization.md` D-8).

use hallpass_base::{TimeSpan, Timestamp};

/// Oldest start of a range, in days.
const DAYS_MAX: u64 = 180;

/// Both ends inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InsightRange {
    pub from: Timestamp,
    pub to: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InsightRangeError {
    #[error(
        "`{0}` is no range of time: write `12h`, `1d`, `1w`, `1m` (30 days) or `2026-03-01T00:00:00Z..2026-03-02T00:00:00Z`"
    )]
    Form(String),
    #[error("`{0}` ends before it begins")]
    Backwards(String),
    #[error("`{0}` begins more than 180 days ago, which is as far as can be asked")]
    TooLong(String),
}

impl InsightRange {
    /// Parses `12h`, `1d`, `1w`, `1m` (720 hours), or two instants with `..` between them.
    ///
    /// # Errors
    /// Another form, or a start more than 180 days before `now`.
    pub fn read(text: &str, now: Timestamp) -> Result<Self, InsightRangeError> {
        let range = Self::between(text)
            .or_else(|| {
                let from = back(text)?.before(now);
                Some(Self { from, to: now })
            })
            .ok_or_else(|| InsightRangeError::Form(text.to_owned()))?;
        if range.to < range.from {
            return Err(InsightRangeError::Backwards(text.to_owned()));
        }
        if range.from < TimeSpan::hours(24 * DAYS_MAX).before(now) {
            return Err(InsightRangeError::TooLong(text.to_owned()));
        }
        Ok(range)
    }

    fn between(text: &str) -> Option<Self> {
        let (from, to) = text.split_once("..")?;
        Some(Self {
            from: from.parse().ok()?,
            to: to.parse().ok()?,
        })
    }
}

fn back(text: &str) -> Option<TimeSpan> {
    let unit = text.chars().last()?;
    let hours: u64 = match unit {
        'h' => 1,
        'd' => 24,
        'w' => 24 * 7,
        'm' => 24 * 30,
        _ => return None,
    };
    let count: u64 = text.strip_suffix(unit)?.parse().ok()?;
    Some(TimeSpan::hours(
        count.saturating_mul(hours).min(24 * 366 * 10),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d_8_ranges_in_all_their_forms() {
        let now: Timestamp = "2026-03-02T12:00:00Z".parse().unwrap();
        let read = |text| InsightRange::read(text, now);
        for (text, from) in [
            ("12h", "2026-03-02T00:00:00Z"),
            ("1d", "2026-03-01T12:00:00Z"),
            ("1w", "2026-02-23T12:00:00Z"),
            ("1m", "2026-01-31T12:00:00Z"),
            ("180d", "2025-09-03T12:00:00Z"),
        ] {
            let range = read(text).unwrap();
            assert_eq!(
                (range.from.to_string(), range.to),
                (from.to_owned(), now),
                "{text}"
            );
        }
        let both = read("2026-03-01T00:00:00Z..2026-03-02T00:00:00Z").unwrap();
        assert_eq!(both.to.to_string(), "2026-03-02T00:00:00Z");
        for text in [
            "181d",
            "200d",
            "99999999999999w",
            "2025-01-01T00:00:00Z..2026-01-01T00:00:00Z",
        ] {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains("180 days"), "{text}: {error}");
        }
        for text in ["", "h", "1", "1y", "-1d", "1.5d", "é", "a..b", "1d..2d"] {
            assert!(
                matches!(read(text), Err(InsightRangeError::Form(_))),
                "{text}"
            );
        }
        let error = read("2026-03-02T00:00:00Z..2026-03-01T00:00:00Z").unwrap_err();
        assert!(matches!(error, InsightRangeError::Backwards(_)));
    }
}
