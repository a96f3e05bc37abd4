//! Confirmed warnings (`access.md` §2.9).

use hallpass_base::{Email, Timestamp, UserId};

/// Warnings that a requester or approver confirmed with one action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confirmation {
    pub by: Email,
    pub user: Option<UserId>,
    pub at: Timestamp,
    /// The warnings, byte for byte: the rules may change.
    pub texts: Vec<String>,
}
