//! Standing access that an administrator accepted, with the reason and perhaps a date to look again.

use hallpass_base::{Email, HoldKey, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

use super::Acceptance;
use crate::Person;

/// Standing access that is accepted. No sweep removes it, in whatever mode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Who has what.
    pub key: HoldKey,
    /// The target's names when it was accepted.
    pub names: TargetNames,
    /// Who held it then, as far as the directory knew.
    pub holder: Option<Person>,
    /// Why it is accepted.
    pub reason: String,
    /// Who accepted it.
    pub by: Email,
    /// When it was accepted.
    pub at: Timestamp,
    /// When it is to be looked at again.
    pub review_at: Option<Timestamp>,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Accepted {
    /// As part of a finding.
    pub fn acceptance(&self) -> Acceptance {
        Acceptance::Person {
            by: self.by.clone(),
            at: self.at,
            reason: self.reason.clone(),
            review_at: self.review_at,
        }
    }

    /// Whether the day to look at it again has come.
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        self.review_at.is_some_and(|at| now >= at)
    }
}
