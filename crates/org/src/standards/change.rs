//! A single difference from the file, with its author.

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangedThing {
    Hub,
    Standard(String),
    Control {
        standard: String,
        control: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChangeAuthor {
    #[default]
    NotAsked,
    /// `CloudTrail` lacks the change, or does not have it yet.
    NotInLog,
    Unread(String),
    Known {
        who: String,
        at: Timestamp,
        event: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StandardsChange {
    pub region: String,
    pub what: ChangedThing,
    pub wanted_on: bool,
    #[serde(default)]
    pub author: ChangeAuthor,
}
