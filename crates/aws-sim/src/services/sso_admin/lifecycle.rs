use serde_json::json;

use super::{
    ApiError, Context, HandlerResult, Output, PermissionSet, check_managed, permission_sets,
    session_seconds, target_set,
};
use crate::core::{limits::PERMISSION_SETS, windows::Window};
use crate::services::{OperationHandler::Writes, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreatePermissionSet", Writes(create)),
    ("UpdatePermissionSet", Writes(update)),
    ("DeletePermissionSet", Writes(delete)),
];

fn duration(context: &Context<'_>) -> Result<Option<String>, ApiError> {
    match context.optional("SessionDuration") {
        None => Ok(None),
        Some(text) if session_seconds(text).is_some() => Ok(Some(text.to_owned())),
        Some(_) => Err(ApiError::new(
            "ValidationException",
            "SessionDuration must be between 1 hour and 12 hours.",
        )),
    }
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let session_duration = duration(context)?.unwrap_or_else(|| "PT1H".to_owned());
    let name = context.text("Name").to_owned();
    if context.state.set_named(&name).is_some() {
        return Err(ApiError::new(
            "ConflictException",
            format!("PermissionSet with name {name} already exists."),
        ));
    }
    if context.state.set_names.len() >= PERMISSION_SETS {
        return Err(ApiError::new(
            "ServiceQuotaExceededException",
            "You have reached the maximum number of permission sets.",
        ));
    }
    let id = format!("ps-{}", context.random().hex(16));
    let set = PermissionSet {
        id: id.as_str().into(),
        name: name.clone(),
        description: context.optional("Description").map(str::to_owned),
        session_duration,
        relay_state: context.optional("RelayState").map(str::to_owned),
        created: context.now,
        managed: Vec::new(),
        inline: None,
        customer_managed: Vec::new(),
        boundary: None,
        tags: super::tags::given(context)?,
        version: 1,
    };
    let answer = json!({ "PermissionSet": permission_sets::shape(context, &set) });
    let seen = context.write(Window::Immediate);
    context.state.set_names.insert(name, set.id.clone());
    let place = context.state.place(&id);
    context.state.sets.put(place, set, seen, context.now);
    Ok(Output::Members(answer))
}

/// Changes a set; its provisions become outdated.
pub(super) fn change(context: &mut Context<'_>, mut set: PermissionSet) {
    set.version += 1;
    let seen = context.write(Window::Immediate);
    let now = context.now;
    context.state.put_changed_set(set, seen, now);
}

/// `UpdatePermissionSet`: replaces only given members, but clears an omitted relay state.
fn update(context: &mut Context<'_>) -> HandlerResult {
    let mut set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    if let Some(duration) = duration(context)? {
        set.session_duration = duration;
    }
    if let Some(description) = context.optional("Description") {
        set.description = Some(description.to_owned());
    }
    set.relay_state = context.optional("RelayState").map(str::to_owned);
    change(context, set);
    Ok(Output::Members(json!({})))
}

/// `DeletePermissionSet`: requires that it is unused.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let set = target_set(context)?.clone();
    check_managed(context, &set.id)?;
    let state = &context.state;
    let provisioned = state
        .provisioned_in
        .range((set.id.clone(), 0, "".into())..)
        .take_while(|(of, ..)| *of == set.id)
        .any(|(set, _, account)| {
            state
                .provisions
                .latest(&(account.clone(), state.order(set), set.clone()))
                .is_some()
        });
    let busy = state
        .in_flight
        .iter()
        .filter_map(|(_, id)| state.operations.get(id));
    if provisioned || busy.into_iter().any(|operation| operation.set == set.id) {
        return Err(ApiError::new(
            "ConflictException",
            format!(
                "Could not delete because PermissionSet has AccountAssignments or is provisioned: {}",
                set.id
            ),
        ));
    }
    let seen = context.write(Window::Immediate);
    context.state.set_names.remove(&set.name);
    let place = context.state.place(&set.id);
    context.state.sets.remove(&place, seen, context.now);
    Ok(Output::Members(json!({})))
}
