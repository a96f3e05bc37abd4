use std::ops::Bound;

use serde_json::{Map, Value, json};

use super::{Context, HandlerResult, Output, PermissionSet, read_set, seconds};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListPermissionSets", Reads(list)),
    ("DescribePermissionSet", Reads(describe)),
];

pub(super) fn shape(context: &Context<'_>, set: &PermissionSet) -> Value {
    let mut members = Map::new();
    members.insert("Name".to_owned(), set.name.clone().into());
    members.insert(
        "PermissionSetArn".to_owned(),
        context.state.set_arn(&set.id).into(),
    );
    if let Some(description) = &set.description {
        members.insert("Description".to_owned(), description.clone().into());
    }
    members.insert("CreatedDate".to_owned(), seconds(set.created));
    members.insert(
        "SessionDuration".to_owned(),
        set.session_duration.clone().into(),
    );
    if let Some(relay_state) = &set.relay_state {
        members.insert("RelayState".to_owned(), relay_state.clone().into());
    }
    Value::Object(members)
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let start = match &page.after {
        Some((order, id)) => Bound::Excluded((*order, id.as_str().into())),
        None => Bound::Unbounded,
    };
    let rows = context
        .state
        .sets
        .range_seen(start, context.reading)
        .map(|((order, id), _)| (*order, id.to_string(), context.state.set_arn(id).into()));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn describe(context: &Context<'_>) -> HandlerResult {
    let set = read_set(context)?;
    Ok(Output::Members(
        json!({ "PermissionSet": shape(context, set) }),
    ))
}
