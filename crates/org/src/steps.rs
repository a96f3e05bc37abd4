//! What all executors share: kinds and errors of steps. Below it, the wanted states of policy
//! steps, as stored in plans. Names are part of stored plans.

use std::collections::BTreeMap;

use hallpass_enforcement::{Drill, NewPolicy, OrganizationFault, Revocation};
use hallpass_plans::{Class, PlanStep, Retry, StepError, Undo};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::reading::UnreadFact;

/// The step kinds of an executor.
pub(crate) trait StepKind: Sized {
    fn named(name: &str) -> Option<Self>;

    /// # Errors
    /// The plan is of another version with an unknown step.
    fn of(step: &PlanStep) -> Result<Self, StepError> {
        Self::named(&step.kind).ok_or_else(|| StepError::unknown_step(&step.kind))
    }
}

/// Declares step kinds with their names in stored plans.
macro_rules! step_kinds {
    ($visible:vis enum $kinds:ident { $($(#[$doc:meta])* $kind:ident = $name:literal,)+ }) => {
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $visible enum $kinds {
            $($(#[$doc])* $kind,)+
        }

        impl $kinds {
            $visible const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }
        }

        impl $crate::steps::StepKind for $kinds {
            fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)+
                    _ => None,
                }
            }
        }

        impl From<$kinds> for String {
            fn from(kind: $kinds) -> Self {
                kind.as_str().to_owned()
            }
        }
    };
}
pub(crate) use step_kinds;

/// The answer of an undo for a step of another version.
pub(crate) fn no_undo_of_unknown(step: &PlanStep) -> Undo {
    Undo::Not(format!("no step is called `{}`", step.kind))
}

step_kinds! {
    pub(crate) enum PolicyStepKind {
        /// Checks at apply time: [`Guard`].
        Guard = "guard",
        /// A policy with this text: [`PutPolicy`].
        Put = "policy.put",
        /// A policy is attached to a target: [`Pair`].
        Attach = "policy.attach",
        /// A policy is not attached to a target: [`Pair`].
        Detach = "policy.detach",
        /// A policy does not exist: [`Deletion`].
        Delete = "policy.delete",
        /// A drill is stored: [`Drill`].
        KeepDrill = "drill.keep",
        /// A drill's applied or removed time is stored: [`Mark`].
        MarkDrill = "drill.mark",
        /// Entries and ends are stored: [`Keeping`].
        KeepRevocations = "revocations.keep",
        /// Entries are deleted from the store: [`Keeping`].
        DropRevocations = "revocations.drop",
    }
}

/// A policy by name, and id if known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PolicyRef {
    pub(crate) name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
}

/// The basis of a step's decision. If it has changed, the step is always `drifted`: it would
/// restore access that was revoked since. Missing in plans of earlier releases.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StepBasis {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<String>,
    /// The policy is unattached: entries omitted from the new text have no effect now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unattached: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rows: Vec<Revocation>,
}

impl StepBasis {
    fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PutPolicy {
    #[serde(flatten)]
    pub(crate) policy: NewPolicy,
    #[serde(default, skip_serializing_if = "StepBasis::is_nothing")]
    pub(crate) basis: StepBasis,
}

/// An attachment's basis applies to its undo.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Pair {
    pub(crate) policy: PolicyRef,
    pub(crate) target: String,
    #[serde(default, skip_serializing_if = "StepBasis::is_nothing")]
    pub(crate) basis: StepBasis,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Deletion {
    #[serde(flatten)]
    pub(crate) policy: PolicyRef,
    /// Restored by an undo, to identify the policy.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) tags: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "StepBasis::is_nothing")]
    pub(crate) basis: StepBasis,
}

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
    Sessions {
        name: String,
        targets: Vec<String>,
        content: String,
    },
}

/// Whether a break-glass role is required.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakGlass {
    Needed,
    /// Explicitly not required.
    Waived,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Instant {
    Applied,
    Removed,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Mark {
    pub(crate) drill: String,
    pub(crate) instant: Instant,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keeping {
    pub(crate) policy: String,
    pub(crate) rows: Vec<Revocation>,
}

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
    pub(crate) fn read(kind: &str, desired: &Value) -> Result<Self, String> {
        fn of<T: DeserializeOwned>(value: &Value) -> Result<T, String> {
            serde_json::from_value(value.clone()).map_err(|error| error.to_string())
        }
        let unknown = || format!("no step is called `{kind}`");
        Ok(match PolicyStepKind::named(kind).ok_or_else(unknown)? {
            PolicyStepKind::Guard => Self::Guard(of(desired)?),
            PolicyStepKind::Put => Self::Put(of(desired)?),
            PolicyStepKind::Attach => Self::Attach(of(desired)?),
            PolicyStepKind::Detach => Self::Detach(of(desired)?),
            PolicyStepKind::Delete => Self::Delete(of(desired)?),
            PolicyStepKind::KeepDrill => Self::KeepDrill(of(desired)?),
            PolicyStepKind::MarkDrill => Self::MarkDrill(of(desired)?),
            PolicyStepKind::KeepRevocations => Self::KeepRevocations(of(desired)?),
            PolicyStepKind::DropRevocations => Self::DropRevocations(of(desired)?),
        })
    }
}

pub(crate) fn stored<T: Serialize>(wish: &T) -> Value {
    // texts, lists and instants only: JSON serialization cannot fail
    serde_json::to_value(wish).unwrap_or_default()
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in `map_err`")]
pub(crate) fn unseen(fact: UnreadFact) -> StepError {
    if fact.passing {
        let why = format!("{}: {}", fact.action, fact.reason);
        return StepError::later(Class::Throttle, why);
    }
    StepError::failed(&fact.action, &fact.reason)
}

/// Maps a fault for the engine (`organization.md` P-10).
pub(crate) fn setback(fault: OrganizationFault) -> StepError {
    match fault {
        OrganizationFault::Throttled { message, after } => StepError::Retry(Retry {
            after,
            ..Retry::new(Class::Throttle, message)
        }),
        OrganizationFault::Unreachable { message } => StepError::later(Class::Throttle, message),
        OrganizationFault::Conflict { message } => StepError::later(Class::Conflict, message),
        OrganizationFault::AlreadyThere { message } => StepError::failed("already_there", &message),
        OrganizationFault::NotThere { message } => StepError::failed("not_there", &message),
        OrganizationFault::Refused { code, message } => {
            let begins = message.strip_prefix(code.as_str());
            let words = begins.and_then(|it| it.strip_prefix(": "));
            StepError::failed(&code, words.unwrap_or(&message))
        }
    }
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
            (PolicyStepKind::Put, put),
            (PolicyStepKind::Attach, pair.clone()),
            (PolicyStepKind::Detach, pair),
            (PolicyStepKind::Delete, named),
        ] {
            let again = match StepSpec::read(kind.as_str(), &wish).unwrap() {
                StepSpec::Put(it) => stored(&it),
                StepSpec::Attach(it) | StepSpec::Detach(it) => stored(&it),
                StepSpec::Delete(it) => stored(&it),
                other => panic!("{other:?}"),
            };
            assert_eq!(again, wish, "{kind:?}");
        }
    }
}
