//! What differs from the file, one thing at a time, and who made it so.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

/// What differs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedThing {
    /// Security Hub itself.
    Hub,
    /// A standard, by its short name.
    Standard(String),
    /// A control of a standard.
    Control {
        /// The short name of the standard.
        standard: String,
        /// The control.
        control: String,
        /// The reason that somebody gave for how it is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

/// Who made something as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAuthor {
    /// Nobody asked.
    #[default]
    NotAsked,
    /// `CloudTrail` has no such change, or not yet.
    NotInLog,
    /// `CloudTrail` could not be read, and why.
    Unread(String),
    /// Somebody did.
    Known {
        /// Who, as people read it.
        who: String,
        /// When.
        at: Timestamp,
        /// The name of the event.
        event: String,
    },
}

/// One thing that the file wants otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StandardsChange {
    /// The Region.
    pub region: String,
    /// What.
    pub what: ChangedThing,
    /// Whether the file wants it on.
    pub wanted_on: bool,
    /// Who made it as it is.
    #[serde(default)]
    pub author: ChangeAuthor,
}
