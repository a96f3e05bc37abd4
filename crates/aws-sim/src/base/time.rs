//! Virtual time.

/// Milliseconds since the epoch, virtual.
pub type Millis = i64;

/// An instant as RFC 3339 has it, in UTC.
pub fn instant(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
