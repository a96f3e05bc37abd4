//! A grant: permission with an end.
//!
//! ```text
//!   scheduled ──► granting ──► active ──► ending ──► ended
//!       │             └──► failed            ▲
//!       └────────────────────────────────────┘   (revoked before anything was sent)
//! ```
//!
//! `granting` becomes `active` on observed presence, `ending` becomes `ended` on observed absence,
//! and nothing else closes them (promise P5).

use std::collections::BTreeSet;

use hallpass_base::{
    Email, GrantId, GroupId, HoldKey, RequestId, TargetNames, TimeSpan, Timestamp, UserId,
};
use hallpass_rules::GroupRef;
use serde::{Deserialize, Serialize};

use crate::{Approval, ArmedEnds, EndOutcome, GrantStateKind, NeverArmed, Origin, Person};

/// Groups that somebody was in, as rules named them: by id, and by a name that another group may have later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderGroups {
    /// All of them.
    pub ids: BTreeSet<GroupId>,
    /// Those that rules named by their display name: without case, as rules compare it.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<String>,
}

impl HolderGroups {
    /// Whether rules named one of them so.
    pub(crate) fn has(&self, named: &GroupRef) -> bool {
        match named {
            GroupRef::Id(id) => self.ids.contains(id),
            GroupRef::Name(name) => self.names.contains(name),
        }
    }
}

/// Why a grant ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndCause {
    /// Its end came.
    Expired,
    /// Its holder gave it back.
    Released,
    /// Somebody took it away.
    Revoked {
        /// Who took it away.
        by: Email,
        /// Their words.
        reason: String,
    },
    /// Today's rules would refuse it, and the configuration says to end such grants.
    RuleChanged,
    /// Its holder left, or was disabled.
    PrincipalLeft,
    /// Somebody else removed the access.
    Drift,
    /// A guard removed the access at its end, because the server had not.
    Guard {
        /// The guard's name.
        guard: String,
        /// When, by AWS's time.
        removed_at: Timestamp,
    },
}

impl EndCause {
    /// The cause's name in API and storage.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Released => "released",
            Self::Revoked { .. } => "revoked",
            Self::RuleChanged => "rule_changed",
            Self::PrincipalLeft => "principal_left",
            Self::Drift => "drift",
            Self::Guard { .. } => "guard",
        }
    }

    /// The word of the audit log's `reason` (`access.md` §9.1).
    pub fn audit_reason(&self) -> String {
        match self {
            Self::Expired => "scheduled_revocation".to_owned(),
            Self::Released => "released".to_owned(),
            Self::Revoked { reason, .. } => format!("revoked_by: {reason}"),
            Self::RuleChanged => "rule_changed".to_owned(),
            Self::PrincipalLeft => "principal_left".to_owned(),
            Self::Drift => "drift".to_owned(),
            Self::Guard { .. } => "guard".to_owned(),
        }
    }
}

/// Where a grant is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Stored with its end; nothing was sent yet.
    Scheduled,
    /// Being made.
    Granting,
    /// Seen in Identity Center.
    Active,
    /// Being removed.
    Ending {
        /// Why it ends.
        cause: EndCause,
        /// When the end began.
        since: Timestamp,
    },
    /// Over.
    Ended {
        /// Why it ended.
        cause: EndCause,
        /// When it was seen over.
        at: Timestamp,
        /// Whether this end removed the access.
        removed: bool,
        /// How it went.
        why: EndOutcome,
    },
    /// AWS refused, or nothing came of it.
    Failed {
        /// When absence was confirmed.
        at: Timestamp,
        /// For the requester.
        error: String,
    },
}

impl GrantState {
    /// The state without what it holds.
    pub const fn kind(&self) -> GrantStateKind {
        match self {
            Self::Scheduled => GrantStateKind::Scheduled,
            Self::Granting => GrantStateKind::Granting,
            Self::Active => GrantStateKind::Active,
            Self::Ending { .. } => GrantStateKind::Ending,
            Self::Ended { .. } => GrantStateKind::Ended,
            Self::Failed { .. } => GrantStateKind::Failed,
        }
    }

    /// The state's name in storage, API and pages.
    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }
}

/// Permission with an end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that was observed or said; none excludes another"
)]
pub struct Grant {
    /// Ours.
    pub id: GrantId,
    /// The request it was made from.
    pub request: RequestId,
    /// Who holds it.
    pub holder: Person,
    /// What it is counted under.
    pub key: HoldKey,
    /// The target's names when it was asked for.
    pub names: TargetNames,
    /// For how long it was asked.
    pub duration: TimeSpan,
    /// Why it was asked for.
    pub reason: String,
    /// The door the request came in by.
    pub origin: Origin,
    /// Who said yes, by the address of then.
    pub approver: Email,
    /// Who said yes; `None` in grants from before this was kept, and where nobody was asked.
    pub approver_user: Option<UserId>,
    /// In which capacity.
    pub approval: Approval,
    /// The rules it rested on when it was given: those of its records.
    pub based_on: Vec<String>,
    /// Further rules, by which it was lengthened.
    pub lengthened_by: BTreeSet<String>,
    /// Hash of the rules then in force.
    pub config_hash: String,
    /// The groups that rules named and its holder was in when it was given or lengthened: leaving one of them may end it. `None`
    /// in grants from before this was kept, where leaving any may.
    pub holder_groups: Option<HolderGroups>,
    /// Whether the requester was matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    /// When it was approved and its end stored.
    pub scheduled_at: Timestamp,
    /// When the access was seen.
    pub granted_at: Option<Timestamp>,
    /// When it ends. Provisional until the access was seen.
    pub ends_at: Timestamp,
    /// The longest that sessions of its permission set could last when it was made and when it was lengthened; `None` where
    /// nobody looked.
    pub longest_session: Option<TimeSpan>,
    /// Whether the access was there before; such a grant removes nothing.
    pub standing: bool,
    /// Whether its holder was told that it ends soon.
    pub warned: bool,
    /// How many refusals of its removal were recorded.
    pub refusals: u32,
    /// Since when its removal is parked, and what AWS says.
    pub stuck: Option<Stuck>,
    /// Whether whoever took it away said to end its sessions too; once it is over, whether they are
    /// ended.
    pub end_sessions: bool,
    /// Whether AWS is to enforce its end by its own clock.
    pub armed_ends: ArmedEnds,
    /// Why AWS never does, although that was wanted when it was made; `None` also in grants from before this was kept.
    pub never_armed: Option<NeverArmed>,
    /// AWS's id of the operation that made it.
    pub aws_request: Option<String>,
    /// The newest news of its assignment that was acted on.
    pub seen_news: u64,
    /// Where it is.
    pub state: GrantState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

/// A removal that AWS refuses for good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    /// When the removal was parked.
    pub since: Timestamp,
    /// What AWS says.
    pub reason: String,
}

/// Grants of at least this length are announced before they end (`access.md` §9.6).
pub(crate) const WARN_FROM: TimeSpan = TimeSpan::hours(1);
/// How long before the end.
pub(crate) const WARN_BEFORE: TimeSpan = TimeSpan::minutes(15);

impl Grant {
    /// Whether it keeps its access wanted.
    pub fn is_hold(&self) -> bool {
        match self.state {
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => true,
            GrantState::Ending { .. } | GrantState::Ended { .. } | GrantState::Failed { .. } => {
                false
            }
        }
    }

    /// Whether it keeps its access wanted, and its end has not come.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_hold() && now < self.ends_at
    }

    /// When it was, or is, to end: its end, or the moment an earlier end began. What is later than
    /// this is late.
    pub fn due_to_end(&self) -> Timestamp {
        match self.state {
            GrantState::Ending { since, .. } => since.min(self.ends_at),
            GrantState::Scheduled
            | GrantState::Granting
            | GrantState::Active
            | GrantState::Ended { .. }
            | GrantState::Failed { .. } => self.ends_at,
        }
    }

    /// Whether nothing happens to it any more.
    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            GrantState::Ended { .. } | GrantState::Failed { .. }
        )
    }

    /// When time alone does something to it.
    pub fn due(&self) -> Option<Timestamp> {
        match self.state {
            GrantState::Active if self.is_to_be_warned() => {
                Some(WARN_BEFORE.before(self.ends_at).min(self.ends_at))
            }
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => Some(self.ends_at),
            GrantState::Ending { .. } | GrantState::Ended { .. } | GrantState::Failed { .. } => {
                None
            }
        }
    }

    /// Whether its holder is still to be told that it ends soon.
    pub(crate) fn is_to_be_warned(&self) -> bool {
        let length = TimeSpan::between(self.granted_at.unwrap_or(self.scheduled_at), self.ends_at);
        // what stood before does not end with it
        !self.warned && !self.standing && length >= WARN_FROM
    }
}

/// The value of [`Grant::seen_news`] in a state that no news was acted on yet: what is known already
/// counts as new, so that the next tick takes the step after this one.
pub(crate) const NO_NEWS_SEEN: u64 = 0;
