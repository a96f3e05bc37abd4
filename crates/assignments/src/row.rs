//! One row per (person, target): what is wanted, and everything known about getting there.

use hallpass_base::{GrantId, HoldKey, Timestamp};
use serde::{Deserialize, Serialize};

/// How long an end may wait for others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Haste {
    /// Its place in line is that of its deadline.
    #[default]
    Ordinary,
    /// A person took the access away: it goes before every deadline.
    AtOnce,
}

impl Haste {
    /// The name in storage.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ordinary => "ordinary",
            Self::AtOnce => "at_once",
        }
    }
}

/// What somebody else desires of this row. Written by those who desire it, never by the executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Desired {
    /// The access is wanted before this instant and unwanted from it on. An early end moves it to
    /// the moment of that end.
    pub until: Timestamp,
    /// When the newest hold was added. Presence counts for that hold only if it was seen since.
    pub asked_at: Timestamp,
    /// Grows with every change; guards concurrent writers.
    pub rev: u64,
    /// How long the end may wait for others.
    #[serde(default)]
    pub haste: Haste,
    /// When a guard, a process of its own that removes what is past its end, was last seen to have
    /// removed the access. It counts as a removal of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<Timestamp>,
}

/// Whether the create may be sent. Closed with a new hold whose end is to be armed at AWS first, opened by whoever arms
/// it (`docs/spec/access.md` §21, A-2). It holds up neither looks nor ends.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "gate", rename_all = "snake_case")]
pub enum Gate {
    /// It may.
    #[default]
    Open,
    /// Not before this instant, unless it is opened.
    Closed {
        /// From then on it may be sent all the same.
        until: Timestamp,
    },
    /// It is not to be sent at all: the end could not be armed, and had to be.
    Refused(GivingUp),
}

impl Gate {
    /// Whether nothing stands in the way.
    pub fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

/// Whether the access was there before us.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ownership {
    /// Nothing was sent yet, so nothing can be ours.
    #[default]
    Undecided,
    /// A create was about to be sent: from here on whatever is there is ours.
    Ours,
    /// It stood before us, and stands after us (promise P2).
    Standing,
}

/// The two things we ever ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OperationKind {
    /// Give the access.
    Create,
    /// Take it away.
    Delete,
}

impl OperationKind {
    /// The kind's name in storage and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }
}

/// What shows that an operation ended well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Its status alone: listings may still show what was before it.
    #[default]
    Status,
    /// Also a listing that shows its effect.
    Listing,
}

/// An operation that is stored before it is sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// What was asked for.
    pub kind: OperationKind,
    /// When the intent was stored.
    pub started_at: Timestamp,
    /// AWS's id of the asynchronous operation; `None` while the answer is unknown, which after a
    /// crash means: it may or may not have been sent.
    #[serde(rename = "request")]
    pub operation_id: Option<String>,
    /// How often it was looked at or its status was asked.
    pub polls: u32,
    /// What shows that it ended well.
    #[serde(default)]
    pub proof: Proof,
    /// Since when AWS no longer counts it among those in progress; how it ended is not known yet.
    /// It takes no slot and no lane any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_at: Option<Timestamp>,
}

impl Operation {
    /// Whether AWS works on it no longer.
    pub fn is_over(&self) -> bool {
        self.over_at.is_some()
    }
}

/// The newest listing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "seen", rename_all = "snake_case")]
pub enum Observation {
    /// Not looked since the last operation.
    #[default]
    Unseen,
    /// Listed.
    Present {
        /// When that listing began.
        at: Timestamp,
    },
    /// Not listed.
    Absent {
        /// When the first of the consecutive listings without it began.
        since: Timestamp,
        /// When the newest began.
        at: Timestamp,
    },
}

/// How far absence can be trusted after a create.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AbsenceConfidence {
    /// One listing settles it.
    #[default]
    Settled,
    /// A create ended FAILED; its effect may still show up within the consistency window. Or its
    /// status was lost and a removal sent after it ended well: AWS runs one operation on an account
    /// and permission set at a time, so that removal found what the create had made.
    FailedCreate,
    /// A create's status was lost; it may still be running.
    LostCreate,
}

/// A create that AWS may still carry out, though it did not answer it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnansweredCreate {
    /// When it was missed, or another was sent after it.
    pub at: Timestamp,
    /// Whether another was sent of which nobody knows what became: then it may take effect after the removal of what that
    /// one made, too.
    #[serde(rename = "is_followed")]
    pub is_one_of_several: bool,
}

/// The create is no longer pursued; what may have come of it is removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivingUp {
    /// AWS's words, or ours.
    pub reason: String,
    /// When that was decided.
    pub at: Timestamp,
}

/// Why nothing was removed, or that it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Absence {
    /// We removed it.
    Removed,
    /// It was gone when we came to remove it.
    AlreadyAbsent,
    /// It was never created.
    NeverCreated,
    /// The person left the directory, and the access with them.
    PrincipalGone,
    /// The account was closed, and the access with it.
    AccountGone,
}

impl Absence {
    /// The word the audit log uses.
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

/// What the executor knows for certain. Others act on this and on nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    /// Not settled yet.
    #[default]
    Working,
    /// Wanted, and seen in a listing that began at `at`.
    Present {
        /// When that listing began.
        at: Timestamp,
    },
    /// Unwanted, and seen gone.
    Absent {
        /// When that was seen.
        at: Timestamp,
        /// How it came to be gone.
        why: Absence,
    },
    /// Unwanted by us, but it stood before us: left alone.
    Kept {
        /// When this was settled.
        at: Timestamp,
    },
    /// AWS refused, or nothing came of it in time; absence is confirmed.
    Refused {
        /// When absence was confirmed.
        at: Timestamp,
        /// For the requester and the audit log.
        reason: String,
    },
    /// It was there and somebody else removed it. Nothing re-creates it.
    Lost {
        /// When the confirming listing began.
        at: Timestamp,
    },
    /// AWS refuses the removal for good; tried again every hour.
    Stuck {
        /// When it was parked.
        since: Timestamp,
        /// What AWS says.
        reason: String,
    },
}

impl Observation {
    /// When the newest listing began; `None` when there is none since the last operation.
    pub const fn at(self) -> Option<Timestamp> {
        match self {
            Self::Unseen => None,
            Self::Present { at } | Self::Absent { at, .. } => Some(at),
        }
    }
}

impl Verdict {
    /// When it was reached; `None` while nothing is settled.
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

    /// The verdict's name in storage.
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

/// What the executor knows and has done. Written by the executor only, under a lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Execution {
    /// Whether it was there before us.
    pub ownership: Ownership,
    /// The operation in flight.
    pub operation: Option<Operation>,
    /// The newest listing.
    #[serde(rename = "sight")]
    pub observation: Observation,
    /// When a listing last showed it.
    pub last_present_at: Option<Timestamp>,
    /// When a create of ours last ended well; listings may lag behind it.
    pub created_at: Option<Timestamp>,
    /// When a delete of ours last ended well; listings may lag behind it.
    pub deleted_at: Option<Timestamp>,
    /// How far absence can be trusted.
    #[serde(rename = "doubt")]
    pub absence_confidence: AbsenceConfidence,
    /// A create of ours that AWS did not answer, and that was not seen to take effect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unanswered_create: Option<UnansweredCreate>,
    /// When what had been seen gone was there again and its removal was sent once more, last: after the end was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_again_at: Option<Timestamp>,
    /// Set once the create is no longer pursued.
    pub giving_up: Option<GivingUp>,
    /// Since when calls for the newest hold are answered by nothing but failures, or its create runs.
    /// Time in our own line does not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trying_since: Option<Timestamp>,
    /// Failures in a row; sets the pause before the next attempt.
    pub attempts: u32,
    /// Removals that AWS answered with FAILED or a refusal.
    pub refused_removals: u32,
    /// What the directory said when removals kept failing.
    pub gone: Option<Absence>,
    /// What is known for certain.
    pub verdict: Verdict,
    /// AWS's id of the newest asynchronous operation.
    pub aws_request: Option<String>,
    /// The newest failure, for people.
    pub last_error: Option<String>,
    /// Nothing to do before this instant.
    pub due: Timestamp,
    /// The removal by a guard that was taken into account last.
    #[serde(default, rename = "heeded", skip_serializing_if = "Option::is_none")]
    pub guard_removal_applied_at: Option<Timestamp>,
}

impl Execution {
    /// A row nothing was done for yet, due at once.
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

    /// A row of access that stood before us and is ours from here on, seen in a listing that began at
    /// `seen_at`. It was seen, so it is never created: when it is gone, it is lost.
    pub fn adopted(seen_at: Timestamp) -> Self {
        Self {
            ownership: Ownership::Ours,
            last_present_at: Some(seen_at),
            ..Self::new(seen_at)
        }
    }

    /// A row of access that stood before us and is ours to take away. It is looked at before anything
    /// is sent.
    pub fn to_remove(now: Timestamp) -> Self {
        Self {
            ownership: Ownership::Ours,
            ..Self::new(now)
        }
    }

    /// Whether others need to hear of the change from `before` to this.
    #[must_use]
    pub fn is_news_after(&self, before: &Self) -> bool {
        self.verdict != before.verdict
            || self.ownership != before.ownership
            || self.refused_removals != before.refused_removals
    }
}

/// One person and one target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssignmentRow {
    /// The person and the target.
    pub key: HoldKey,
    /// What is wanted.
    pub desired: Desired,
    /// What is known and done.
    pub execution: Execution,
    /// Whether the create may be sent.
    #[serde(default, skip_serializing_if = "Gate::is_open")]
    pub gate: Gate,
    /// Grows with each change of verdict, ownership or refusals; readers remember the last they acted on.
    #[serde(rename = "news")]
    pub verdict_rev: u64,
}

impl AssignmentRow {
    /// Whether the access should be there now and is still pursued.
    pub fn is_wanted(&self, now: Timestamp) -> bool {
        now < self.desired.until && !self.gave_up()
    }

    /// Whether the newest hold's create was given up.
    pub fn gave_up(&self) -> bool {
        self.given_up().is_some()
    }

    /// Why and when the newest hold's create was given up, or refused before it was sent.
    pub(crate) fn given_up(&self) -> Option<&GivingUp> {
        let refused = match &self.gate {
            Gate::Refused(up) => Some(up),
            Gate::Open | Gate::Closed { .. } => None,
        };
        let counts = |up: &&GivingUp| up.at >= self.desired.asked_at;
        let given_up = self.execution.giving_up.as_ref();
        given_up.filter(counts).or_else(|| refused.filter(counts))
    }

    /// Until when a create that was not sent yet has to wait, and what comes to count of a newer hold of access that is there.
    pub fn waits_for_gate(&self, now: Timestamp) -> Option<Timestamp> {
        match &self.gate {
            Gate::Closed { until } if now < *until => Some(*until),
            Gate::Open | Gate::Closed { .. } | Gate::Refused(_) => None,
        }
    }

    /// Whether it is known for certain that nothing of ours is left, or that nothing of it was ours.
    pub fn is_settled(&self) -> bool {
        match self.execution.verdict {
            Verdict::Absent { .. } | Verdict::Kept { .. } | Verdict::Refused { .. } => true,
            Verdict::Working
            | Verdict::Present { .. }
            | Verdict::Lost { .. }
            | Verdict::Stuck { .. } => false,
        }
    }

    /// Whether what was seen at `at` says something of the newest hold: it was seen since that was added.
    pub fn is_since_newest_hold(&self, at: Timestamp) -> bool {
        at >= self.desired.asked_at
    }

    /// The operation that AWS may still be working on.
    pub fn in_flight(&self) -> Option<&Operation> {
        let operation = self.execution.operation.as_ref();
        operation.filter(|operation| !operation.is_over())
    }

    /// From when the access is unwanted: its deadline, or the moment its create was given up.
    pub fn unwanted_from(&self) -> Timestamp {
        match self.given_up() {
            Some(up) => up.at.min(self.desired.until),
            None => self.desired.until,
        }
    }

    /// The row that knows of the newest removal by a guard: as after one of our own.
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
        // what was made after that removal is there all the same
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

    /// What has to be gone by when: ours, and not seen gone yet. `grants` are those that hold it.
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

    /// Whether it was seen since the newest hold was added.
    pub fn was_seen(&self) -> bool {
        self.execution
            .last_present_at
            .is_some_and(|at| self.is_since_newest_hold(at))
    }
}

/// Access of ours with its end, for those who see to it that it ends: never what stood before us,
/// and nothing that may not be ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnedEnd {
    /// The person and the target.
    pub key: HoldKey,
    /// It has to be gone by then.
    pub until: Timestamp,
    /// The revision of what is desired; grows with every change of it.
    pub rev: u64,
    /// The grants that hold it, or that are being ended.
    pub grants: Vec<GrantId>,
}

/// How far a guard came with a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RemovalStage {
    /// It was about to send it; whether it did is known once somebody looks.
    Begun,
    /// It sent it and saw the access gone.
    Seen,
}

/// What a guard did about an end, as its journal says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardRemoval {
    /// The end as the guard knew it.
    pub end: OwnedEnd,
    /// When, by AWS's time.
    pub at: Timestamp,
    /// The guard's name.
    pub guard: String,
    /// How far it came.
    pub stage: RemovalStage,
}

#[cfg(test)]
#[path = "row_tests.rs"]
pub(crate) mod tests;
