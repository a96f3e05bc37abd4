//! People who are out of office, and who approves in their place (`access.md` §27).

use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Person;

/// The longest absence, from now.
pub(crate) const LONGEST: TimeSpan = TimeSpan::hours(180 * 24);

/// The newest absence of one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Absence {
    pub person: Person,
    pub since: Timestamp,
    pub until: Timestamp,
    /// Approves in the place of the person; never beyond what the person could approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delegate: Option<Person>,
    /// The person, or an administrator.
    pub set_by: Person,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Absence {
    pub fn is_in_force(&self, now: Timestamp) -> bool {
        self.since <= now && now < self.until
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AbsenceProblem {
    #[error("an absence ends later than now, and within {LONGEST}")]
    BadEnd,
    #[error("a person cannot be their own delegate: name another person")]
    OwnDelegate,
    #[error("the delegate is not an enabled user of the directory")]
    UnknownDelegate,
}

impl AbsenceProblem {
    pub const fn code(self) -> &'static str {
        match self {
            Self::BadEnd => "bad-absence-end",
            Self::OwnDelegate => "own-delegate",
            Self::UnknownDelegate => "unknown-delegate",
        }
    }
}
