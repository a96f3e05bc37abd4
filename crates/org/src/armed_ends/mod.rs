//! Ends armed at AWS (`access.md` §21): a service control policy of our own on the account denies a person a permission
//! set's role from the end of their grant on, and is in force before the access is. AWS's clock then ends it, whatever
//! has become of us.
//!
//! ```text
//!   wanted ──► armed ──► gone        (the end moved: wanted again, with the statement of before in force)
//!      └────► not armed ──► gone     (tried again until then)
//! ```
//!
//! An [`ArmedEnd`] is stored with its grant, before anything is sent; [`EndArmer`] makes policies say what is stored. It is
//! level-triggered: it looks, does one thing, looks again, and may be stopped anywhere.

mod armer;
mod first_look;
mod fitting;
mod foreign;
mod intent;
mod leaving;
mod ledger;
mod litter;
mod litter_removal;
mod loss;
mod observed;
mod otherwise;
mod rounds;
mod silence;
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

pub use crate::account_policy::CHARACTERS;

use crate::ports::OrganizationFault;

/// Policies of ours that one account may have at most.
pub const POLICIES_MAX: usize = 3;

/// How long before a loss of the home Region what was seen of a person still counts: twice what lies between two looks
/// (`access.md` §21, A-4).
const KNOWN_FOR: TimeSpan = TimeSpan::minutes(10);

/// For how long an end is watched once its person is given the same in another way: AWS makes assignments within that.
const WATCHED_FOR: TimeSpan = TimeSpan::minutes(1);
/// The shortest and the longest pause between two looks then.
const WATCHED_EVERY: (TimeSpan, TimeSpan) = (TimeSpan::seconds(2), TimeSpan::seconds(8));

/// How long an end that moved may stay in force where it was before that is told.
pub const MOVES_WITHIN: TimeSpan = TimeSpan::minutes(1);

/// Why an end is not armed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNotArmed {
    /// The person has the same permission set there in another way, and the denial would hit that too.
    HeldOtherwise,
    /// A policy of ours has a statement that is not ours: nobody knows what it is for.
    ForeignStatement,
    /// The policies of the account that may be ours are full.
    NoRoom,
    /// AWS did not let us: its reason is beside it.
    Refused,
    /// AWS had not taken it in time.
    Unanswered,
    /// The configuration says not to arm ends.
    Off,
}

/// Why an end is not armed, for people too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotArmed {
    /// What stands in the way.
    pub why: WhyNotArmed,
    /// The same in words: lower case, no final stop.
    pub words: String,
}

/// Where an armed end is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ArmedEndState {
    /// To be armed; nothing of it was seen yet.
    Wanted,
    /// Seen in force.
    Armed {
        /// AWS refuses after this instant.
        until: Timestamp,
        /// The end that it was armed for.
        #[serde(rename = "armed_for")]
        ends_at: Timestamp,
        /// When it was seen first.
        at: Timestamp,
        /// Why it still refuses from that instant on, and not from where the end has moved to; `None` while nothing
        /// stands in the way.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        unmoved: Option<NotArmed>,
    },
    /// Not in force.
    NotArmed {
        /// Why.
        #[serde(flatten)]
        why: NotArmed,
        /// Since when.
        at: Timestamp,
    },
    /// Over: no session that it could refuse is left, and no policy has it.
    Gone {
        /// When that was seen.
        at: Timestamp,
    },
}

/// What a write may have put in force, where nobody has seen yet what came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnseenWrite {
    /// AWS may refuse after this instant: the earliest of those that were written.
    pub from: Timestamp,
    /// Whether its holder has heard that a later end is not certain for that.
    #[serde(default)]
    pub is_told: bool,
}

/// The end of what a person holds on a permission set of an account, as AWS is to enforce it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArmedEnd {
    /// The person, the account and the permission set.
    pub key: HoldKey,
    /// What people call them.
    pub names: TargetNames,
    /// The newest grant of it.
    pub grant: GrantId,
    /// Its request.
    pub request: RequestId,
    /// Who holds it.
    pub holder: Email,
    /// Whether there is no access without it.
    pub required: bool,
    /// When the newest grant was made.
    pub asked_at: Timestamp,
    /// Its create waits until then, or for ever where it is required; later it is told as not armed, and an end that moved
    /// as not moved.
    pub arm_by: Timestamp,
    /// When the last grant of it ends.
    pub ends_at: Timestamp,
    /// When the last session has ended that the access could have; `None` before the access was seen gone.
    pub lasts_until: Option<Timestamp>,
    /// When it was last seen that the person holds the same in no other way; `None` when they did, or nobody looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone_at: Option<Timestamp>,
    /// When somebody else was last told to give the person the same in another way, which AWS may show a little later;
    /// `None` once it would have been seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_at: Option<Timestamp>,
    /// Whether nothing of an earlier hold was left when this one began: before its create is sent, the person has nothing by it
    /// that could be refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_first: bool,
    /// What was written and not seen yet, stored before it is written; `None` once AWS was looked at. Whoever wrote may have
    /// died, and the end may have moved since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unseen: Option<UnseenWrite>,
    /// Where it is.
    #[serde(flatten)]
    pub state: ArmedEndState,
    /// Tries since the last that went well.
    pub attempts: u32,
    /// When it is looked at again.
    pub due: Timestamp,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl ArmedEnd {
    /// Whether something is still to be done for it.
    pub fn is_open(&self) -> bool {
        !matches!(self.state, ArmedEndState::Gone { .. })
    }

    /// The instant after which AWS refuses, where it is in force.
    pub fn armed_until(&self) -> Option<Timestamp> {
        match self.state {
            ArmedEndState::Armed { until, .. } => Some(until),
            ArmedEndState::Wanted | ArmedEndState::NotArmed { .. } | ArmedEndState::Gone { .. } => {
                None
            }
        }
    }

    /// From when on AWS refuses, or may: the earliest of what was seen in force and of what was written and not seen.
    pub fn refuses_from(&self) -> Option<Timestamp> {
        let unseen = self.unseen.map(|it| it.from);
        self.armed_until().into_iter().chain(unseen).min()
    }

    /// Whether the last look at it came to nothing, and the next is still to come.
    pub(crate) fn is_unsettled(&self) -> bool {
        let is_unanswered =
            { self.not_armed() }.is_some_and(|it| it.why == WhyNotArmed::Unanswered);
        matches!(self.state, ArmedEndState::Wanted) || is_unanswered || self.attempts > 0
    }

    /// Whether what was last asked of AWS about it had no answer that settled it.
    pub(crate) fn awaits_answer(&self) -> bool {
        let why = self.not_armed().or_else(|| self.unmoved());
        let is_unanswered = why.is_some_and(|it| it.why == WhyNotArmed::Unanswered);
        is_unanswered || self.unseen.is_some() || self.attempts > 0
    }

    /// Why it is not in force.
    pub fn not_armed(&self) -> Option<&NotArmed> {
        match &self.state {
            ArmedEndState::NotArmed { why, .. } => Some(why),
            ArmedEndState::Wanted | ArmedEndState::Armed { .. } | ArmedEndState::Gone { .. } => {
                None
            }
        }
    }

    /// Why what is in force is not where the end has moved to.
    pub fn unmoved(&self) -> Option<&NotArmed> {
        match &self.state {
            ArmedEndState::Armed { unmoved, .. } => unmoved.as_ref(),
            ArmedEndState::Wanted | ArmedEndState::NotArmed { .. } | ArmedEndState::Gone { .. } => {
                None
            }
        }
    }

    /// Whether it is in force, and not where it should be.
    pub(crate) fn is_to_move(&self, now: Timestamp) -> bool {
        self.armed_until()
            .is_some_and(|until| until != self.instant(now))
    }

    /// The account; none of a group.
    pub fn account(&self) -> Option<&str> {
        match &self.key.target {
            Target::Account { account, .. } => Some(account.as_str()),
            Target::Group { .. } => None,
        }
    }

    /// Whether its statement is to be in force: until the last session is over.
    pub(crate) fn is_wanted(&self, now: Timestamp) -> bool {
        self.is_open() && self.lasts_until.is_none_or(|until| now < until)
    }

    /// How long until it is looked at again, where AWS may only be about to show what the person was given in another way:
    /// often at first, for AWS gives most of it within seconds.
    pub(crate) fn watched_every(&self, now: Timestamp) -> Option<TimeSpan> {
        let since = TimeSpan::between(self.given_at?, now);
        let pause = since.max(WATCHED_EVERY.0).min(WATCHED_EVERY.1);
        (since < WATCHED_FOR).then_some(pause)
    }

    /// When somebody was told to give the person the same in another way, where AWS was not asked since it would have shown that.
    pub(crate) fn given_unseen(&self) -> Option<Timestamp> {
        let given_at = self.given_at?;
        let is_seen = { self.alone_at }.is_some_and(|at| at >= WATCHED_FOR.after(given_at));
        (!is_seen).then_some(given_at)
    }

    /// Whether it is denied although nobody can be asked what else the person holds, the home Region being lost since then:
    /// it is past its end, not in force, and the last that was heard, not long before, is that they hold it in no other way.
    /// While the Region is away nobody can give it to them either (`access.md` §22, R-1). Not where somebody was told to give
    /// it to them, and AWS was not asked since it would have shown that.
    pub(crate) fn is_denied_unasked(&self, lost_since: Timestamp, now: Timestamp) -> bool {
        let heard_from = KNOWN_FOR.before(lost_since);
        self.armed_until().is_none()
            && self.lasts_until.is_none()
            && self.ends_at <= now
            && self.given_unseen().is_none()
            && self.alone_at.is_some_and(|at| at >= heard_from)
    }

    /// Whether nobody holds anything by it any more, so that any past instant refuses what this one is to.
    pub(crate) fn is_past(&self, now: Timestamp) -> bool {
        self.ends_at <= now
    }

    /// The instant to be in the policy. People with the same set and the same minute share a statement, so an end that lies
    /// ahead is rounded up to the minute; one that came early is not. What was armed for this very end stays as it is.
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

/// The first instant from `at` on that is a multiple of so many seconds.
fn rounded_up(at: Timestamp, step: i64) -> Timestamp {
    let seconds = at.as_second() + i64::from(at.subsec_nanosecond() > 0);
    let rest = seconds.rem_euclid(step);
    let up = if rest == 0 { 0 } else { step - rest };
    Timestamp::from_second(seconds.saturating_add(up)).unwrap_or(at)
}

/// What becomes of a create that waits for its end to be armed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GateChange {
    /// Of this assignment.
    pub key: HoldKey,
    /// `None`: it may be sent. Otherwise it is not to be, and why.
    pub refused: Option<String>,
    /// When that was decided.
    pub at: Timestamp,
}

/// What people hear of an end that was to move later, and could not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArmedEndNews {
    /// The newest grant of it.
    pub grant: GrantId,
    /// Its request.
    pub request: RequestId,
    /// Who holds it.
    pub holder: Email,
    /// AWS refuses from then on.
    pub until: Timestamp,
    /// Whether it only may, because nobody could look.
    pub may: bool,
    /// Why: lower case, no final stop.
    pub why: String,
    /// When that was found.
    pub at: Timestamp,
}

/// Ends that are to be stored, with what goes with them.
#[derive(Clone, Debug, Default)]
pub struct ArmedEndChange {
    /// In place of those of the same version.
    pub ends: Vec<ArmedEnd>,
    /// What waits for them, and may go on or is refused.
    pub gates: Vec<GateChange>,
    /// Their records.
    pub records: Vec<Draft>,
    /// What each channel in use is to tell.
    pub news: Vec<ArmedEndNews>,
}

/// What came of storing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "ends that were not stored are to be read again"]
pub enum SettledEnds {
    /// They are stored.
    Stored,
    /// One of them was moved since it was read: nothing is stored, and what is wanted now is due.
    Moved,
}

/// Where armed ends are kept. A commit of the journey adds and moves them.
#[async_trait]
pub trait ArmedEndStore: Send + Sync {
    /// Those that are not over, by key.
    async fn open_armed_ends(&self) -> Result<Vec<ArmedEnd>, StoreFault>;
    /// Those of these keys, over or not.
    async fn armed_ends_of(&self, keys: &[HoldKey]) -> Result<Vec<ArmedEnd>, StoreFault>;
    /// Stores all of a change, or nothing where one of its ends was moved since it was read.
    async fn settle_armed_ends(&self, change: ArmedEndChange) -> Result<SettledEnds, StoreFault>;
}

/// What else gives people what a grant gives them.
#[async_trait]
pub trait OtherAccess: Send + Sync {
    /// How the person has the permission set in the account beside what we gave, in words; `None` when they have not. An
    /// assignment of their own counts where `own` says that ours is gone (`ListAccountAssignmentsForPrincipal` shows what
    /// comes by groups, too). A set that was deleted and made anew under its name counts as the same: its roles are called
    /// alike, and `names` has that name.
    async fn held_otherwise(
        &self,
        key: &HoldKey,
        names: &TargetNames,
        own: bool,
    ) -> Result<Option<String>, OrganizationFault>;
}

/// Whether IAM Identity Center can be asked at all.
pub trait HomeRegion: Send + Sync {
    /// Since when its home Region has answered nobody here, where that is more than passes by itself; `None` while it does.
    fn lost_since(&self, now: Timestamp) -> Option<Timestamp>;
}
