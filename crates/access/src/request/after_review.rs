//! The review of a request after the fact, and what closed it.

use hallpass_base::{Email, Timestamp};

/// The review of a break-glass grant after the fact. Kept with its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AfterReview {
    /// Why the requester could not wait, byte for byte.
    pub justification: String,
    /// When the glass was broken.
    pub opened_at: Timestamp,
    /// Who closed it; `None` while it is open.
    pub closed: Option<Closing>,
}

/// That a review was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closing {
    /// By whom; never the requester.
    pub by: Email,
    /// When it was closed.
    pub at: Timestamp,
    /// What they found, if they said.
    pub words: Option<String>,
}
