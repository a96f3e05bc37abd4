use crate::base::hash;
use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output, constraint, invalid};
use crate::core::{
    entities::{Tags, read_tags},
    state::SimState,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListTagsForResource", Reads(list)),
    ("TagResource", Writes(tag)),
    ("UntagResource", Writes(untag)),
];

const MOST: usize = facts::TAGS_PER_ACCOUNT.count();

fn of<'a>(state: &'a SimState, id: &str) -> Option<&'a Tags> {
    if id == state.head.root {
        return Some(&state.head.root_tags);
    }
    let account = || state.account(id).map(|account| &account.tags);
    let ou = || state.ou(id).map(|ou| &ou.tags);
    let policy = || state.guardrail(id).map(|policy| &policy.tags);
    account().or_else(ou).or_else(policy)
}

fn target_not_found() -> ApiError {
    ApiError::new(
        "TargetNotFoundException",
        "You specified a target that doesn't exist.",
    )
}

pub(super) fn given(context: &Context<'_>) -> Result<Tags, ApiError> {
    let rows = context.call.input.get("Tags");
    let tags = read_tags(rows);
    if tags.keys().any(|key| key.starts_with("aws:")) {
        return Err(invalid(
            "INVALID_SYSTEM_TAGS_PARAMETER",
            "You can't add, edit, or delete tags whose key begins with aws:.",
        ));
    }
    if rows
        .and_then(Value::as_array)
        .is_some_and(|rows| rows.len() > tags.len())
    {
        return Err(invalid(
            "DUPLICATE_TAG_KEY",
            "Tag keys must be unique among the tags attached to the same entity.",
        ));
    }
    check_count(&tags)?;
    Ok(tags)
}

fn check_count(tags: &Tags) -> Result<(), ApiError> {
    if tags.len() > MOST {
        return Err(constraint(
            "MAX_TAG_LIMIT_EXCEEDED",
            "You have exceeded the number of tags allowed on this resource.",
        ));
    }
    Ok(())
}

fn put(context: &mut Context<'_>, id: &str, tags: Tags) {
    let seen = context.write(Window::Immediate);
    let now = context.now;
    let state = &mut *context.state;
    let place = state.place(id);
    if id == state.head.root {
        state.head.root_tags = tags;
    } else if let Some(account) = state.account(id).cloned() {
        let account = crate::core::entities::Account { tags, ..account };
        state.accounts.put(place, account, seen, now);
    } else if let Some(ou) = state.ou(id).cloned() {
        let ou = crate::core::entities::Ou { tags, ..ou };
        state.ous.put(place, ou, seen, now);
    } else if let Some(policy) = state.guardrail(id).cloned() {
        let policy = crate::core::guardrails::Guardrail { tags, ..policy };
        state.guardrails.rows.put(place, policy, seen, now);
    }
}

fn tag(context: &mut Context<'_>) -> HandlerResult {
    let id = context.text("ResourceId");
    let mut tags = of(context.state, id).ok_or_else(target_not_found)?.clone();
    tags.extend(given(context)?);
    check_count(&tags)?;
    put(context, id, tags);
    Ok(Output::Nothing)
}

/// `UntagResource`: ignores absent keys.
fn untag(context: &mut Context<'_>) -> HandlerResult {
    let id = context.text("ResourceId");
    let mut tags = of(context.state, id).ok_or_else(target_not_found)?.clone();
    let keys = context.call.input.get("TagKeys").and_then(Value::as_array);
    for key in keys.into_iter().flatten().filter_map(Value::as_str) {
        tags.remove(key);
    }
    put(context, id, tags);
    Ok(Output::Nothing)
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let tags = of(context.state, context.text("ResourceId")).ok_or_else(target_not_found)?;
    let mut rows: Vec<_> = tags
        .iter()
        .map(|(key, value)| {
            (
                hash(key),
                key.clone(),
                json!({ "Key": key, "Value": value }),
            )
        })
        .filter(|(order, key, _)| {
            page.after
                .as_ref()
                .is_none_or(|last| (*order, key) > (last.0, &last.1))
        })
        .collect();
    rows.sort_by_key(|(order, ..)| *order);
    let (rows, token) = page.take(rows.into_iter());
    Ok(context.paged(rows, token))
}
