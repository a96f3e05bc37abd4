//! One row per (person, target): the wanted state and execution state.

use hallpass_base::{GrantId, HoldKey, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndPriority {
    #[default]
    Ordinary,
    /// A manual revocation: before every deadline.
    AtOnce,
}

impl EndPriority {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::AtOnce => "at_once",
        }
    }
}

/// The wanted state. Never written by the executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// Wanted before this instant. An early end moves it.
    pub until: Timestamp,
    /// When the newest hold was added. Its presence counts only if seen since.
    pub asked_at: Timestamp,
    /// Grows with every change; guards concurrent writers.
    pub rev: u64,
    #[serde(default)]
    pub haste: EndPriority,
    /// When a guard last removed the access. Counts as Hallpass's removal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
}

/// Whether the create may be sent. A new hold that needs enforced expiry closes it until the end is
/// in force (`docs/spec/access.md` §21, A-2). It blocks neither reads nor ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gate", rename_all = "snake_case")]
pub enum Gate {
    #[default]
    Open,
    Closed {
        /// Opens automatically then.
        until: Timestamp,
    },
    /// Never: required enforced expiry failed.
    Refused(GivingUp),
}

impl Gate {
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// Nothing was sent yet, so nothing is Hallpass's.
    #[default]
    Undecided,
    /// A create was about to be sent: any access is Hallpass's from then on.
    Ours,
    /// Existed before, and stays (promise P2).
    Standing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    Create,
    Delete,
}

impl OperationKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Only its status: listings may lag.
    #[default]
    Status,
    /// Also a listing with its effect.
    Listing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    pub kind: OperationKind,
    pub started_at: Timestamp,
    /// `None` while the answer is unknown: after a crash, it may or may not have been sent.
    #[serde(rename = "request")]
    pub operation_id: Option<String>,
    pub polls: u32,
    #[serde(default)]
    pub proof: Proof,
    /// AWS no longer lists it as in progress; its result is unknown. It uses no slot or lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_at: Option<Timestamp>,
}

impl Operation {
    pub fn is_over(&self) -> bool {
        self.over_at.is_some()
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum Observation {
    #[default]
    Unseen,
    Present {
        at: Timestamp,
    },
    Absent {
        /// Start of the first of consecutive listings without it.
        since: Timestamp,
        /// Start of the newest.
        at: Timestamp,
    },
}

/// How far absence is trusted after a create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceConfidence {
    #[default]
    Settled,
    /// A create ended FAILED, but may still show an effect within the consistency window. Or its
    /// status was lost and a later removal succeeded: AWS runs one operation per account and
    /// permission set, so the removal found its access.
    FailedCreate,
    /// A create's status was lost; it may still run.
    LostCreate,
}

/// An unanswered create that AWS may still execute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredCreate {
    /// When it was detected, or followed by another.
    pub at: Timestamp,
    /// Whether a second create is also unknown: this one may then take effect after the removal of
    /// the second's access.
    #[serde(rename = "is_followed")]
    pub is_one_of_several: bool,
}

/// The create was abandoned; any effect is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivingUp {
    pub reason: String,
    pub at: Timestamp,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    Removed,
    AlreadyAbsent,
    NeverCreated,
    PrincipalGone,
    AccountGone,
}

impl Absence {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Removed => "removed",
            Self::AlreadyAbsent => "already_absent",
            Self::NeverCreated => "never_created",
            Self::PrincipalGone => "principal_gone",
            Self::AccountGone => "account_gone",
        }
    }
}

/// Certain facts, the only basis for others' actions.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    #[default]
    Working,
    /// Wanted, and in the listing begun at `at`.
    Present {
        at: Timestamp,
    },
    Absent {
        at: Timestamp,
        why: Absence,
    },
    /// Unwanted, but existed before: left alone.
    Kept {
        at: Timestamp,
    },
    /// Refused by AWS or timed out; absence is confirmed.
    Refused {
        at: Timestamp,
        reason: String,
    },
    /// Removed by someone else. Never recreated.
    Lost {
        /// Start of the confirming listing.
        at: Timestamp,
    },
    /// AWS refuses the removal permanently; retried every hour.
    Stuck {
        since: Timestamp,
        reason: String,
    },
}

impl Observation {
    pub const fn at(self) -> Option<Timestamp> {
        match self {
            Self::Unseen => None,
            Self::Present { at } | Self::Absent { at, .. } => Some(at),
        }
    }
}

impl Verdict {
    pub const fn at(&self) -> Option<Timestamp> {
        match self {
            Self::Working => None,
            Self::Present { at }
            | Self::Absent { at, .. }
            | Self::Kept { at }
            | Self::Refused { at, .. }
            | Self::Lost { at }
            | Self::Stuck { since: at, .. } => Some(*at),
        }
    }

    pub const fn name(&self) -> &'static str {
        match self {
            Self::Working => "working",
            Self::Present { .. } => "present",
            Self::Absent { .. } => "absent",
            Self::Kept { .. } => "kept",
            Self::Refused { .. } => "refused",
            Self::Lost { .. } => "lost",
            Self::Stuck { .. } => "stuck",
        }
    }
}

/// Execution state. Written only by the executor, under a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    pub ownership: Ownership,
    pub operation: Option<Operation>,
    #[serde(rename = "sight")]
    pub observation: Observation,
    pub last_present_at: Option<Timestamp>,
    /// Last successful create; listings may lag.
    pub created_at: Option<Timestamp>,
    /// Last successful delete; listings may lag.
    pub deleted_at: Option<Timestamp>,
    #[serde(rename = "doubt")]
    pub absence_confidence: AbsenceConfidence,
    /// An unanswered create without a seen effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered_create: Option<UnansweredCreate>,
    /// Last repeated removal after a reported end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_again_at: Option<Timestamp>,
    pub giving_up: Option<GivingUp>,
    /// Since when calls for the newest hold fail, or its create runs. Excludes queue time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trying_since: Option<Timestamp>,
    /// Consecutive failures; determines the pause.
    pub attempts: u32,
    pub refused_removals: u32,
    /// The directory's answer after repeated refusals.
    pub gone: Option<Absence>,
    pub verdict: Verdict,
    pub aws_request: Option<String>,
    pub last_error: Option<String>,
    pub due: Timestamp,
    #[serde(default, rename = "heeded", skip_serializing_if = "Option::is_none")]
    pub guard_removal_applied_at: Option<Timestamp>,
}

impl Execution {
    pub fn new(now: Timestamp) -> Self {
        Self {
            ownership: Ownership::Undecided,
            operation: None,
            observation: Observation::Unseen,
            last_present_at: None,
            created_at: None,
            deleted_at: None,
            absence_confidence: AbsenceConfidence::Settled,
            unanswered_create: None,
            removed_again_at: None,
            giving_up: None,
            trying_since: None,
            attempts: 0,
            refused_removals: 0,
            gone: None,
            verdict: Verdict::Working,
            aws_request: None,
            last_error: None,
            due: now,
            guard_removal_applied_at: None,
        }
    }

    /// Takes over existing access, listed at `seen_at`. It is never created: once missing, it is
    /// lost.
    pub fn adopted(seen_at: Timestamp) -> Self {
        Self {
            ownership: Ownership::Ours,
            last_present_at: Some(seen_at),
            ..Self::new(seen_at)
        }
    }

    /// Takes over existing access for removal. A read comes first.
    pub fn to_remove(now: Timestamp) -> Self {
        Self {
            ownership: Ownership::Ours,
            ..Self::new(now)
        }
    }

    #[must_use]
    pub fn is_news_after(&self, before: &Self) -> bool {
        self.verdict != before.verdict
            || self.ownership != before.ownership
            || self.refused_removals != before.refused_removals
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentRow {
    pub key: HoldKey,
    pub desired: Desired,
    pub execution: Execution,
    #[serde(default, skip_serializing_if = "Gate::is_open")]
    pub gate: Gate,
    /// Grows with changes of verdict, ownership or refusals; readers remember the last processed
    /// one.
    #[serde(rename = "news")]
    pub verdict_rev: u64,
}

impl AssignmentRow {
    /// Whether access should exist now and is still pursued.
    pub fn is_wanted(&self, now: Timestamp) -> bool {
        now < self.desired.until && !self.gave_up()
    }

    pub fn gave_up(&self) -> bool {
        self.given_up().is_some()
    }

    /// Includes a create refused before sending.
    pub(crate) fn given_up(&self) -> Option<&GivingUp> {
        let refused = match &self.gate {
            Gate::Refused(up) => Some(up),
            Gate::Open | Gate::Closed { .. } => None,
        };
        let counts = |up: &&GivingUp| up.at >= self.desired.asked_at;
        let given_up = self.execution.giving_up.as_ref();
        given_up.filter(counts).or_else(|| refused.filter(counts))
    }

    /// Returns until when an unsent create waits, or a newer hold's effect on existing access.
    pub fn waits_for_gate(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.gate {
            Gate::Closed { until } if now < *until => Some(*until),
            Gate::Open | Gate::Closed { .. } | Gate::Refused(_) => None,
        }
    }

    /// Whether certainly no owned access remains.
    pub fn is_settled(&self) -> bool {
        match self.execution.verdict {
            Verdict::Absent { .. } | Verdict::Kept { .. } | Verdict::Refused { .. } => true,
            Verdict::Working
            | Verdict::Present { .. }
            | Verdict::Lost { .. }
            | Verdict::Stuck { .. } => false,
        }
    }

    /// Whether an observation at `at` covers the newest hold.
    pub fn is_since_newest_hold(&self, at: Timestamp) -> bool {
        at >= self.desired.asked_at
    }

    pub fn in_flight(&self) -> Option<&Operation> {
        let operation = self.execution.operation.as_ref();
        operation.filter(|operation| !operation.is_over())
    }

    /// The deadline, or when the create was given up.
    pub fn unwanted_from(&self) -> Timestamp {
        match self.given_up() {
            Some(up) => up.at.min(self.desired.until),
            None => self.desired.until,
        }
    }

    /// Applies a guard's removal like an own one.
    #[must_use]
    pub fn apply_guard_removal(mut self, now: Timestamp) -> Self {
        let Some(at) = self.desired.removed_at else {
            return self;
        };
        let execution = &mut self.execution;
        if execution
            .guard_removal_applied_at
            .is_some_and(|applied_at| applied_at >= at)
        {
            return self;
        }
        execution.guard_removal_applied_at = Some(at);
        let made_since = |made: Option<Timestamp>| made.is_some_and(|made| made > at);
        let creating = execution
            .operation
            .as_ref()
            .filter(|operation| operation.kind == OperationKind::Create)
            .map(|operation| operation.started_at);
        // Access created after that removal exists anyway.
        if execution.ownership != Ownership::Ours
            || made_since(execution.created_at)
            || made_since(creating)
        {
            return self;
        }
        execution.deleted_at = execution.deleted_at.max(Some(at));
        execution.observation = Observation::Unseen;
        if !matches!(execution.verdict, Verdict::Stuck { .. }) {
            execution.verdict = Verdict::Working;
        }
        execution.due = execution.due.min(now);
        self
    }

    /// `None` unless owned and not confirmed removed.
    pub fn owned_end(&self, grants: Vec<GrantId>) -> Option<OwnedEnd> {
        let execution = &self.execution;
        let is_over = match &execution.verdict {
            Verdict::Absent { at, .. }
            | Verdict::Kept { at }
            | Verdict::Refused { at, .. }
            | Verdict::Lost { at } => {
                self.is_since_newest_hold(*at) && execution.operation.is_none()
            }
            Verdict::Working | Verdict::Present { .. } | Verdict::Stuck { .. } => false,
        };
        if execution.ownership != Ownership::Ours || is_over {
            return None;
        }
        Some(OwnedEnd {
            key: self.key.clone(),
            until: self.unwanted_from(),
            rev: self.desired.rev,
            grants,
        })
    }

    pub fn was_seen(&self) -> bool {
        self.execution
            .last_present_at
            .is_some_and(|at| self.is_since_newest_hold(at))
    }
}

/// Owned access with its end, for enforcement: never access that existed before or may be foreign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedEnd {
    pub key: HoldKey,
    pub until: Timestamp,
    pub rev: u64,
    pub grants: Vec<GrantId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalStage {
    /// About to be sent; a read must show the result.
    Begun,
    Seen,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardRemoval {
    pub end: OwnedEnd,
    /// By AWS's clock.
    pub at: Timestamp,
    pub guard: String,
    pub stage: RemovalStage,
}

#[cfg(test)]
#[path = "row_tests.rs"]
pub(crate) mod tests;
