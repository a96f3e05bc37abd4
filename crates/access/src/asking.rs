use hallpass_base::{TimeSpan, Timestamp};

use crate::Wanted;

#[derive(Clone, Debug)]
pub struct Asking {
    pub wanted: Wanted,
    pub duration: TimeSpan,
    pub reason: String,
    pub ticket: Option<String>,
    /// `None` starts immediately.
    pub starts_at: Option<Timestamp>,
    pub confirmed: Vec<String>,
}
