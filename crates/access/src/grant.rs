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

/// Groups of the holder that rules named: by id, and by a name that another group may take later.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HolderGroups {
    pub ids: BTreeSet<GroupId>,
    /// Case-folded display names, as rules compare them, and on-call lists.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<String>,
}

impl HolderGroups {
    pub(crate) fn has(&self, named: &GroupRef) -> bool {
        match named {
            GroupRef::Id(id) => self.ids.contains(id),
            GroupRef::Name(name) | GroupRef::OnCall(name) => self.names.contains(name),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndCause {
    Expired,
    /// The holder ended it early.
    Released,
    Revoked {
        by: Email,
        reason: String,
    },
    /// Today's rules would refuse it, and the configuration ends such grants.
    RuleChanged,
    /// The holder left, or was disabled.
    PrincipalLeft,
    /// Access was removed outside Hallpass.
    Drift,
    /// A guard removed the access at its end because the server had not.
    Guard {
        guard: String,
        /// By AWS's clock.
        removed_at: Timestamp,
    },
}

impl EndCause {
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

    /// The `reason` of the audit log (`access.md` §9.1).
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

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GrantState {
    /// Stored with its end; nothing was sent yet.
    Scheduled,
    Granting,
    /// Seen in Identity Center.
    Active,
    Ending {
        cause: EndCause,
        since: Timestamp,
    },
    Ended {
        cause: EndCause,
        /// When the absence was seen.
        at: Timestamp,
        /// Whether this end removed the access.
        removed: bool,
        why: EndOutcome,
    },
    /// AWS refused, or the access never appeared.
    Failed {
        at: Timestamp,
        error: String,
    },
}

impl GrantState {
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

    pub const fn name(&self) -> &'static str {
        self.kind().name()
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own that was observed or reported; they do not exclude each other"
)]
pub struct Grant {
    pub id: GrantId,
    pub request: RequestId,
    pub holder: Person,
    pub key: HoldKey,
    pub names: TargetNames,
    pub duration: TimeSpan,
    pub reason: String,
    pub origin: Origin,
    /// The address at approval.
    pub approver: Email,
    /// `None` in grants from before this was kept, and without an approver.
    pub approver_user: Option<UserId>,
    pub approval: Approval,
    pub based_on: Vec<String>,
    /// Rules of later extensions.
    pub lengthened_by: BTreeSet<String>,
    /// Hash of the rules in force at approval.
    pub config_hash: String,
    /// The holder's groups that rules named at grant or extension: leaving one may end the grant.
    /// `None` in older grants, where leaving any group may.
    pub holder_groups: Option<HolderGroups>,
    /// Whether the requester was matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    pub scheduled_at: Timestamp,
    pub granted_at: Option<Timestamp>,
    /// Provisional until the access was seen.
    pub ends_at: Timestamp,
    /// The longest possible session of its permission set at grant and extension; `None` if not
    /// read.
    pub longest_session: Option<TimeSpan>,
    /// Whether the access existed before; such a grant removes nothing.
    pub standing: bool,
    pub warned: bool,
    /// How many refusals of its removal were recorded.
    pub refusals: u32,
    pub stuck: Option<Stuck>,
    /// Whether the revoker chose to end sessions too; after the end, whether they are ended.
    pub end_sessions: bool,
    pub armed_ends: ArmedEnds,
    /// Why AWS never enforces the wanted end; `None` also in grants from before this was kept.
    pub never_armed: Option<NeverArmed>,
    /// AWS's id of the create operation.
    pub aws_request: Option<String>,
    /// The newest processed news of its assignment.
    pub seen_news: u64,
    pub state: GrantState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

/// A removal that AWS refuses permanently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stuck {
    pub since: Timestamp,
    pub reason: String,
}

/// Grants of at least this length get a notice before they end (`access.md` §9.6).
pub(crate) const WARN_FROM: TimeSpan = TimeSpan::hours(1);
pub(crate) const WARN_BEFORE: TimeSpan = TimeSpan::minutes(15);

impl Grant {
    pub fn is_hold(&self) -> bool {
        match self.state {
            GrantState::Scheduled | GrantState::Granting | GrantState::Active => true,
            GrantState::Ending { .. } | GrantState::Ended { .. } | GrantState::Failed { .. } => {
                false
            }
        }
    }

    pub fn is_live(&self, now: Timestamp) -> bool {
        self.is_hold() && now < self.ends_at
    }

    /// Returns the deadline, or the start of an earlier end. Anything later is late.
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

    pub fn is_over(&self) -> bool {
        matches!(
            self.state,
            GrantState::Ended { .. } | GrantState::Failed { .. }
        )
    }

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

    pub(crate) fn is_to_be_warned(&self) -> bool {
        let length = TimeSpan::between(self.granted_at.unwrap_or(self.scheduled_at), self.ends_at);
        // Access that existed before does not end with it.
        !self.warned && !self.standing && length >= WARN_FROM
    }
}

/// The value of [`Grant::seen_news`] before any processed news: known news then count as new, so
/// the next tick takes the next step.
pub(crate) const NO_NEWS_SEEN: u64 = 0;
