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

use hallpass_audit::{Approval, Origin};
use hallpass_model::{Email, GrantId, HoldKey, RequestId, Span, TargetNames, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Person;

/// Why a grant ends.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "cause", rename_all = "snake_case")]
pub enum EndCause {
    /// Its end came.
    Expired,
    /// Its holder gave it back.
    Released,
    /// Somebody took it away.
    Revoked {
        /// Who.
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
        }
    }
}

/// Where a grant is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum GrantState {
    /// Stored with its end; nothing was sent yet.
    Scheduled,
    /// Being made.
    Granting,
    /// Seen in Identity Center.
    Active,
    /// Being removed.
    Ending {
        /// Why.
        #[serde(flatten)]
        cause: EndCause,
        /// Since when.
        since: Timestamp,
    },
    /// Over.
    Ended {
        /// Why.
        #[serde(flatten)]
        cause: EndCause,
        /// When it was seen over.
        at: Timestamp,
        /// Whether this end removed the access.
        removed: bool,
        /// Why not, or `removed`.
        why: String,
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
    /// The state's name in storage, API and pages.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Scheduled => "scheduled",
            Self::Granting => "granting",
            Self::Active => "active",
            Self::Ending { .. } => "ending",
            Self::Ended { .. } => "ended",
            Self::Failed { .. } => "failed",
        }
    }

    /// Every legal step, as (prior, next); the store refuses any other. A step to the same state
    /// changes what is known, not where the grant is.
    pub const STEPS: &'static [(&'static str, &'static str)] = &[
        ("scheduled", "scheduled"),
        ("scheduled", "granting"),
        ("scheduled", "ending"),
        ("granting", "granting"),
        ("granting", "active"),
        ("granting", "failed"),
        ("granting", "ending"),
        ("active", "active"),
        ("active", "ending"),
        ("ending", "ending"),
        ("ending", "ended"),
    ];
}

/// Permission with an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
    pub duration: Span,
    /// Why it was asked for.
    pub reason: String,
    /// The door the request came in by.
    pub origin: Origin,
    /// Who said yes.
    pub approver: Email,
    /// In which capacity.
    pub approval: Approval,
    /// The rules it rests on.
    pub based_on: Vec<String>,
    /// Hash of the rules then in force.
    pub config_hash: String,
    /// Whether the requester was matched through a fallback e-mail domain.
    pub secondary_domain: bool,
    /// When it was approved and its end stored.
    pub scheduled_at: Timestamp,
    /// When the access was seen.
    pub granted_at: Option<Timestamp>,
    /// When it ends. Provisional until the access was seen.
    pub ends_at: Timestamp,
    /// Whether the access was there before; such a grant removes nothing.
    pub standing: bool,
    /// Whether its holder was told that it ends soon.
    pub warned: bool,
    /// How many refusals of its removal were recorded.
    pub refusals: u32,
    /// Since when its removal is parked, and what AWS says.
    pub stuck: Option<Stuck>,
    /// AWS's id of the operation that made it.
    pub aws_request: Option<String>,
    /// The newest news of its assignment that was acted on.
    pub seen_news: u64,
    /// Where it is.
    #[serde(flatten)]
    pub state: GrantState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

/// A removal that AWS refuses for good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stuck {
    /// Since when.
    pub since: Timestamp,
    /// What AWS says.
    pub reason: String,
}

/// Grants of at least this length are announced before they end (`access.md` §9.6).
pub(crate) const WARN_FROM: Span = Span::hours(1);
/// How long before the end.
pub(crate) const WARN_BEFORE: Span = Span::minutes(15);

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
            GrantState::Scheduled | GrantState::Granting => Some(self.ends_at),
            GrantState::Active if self.is_to_be_warned() => {
                Some(WARN_BEFORE.before(self.ends_at).min(self.ends_at))
            }
            GrantState::Active => Some(self.ends_at),
            GrantState::Ending { .. } | GrantState::Ended { .. } | GrantState::Failed { .. } => {
                None
            }
        }
    }

    /// Whether its holder is still to be told that it ends soon.
    pub(crate) fn is_to_be_warned(&self) -> bool {
        let length = Span::between(self.granted_at.unwrap_or(self.scheduled_at), self.ends_at);
        !self.warned && length >= WARN_FROM
    }
}
