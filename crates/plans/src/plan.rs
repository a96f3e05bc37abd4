//! What a plan is made of, and how its parts are named so that the same wish has the same names.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest;
use hallpass_base::{TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::lane::Lane;

/// Hex digits of a plan's and a step's id (`organization.md` P-4).
const ID_DIGITS: usize = 16;

/// Lower-case hex of the SHA-256 of `text`.
pub fn hash(text: &str) -> String {
    hex::encode(digest::digest(&digest::SHA256, text.as_bytes()))
}

fn short(text: &str) -> String {
    hash(text).chars().take(ID_DIGITS).collect()
}

/// JSON in the one form that equal values share (RFC 8785).
fn canonical(value: &Value) -> String {
    // a JSON value always has a canonical form
    serde_json_canonicalizer::to_string(value).unwrap_or_default()
}

/// Where a step acts. `key` tells apart several things in one account and Region.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StepTarget {
    /// The account, 12 digits; empty for the organization itself.
    pub account: String,
    /// The Region; `global` for global services.
    pub region: String,
    /// Which of several things there.
    pub key: String,
}

impl StepTarget {
    /// Something of the organization itself.
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
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// Takes a text for an id; whether there is such a thing is another matter.
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
    /// A step: 16 hex digits of what it wants and where, so equal wishes have equal ids
    /// (`organization.md` P-4).
    StepId
);
hex_id!(
    /// A plan: 16 hex digits of its sorted step ids and the organization (`organization.md` P-4).
    PlanId
);

/// What a look at a step's target showed (`organization.md` P-1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum StepProbe {
    /// All is as desired: nothing is sent.
    Satisfied,
    /// It is not there.
    Absent,
    /// It is there in another form.
    Differs {
        /// The form it has; what undoing goes back to.
        old: Value,
    },
    /// An operation is under way already.
    InProgress {
        /// Its id at the service.
        remote: String,
    },
    /// It cannot be done.
    Blocked {
        /// What stands in the way.
        reason: String,
    },
    /// Somebody changed what the step goes back from: it is left as it is, whatever is accepted.
    Drifted {
        /// What they changed.
        reason: String,
    },
    /// It could not be looked at while the plan was made; another look is taken when its turn comes.
    Unseen {
        /// Why.
        reason: String,
    },
}

impl StepProbe {
    /// Whether a write would follow.
    pub fn is_change(&self) -> bool {
        matches!(self, Self::Absent | Self::Differs { .. })
    }

    /// The form before, for reports and undoing.
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

/// One thing wanted at one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanStep {
    /// Its name.
    pub id: StepId,
    /// Where it acts.
    pub target: StepTarget,
    /// What is done, such as `policy.attach`: says which code carries it out.
    pub kind: String,
    /// The form that is wanted.
    pub desired: Value,
    /// How many run beside it.
    pub lane: Lane,
    /// Steps that have to succeed before.
    pub after: Vec<StepId>,
    /// For APIs with an idempotency field (`organization.md` P-3).
    pub token: String,
    /// How long it may take, waiting included, until it is left as under way.
    pub timeout: TimeSpan,
}

/// How much a plan may change at once (`organization.md` P-8, P-11).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanLimits {
    /// Steps that may change something; a plan above it is refused.
    pub changes_max: usize,
    /// Targets that may fail before no new one is begun; `None` = 10 or a fifth, the larger.
    pub failures_max: Option<usize>,
}

impl PlanLimits {
    /// For plans that add or change.
    pub const USUAL: Self = Self {
        changes_max: 50,
        failures_max: None,
    };
    /// For plans that take away.
    pub const DESTRUCTIVE: Self = Self {
        changes_max: 10,
        failures_max: None,
    };

    /// Targets of a plan of `targets` that may fail.
    pub fn failures_allowed(&self, targets: usize) -> usize {
        self.failures_max
            .unwrap_or_else(|| targets.div_ceil(5).max(10))
    }
}

/// What a step of a plan back takes back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakenBack {
    /// The step whose change it is: where a look at that finds anything but [`StepProbe::Satisfied`], what was left is not
    /// what stands there.
    pub step: PlanStep,
    /// Why it is left alone, where somebody changed it before this plan was saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drifted: Option<String>,
}

/// A plan as saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// Its name.
    pub id: PlanId,
    /// What it is for, such as `outage.apply`.
    pub kind: String,
    /// The organization it was made for.
    pub organization: String,
    /// Rises with every explicit retry of what failed, and from each plan of a wish to the next; part of the tokens
    /// (`organization.md` P-3).
    pub generation: u32,
    /// Which plan of its wish it is, the first being 0: one that changed something and is over is not run again, the same
    /// wish is then the next plan (`organization.md` P-4).
    #[serde(default, skip_serializing_if = "is_first")]
    pub round: u32,
    /// The plan of the same wish before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<PlanId>,
    /// The steps, sorted by target.
    pub steps: Vec<PlanStep>,
    /// What its kind has to remember, for its own report.
    pub facts: Value,
    /// How much it may change.
    pub limits: PlanLimits,
    /// What the probes said when it was saved (`organization.md` P-5).
    pub expected: BTreeMap<StepId, StepProbe>,
    /// Of a plan back: the changes that its steps take back, each by the first of the steps that do (`organization.md` P-15).
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub takes_back: BTreeMap<StepId, TakenBack>,
    /// The names that accounts had when it was saved, as far as they are known, by id.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub account_names: BTreeMap<String, String>,
    /// When it was made.
    pub made_at: Timestamp,
    /// Who made it.
    pub made_by: String,
}

impl Plan {
    /// The step of that name.
    pub fn step(&self, id: &StepId) -> Option<&PlanStep> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// What an account is called; empty where that is not known.
    pub fn account_name(&self, account: &str) -> &str {
        self.account_names.get(account).map_or("", String::as_str)
    }

    /// Why a step would not be carried out, where what it takes back was changed since, and before the plan was saved.
    pub(crate) fn drifted_before(&self, id: &StepId) -> Option<&str> {
        let changes = self.expected.get(id).is_some_and(StepProbe::is_change);
        let taken_back = self.takes_back.get(id).filter(|_| changes)?;
        taken_back.drifted.as_deref()
    }

    /// Why it is refused: what its probes say cannot be done.
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

    /// Steps that would change something, by what was seen when the plan was saved.
    pub fn changes(&self) -> usize {
        let changes = |step: &&PlanStep| {
            self.expected
                .get(&step.id)
                .is_some_and(StepProbe::is_change)
        };
        self.steps.iter().filter(changes).count()
    }

    /// The same plan for another try of what failed: its tokens are new.
    #[must_use]
    pub fn again(mut self) -> Self {
        self.generation += 1;
        for step in &mut self.steps {
            step.token = token(&self.kind, &self.organization, step, self.generation);
        }
        self
    }

    /// This plan in place of one of the same wish that changed nothing: what was sent there and failed keeps its token.
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

    /// This plan as the next one of the wish of `earlier`: what was changed there has a new token, as a service that still
    /// knows the old one would answer it without doing anything.
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

/// The name of a plan; the first of a wish is named by its steps alone.
fn plan_id(steps: &[PlanStep], organization: &str, round: u32) -> PlanId {
    let mut ids: Vec<&str> = steps.iter().map(|step| step.id.as_str()).collect();
    ids.sort_unstable();
    let first = format!("{}|{organization}", ids.join("|"));
    PlanId(short(&match round {
        0 => first,
        _ => format!("{first}|{round}"),
    }))
}

/// What names a step: all that it wants, and where.
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

/// A plan in the making.
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
    /// An empty plan of a kind, for an organization.
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

    /// What stood at a step's target when its wish was made: the plan expects that, and what somebody changes before the
    /// plan's own look is `drifted`. A wish that does not follow from what stood there needs none.
    pub fn compared(&mut self, id: &StepId, seen: StepProbe) {
        self.compared.insert(id.clone(), seen);
    }

    /// What its steps are to find: what was seen when the plan is made, but for what was compared before that.
    pub(crate) fn expecting(
        &self,
        mut seen: BTreeMap<StepId, StepProbe>,
    ) -> BTreeMap<StepId, StepProbe> {
        for (id, compared) in &self.compared {
            // what is as wanted by now, under way or in the way has its own end
            if let Some(seen) = seen.get_mut(id).filter(|seen| seen.is_change()) {
                *seen = compared.clone();
            }
        }
        seen
    }

    /// What accounts are called, by id, for whoever reads the plan.
    pub fn name_accounts(&mut self, names: BTreeMap<String, String>) {
        self.account_names = names;
    }

    /// Says whose change a step takes back.
    pub(crate) fn takes_back(&mut self, id: &StepId, step: &PlanStep) {
        let kept = self.takes_back.entry(id.clone());
        kept.or_insert_with(|| step.clone());
    }

    /// The changes that are taken back, by the step that does.
    pub(crate) fn taken_back(&self) -> &BTreeMap<StepId, PlanStep> {
        &self.takes_back
    }

    /// What its kind has to remember.
    pub fn remember(&mut self, facts: Value) {
        self.facts = facts;
    }

    /// How much it may change.
    pub fn limits_mut(&mut self) -> &mut PlanLimits {
        &mut self.limits
    }

    /// Adds a step, and returns its name for those that come after it. The same wish twice is one
    /// step.
    pub fn step(
        &mut self,
        target: StepTarget,
        kind: &str,
        desired: Value,
        lane: Lane,
        after: &[StepId],
    ) -> StepId {
        let mut step = PlanStep {
            id: StepId(String::new()),
            target,
            kind: kind.to_owned(),
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

    /// Gives a step another time than the usual five minutes.
    pub fn set_timeout(&mut self, id: &StepId, timeout: TimeSpan) {
        for step in self.steps.iter_mut().filter(|step| step.id == *id) {
            step.timeout = timeout;
        }
    }

    /// Whether nothing is wanted.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// The plan, named, with what was seen.
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

    /// The steps so far.
    pub fn steps(&self) -> &[PlanStep] {
        &self.steps
    }

    /// The name of the first plan of this wish.
    pub fn id(&self) -> PlanId {
        self.id_of(0)
    }

    /// The name of a plan of this wish.
    pub(crate) fn id_of(&self, round: u32) -> PlanId {
        plan_id(&self.steps, &self.organization, round)
    }

    /// By target, whatever the order they were added in.
    fn sort(&mut self) {
        self.steps
            .sort_by(|a, b| (&a.target, &a.id).cmp(&(&b.target, &b.id)));
    }
}

/// How long a step may take unless it says otherwise: the propagation of a policy takes minutes.
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
        // golden: tokens are promises to the services that keep them
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
        // what was not changed may have been sent, and is the same to the service
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
