//! A remediation record, from the decision to the note on the finding.

use std::fmt;

use hallpass_base::Timestamp;
use hallpass_plans::{PlanId, hash};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::remediation::action::ActionKind;
use crate::remediation::deviation::Deviation;
use crate::remediation::rules::RemediationMode;

const START: &str = "rm-";
const DIGITS: usize = 16;

/// `rm-` and 16 hex digits of a hash of finding state, rule and resource, so that duplicate
/// messages yield one remediation (`organization.md` R-7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RemediationId(String);

impl RemediationId {
    pub fn of(it: &Deviation, rule: &str, acts: RemediationMode) -> Self {
        let finding = it.finding.as_ref().map_or("", |it| it.id.as_str());
        // an observed deviation may be acted on later
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

    pub fn read(text: &str) -> Option<Self> {
        let digits = text.strip_prefix(START)?;
        let fits = digits.len() == DIGITS && digits.bytes().all(|it| it.is_ascii_hexdigit());
        fits.then(|| Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RemediationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RemediationResult {
    Changed,
    Unchanged,
    Suppressed,
}

impl RemediationResult {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Suppressed => "suppressed",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum RemediationPhase {
    Observed,
    Waiting {
        /// When it becomes manual.
        until: Timestamp,
        why: String,
    },
    Pending {
        from: Timestamp,
        failed: u32,
    },
    Finished {
        result: RemediationResult,
    },
    Manual {
        reason: String,
    },
    Drifted {
        reason: String,
    },
    Undone {
        at: Timestamp,
        by: String,
    },
}

impl RemediationPhase {
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

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum WorkflowStatus {
    New,
    Notified,
    Resolved,
    Suppressed,
}

impl WorkflowStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::Notified => "NOTIFIED",
            Self::Resolved => "RESOLVED",
            Self::Suppressed => "SUPPRESSED",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WriteBack {
    pub status: WorkflowStatus,
    pub note: String,
    pub result: String,
    pub from: Timestamp,
}

/// State of a finding when Hallpass set its workflow status. A later difference means another
/// editor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    pub status: WorkflowStatus,
    /// The note by any author; may be empty.
    pub note: String,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remediation {
    pub id: RemediationId,
    pub rule: String,
    pub action: ActionKind,
    pub params: Value,
    /// Mode of the rule at the decision.
    pub mode: RemediationMode,
    pub deviation: Deviation,
    pub decided_at: Timestamp,
    /// Start of the action; counts for the rule's limit.
    pub acts_at: Option<Timestamp>,
    pub phase: RemediationPhase,
    pub generation: u32,
    pub plan: Option<PlanId>,
    /// Plans of earlier tries, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<PlanId>,
    pub changed_at: Option<Timestamp>,
    pub write_back: Option<WriteBack>,
    /// State of the finding when Hallpass last set its workflow status.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub labelled: Option<Label>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
    pub approved_by: Option<String>,
    pub version: u64,
}

impl Remediation {
    pub fn observed(
        rule: &str,
        mode: RemediationMode,
        action: ActionKind,
        params: Value,
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

    /// Returns the latest of decision, start, change and undo.
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

    /// Marks as drifted: no change, and no note on the finding.
    #[must_use]
    pub fn drifted(mut self, reason: String) -> Self {
        self.phase = RemediationPhase::Drifted { reason };
        self.write_back = None;
        self
    }

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
