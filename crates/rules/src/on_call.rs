//! Who is on call: lists that another service answers. Rules name them like groups.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// Before the name of a list, wherever a rule names groups of people: `on-call:payments`.
pub const ON_CALL_PREFIX: &str = "on-call:";

/// The last answer about one list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OnCallList {
    /// An empty list means that no one is on call.
    Read {
        at: Timestamp,
        people: BTreeSet<UserId>,
    },
    /// The rule permits nothing by this list; its denials and limits apply.
    Unread { why: String },
}

/// By name, with [`ON_CALL_PREFIX`].
pub type OnCallLists = BTreeMap<String, OnCallList>;

/// What a list said about the requester when a request was decided.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OnCallFact {
    pub list: String,
    pub read_at: Timestamp,
    pub on_call: bool,
}

impl OnCallList {
    pub(crate) fn people(&self) -> Option<&BTreeSet<UserId>> {
        match self {
            Self::Read { people, .. } => Some(people),
            Self::Unread { .. } => None,
        }
    }
}
