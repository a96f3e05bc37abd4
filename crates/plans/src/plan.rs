//! Plan structure, and deterministic ids: equal plans have equal ids.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest;
use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lane::Lane;

/// Hex digits of plan and step ids (`organization.md` P-4).
const ID_DIGITS: usize = 16;

/// Lower-case hex SHA-256 of `text`.
pub fn hash(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn short(text: &str) -> String {
    hash(text).chars().take(ID_DIGITS).collect()
}

/// Canonical JSON (RFC 8785).
fn canonical(value: &Value) -> String {
    // a JSON value always has a canonical form
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

/// Where a step acts. `key` distinguishes objects in one account and Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepTarget {
    pub account: String,
    pub region: String,
    pub key: String,
}

impl StepTarget {
    pub fn global(account: impl Into<String>, key: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: "global".to_owned(),
            key: key.into(),
        }
    }
}

impl fmt::Display for StepTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.account, self.region, self.key)
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }

            pub fn named(text: impl Into<String>) -> Self {
                Self(text.into())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

hex_id!(
    /// A step: 16 hex digits of its desired state and target, so equal steps have equal ids
    /// (`organization.md` P-4).
    StepId
);
hex_id!(
    /// A plan: 16 hex digits of its sorted step ids and the organization (`organization.md` P-4).
    PlanId
);

/// Probe result of a step (`organization.md` P-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StepProbe {
    /// As desired: nothing is sent.
    Satisfied,
    Absent,
    Differs {
        old: Value,
    },
    InProgress {
        remote: String,
    },
    Blocked {
        reason: String,
    },
    /// The undo source changed: the step is skipped even if drift is accepted.
    Drifted {
        reason: String,
    },
    /// Unreadable during planning; probed again before execution.
    Unseen {
        reason: String,
    },
}

impl StepProbe {
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Absent | Self::Differs { .. })
    }

    pub fn old(&self) -> Value {
        match self {
            Self::Differs { old } => old.clone(),
            Self::Satisfied
            | Self::Absent
            | Self::InProgress { .. }
            | Self::Blocked { .. }
            | Self::Drifted { .. }
            | Self::Unseen { .. } => Value::Null,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    pub id: StepId,
    pub target: StepTarget,
    /// Action, such as `policy.attach`; selects the executor.
    pub kind: String,
    pub desired: Value,
    pub lane: Lane,
    /// Steps that must succeed first.
    pub after: Vec<StepId>,
    /// Idempotency token for the API (`organization.md` P-3).
    pub token: String,
    /// Timeout including waits; then the step stays in progress.
    pub timeout: TimeSpan,
}

/// Change limits of a plan (`organization.md` P-8, P-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLimits {
    /// Maximum number of changing steps; larger plans are refused.
    pub changes_max: usize,
    /// Failed targets after which no new one starts; `None` = 10 or a fifth, the larger.
    pub failures_max: Option<usize>,
}

impl PlanLimits {
    pub const USUAL: Self = Self {
        changes_max: 50,
        failures_max: None,
    };
    pub const DESTRUCTIVE: Self = Self {
        changes_max: 10,
        failures_max: None,
    };

    pub fn failures_allowed(&self, targets: usize) -> usize {
        self.failures_max
            .unwrap_or_else(|| targets.div_ceil(5).max(10))
    }
}

/// The change that an undo step reverts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakenBack {
    /// The step that made the change. If its probe is not [`StepProbe::Satisfied`], the change no
    /// longer exists as left.
    pub step: PlanStep,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drifted: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub id: PlanId,
    /// Such as `outage.apply`.
    pub kind: String,
    pub organization: String,
    /// Incremented by every explicit retry and from plan to plan of the same request; part of the
    /// tokens (`organization.md` P-3).
    pub generation: u32,
    /// Number of the plan for its request, from 0: a finished plan that changed something does not
    /// run again; the same request gets a new plan (`organization.md` P-4).
    #[serde(default, skip_serializing_if = "is_first")]
    pub round: u32,
    /// The previous plan of the same request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PlanId>,
    pub steps: Vec<PlanStep>,
    /// Data of the plan kind for its report.
    pub facts: Value,
    pub limits: PlanLimits,
    /// Probes when it was saved (`organization.md` P-5).
    pub expected: BTreeMap<StepId, StepProbe>,
    /// For undo plans: the reverted changes, by the first step reverting each (`organization.md`
    /// P-15).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub takes_back: BTreeMap<StepId, TakenBack>,
    /// Known account names by id, when it was saved.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub account_names: BTreeMap<String, String>,
    pub made_at: Timestamp,
    pub made_by: String,
}

impl Plan {
    pub fn step(&self, id: &StepId) -> Option<&PlanStep> {
        self.steps.iter().find(|step| step.id == *id)
    }

    pub fn account_name(&self, account: &str) -> &str {
        self.account_names.get(account).map_or("", String::as_str)
    }

    /// Why a step is skipped: the change to revert was altered before the plan was saved.
    pub(crate) fn drifted_before(&self, id: &StepId) -> Option<&str> {
        let changes = self.expected.get(id).is_some_and(StepProbe::is_change);
        let taken_back = self.takes_back.get(id).filter(|_| changes)?;
        taken_back.drifted.as_deref()
    }

    pub fn blocked(&self) -> Vec<String> {
        let reason = |step: &PlanStep| match self.expected.get(&step.id) {
            Some(StepProbe::Blocked { reason }) => Some(reason.clone()),
            Some(
                StepProbe::Satisfied
                | StepProbe::Absent
                | StepProbe::Differs { .. }
                | StepProbe::InProgress { .. }
                | StepProbe::Drifted { .. }
                | StepProbe::Unseen { .. },
            )
            | None => None,
        };
        self.steps.iter().filter_map(reason).collect()
    }

    pub fn changes(&self) -> usize {
        let changes = |step: &&PlanStep| {
            self.expected
                .get(&step.id)
                .is_some_and(StepProbe::is_change)
        };
        self.steps.iter().filter(changes).count()
    }

    /// Returns the plan with new tokens, to retry failures.
    #[must_use]
    pub fn again(mut self) -> Self {
        self.generation += 1;
        for step in &mut self.steps {
            step.token = token(&self.kind, &self.organization, step, self.generation);
        }
        self
    }

    /// Replaces a plan of the same request that changed nothing: sent and failed steps keep their
    /// tokens.
    #[must_use]
    pub(crate) fn in_place_of(mut self, earlier: &Self) -> Self {
        self.id = earlier.id.clone();
        self.round = earlier.round;
        self.before.clone_from(&earlier.before);
        self.generation = earlier.generation;
        for step in &mut self.steps {
            if let Some(same) = earlier.step(&step.id) {
                step.token.clone_from(&same.token);
            }
        }
        self
    }

    /// Follows the plan `earlier` of the same request. Changed steps get new tokens, because a
    /// service that remembers the old one would ignore the write.
    #[must_use]
    pub(crate) fn following(self, earlier: &Self, was_changed: impl Fn(&StepId) -> bool) -> Self {
        let mut plan = self.in_place_of(earlier);
        plan.before = Some(earlier.id.clone());
        plan.round = earlier.round.saturating_add(1);
        plan.generation = earlier.generation.saturating_add(1);
        plan.id = plan_id(&plan.steps, &plan.organization, plan.round);
        for step in &mut plan.steps {
            if was_changed(&step.id) {
                step.token = token(&plan.kind, &plan.organization, step, plan.generation);
            }
        }
        plan
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_first(round: &u32) -> bool {
    *round == 0
}

fn plan_id(steps: &[PlanStep], organization: &str, round: u32) -> PlanId {
    let mut ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    ids.sort_unstable();
    let first = format!("{}|{organization}", ids.join("|"));
    PlanId(short(&match round {
        0 => first,
        _ => format!("{first}|{round}"),
    }))
}

fn identity(plan_kind: &str, organization: &str, step: &PlanStep) -> String {
    let PlanStep {
        target,
        kind,
        desired,
        ..
    } = step;
    format!(
        "{plan_kind}|{organization}|{target}|{kind}|{}",
        canonical(desired)
    )
}

fn token(plan_kind: &str, organization: &str, step: &PlanStep, generation: u32) -> String {
    hash(&format!(
        "{}|{generation}",
        identity(plan_kind, organization, step)
    ))
}

#[derive(Clone, Debug)]
pub struct PlanDraft {
    kind: String,
    organization: String,
    steps: Vec<PlanStep>,
    facts: Value,
    limits: PlanLimits,
    takes_back: BTreeMap<StepId, PlanStep>,
    compared: BTreeMap<StepId, StepProbe>,
    account_names: BTreeMap<String, String>,
}

impl PlanDraft {
    pub fn new(
        kind: impl Into<String>,
        organization: impl Into<String>,
        limits: PlanLimits,
    ) -> Self {
        Self {
            kind: kind.into(),
            organization: organization.into(),
            steps: Vec::new(),
            facts: Value::Null,
            limits,
            takes_back: BTreeMap::new(),
            compared: BTreeMap::new(),
            account_names: BTreeMap::new(),
        }
    }

    /// Sets the state from which the desired state was computed: a change before the plan's own
    /// probe is then `drifted`. Not needed if it does not depend on the old state.
    pub fn compared(&mut self, id: &StepId, seen: StepProbe) {
        self.compared.insert(id.clone(), seen);
    }

    /// Returns the expected probes: those of planning, except where `compared` was set.
    pub(crate) fn expecting(
        &self,
        mut seen: BTreeMap<StepId, StepProbe>,
    ) -> BTreeMap<StepId, StepProbe> {
        for (id, compared) in &self.compared {
            if let Some(seen) = seen.get_mut(id).filter(|seen| seen.is_change()) {
                *seen = compared.clone();
            }
        }
        seen
    }

    pub fn name_accounts(&mut self, names: BTreeMap<String, String>) {
        self.account_names = names;
    }

    /// Sets the change that a step reverts.
    pub(crate) fn takes_back(&mut self, id: &StepId, step: &PlanStep) {
        let kept = self.takes_back.entry(id.clone());
        kept.or_insert_with(|| step.clone());
    }

    pub(crate) fn taken_back(&self) -> &BTreeMap<StepId, PlanStep> {
        &self.takes_back
    }

    pub fn remember(&mut self, facts: Value) {
        self.facts = facts;
    }

    pub fn limits_mut(&mut self) -> &mut PlanLimits {
        &mut self.limits
    }

    pub fn step(
        &mut self,
        target: StepTarget,
        kind: impl Into<String>,
        desired: Value,
        lane: Lane,
        after: &[StepId],
    ) -> StepId {
        let mut step = PlanStep {
            id: StepId(String::new()),
            target,
            kind: kind.into(),
            desired,
            lane,
            after: after.to_vec(),
            token: String::new(),
            timeout: STEP_TIMEOUT,
        };
        step.id = StepId(short(&identity(&self.kind, &self.organization, &step)));
        step.token = token(&self.kind, &self.organization, &step, 0);
        let id = step.id.clone();
        if self.steps.iter().all(|other| other.id != id) {
            self.steps.push(step);
        }
        id
    }

    pub fn set_timeout(&mut self, id: &StepId, timeout: TimeSpan) {
        for step in self.steps.iter_mut().filter(|step| step.id == *id) {
            step.timeout = timeout;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(crate) fn finish(
        mut self,
        expected: BTreeMap<StepId, StepProbe>,
        drifted: &BTreeMap<StepId, String>,
        made_at: Timestamp,
        made_by: &str,
    ) -> Plan {
        self.sort();
        let judged = |(id, step): (StepId, PlanStep)| {
            let drifted = drifted.get(&id).cloned();
            (id, TakenBack { step, drifted })
        };
        let kept = std::mem::take(&mut self.takes_back);
        Plan {
            takes_back: kept.into_iter().map(judged).collect(),
            account_names: std::mem::take(&mut self.account_names),
            id: self.id(),
            kind: self.kind,
            organization: self.organization,
            generation: 0,
            round: 0,
            before: None,
            steps: self.steps,
            facts: self.facts,
            limits: self.limits,
            expected,
            made_at,
            made_by: made_by.to_owned(),
        }
    }

    pub fn steps(&self) -> &[PlanStep] {
        &self.steps
    }

    pub fn id(&self) -> PlanId {
        self.id_of(0)
    }

    pub(crate) fn id_of(&self, round: u32) -> PlanId {
        plan_id(&self.steps, &self.organization, round)
    }

    fn sort(&mut self) {
        self.steps
            .sort_by(|a, b| (&a.target, &a.id).cmp(&(&b.target, &b.id)));
    }
}

/// Default timeout: policy propagation takes minutes.
const STEP_TIMEOUT: TimeSpan = TimeSpan::minutes(5);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn draft(rows: &[(&str, i32)]) -> PlanDraft {
        let mut draft = PlanDraft::new("test", "o-abcdefghij", PlanLimits::USUAL);
        for (key, n) in rows {
            let target = StepTarget::global("111122223333", *key);
            draft.step(target, "put", json!({"b": n, "a": 1}), Lane::usual(), &[]);
        }
        draft
    }

    fn plan(rows: &[(&str, i32)]) -> Plan {
        let none = BTreeMap::new();
        draft(rows).finish(BTreeMap::new(), &none, Timestamp::UNIX_EPOCH, "ana")
    }

    #[test]
    fn the_order_of_rows_does_not_change_a_name() {
        let (one, other) = (plan(&[("x", 1), ("y", 2)]), plan(&[("y", 2), ("x", 1)]));
        assert_eq!(one, other);
        assert_eq!(one.id.as_str().len(), 16);
    }

    #[test]
    fn another_wish_has_another_name() {
        let one = plan(&[("x", 1)]);
        for other in [plan(&[("x", 2)]), plan(&[("z", 1)])] {
            assert_ne!(one.id, other.id);
            assert_ne!(one.steps[0].token, other.steps[0].token);
        }
    }

    #[test]
    fn the_order_of_members_does_not_matter_and_twins_are_one() {
        let mut draft = draft(&[("x", 1)]);
        let target = StepTarget::global("111122223333", "x");
        draft.step(target, "put", json!({"a": 1, "b": 1}), Lane::usual(), &[]);
        assert_eq!(draft.steps().len(), 1);
    }

    #[test]
    fn tokens_are_whole_hashes_and_change_with_the_generation_alone() {
        let first = plan(&[("x", 1)]);
        let again = first.clone().again();
        assert_eq!(first.steps[0].token.len(), 64);
        assert_ne!(first.steps[0].token, again.steps[0].token);
        assert_eq!(first.steps[0].id, again.steps[0].id);
        // golden: services remember tokens, so they must not change
        assert_eq!(
            first.steps[0].token,
            hash("test|o-abcdefghij|111122223333/global/x|put|{\"a\":1,\"b\":1}|0")
        );
    }

    #[test]
    fn the_next_plan_of_a_wish_has_another_name_and_new_tokens_for_what_was_changed() {
        let first = plan(&[("x", 1), ("y", 2)]);
        let changed = first.steps[0].id.clone();
        let next = plan(&[("y", 2), ("x", 1)]).following(&first, |it| *it == changed);
        assert_ne!(next.id, first.id);
        assert_eq!(
            (next.round, next.before.as_ref()),
            (1, Some(&first.id)),
            "{next:?}"
        );
        assert_ne!(next.steps[0].token, first.steps[0].token);
        // unchanged steps may have been sent, and keep their token
        assert_eq!(next.steps[1].token, first.steps[1].token);
        let after = plan(&[("x", 1), ("y", 2)]).following(&next, |it| *it == changed);
        let names = [&first.id, &next.id, &after.id];
        assert!(names.iter().all(|it| it.as_str().len() == 16));
        assert_ne!(after.id, next.id);
        assert_ne!(after.steps[0].token, next.steps[0].token);
        let same = plan(&[("x", 1), ("y", 2)]).in_place_of(&next);
        assert_eq!(same, next);
    }

    #[test]
    fn a_plan_that_was_saved_before_there_were_rounds_is_the_first() {
        let first = plan(&[("x", 1)]);
        let text = serde_json::to_string(&first).unwrap();
        assert!(
            !text.contains("round") && !text.contains("before"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), first);
    }

    #[test]
    fn a_fifth_of_many_targets_may_fail_and_ten_of_few() {
        let usual = PlanLimits::USUAL;
        for (targets, allowed) in [(0, 10), (7, 10), (50, 10), (51, 11), (500, 100)] {
            assert_eq!(usual.failures_allowed(targets), allowed, "{targets}");
        }
        let none = PlanLimits {
            failures_max: Some(0),
            ..usual
        };
        assert_eq!(none.failures_allowed(500), 0);
    }
}
