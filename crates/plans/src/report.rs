//! What became of a plan, target by target (`organization.md` P-12), and the exit code it leads to
//! (P-13).

use std::collections::BTreeMap;

use hallpass_base::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::journal::{Final, Folded, StepEnd, StepState};
use crate::plan::{Plan, PlanId, PlanStep, StepProbe, StepTarget};

/// How many targets ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Were as desired.
    pub unchanged: usize,
    /// Were changed.
    pub changed: usize,
    /// Failed.
    pub failed: usize,
    /// Were not begun.
    pub skipped: usize,
    /// Could not be begun.
    pub blocked: usize,
    /// Were not as planned for.
    pub drifted: usize,
    /// Are under way.
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

/// What a step did, or would do.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepReport {
    /// Its name.
    pub step: String,
    /// What is done.
    pub kind: String,
    /// How it ended.
    pub outcome: StepEnd,
    /// Why it ended so.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The form before.
    pub old: Value,
    /// The form after, or wanted.
    pub new: Value,
}

/// What became of a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetReport {
    /// Where it acted.
    #[serde(flatten)]
    pub target: StepTarget,
    /// The account's name when the plan was saved, where it is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub account_name: String,
    /// The worst of its steps' outcomes.
    pub outcome: StepEnd,
    /// The reason of that step.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// Its steps.
    pub steps: Vec<StepReport>,
    /// How long they took together.
    pub seconds: u64,
    /// The service's request ids.
    pub request_ids: Vec<String>,
}

/// Where a plan as a whole is; the names are part of reports (`organization.md` P-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanState {
    /// It was looked at, and nothing of it was carried out.
    Planned,
    /// It was begun and is not over: somebody runs it, or it was left in the middle.
    Running,
    /// The first targets are done, and somebody is to look at them.
    Paused,
    /// Nothing more of it is begun.
    Aborted,
    /// It is over, and not all is as it should be.
    Partial,
    /// It is over.
    Done,
}

impl PlanState {
    /// The state's name in reports.
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

/// What became of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanReport {
    /// The plan.
    pub plan: PlanId,
    /// Its kind.
    pub kind: String,
    /// Where the plan as a whole is.
    pub state: PlanState,
    /// When its newest run began.
    pub started: Option<Timestamp>,
    /// When that run's last record was written.
    pub ended: Option<Timestamp>,
    /// How many targets ended how. Of a plan that was not applied: what would happen.
    pub totals: Totals,
    /// Every target, by account, Region and key.
    pub targets: Vec<TargetReport>,
}

/// The exit codes a plan leads to; the numbers are the product's (`organization.md` P-13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All is as desired, or was applied, or would be.
    Ok,
    /// Some target failed, or the result is partial.
    Failed,
}

/// Whether a report tells what would happen, or what did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tense {
    Would,
    Did,
}

impl PlanReport {
    /// What would happen: nothing was applied.
    pub fn planned(plan: &Plan) -> Self {
        Self::of(
            plan,
            &Folded::default(),
            PlanState::Planned,
            Tense::Would,
            "",
        )
    }

    /// What the journal says; `waiting` is why what was not begun was not.
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

    /// Whether it tells what would happen, and not what did.
    pub fn is_planned(&self) -> bool {
        self.state == PlanState::Planned
    }

    /// Whether something would change, or did.
    pub fn has_changes(&self) -> bool {
        self.totals.changed > 0
    }

    /// What the report leads to.
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
            let reason = format!("cannot be looked at: {reason}");
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
