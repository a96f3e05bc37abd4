//! Instants as an organization file has them.

use crate::base::Millis;
use jiff::Timestamp;

/// An instant of an organization file.
pub(crate) fn instant(text: Option<&String>) -> Option<Millis> {
    let at = text?.parse::<Timestamp>().ok()?;
    Some(at.as_millisecond())
}

/// An instant as an organization file has it.
pub(crate) fn written(at: Millis) -> String {
    Timestamp::from_millisecond(at)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
