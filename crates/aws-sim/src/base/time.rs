/// Virtual milliseconds since the epoch.
pub type Millis = i64;

/// Formats an instant as RFC 3339 in UTC.
pub fn instant(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
