//! Enforced expiry at AWS (`access.md` §21): a Hallpass service control policy on the account
//! denies a user a permission set's role from the grant's end on. It is in force before the access
//! is, so AWS's clock ends the access even if Hallpass is down.
//!
//! ```text
//!   wanted ──► armed ──► gone        (the end moved: wanted again, with the statement of before in force)
//!      └────► not armed ──► gone     (tried again until then)
//! ```
//!
//! An [`ArmedEnd`] is stored with its grant, before any write; [`EndArmer`] applies the stored
//! ends. It is level-triggered: it reads, makes one change, reads again, and may stop anywhere.

mod armer;
mod first_look;
mod fitting;
mod foreign;
mod intent;
mod leaving;
mod ledger;
mod loss;
mod observed;
mod orphan_policies;
mod orphan_policy_removal;
mod other_access;
mod outage_tracker;
mod rounds;
mod statement;
#[cfg(test)]
mod tests;
mod unreached;
mod wanted;

use async_trait::async_trait;
use hallpass_audit::Draft;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, Target, TargetNames, TimeSpan, Timestamp};
use hallpass_plans::StoreFault;
use serde::{Deserialize, Serialize};

pub use armer::{EndArmer, EndArmerReport, EndArmerSettings};
pub use foreign::{ForeignStatements, NotOurs};
pub use statement::policy_name;

use crate::ports::OrganizationFault;

pub const POLICIES_MAX: usize = 3;

/// How long a check before a Region loss stays valid: twice the check interval (`access.md` §21,
/// A-4).
const KNOWN_FOR: TimeSpan = TimeSpan::minutes(10);

/// Watch time after a user gets the same access in another way: AWS creates assignments within it.
const WATCHED_FOR: TimeSpan = TimeSpan::minutes(1);
/// Shortest and longest check pause then.
const WATCHED_EVERY: (TimeSpan, TimeSpan) = (TimeSpan::seconds(2), TimeSpan::seconds(8));

/// A moved end still at its old instant is reported after this.
pub const MOVES_WITHIN: TimeSpan = TimeSpan::minutes(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNotArmed {
    /// The user has the same permission set in another way, which the denial would hit too.
    HeldOtherwise,
    /// A Hallpass policy has a foreign statement of unknown purpose.
    ForeignStatement,
    NoRoom,
    Refused,
    Unanswered,
    /// Enforcement is switched off.
    Off,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotArmed {
    pub why: WhyNotArmed,
    pub words: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ArmedEndState {
    Wanted,
    Armed {
        until: Timestamp,
        #[serde(rename = "armed_for")]
        ends_at: Timestamp,
        at: Timestamp,
        /// Why the denial is still at its old instant; `None` without an obstacle.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unmoved: Option<NotArmed>,
    },
    NotArmed {
        #[serde(flatten)]
        why: NotArmed,
        at: Timestamp,
    },
    /// No affected session remains, and no policy has it.
    Gone {
        at: Timestamp,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnseenWrite {
    /// The earliest instant of the writes: AWS may deny after it.
    pub from: Timestamp,
    /// The holder was notified that a later end is uncertain.
    #[serde(default)]
    pub is_told: bool,
}

/// End of a user's access to a permission set in an account, enforced by AWS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmedEnd {
    pub key: HoldKey,
    pub names: TargetNames,
    pub grant: GrantId,
    pub request: RequestId,
    pub holder: Email,
    /// Access requires the enforcement.
    pub required: bool,
    pub asked_at: Timestamp,
    /// The create waits until then, or forever if required; later the end is reported as not
    /// enforced or not moved.
    pub arm_by: Timestamp,
    pub ends_at: Timestamp,
    /// The end of the last possible session; `None` before the access was seen removed.
    pub lasts_until: Option<Timestamp>,
    /// Last check without other access; `None` if there was some, or no check.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_at: Option<Timestamp>,
    /// When other access was last ordered, which AWS may show later; `None` once it would be
    /// visible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_at: Option<Timestamp>,
    /// No earlier hold remained at the start: before its create is sent, a denial can hit nothing.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_first: bool,
    /// An intent stored before the write; `None` after a check. The writer may have stopped, and
    /// the end may have moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<UnseenWrite>,
    #[serde(flatten)]
    pub state: ArmedEndState,
    pub attempts: u32,
    pub due: Timestamp,
    /// Optimistic lock.
    pub version: u64,
}

impl ArmedEnd {
    pub fn is_open(&self) -> bool {
        !matches!(self.state, ArmedEndState::Gone { .. })
    }

    pub fn armed_until(&self) -> Option<Timestamp> {
        match self.state {
            ArmedEndState::Armed { until, .. } => Some(until),
            ArmedEndState::Wanted | ArmedEndState::NotArmed { .. } | ArmedEndState::Gone { .. } => {
                None
            }
        }
    }

    /// The earliest of confirmed and unconfirmed instants.
    pub fn refuses_from(&self) -> Option<Timestamp> {
        let unseen = self.unseen.map(|it| it.from);
        self.armed_until().into_iter().chain(unseen).min()
    }

    pub(crate) fn is_unsettled(&self) -> bool {
        let is_unanswered =
            { self.not_armed() }.is_some_and(|it| it.why == WhyNotArmed::Unanswered);
        matches!(self.state, ArmedEndState::Wanted) || is_unanswered || self.attempts > 0
    }

    /// The last AWS call about it has no conclusive answer.
    pub(crate) fn awaits_answer(&self) -> bool {
        let why = self.not_armed().or_else(|| self.unmoved());
        let is_unanswered = why.is_some_and(|it| it.why == WhyNotArmed::Unanswered);
        is_unanswered || self.unseen.is_some() || self.attempts > 0
    }

    pub fn not_armed(&self) -> Option<&NotArmed> {
        match &self.state {
            ArmedEndState::NotArmed { why, .. } => Some(why),
            ArmedEndState::Wanted | ArmedEndState::Armed { .. } | ArmedEndState::Gone { .. } => {
                None
            }
        }
    }

    pub fn unmoved(&self) -> Option<&NotArmed> {
        match &self.state {
            ArmedEndState::Armed { unmoved, .. } => unmoved.as_ref(),
            ArmedEndState::Wanted | ArmedEndState::NotArmed { .. } | ArmedEndState::Gone { .. } => {
                None
            }
        }
    }

    /// In force at a wrong instant.
    pub(crate) fn is_to_move(&self, now: Timestamp) -> bool {
        self.armed_until()
            .is_some_and(|until| until != self.instant(now))
    }

    pub fn account(&self) -> Option<&str> {
        match &self.key.target {
            Target::Account { account, .. } => Some(account.as_str()),
            Target::Group { .. } => None,
        }
    }

    pub(crate) fn is_wanted(&self, now: Timestamp) -> bool {
        self.is_open() && self.lasts_until.is_none_or(|until| now < until)
    }

    /// Check pause while AWS may still show other access; short at first, as AWS shows most within
    /// seconds.
    pub(crate) fn watched_every(&self, now: Timestamp) -> Option<TimeSpan> {
        let since = TimeSpan::between(self.given_at?, now);
        let pause = since.max(WATCHED_EVERY.0).min(WATCHED_EVERY.1);
        (since < WATCHED_FOR).then_some(pause)
    }

    /// When other access was ordered that no check could see yet.
    pub(crate) fn given_unseen(&self) -> Option<Timestamp> {
        let given_at = self.given_at?;
        let is_seen = { self.alone_at }.is_some_and(|at| at >= WATCHED_FOR.after(given_at));
        (!is_seen).then_some(given_at)
    }

    /// Denies without a check during a Region loss: the end is overdue, not in force, and a recent
    /// check found no other access. During the loss no one can give it either (`access.md` §22,
    /// R-1). Not if other access was ordered that no check could see yet.
    pub(crate) fn is_denied_unasked(&self, lost_since: Timestamp, now: Timestamp) -> bool {
        let heard_from = KNOWN_FOR.before(lost_since);
        self.armed_until().is_none()
            && self.lasts_until.is_none()
            && self.ends_at <= now
            && self.given_unseen().is_none()
            && self.alone_at.is_some_and(|at| at >= heard_from)
    }

    /// The user holds nothing by it any more, so any past instant works.
    pub(crate) fn is_past(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }

    /// The instant for the policy, rounded up to the minute so that users with the same set and
    /// minute share a statement; early ends are not rounded. An instant in force for this end
    /// stays.
    pub(crate) fn instant(&self, now: Timestamp) -> Timestamp {
        let is_ahead = self.ends_at > now;
        match self.state {
            ArmedEndState::Armed { until, ends_at, .. }
                if ends_at == self.ends_at || is_ahead && rounded_up(self.ends_at, 60) == until =>
            {
                until
            }
            ArmedEndState::Wanted
            | ArmedEndState::Armed { .. }
            | ArmedEndState::NotArmed { .. }
            | ArmedEndState::Gone { .. } => {
                let step = if is_ahead { 60 } else { 1 };
                rounded_up(self.ends_at, step)
            }
        }
    }
}

fn rounded_up(at: Timestamp, step: i64) -> Timestamp {
    let seconds = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let rest = seconds.rem_euclid(step);
    let up = if rest == 0 { 0 } else { step - rest };
    Timestamp::from_second(seconds.saturating_add(up)).unwrap_or(at)
}

/// The decision for a create that waits for enforcement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateChange {
    pub key: HoldKey,
    /// `None`: send it. Otherwise the reason not to.
    pub refused: Option<String>,
    pub at: Timestamp,
}

/// News of a later end that could not be enforced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmedEndNews {
    pub grant: GrantId,
    pub request: RequestId,
    pub holder: Email,
    pub until: Timestamp,
    pub may: bool,
    pub why: String,
    pub at: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct ArmedEndChange {
    pub ends: Vec<ArmedEnd>,
    pub gates: Vec<GateChange>,
    pub records: Vec<Draft>,
    pub news: Vec<ArmedEndNews>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "ends that were not stored are to be read again"]
pub enum SettledEnds {
    Stored,
    /// An end moved since it was read: nothing is stored, and the new state is due.
    Moved,
}

/// Storage of enforced expiries. Journey commits add and move them.
#[async_trait]
pub trait ArmedEndStore: Send + Sync {
    async fn open_armed_ends(&self) -> Result<Vec<ArmedEnd>, StoreFault>;
    async fn armed_ends_of(&self, keys: &[HoldKey]) -> Result<Vec<ArmedEnd>, StoreFault>;
    /// Stores a change atomically, or nothing if one of its ends moved since it was read.
    async fn settle_armed_ends(&self, change: ArmedEndChange) -> Result<SettledEnds, StoreFault>;
}

/// Finds other sources of granted access.
#[async_trait]
pub trait OtherAccess: Send + Sync {
    /// Describes other access of the user to the permission set in the account; `None` without it.
    /// The user's own assignment counts if `own` says that Hallpass's is removed
    /// (`ListAccountAssignmentsForPrincipal` includes groups). A set recreated under its name
    /// counts as the same: its roles have equal names, and `names` has it.
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        names: &TargetNames,
        own: bool,
    ) -> Result<Option<String>, OrganizationFault>;
}

/// Availability of IAM Identity Center.
pub trait HomeRegion: Send + Sync {
    /// Start of an outage of the home Region, beyond a temporary failure; `None` while it answers.
    fn lost_since(&self, now: Timestamp) -> Option<Timestamp>;
}
