//! Differences between a saved plan and one for the current state (`organization.md` P-5).

use serde_json::Value;

use crate::plan::{Plan, PlanStep, StepProbe, StepTarget};

#[derive(Clone, Debug, PartialEq)]
pub enum PlanDifference {
    Added {
        target: StepTarget,
        kind: String,
    },
    Gone {
        target: StepTarget,
        kind: String,
    },
    /// In both, but the target state changed since the first was saved.
    Moved {
        target: StepTarget,
        kind: String,
        was: Value,
        is: Value,
    },
}

impl PlanDifference {
    pub fn target(&self) -> &StepTarget {
        match self {
            Self::Added { target, .. } | Self::Gone { target, .. } | Self::Moved { target, .. } => {
                target
            }
        }
    }
}

/// Returns the changes from the `saved` plan to `now`: added and dropped work, and changed targets.
/// Ignores steps that need nothing in both.
pub fn plan_differences(saved: &Plan, now: &Plan) -> Vec<PlanDifference> {
    let mut found = Vec::new();
    for step in &saved.steps {
        match now.step(&step.id) {
            Some(_) => found.extend(moved(saved, now, step)),
            None if would_write(saved, step) => found.push(PlanDifference::Gone {
                target: step.target.clone(),
                kind: step.kind.clone(),
            }),
            None => {}
        }
    }
    let is_new = |step: &&PlanStep| saved.step(&step.id).is_none() && would_write(now, step);
    let added = now.steps.iter().filter(is_new);
    found.extend(added.map(|step| PlanDifference::Added {
        target: step.target.clone(),
        kind: step.kind.clone(),
    }));
    found.sort_by(|a, b| a.target().cmp(b.target()));
    found
}

fn would_write(plan: &Plan, step: &PlanStep) -> bool {
    let seen = plan.expected.get(&step.id);
    seen.is_some_and(StepProbe::is_change)
}

fn moved(saved: &Plan, now: &Plan, step: &PlanStep) -> Option<PlanDifference> {
    let (was, is) = (saved.expected.get(&step.id)?, now.expected.get(&step.id)?);
    if was == is {
        return None;
    }
    let form = |seen: &StepProbe| match seen {
        StepProbe::Satisfied => step.desired.clone(),
        other => other.old(),
    };
    Some(PlanDifference::Moved {
        target: step.target.clone(),
        kind: step.kind.clone(),
        was: form(was),
        is: form(is),
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use hallpass_base::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::lane::Lane;
    use crate::plan::{PlanDraft, PlanLimits};

    fn plan(rows: &[(&str, StepProbe)]) -> Plan {
        let mut draft = PlanDraft::new("test", "o-abcdefghij", PlanLimits::USUAL);
        let mut expected = BTreeMap::new();
        for (key, seen) in rows {
            let target = StepTarget::global("111122223333", *key);
            let id = draft.step(target, "put", json!("on"), Lane::usual(), &[]);
            expected.insert(id, seen.clone());
        }
        draft.finish(expected, &BTreeMap::new(), Timestamp::UNIX_EPOCH, "ana")
    }

    #[test]
    fn only_what_is_not_the_same_work_on_the_same_form_is_named() {
        let differs = |old: &str| StepProbe::Differs { old: json!(old) };
        let saved = plan(&[
            ("a", differs("off")),
            ("b", StepProbe::Satisfied),
            ("c", StepProbe::Absent),
            ("d", StepProbe::Satisfied),
            ("e", StepProbe::Absent),
        ]);
        let now = plan(&[
            ("a", differs("away")),
            ("b", differs("off")),
            ("c", StepProbe::Absent),
            ("f", StepProbe::Absent),
            ("g", StepProbe::Satisfied),
        ]);
        let words = |it: &PlanDifference| match it {
            PlanDifference::Added { target, .. } => format!("+{}", target.key),
            PlanDifference::Gone { target, .. } => format!("-{}", target.key),
            PlanDifference::Moved {
                target, was, is, ..
            } => format!("{} {was} {is}", target.key),
        };
        let found: Vec<String> = plan_differences(&saved, &now).iter().map(words).collect();
        assert_eq!(
            found,
            ["a \"off\" \"away\"", "b \"on\" \"off\"", "-e", "+f"]
        );
        assert!(plan_differences(&now, &now).is_empty());
    }
}
