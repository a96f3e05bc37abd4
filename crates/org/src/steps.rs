//! What steps of these plans want, as it stands in a plan. The names are part of stored plans.

use std::collections::BTreeMap;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ports::{Drill, NewPolicy, Revocation};

/// Checks that must hold when the plan is applied: [`Guard`].
pub(crate) const PRECONDITIONS: &str = "guard";
/// A policy with this text: [`PutPolicy`].
pub(crate) const PUT: &str = "policy.put";
/// A policy attached to a target: [`Pair`].
pub(crate) const ATTACH: &str = "policy.attach";
/// A policy not attached to a target: [`Pair`].
pub(crate) const DETACH: &str = "policy.detach";
/// No such policy: [`Deletion`].
pub(crate) const DELETE: &str = "policy.delete";
/// A drill in the store: [`Drill`].
pub(crate) const KEEP_DRILL: &str = "drill.keep";
/// A drill's applied or removed instant in the store: [`Mark`].
pub(crate) const MARK_DRILL: &str = "drill.mark";
/// Entries and their ends in the store: [`Keeping`].
pub(crate) const KEEP_REVOCATIONS: &str = "revocations.keep";
/// Entries gone from the store: [`Keeping`].
pub(crate) const DROP_REVOCATIONS: &str = "revocations.drop";

/// A policy by name, and by id where it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PolicyRef {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

/// What the wish of a step was judged by. Where that is not so any more the step is `drifted`, whatever is accepted: it
/// would let people in whom somebody has cut off since. Plans of earlier releases have none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepBasis {
    /// The text of the policy that is detached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// The policy is attached nowhere: whom its new text leaves out, it does not cut off.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unattached: bool,
    /// Entries with the ends that the store has for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rows: Vec<Revocation>,
}

impl StepBasis {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

/// A policy with its text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PutPolicy {
    #[serde(flatten)]
    pub(crate) policy: NewPolicy,
    #[serde(default, skip_serializing_if = "StepBasis::is_nothing")]
    pub(crate) basis: StepBasis,
}

/// A policy and a target. What an attachment has as its basis is that of the step that takes it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) policy: PolicyRef,
    pub(crate) target: String,
    #[serde(default, skip_serializing_if = "StepBasis::is_nothing")]
    pub(crate) basis: StepBasis,
}

/// A policy that is to go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deletion {
    #[serde(flatten)]
    pub(crate) policy: PolicyRef,
    /// Its tags: by them it is known for what it is once it is put back.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "StepBasis::is_nothing")]
    pub(crate) basis: StepBasis,
}

/// What a guard checks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case")]
pub(crate) enum Guard {
    /// A drill is safe there (`policies.md` §8.3.1).
    Outage {
        name: String,
        target: String,
        content: String,
        prod: Vec<String>,
        break_glass: BreakGlass,
    },
    /// A revocation can be attached there.
    Sessions {
        name: String,
        targets: Vec<String>,
        content: String,
    },
}

/// Whether a way back in has to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakGlass {
    /// In every account.
    Needed,
    /// Somebody said that it need not be.
    Waived,
}

/// Which instant of a drill is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Instant {
    Applied,
    Removed,
}

/// A drill's instant to be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) drill: String,
    pub(crate) instant: Instant,
}

/// Entries of one policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keeping {
    pub(crate) policy: String,
    pub(crate) rows: Vec<Revocation>,
}

/// A step's wish, told apart by its kind.
#[derive(Clone, Debug)]
pub(crate) enum StepSpec {
    Guard(Guard),
    Put(PutPolicy),
    Attach(Pair),
    Detach(Pair),
    Delete(Deletion),
    KeepDrill(Drill),
    MarkDrill(Mark),
    KeepRevocations(Keeping),
    DropRevocations(Keeping),
}

impl StepSpec {
    /// Reads a stored wish.
    pub(crate) fn read(kind: &str, desired: &Value) -> Result<Self, String> {
        fn of<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())
        }
        Ok(match kind {
            PRECONDITIONS => Self::Guard(of(desired)?),
            PUT => Self::Put(of(desired)?),
            ATTACH => Self::Attach(of(desired)?),
            DETACH => Self::Detach(of(desired)?),
            DELETE => Self::Delete(of(desired)?),
            KEEP_DRILL => Self::KeepDrill(of(desired)?),
            MARK_DRILL => Self::MarkDrill(of(desired)?),
            KEEP_REVOCATIONS => Self::KeepRevocations(of(desired)?),
            DROP_REVOCATIONS => Self::DropRevocations(of(desired)?),
            other => return Err(format!("no step is called `{other}`")),
        })
    }
}

/// A wish as it is stored.
pub(crate) fn stored<T: Serialize>(wish: &T) -> Value {
    // texts, lists and instants only: writing them as JSON cannot fail
    serde_json::to_value(wish).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn steps_of_plans_of_earlier_releases_are_read_and_without_a_basis_written_like_them() {
        let named = json!({"name": "n", "id": "p-1"});
        let put = json!({"name": "n", "description": "", "content": "{}", "tags": {}});
        let pair = json!({"policy": named, "target": "ou-1"});
        for (kind, wish) in [
            (PUT, put),
            (ATTACH, pair.clone()),
            (DETACH, pair),
            (DELETE, named),
        ] {
            let again = match StepSpec::read(kind, &wish).unwrap() {
                StepSpec::Put(it) => stored(&it),
                StepSpec::Attach(it) | StepSpec::Detach(it) => stored(&it),
                StepSpec::Delete(it) => stored(&it),
                other => panic!("{other:?}"),
            };
            assert_eq!(again, wish, "{kind}");
        }
    }
}
