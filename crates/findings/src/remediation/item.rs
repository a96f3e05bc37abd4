//! What is kept of a remediation, from the decision to the note on its finding.

use std::fmt;

use hallpass_base::Timestamp;
use hallpass_plans::{PlanId, hash};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::remediation::action::ActionKind;
use crate::remediation::deviation::Deviation;
use crate::remediation::rules::RemediationMode;

/// How ids begin.
const START: &str = "rm-";
/// Hex digits of an id.
const DIGITS: usize = 16;

/// A remediation: `rm-` and 16 hex digits of the finding as it was, the rule and the resource, so that the same
/// message twice is one (`organization.md` R-7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemediationId(String);

impl RemediationId {
    /// The id of what a rule does about a deviation.
    pub fn of(it: &Deviation, rule: &str, acts: RemediationMode) -> Self {
        let finding = it.finding.as_ref().map_or("", |it| it.id.as_str());
        // what was only observed may be acted on later
        let only = match acts {
            RemediationMode::Observe => "observed",
            RemediationMode::Approve | RemediationMode::Auto => "",
        };
        let text = hash(&format!(
            "{finding}|{}|{rule}|{}|{}|{only}",
            it.updated_at, it.account, it.resource
        ));
        let digits: String = text.chars().take(DIGITS).collect();
        Self(format!("{START}{digits}"))
    }

    /// Reads an id as typed.
    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(START)?;
        let fits = digits.len() == DIGITS && digits.bytes().all(|it| it.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }

    /// As it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemediationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemediationResult {
    /// The resource was changed.
    Changed,
    /// It was as it should be already.
    Unchanged,
    /// The finding was suppressed.
    Suppressed,
}

impl RemediationResult {
    /// Its word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Suppressed => "suppressed",
        }
    }
}

/// How far it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RemediationPhase {
    /// Nothing was or will be done: its rule only observes.
    Observed,
    /// Somebody has to approve until then.
    Waiting {
        /// When it becomes manual.
        until: Timestamp,
        /// Why it waits.
        why: String,
    },
    /// It is to be done.
    Pending {
        /// Not before then.
        from: Timestamp,
        /// How often it failed.
        failed: u32,
    },
    /// It is done.
    Finished {
        /// What came of it.
        result: RemediationResult,
    },
    /// People have to see to it.
    Manual {
        /// Why.
        reason: String,
    },
    /// It is not as it was when it was decided or approved, and nothing was done.
    Drifted {
        /// What is otherwise.
        reason: String,
    },
    /// It was taken back.
    Undone {
        /// When.
        at: Timestamp,
        /// By whom.
        by: String,
    },
}

impl RemediationPhase {
    /// Its word.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Observed => "observed",
            Self::Waiting { .. } => "waiting",
            Self::Pending { .. } => "pending",
            Self::Finished { result } => result.name(),
            Self::Manual { .. } => "manual",
            Self::Drifted { .. } => "drifted",
            Self::Undone { .. } => "undone",
        }
    }
}

/// The workflow status that a finding gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkflowStatus {
    /// It is open again.
    New,
    /// Somebody was told.
    Notified,
    /// It is over.
    Resolved,
    /// It is not wanted.
    Suppressed,
}

impl WorkflowStatus {
    /// As Security Hub spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Notified => "NOTIFIED",
            Self::Resolved => "RESOLVED",
            Self::Suppressed => "SUPPRESSED",
        }
    }
}

/// What is yet to be written to the finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBack {
    /// Its workflow status.
    pub status: WorkflowStatus,
    /// The note.
    pub note: String,
    /// What came of it, in a word.
    pub result: String,
    /// Not before then.
    pub from: Timestamp,
}

/// What a finding said when we set its workflow status: who says otherwise later has worked on it since.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// Its workflow status.
    pub status: WorkflowStatus,
    /// Its note, whoever wrote that; empty where it had none.
    pub note: String,
}

/// A remediation as it is kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remediation {
    /// Its id.
    pub id: RemediationId,
    /// The rule.
    pub rule: String,
    /// What is done.
    pub action: ActionKind,
    /// How.
    pub params: Value,
    /// How much the rule did by itself when it was decided.
    pub mode: RemediationMode,
    /// What it is about.
    pub deviation: Deviation,
    /// When it was decided.
    pub decided_at: Timestamp,
    /// Since when it acts by itself or with an approval; counts for the rule's limit.
    pub acts_at: Option<Timestamp>,
    /// How far it is.
    pub phase: RemediationPhase,
    /// Rises with every explicit retry.
    pub generation: u32,
    /// Its latest plan.
    pub plan: Option<PlanId>,
    /// The plans of tries before that one, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<PlanId>,
    /// When the resource was changed.
    pub changed_at: Option<Timestamp>,
    /// What is yet to be written to the finding.
    pub write_back: Option<WriteBack>,
    /// What the finding said when we set its workflow status last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<Label>,
    /// What code of somebody's own answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    /// Who approved it, or had it tried again.
    pub approved_by: Option<String>,
    /// Rises with every write.
    pub version: u64,
}

impl Remediation {
    /// One that was decided now, and about which nothing was done yet.
    pub fn observed(
        (rule, mode): (&str, RemediationMode),
        (action, params): (ActionKind, Value),
        deviation: Deviation,
        now: Timestamp,
    ) -> Self {
        Self {
            id: RemediationId::of(&deviation, rule, mode),
            rule: rule.to_owned(),
            action,
            params,
            mode,
            deviation,
            decided_at: now,
            acts_at: None,
            phase: RemediationPhase::Observed,
            generation: 0,
            plan: None,
            earlier: Vec::new(),
            changed_at: None,
            write_back: None,
            labelled: None,
            answer: None,
            approved_by: None,
            version: 0,
        }
    }

    /// When something is to be done about it; none where nothing is.
    pub fn due_at(&self) -> Option<Timestamp> {
        let phase = match &self.phase {
            RemediationPhase::Waiting { until, .. } => Some(*until),
            RemediationPhase::Pending { from, .. } => Some(*from),
            RemediationPhase::Observed
            | RemediationPhase::Finished { .. }
            | RemediationPhase::Manual { .. }
            | RemediationPhase::Drifted { .. }
            | RemediationPhase::Undone { .. } => None,
        };
        let written = self.write_back.as_ref().map(|it| it.from);
        [phase, written].into_iter().flatten().min()
    }

    /// When it was decided, began to act, changed something or was taken back, whichever was last.
    pub fn moved_at(&self) -> Timestamp {
        let undone = match &self.phase {
            RemediationPhase::Undone { at, .. } => Some(*at),
            RemediationPhase::Observed
            | RemediationPhase::Waiting { .. }
            | RemediationPhase::Pending { .. }
            | RemediationPhase::Finished { .. }
            | RemediationPhase::Manual { .. }
            | RemediationPhase::Drifted { .. } => None,
        };
        let later = [self.acts_at, self.changed_at, undone];
        later
            .into_iter()
            .flatten()
            .fold(self.decided_at, Timestamp::max)
    }

    /// It is not as it was: nothing is done, and the finding is not written to.
    #[must_use]
    pub fn drifted(mut self, reason: String) -> Self {
        self.phase = RemediationPhase::Drifted { reason };
        self.write_back = None;
        self
    }

    /// Puts it into another phase, with what the finding is told of that.
    #[must_use]
    pub fn told(mut self, phase: RemediationPhase, status: WorkflowStatus, now: Timestamp) -> Self {
        let (result, words) = match &phase {
            RemediationPhase::Manual { reason } => ("manual", format!("manual: {reason}")),
            RemediationPhase::Finished { result } => (result.name(), result.name().to_owned()),
            RemediationPhase::Undone { by, .. } => ("undone", format!("taken back by {by}")),
            RemediationPhase::Observed
            | RemediationPhase::Waiting { .. }
            | RemediationPhase::Pending { .. }
            | RemediationPhase::Drifted { .. } => (phase.name(), phase.name().to_owned()),
        };
        if self.deviation.finding.is_some() {
            self.write_back = Some(WriteBack {
                status,
                note: format!("Hallpass {}: {} {words}", self.id, self.action),
                result: result.to_owned(),
                from: now,
            });
        }
        self.phase = phase;
        self
    }
}
