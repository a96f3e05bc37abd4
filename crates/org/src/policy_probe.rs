//! Compares an existing policy with the wanted one.

use hallpass_enforcement::account_policy::same_policy;
use hallpass_enforcement::{NewPolicy, PolicyText};
use hallpass_plans::StepProbe;
use serde_json::json;

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
