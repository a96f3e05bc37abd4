//! Standing access accepted by an administrator, with a reason and perhaps a review date.

use hallpass_base::{Email, HoldKey, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

use super::Acceptance;
use crate::Person;

/// Accepted standing access. No sweep removes it, in any mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub key: HoldKey,
    pub names: TargetNames,
    pub holder: Option<Person>,
    pub reason: String,
    pub by: Email,
    pub at: Timestamp,
    pub review_at: Option<Timestamp>,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Accepted {
    pub fn acceptance(&self) -> Acceptance {
        Acceptance::Person {
            by: self.by.clone(),
            at: self.at,
            reason: self.reason.clone(),
            review_at: self.review_at,
        }
    }

    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.review_at.is_some_and(|at| now >= at)
    }
}
