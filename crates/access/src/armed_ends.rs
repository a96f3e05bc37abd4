//! Ends that AWS enforces by its own clock (`access.md` §21): whether they are wanted, what is wished of them, and what people
//! are told.

use std::fmt;

use hallpass_model::{Email, GrantId, HoldKey, RequestId, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

/// Whether the end of a grant is armed at AWS.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ArmedEnds {
    /// It is not.
    #[default]
    Off,
    /// It is where it can be; where not, the access is given all the same, and the reason is told.
    Preferred,
    /// It is, or there is no access.
    Required,
}

impl ArmedEnds {
    /// The word of the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Preferred => "preferred",
            Self::Required => "required",
        }
    }
}

impl fmt::Display for ArmedEnds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What is wished of an armed end, beside the instants that its assignment's end moves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmedEndWish {
    /// A new grant: its create waits until the end is in force.
    Arm(Box<GrantToArm>),
    /// Nobody holds the key any more, and the access was seen gone.
    Over {
        /// The person, the account and the permission set.
        key: HoldKey,
        /// When no session of it can be left.
        lasts_until: Timestamp,
    },
}

/// Whether AWS enforces the end of what somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmedEndStatus {
    /// Not yet; the access waits for it.
    Waiting,
    /// AWS refuses after this instant, whatever has become of us.
    Armed {
        /// The instant, on AWS's clock.
        until: Timestamp,
    },
    /// It does not, and why.
    NotArmed {
        /// For people: lower case, no final stop.
        why: String,
    },
}

/// A grant whose end is to be armed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantToArm {
    /// The grant.
    pub grant: GrantId,
    /// Its request.
    pub request: RequestId,
    /// Who holds it.
    pub holder: Email,
    /// The person, the account and the permission set.
    pub key: HoldKey,
    /// What people call them.
    pub names: TargetNames,
    /// Whether there is no access without it.
    pub required: bool,
    /// When the last grant of the key ends.
    pub ends_at: Timestamp,
    /// When this grant was made.
    pub asked_at: Timestamp,
    /// From then on it is told as not armed.
    pub arm_by: Timestamp,
    /// Until when the create waits.
    pub gate_until: Timestamp,
}
