//! Instants as text where nothing is known of the reader's zone.

use jiff::Timestamp;

/// `2026-03-09 02:10 UTC`.
pub fn utc(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// `2026-03-09 02:10:07 UTC`.
pub fn utc_seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_told_to_the_minute_or_the_second() {
        let at: Timestamp = "2026-03-09T02:10:07Z".parse().unwrap();
        assert_eq!(utc(at), "2026-03-09 02:10 UTC");
        assert_eq!(utc_seconds(at), "2026-03-09 02:10:07 UTC");
    }
}
