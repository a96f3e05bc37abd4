//! Ends that AWS enforces by its own clock (`access.md` §21): settings, orders and status.

use std::fmt;

use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{CredentialsAfterEnd, ExternalAccess, ShownBy};

/// How long after the end AWS's instant may be: it is a whole minute (`access.md` §21, A-1).
const ROUNDING: TimeSpan = TimeSpan::minutes(1);

/// Whether AWS enforces the end of a grant.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum ArmedEnds {
    #[default]
    Off,
    Preferred,
    /// No access without enforced expiry.
    Required,
}

impl ArmedEnds {
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

/// Why AWS cannot enforce the end of a grant (`access.md` §21, A-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeverArmed {
    /// A rule wants it, but the configuration turns it off.
    Off,
    Group,
    ManagementAccount,
    /// The holder had the access before, and keeps it.
    StoodBefore,
}

impl NeverArmed {
    /// Lower case, no final stop.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Off => {
                "the server's configuration does not enforce expiry (`access.armed_ends.mode`)"
            }
            Self::Group => "expiry of group memberships is not enforced",
            Self::ManagementAccount => "no policy has an effect in the management account",
            Self::StoodBefore => "the person has this access without Hallpass",
        }
    }
}

/// Grants with enforced expiry, by configuration. Rules may want more, never less (`access.md` §21,
///
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmedEndsMode {
    #[default]
    Off,
    ByRule,
    Preferred,
    Required,
}

impl ArmedEndsMode {
    pub const fn is_on(self) -> bool {
        match self {
            Self::Off => false,
            Self::ByRule | Self::Preferred | Self::Required => true,
        }
    }

    pub(crate) const fn of_every_grant(self) -> ArmedEnds {
        match self {
            Self::Off | Self::ByRule => ArmedEnds::Off,
            Self::Preferred => ArmedEnds::Preferred,
            Self::Required => ArmedEnds::Required,
        }
    }
}

/// An order for enforced expiry, in addition to the changes of the assignment's end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmedEndRequest {
    Arm(Box<GrantToArm>),
    /// A new grant without enforced expiry: the create waits until the one from an earlier hold is
    /// removed.
    Release {
        key: HoldKey,
        asked_at: Timestamp,
        /// Deadline of the removal; later, there is no access.
        gone_by: Timestamp,
    },
    /// The key has no holder, and the access was seen removed.
    Over {
        key: HoldKey,
        /// When the last possible session ends.
        lasts_until: Timestamp,
    },
    /// The same access may exist from elsewhere: check again immediately.
    LookAgain {
        at: Timestamp,
        given: Box<ExternalAccess>,
        shown: ShownBy,
    },
}

/// Whether AWS enforces the end of held access.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmedEndStatus {
    /// The access waits for enforcement.
    Waiting {
        /// An end that may be in force all the same.
        unseen: Option<UnseenEnd>,
    },
    /// AWS denies access after this instant, even if Hallpass is down.
    Armed {
        /// On AWS's clock.
        until: Timestamp,
        /// When enforcement was confirmed. If this is after `until`, AWS may have denied nothing
        /// before it.
        seen: Timestamp,
        /// The approved later end, not known to be at AWS; `None` if less than a minute later.
        moves_to: Option<Timestamp>,
        unmoved: Option<String>,
        /// An earlier end that may be in force.
        unseen: Option<UnseenEnd>,
    },
    NotArmed {
        /// Lower case, no final stop.
        why: String,
        /// An end that may be in force all the same: written, but unconfirmed by AWS.
        unseen: Option<UnseenEnd>,
    },
}

/// An end that AWS may enforce earlier than the stored one: written, result unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnseenEnd {
    pub from: Timestamp,
    /// The approved later end; `None` if it is not later by a minute.
    pub moves_to: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovingEnd<'a> {
    /// AWS denies, or may deny, access after this; users see it as the end.
    pub from: Timestamp,
    pub to: Timestamp,
    pub why: Option<&'a str>,
    /// Whether the denial is unconfirmed.
    pub may: bool,
}

/// Counts of current ends by [state](ArmedEndStatus).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArmedEndCounts {
    pub waiting: u64,
    pub armed: u64,
    pub not_armed: u64,
    pub not_moved: u64,
    /// Live grants that are [never enforced](NeverArmed) although wanted: not fixable.
    pub never_armed: u64,
}

impl ArmedEndCounts {
    pub fn of<'a>(statuses: impl IntoIterator<Item = &'a ArmedEndStatus>) -> Self {
        statuses.into_iter().fold(Self::default(), |mut all, it| {
            let count = match it {
                ArmedEndStatus::Waiting { .. } => &mut all.waiting,
                ArmedEndStatus::Armed { unmoved: None, .. } => &mut all.armed,
                ArmedEndStatus::Armed { .. } => &mut all.not_moved,
                ArmedEndStatus::NotArmed { .. } => &mut all.not_armed,
            };
            *count += 1;
            all
        })
    }
}

impl ArmedEndStatus {
    /// `stored`: the status of the key, which an earlier hold may have enforced.
    pub(crate) fn of_never(why: NeverArmed, stored: Option<Self>) -> Self {
        let unseen = match stored {
            Some(known @ (Self::Armed { .. } | Self::NotArmed { .. })) => return known,
            Some(Self::Waiting { unseen }) => unseen,
            None => None,
        };
        Self::NotArmed {
            why: why.words().to_owned(),
            unseen,
        }
    }

    const fn unseen(&self) -> Option<UnseenEnd> {
        match self {
            Self::Waiting { unseen }
            | Self::Armed { unseen, .. }
            | Self::NotArmed { unseen, .. } => *unseen,
        }
    }

    /// Returns the earliest instant from which AWS denies, or may deny.
    pub fn refuses_from(&self) -> Option<Timestamp> {
        let seen = match self {
            Self::Armed { until, .. } => Some(*until),
            Self::Waiting { .. } | Self::NotArmed { .. } => None,
        };
        let unseen = self.unseen().map(|it| it.from);
        seen.into_iter().chain(unseen).min()
    }

    pub fn moving(&self) -> Option<MovingEnd<'_>> {
        let from = self.refuses_from()?;
        let unseen = self.unseen().filter(|it| it.from == from);
        let (seen, why) = match self {
            Self::Waiting { .. } => (None, None),
            Self::Armed {
                moves_to, unmoved, ..
            } => (*moves_to, unmoved.as_deref()),
            Self::NotArmed { why, .. } => (None, Some(why.as_str())),
        };
        Some(MovingEnd {
            from,
            to: unseen.map_or(seen, |it| it.moves_to)?,
            why,
            may: unseen.is_some(),
        })
    }

    /// `unarmed`: the answer without enforcement.
    pub fn credentials_after(
        armed: Option<&Self>,
        unarmed: CredentialsAfterEnd,
        end: Timestamp,
    ) -> CredentialsAfterEnd {
        match (armed, unarmed) {
            (Some(Self::Armed { until, .. }), CredentialsAfterEnd::WorkUntil(issued)) => {
                if *until <= ROUNDING.after(end) {
                    CredentialsAfterEnd::Stop
                } else {
                    // Not moved yet, or held by another grant.
                    CredentialsAfterEnd::WorkUntil(issued.min(*until))
                }
            }
            (_, unarmed) => unarmed,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantToArm {
    pub grant: GrantId,
    pub request: RequestId,
    pub holder: Email,
    pub key: HoldKey,
    pub names: TargetNames,
    pub required: bool,
    pub ends_at: Timestamp,
    pub asked_at: Timestamp,
    /// After this, it is reported as not enforced.
    pub arm_by: Timestamp,
    pub gate_until: Timestamp,
    /// Deadline for moving an earlier enforced end that is too soon; no access until then.
    pub moved_by: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_stop_where_aws_refuses_and_work_on_where_it_does_not() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let (end, issued) = (at("2026-11-20T09:43:23Z"), at("2026-11-20T17:43:23Z"));
        let until = |text| {
            Some(ArmedEndStatus::Armed {
                until: at(text),
                seen: end,
                moves_to: None,
                unmoved: None,
                unseen: None,
            })
        };
        let working = CredentialsAfterEnd::WorkUntil;
        let not_armed = Some(ArmedEndStatus::NotArmed {
            why: "the account's policy is full".to_owned(),
            unseen: None,
        });
        for (row, armed, expected) in [
            (
                "rounded up",
                until("2026-11-20T09:44:00Z"),
                CredentialsAfterEnd::Stop,
            ),
            (
                "not moved yet",
                until("2026-11-20T12:00:00Z"),
                working(at("2026-11-20T12:00:00Z")),
            ),
            (
                "another grant holds it for longer than sessions last",
                until("2026-11-21T12:00:00Z"),
                working(issued),
            ),
            ("not armed", not_armed, working(issued)),
            (
                "not yet armed",
                Some(ArmedEndStatus::Waiting { unseen: None }),
                working(issued),
            ),
            ("never to be armed", None, working(issued)),
        ] {
            let found = ArmedEndStatus::credentials_after(armed.as_ref(), working(issued), end);
            assert_eq!(found, expected, "{row}");
        }
        let armed = until("2026-11-20T09:44:00Z");
        for unarmed in [CredentialsAfterEnd::NotSaid, CredentialsAfterEnd::Stop] {
            let found = ArmedEndStatus::credentials_after(armed.as_ref(), unarmed, end);
            assert_eq!(found, unarmed);
        }
    }
}
