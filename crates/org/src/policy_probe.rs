//! Compares an existing policy with the wanted one.

use hallpass_iam::language;
use hallpass_plans::StepProbe;
use serde_json::{Value, json};

use crate::ports::{NewPolicy, PolicyText};

pub(crate) fn probe_put(wanted: &NewPolicy, found: Option<&PolicyText>) -> StepProbe {
    match found {
        None => StepProbe::Absent,
        Some(found) if same_policy(&found.content, &wanted.content) => StepProbe::Satisfied,
        Some(found) => StepProbe::Differs {
            old: json!({"id": found.row.id, "content": found.content}),
        },
    }
}

pub(crate) fn probe_delete(found: Option<&PolicyText>) -> StepProbe {
    match found {
        None => StepProbe::Satisfied,
        Some(found) => StepProbe::Differs {
            old: json!({"id": found.row.id, "name": found.row.name, "content": found.content}),
        },
    }
}

/// Ignores white space, the order of members and lists, and single-element lists.
pub(crate) fn same_policy(one: &str, other: &str) -> bool {
    let read = |text: &str| serde_json::from_str::<Value>(text).ok();
    let is_same = |(one, other): (Value, Value)| language::same_policy(&one, &other);
    one == other || read(one).zip(read(other)).is_some_and(is_same)
}
