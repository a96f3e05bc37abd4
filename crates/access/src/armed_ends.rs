//! Ends that AWS enforces by its own clock (`access.md` §21): which grants they are for, and what is wished of them with each
//! change. What a change makes of an assignment's end moves the armed one in the same commit.

use std::fmt;

use hallpass_model::{
    Email, GrantId, HoldKey, RequestId, Target, TargetNames, TimeSpan, Timestamp,
};
use hallpass_rules::Directory;
use serde::{Deserialize, Serialize};

use crate::{Change, DesiredAssignment, Grant, PressRefused, Settings, Write, session_revocation};

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
    /// The word of configuration and rules.
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

/// How long a create waits for its end to be armed where it may go without.
const PREFERRED_WAITS: TimeSpan = TimeSpan::seconds(60);
/// How long until what is required is given up: as long as a create may take (`access.md` §6).
const REQUIRED_WAITS: TimeSpan = TimeSpan::minutes(5);
/// Until a policy works everywhere (`policies.md` §14).
const PROPAGATION: TimeSpan = TimeSpan::minutes(5);
/// No permission set's sessions last longer; counts when the set is not known any more.
const SESSION_MAX: TimeSpan = TimeSpan::hours(12);

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

/// Why no end can be armed for a target, whatever AWS says; `None` when it can.
pub fn out_of_reach(target: &Target, settings: &Settings) -> Option<&'static str> {
    match target {
        Target::Group { .. } => Some("memberships of groups are not armed"),
        Target::Account { account, .. } => (settings.management_account.as_ref() == Some(account))
            .then_some("no policy has an effect in the management account"),
    }
}

/// How the end of a new grant is to be armed. Refused where it must be and cannot.
pub(crate) fn of_new_grant(
    target: &Target,
    by_rules: Option<ArmedEnds>,
    settings: &Settings,
) -> Result<ArmedEnds, PressRefused> {
    let mode = settings.armed_ends.mode;
    let wanted = by_rules.unwrap_or_default().max(mode);
    let unreached = if mode == ArmedEnds::Off {
        // nobody keeps the policies
        Some("the configuration has `access.armed_ends.mode = \"off\"`")
    } else {
        out_of_reach(target, settings)
    };
    match (wanted, unreached) {
        (ArmedEnds::Required, Some(why)) => Err(PressRefused::EndNotArmed { why }),
        (ArmedEnds::Preferred | ArmedEnds::Off, Some(_)) => Ok(ArmedEnds::Off),
        (wanted, None) => Ok(wanted),
    }
}

/// What a change wishes of armed ends.
pub(crate) fn wishes(
    change: &Change,
    directory: &Directory,
    now: Timestamp,
    aws_now: Timestamp,
) -> Vec<ArmedEndWish> {
    let until = |key: &HoldKey| {
        change.desired.iter().find_map(|desired| match desired {
            DesiredAssignment::Until { key: of, until, .. }
            | DesiredAssignment::RemovedByGuard { key: of, until, .. }
                if of == key =>
            {
                Some(*until)
            }
            DesiredAssignment::Until { .. }
            | DesiredAssignment::RemovedByGuard { .. }
            | DesiredAssignment::Adopt { .. }
            | DesiredAssignment::Remove { .. }
            | DesiredAssignment::Forget { .. } => None,
        })
    };
    let wish = |write: &Write<Grant>| match write {
        Write::Insert(grant) => to_arm(grant, until(&grant.key)),
        Write::Update(grant) => {
            let is_held = until(&grant.key).is_some_and(|until| now < until);
            let is_over = grant.is_over() && !is_held;
            match grant.armed_ends {
                ArmedEnds::Off => None,
                ArmedEnds::Preferred | ArmedEnds::Required if grant.standing => {
                    Some(ArmedEndWish::Over {
                        key: grant.key.clone(),
                        lasts_until: now,
                    })
                }
                ArmedEnds::Preferred | ArmedEnds::Required => is_over.then(|| {
                    let last =
                        session_revocation::credentials_until(&grant.names, directory, aws_now);
                    let last = last.unwrap_or_else(|| SESSION_MAX.after(aws_now));
                    ArmedEndWish::Over {
                        key: grant.key.clone(),
                        lasts_until: PROPAGATION.after(last),
                    }
                }),
            }
        }
    };
    change.grants.iter().filter_map(wish).collect()
}

fn to_arm(grant: &Grant, until: Option<Timestamp>) -> Option<ArmedEndWish> {
    let (required, waits, gate) = match grant.armed_ends {
        ArmedEnds::Off => return None,
        ArmedEnds::Preferred => (
            false,
            PREFERRED_WAITS,
            PREFERRED_WAITS.after(grant.scheduled_at),
        ),
        ArmedEnds::Required => (true, REQUIRED_WAITS, Timestamp::MAX),
    };
    Some(ArmedEndWish::Arm(Box::new(GrantToArm {
        grant: grant.id,
        request: grant.request,
        holder: grant.holder.email.clone(),
        key: grant.key.clone(),
        names: grant.names.clone(),
        required,
        ends_at: until.unwrap_or(grant.ends_at),
        asked_at: grant.scheduled_at,
        arm_by: waits.after(grant.scheduled_at),
        gate_until: gate,
    })))
}
