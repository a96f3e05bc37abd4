//! Ends that AWS enforces by its own clock (`access.md` §21): whether they are wanted, what is wished of them, and what people
//! are told.

use std::fmt;

use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{CredentialsAfterEnd, GivenOtherwise, ShownBy};

/// How long after an end its instant may lie, which is a whole minute (`access.md` §21, A-1).
const ROUNDING: TimeSpan = TimeSpan::minutes(1);

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

/// Why the end of a grant is not armed whatever AWS says, although it is wanted to be (`access.md` §21, A-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NeverArmed {
    /// The configuration arms none, and a rule wants it.
    Off,
    /// It is a membership of a group.
    Group,
    /// It is in the management account.
    ManagementAccount,
    /// Its holder had the access before, and keeps it.
    StoodBefore,
}

impl NeverArmed {
    /// For people: lower case, no final stop.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Off => "the server's configuration arms no ends (`access.armed_ends.mode`)",
            Self::Group => "memberships of groups are not armed",
            Self::ManagementAccount => "no policy has an effect in the management account",
            Self::StoodBefore => "the person has this access without Hallpass",
        }
    }
}

/// Which ends are armed, as the configuration says. Rules may want more, never less (`access.md` §21, A-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArmedEndsMode {
    /// None: what a rule requires is refused.
    #[default]
    Off,
    /// Those of which a rule says so.
    ByRule,
    /// Every one that can be.
    Preferred,
    /// Every one: without it there is no access.
    Required,
}

impl ArmedEndsMode {
    /// Whether any end is armed.
    pub const fn is_on(self) -> bool {
        match self {
            Self::Off => false,
            Self::ByRule | Self::Preferred | Self::Required => true,
        }
    }

    /// How the end of a grant is armed of which no rule says more.
    pub(crate) const fn of_every_grant(self) -> ArmedEnds {
        match self {
            Self::Off | Self::ByRule => ArmedEnds::Off,
            Self::Preferred => ArmedEnds::Preferred,
            Self::Required => ArmedEnds::Required,
        }
    }
}

/// What is wished of an armed end, beside the instants that its assignment's end moves to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmedEndWish {
    /// A new grant: its create waits until the end is in force.
    Arm(Box<GrantToArm>),
    /// A new grant whose end is not armed: what an earlier hold has left in force goes first, and its create waits for that.
    Release {
        /// The person, the account and the permission set.
        key: HoldKey,
        /// When the grant was made.
        asked_at: Timestamp,
        /// By then it must have gone, or there is no access.
        gone_by: Timestamp,
    },
    /// Nobody holds the key any more, and the access was seen gone.
    Over {
        /// The person, the account and the permission set.
        key: HoldKey,
        /// When no session of it can be left.
        lasts_until: Timestamp,
    },
    /// People may have been given the same in another way: theirs are looked at again, at once.
    LookAgain {
        /// When that was told.
        at: Timestamp,
        /// What was given.
        given: Box<GivenOtherwise>,
        /// When AWS shows it.
        shown: ShownBy,
    },
}

/// Whether AWS enforces the end of what somebody holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ArmedEndStatus {
    /// Not yet; the access waits for it.
    Waiting {
        /// What may be in force all the same.
        unseen: Option<UnseenEnd>,
    },
    /// AWS refuses after this instant, whatever has become of us.
    Armed {
        /// The instant, on AWS's clock.
        until: Timestamp,
        /// When it was seen in force: where that is later, AWS may have refused nothing before it.
        seen: Timestamp,
        /// The later end that was approved, and that AWS was not seen to have; `None` while there is none that is later by a
        /// minute.
        moves_to: Option<Timestamp>,
        /// Why it is not where the end has moved to; `None` while nothing stands in the way. For people: lower case, no
        /// final stop.
        unmoved: Option<String>,
        /// What may be in force from earlier on.
        unseen: Option<UnseenEnd>,
    },
    /// It does not, and why.
    NotArmed {
        /// For people: lower case, no final stop.
        why: String,
        /// What may be in force all the same: AWS has not answered since it was written.
        unseen: Option<UnseenEnd>,
    },
}

/// An end that AWS may have, earlier than the one that is stored: it was written, and nobody has seen yet what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnseenEnd {
    /// AWS may refuse after this instant.
    pub from: Timestamp,
    /// The later end that was approved; `None` where it is not later by a minute.
    pub moves_to: Option<Timestamp>,
}

/// A later end that was approved, and that AWS was not seen to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MovingEnd<'a> {
    /// AWS refuses after this instant, or may, and people are told so.
    pub from: Timestamp,
    /// The later end.
    pub to: Timestamp,
    /// What stands in the way: for people, lower case, no final stop.
    pub why: Option<&'a str>,
    /// Whether nobody has seen that AWS refuses.
    pub may: bool,
}

/// How many ends that are not over are in which [state](ArmedEndStatus).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ArmedEndCounts {
    /// Not seen in force yet.
    pub waiting: u64,
    /// In force.
    pub armed: u64,
    /// Wanted, and not in force.
    pub not_armed: u64,
    /// In force, and not where the end has moved to.
    pub not_moved: u64,
    /// Of live grants, wanted and [never to be](NeverArmed): nobody can mend that.
    pub never_armed: u64,
}

impl ArmedEndCounts {
    /// Counts these.
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
    /// What is told of a grant whose end is never armed, where `stored` is what is known of its key: an earlier hold of the same
    /// may be armed.
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

    /// From when on AWS refuses, or may: the earliest that is known.
    pub fn refuses_from(&self) -> Option<Timestamp> {
        let seen = match self {
            Self::Armed { until, .. } => Some(*until),
            Self::Waiting { .. } | Self::NotArmed { .. } => None,
        };
        let unseen = self.unseen().map(|it| it.from);
        seen.into_iter().chain(unseen).min()
    }

    /// Where its end moves to; `None` where it does not move.
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

    /// What becomes of credentials that were taken before an end at `end`, where `unarmed` is what would become of them.
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
                    // not moved yet, or held by another grant
                    CredentialsAfterEnd::WorkUntil(issued.min(*until))
                }
            }
            (_, unarmed) => unarmed,
        }
    }
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
    /// By then what an earlier hold has left in force must have moved to the new end, where it would refuse the person
    /// before: until then there is no access.
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
