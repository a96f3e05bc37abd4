use hallpass_enforcement::OrganizationFault;
use hallpass_plans::{Class, StepError};
use serde_json::Value;

use crate::steps::setback;

pub(super) enum Sent {
    All,
    /// A control changed meanwhile; it and later ones were not sent.
    Changed(String),
    Refused(Vec<String>),
}

impl Sent {
    pub(super) fn of(refused: Vec<String>) -> Self {
        if refused.is_empty() {
            Self::All
        } else {
            Self::Refused(refused)
        }
    }
}

/// Rejected parts of an accepted request.
pub(super) fn unprocessed(answer: &Value) -> Vec<String> {
    let rows = answer
        .get("UnprocessedAssociationUpdates")
        .and_then(Value::as_array);
    let part = |row: &Value, pointer: &str| {
        let text = row.pointer(pointer).and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let rows = rows.into_iter().flatten().map(|row| {
        let control = part(row, "/StandardsControlAssociationUpdate/SecurityControlId");
        format!(
            "{control}: {} {}",
            part(row, "/ErrorCode"),
            part(row, "/ErrorReason")
        )
    });
    rows.collect()
}

/// Security Hub has its own throttling code (`organization.md` P-10).
pub(super) fn fault_of(fault: OrganizationFault) -> StepError {
    match fault {
        OrganizationFault::Refused { code, message } if code == "LimitExceededException" => {
            StepError::later(Class::Throttle, message)
        }
        fault => setback(fault),
    }
}
