use crate::base::Millis;
use jiff::Timestamp;

pub(crate) fn instant(text: Option<&String>) -> Option<Millis> {
    let at = text?.parse::<Timestamp>().ok()?;
    Some(at.as_millisecond())
}

pub(crate) fn written(at: Millis) -> String {
    Timestamp::from_millisecond(at)
        .map(|at| at.to_string())
        .unwrap_or_default()
}
