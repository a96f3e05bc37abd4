use hallpass_base::{Email, Timestamp};

/// The later review of a break-glass grant. Kept with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterReview {
    /// Why the requester could not wait, byte for byte.
    pub justification: String,
    pub opened_at: Timestamp,
    pub closed: Option<Closing>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// Never the requester.
    pub by: Email,
    pub at: Timestamp,
    pub words: Option<String>,
}
