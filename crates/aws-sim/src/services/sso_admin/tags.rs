use crate::base::Millis;
use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, PermissionSet, check_managed, find_set, ordered,
};
use crate::core::{
    entities::{Tags, read_tags},
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListTagsForResource", Reads(list)),
    ("TagResource", Writes(tag)),
    ("UntagResource", Writes(untag)),
];

const MOST: usize = facts::PERMISSION_SET_TAGS.count();

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let arn = context.text("ResourceArn");
    if arn == context.state.center.instance_arn {
        return Ok(context.paged(Vec::new(), None));
    }
    let set = find_set(context, arn, context.reading_by_id)?;
    let rows = set
        .tags
        .iter()
        .map(|(key, value)| (key.clone(), json!({ "Key": key, "Value": value })));
    let (rows, token) = page.take(ordered(rows, page.after.as_ref()));
    Ok(context.paged(rows, token))
}

pub(super) fn given(context: &Context<'_>) -> Result<Tags, ApiError> {
    let tags = read_tags(context.call.input.get("Tags"));
    if tags
        .keys()
        .any(|key| key.to_lowercase().starts_with("aws:"))
    {
        let text = "Tag keys that begin with aws: are reserved for system use.";
        return Err(ApiError::new("ValidationException", text));
    }
    Ok(tags)
}

fn put(context: &mut Context<'_>, set: PermissionSet) -> Output {
    let seen = context.write(Window::Immediate);
    let place = context.state.place(&set.id);
    context.state.sets.put(place, set, seen, context.now);
    Output::Members(json!({}))
}

fn tag(context: &mut Context<'_>) -> HandlerResult {
    let mut set = find_set(context, context.text("ResourceArn"), Millis::MAX)?.clone();
    check_managed(context, &set.id)?;
    set.tags.extend(given(context)?);
    if set.tags.len() > MOST {
        return Err(ApiError::new(
            "ServiceQuotaExceededException",
            "The resource has too many tags.",
        ));
    }
    Ok(put(context, set))
}

/// `UntagResource`: ignores absent keys.
fn untag(context: &mut Context<'_>) -> HandlerResult {
    let mut set = find_set(context, context.text("ResourceArn"), Millis::MAX)?.clone();
    check_managed(context, &set.id)?;
    let keys = context.call.input.get("TagKeys").and_then(Value::as_array);
    for key in keys.into_iter().flatten().filter_map(Value::as_str) {
        set.tags.remove(key);
    }
    Ok(put(context, set))
}
