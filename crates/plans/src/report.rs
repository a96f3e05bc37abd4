//! Plan results per target (`organization.md` P-12), and exit codes (P-13).

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::journal::{Final, Folded, StepEnd, StepState};
use crate::plan::{Plan, PlanId, PlanStep, StepProbe, StepTarget};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub unchanged: usize,
    pub changed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub blocked: usize,
    pub drifted: usize,
    pub in_progress: usize,
}

impl Totals {
    fn count(&mut self, outcome: StepEnd) {
        let counter = match outcome {
            StepEnd::Unchanged => &mut self.unchanged,
            StepEnd::Changed => &mut self.changed,
            StepEnd::Failed => &mut self.failed,
            StepEnd::Skipped => &mut self.skipped,
            StepEnd::Blocked => &mut self.blocked,
            StepEnd::Drifted => &mut self.drifted,
            StepEnd::InProgress => &mut self.in_progress,
        };
        *counter += 1;
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    pub step: String,
    pub kind: String,
    pub outcome: StepEnd,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    pub old: Value,
    pub new: Value,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    #[serde(flatten)]
    pub target: StepTarget,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account_name: String,
    pub outcome: StepEnd,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    pub steps: Vec<StepReport>,
    pub seconds: u64,
    pub request_ids: Vec<String>,
}

/// State of a plan; the names appear in reports (`organization.md` P-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    Planned,
    Running,
    /// The first targets are done and await review.
    Paused,
    Aborted,
    Partial,
    Done,
}

impl PlanState {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Aborted => "aborted",
            Self::Partial => "partial",
            Self::Done => "done",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanReport {
    pub plan: PlanId,
    pub kind: String,
    pub state: PlanState,
    pub started: Option<Timestamp>,
    pub ended: Option<Timestamp>,
    pub totals: Totals,
    pub targets: Vec<TargetReport>,
}

/// Exit codes (`organization.md` P-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Ok,
    /// A target failed, or the result is partial.
    Failed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tense {
    Would,
    Did,
}

impl PlanReport {
    pub fn planned(plan: &Plan) -> Self {
        Self::of(
            plan,
            &Folded::default(),
            PlanState::Planned,
            Tense::Would,
            "",
        )
    }

    pub fn of_journal(plan: &Plan, folded: &Folded, state: PlanState, waiting: &str) -> Self {
        if folded.began.is_none() {
            return Self::planned(plan);
        }
        Self::of(plan, folded, state, Tense::Did, waiting)
    }

    fn of(plan: &Plan, folded: &Folded, state: PlanState, tense: Tense, waiting: &str) -> Self {
        let mut targets: BTreeMap<&StepTarget, TargetReport> = BTreeMap::new();
        for step in &plan.steps {
            let end = match tense {
                Tense::Would => would(plan, step),
                Tense::Did => did(folded, step, waiting),
            };
            let row = targets.entry(&step.target).or_insert_with(|| TargetReport {
                target: step.target.clone(),
                account_name: plan.account_name(&step.target.account).to_owned(),
                outcome: StepEnd::Unchanged,
                reason: String::new(),
                steps: Vec::new(),
                seconds: 0,
                request_ids: Vec::new(),
            });
            row.take(step, end);
        }
        let mut totals = Totals::default();
        for row in targets.values() {
            totals.count(row.outcome);
        }
        Self {
            plan: plan.id.clone(),
            kind: plan.kind.clone(),
            state,
            started: folded.began,
            ended: folded.last.filter(|_| folded.began.is_some()),
            totals,
            targets: targets.into_values().collect(),
        }
    }

    pub fn is_planned(&self) -> bool {
        self.state == PlanState::Planned
    }

    pub fn has_changes(&self) -> bool {
        self.totals.changed > 0
    }

    pub fn exit(&self) -> Exit {
        let Totals {
            unchanged: _,
            changed: _,
            failed,
            skipped,
            blocked,
            drifted,
            in_progress,
        } = self.totals;
        if failed + skipped + blocked + drifted + in_progress == 0 {
            Exit::Ok
        } else {
            Exit::Failed
        }
    }
}

impl TargetReport {
    fn take(&mut self, step: &PlanStep, end: Final) {
        if end.outcome > self.outcome {
            self.outcome = end.outcome;
            self.reason.clone_from(&end.reason);
        }
        self.seconds += end.seconds;
        self.request_ids.extend(end.requests);
        self.steps.push(StepReport {
            step: step.id.to_string(),
            kind: step.kind.clone(),
            outcome: end.outcome,
            reason: end.reason,
            old: end.old,
            new: end.new,
        });
    }
}

fn would(plan: &Plan, step: &PlanStep) -> Final {
    if let Some(reason) = plan.drifted_before(&step.id) {
        let old = plan.expected.get(&step.id).map(StepProbe::old);
        return Final {
            old: old.unwrap_or_default(),
            new: step.desired.clone(),
            ..Final::without_change(StepEnd::Drifted, reason, 0)
        };
    }
    let wanted = |old: Value| Final {
        old,
        new: step.desired.clone(),
        ..Final::without_change(StepEnd::Changed, "", 0)
    };
    match plan.expected.get(&step.id) {
        Some(StepProbe::Satisfied) => Final::without_change(StepEnd::Unchanged, "", 0),
        Some(StepProbe::Absent) => wanted(Value::Null),
        Some(StepProbe::Differs { old }) => wanted(old.clone()),
        Some(StepProbe::InProgress { remote }) => {
            Final::without_change(StepEnd::InProgress, format!("`{remote}` is under way"), 0)
        }
        Some(StepProbe::Blocked { reason }) => {
            Final::without_change(StepEnd::Blocked, reason.clone(), 0)
        }
        Some(StepProbe::Drifted { reason }) => {
            Final::without_change(StepEnd::Drifted, reason.clone(), 0)
        }
        Some(StepProbe::Unseen { reason }) => {
            let reason = format!("cannot be read: {reason}");
            Final::without_change(StepEnd::Failed, reason, 0)
        }
        None => Final::without_change(StepEnd::Skipped, "not looked at", 0),
    }
}

fn did(folded: &Folded, step: &PlanStep, waiting: &str) -> Final {
    match folded.place(&step.id) {
        StepState::Final(end) => end.clone(),
        StepState::Planned => Final::without_change(StepEnd::Skipped, waiting, 0),
        StepState::Intent { .. } => {
            Final::without_change(StepEnd::InProgress, "sent, and the answer is not known", 0)
        }
        StepState::Accepted { remote, .. } => {
            Final::without_change(StepEnd::InProgress, format!("`{remote}` is under way"), 0)
        }
    }
}
