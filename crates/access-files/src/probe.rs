use hallpass_iam::language::same_policy;
use hallpass_plans::StepProbe;
use serde_json::{Value, json};

use crate::compare::texts;
use crate::state::PermissionSetContent;
use crate::steps::SetAction;

/// Compares a set with a write; `None` if the set does not exist.
pub(crate) fn probe_set(action: &SetAction, there: Option<&PermissionSetContent>) -> StepProbe {
    match there {
        Some(there) => probe_content(action, there),
        None => probe_missing(action),
    }
}

fn probe_missing(action: &SetAction) -> StepProbe {
    match action {
        SetAction::DetachManaged { .. }
        | SetAction::DetachCustomer { .. }
        | SetAction::DeleteInline
        | SetAction::DeleteBoundary
        | SetAction::Untag { .. }
        | SetAction::Delete
        | SetAction::Provision { .. } => StepProbe::Satisfied,
        SetAction::Create { .. }
        | SetAction::Update { .. }
        | SetAction::AttachManaged { .. }
        | SetAction::AttachCustomer { .. }
        | SetAction::PutInline { .. }
        | SetAction::PutBoundary { .. }
        | SetAction::Tag { .. } => StepProbe::Absent,
    }
}

fn is(wanted: bool) -> StepProbe {
    if wanted {
        StepProbe::Satisfied
    } else {
        StepProbe::Absent
    }
}

fn gone(old: Option<Value>) -> StepProbe {
    match old {
        None => StepProbe::Satisfied,
        Some(old) => StepProbe::Differs { old },
    }
}

fn put(old: Option<Value>, wanted: &Value) -> StepProbe {
    match old {
        Some(old) if old == *wanted => StepProbe::Satisfied,
        Some(old) => StepProbe::Differs { old },
        None => StepProbe::Absent,
    }
}

fn probe_content(action: &SetAction, there: &PermissionSetContent) -> StepProbe {
    match action {
        SetAction::Create { .. } | SetAction::Provision { .. } => StepProbe::Satisfied,
        SetAction::Delete => gone(Some(texts(there))),
        SetAction::Update {
            description,
            session_seconds,
            relay_state,
        } => {
            let wanted = json!({"description": description, "session_seconds": session_seconds,
                "relay_state": relay_state});
            put(Some(texts(there)), &wanted)
        }
        SetAction::AttachManaged { arn } => is(there.managed_policies.contains(arn)),
        SetAction::DetachManaged { arn } => {
            gone(there.managed_policies.get(arn).map(|it| json!(it)))
        }
        SetAction::AttachCustomer { policy } => {
            is(there.customer_managed_policies.contains(policy))
        }
        SetAction::DetachCustomer { policy } => gone(
            there
                .customer_managed_policies
                .get(policy)
                .map(|it| json!(it)),
        ),
        SetAction::PutInline { policy } => match &there.inline_policy {
            Some(old) if same_policy(old, policy) => StepProbe::Satisfied,
            old => put(old.clone(), policy),
        },
        SetAction::DeleteInline => gone(there.inline_policy.clone()),
        SetAction::PutBoundary { boundary } => {
            let old = there.permissions_boundary.as_ref().map(|it| json!(it));
            put(old, &json!(boundary))
        }
        SetAction::DeleteBoundary => gone(there.permissions_boundary.as_ref().map(|it| json!(it))),
        SetAction::Tag { key, value } => {
            put(there.tags.get(key).map(|it| json!(it)), &json!(value))
        }
        SetAction::Untag { key } => gone(there.tags.get(key).map(|it| json!(it))),
    }
}
