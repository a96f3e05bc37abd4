use std::ops::Bound;

use crate::base::Millis;
use serde_json::{Map, Value, json};

use super::{
    ApiError, Context, HandlerResult, Output, arn, bare, fresh_id, groups, naming, not_found,
    stamp, taken, users,
};
use crate::core::{
    entities::{Id, Membership},
    identity_events::{self, IdentityNews},
    state::SimState,
    windows::Window,
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateGroupMembership", Writes(create)),
    ("DescribeGroupMembership", Reads(describe)),
    ("DeleteGroupMembership", Writes(delete)),
    ("GetGroupMembershipId", Reads(get_id)),
    ("ListGroupMemberships", Reads(list)),
    ("ListGroupMembershipsForMember", Reads(list_for_member)),
    ("IsMemberInGroups", Reads(is_member)),
];

fn shape(state: &SimState, row: &Membership) -> Value {
    let mut members = Map::new();
    members.insert(
        "IdentityStoreId".to_owned(),
        state.center.store.clone().into(),
    );
    members.insert("MembershipId".to_owned(), row.id.as_ref().into());
    members.insert("MembershipArn".to_owned(), arn("membership", &row.id));
    members.insert("GroupId".to_owned(), row.group.as_ref().into());
    members.insert("GroupArn".to_owned(), arn("group", &row.group));
    members.insert("MemberId".to_owned(), json!({ "UserId": row.user }));
    stamp(&mut members, &row.origin);
    Value::Object(members)
}

fn member(context: &Context<'_>) -> String {
    let id = context
        .call
        .input
        .pointer("/MemberId/UserId")
        .and_then(Value::as_str);
    bare(id.unwrap_or_default()).to_owned()
}

fn by_id<'a>(context: &'a Context<'_>, at: Millis) -> Result<&'a Membership, ApiError> {
    let id = bare(context.text("MembershipId"));
    let state = &context.state;
    let found = state.membership_ids.get(id).and_then(|(group, user)| {
        state
            .memberships
            .seen(&state.membership_key(group, user), at)
    });
    found
        .filter(|row| &*row.id == id)
        .ok_or_else(|| not_found("GROUP_MEMBERSHIP", id))
}

fn create(context: &mut Context<'_>) -> HandlerResult {
    let group = groups::target(context, context.text("GroupId"))?.id.clone();
    let user = users::target(context, &member(context))?.id.clone();
    let key = context.state.membership_key(&group, &user);
    if context.state.memberships.latest(&key).is_some() {
        return Err(taken("Member and Group relationship already exists."));
    }
    let id = fresh_id(context);
    let row = Membership {
        id: id.as_str().into(),
        group: group.clone(),
        user: user.clone(),
        origin: context.origin(),
    };
    let seen = context.write(Window::Assignment);
    context.state.put_membership(row, seen, context.now);
    let news = IdentityNews::Membership("Created", &group, &user);
    identity_events::tell(context.state, &news);
    Ok(naming(context, "Membership", &id, Some(1)))
}

fn describe(context: &Context<'_>) -> HandlerResult {
    Ok(Output::Members(shape(
        context.state,
        by_id(context, context.reading_by_id)?,
    )))
}

fn delete(context: &mut Context<'_>) -> HandlerResult {
    let row = by_id(context, Millis::MAX)?;
    let (group, user) = (row.group.clone(), row.user.clone());
    let key = context.state.membership_key(&group, &user);
    let seen = context.write(Window::Assignment);
    context.state.memberships.remove(&key, seen, context.now);
    let news = IdentityNews::Membership("Deleted", &group, &user);
    identity_events::tell(context.state, &news);
    Ok(Output::Members(json!({})))
}

fn get_id(context: &Context<'_>) -> HandlerResult {
    let group = groups::read(context, context.text("GroupId"))?.id.clone();
    let user = users::read(context, &member(context))?.id.clone();
    let key = context.state.membership_key(&group, &user);
    let row = context.state.memberships.seen(&key, context.reading);
    let row = row.ok_or_else(|| not_found("GROUP_MEMBERSHIP", ""))?;
    Ok(naming(context, "Membership", &row.id, None))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let group = groups::read(context, context.text("GroupId"))?.id.clone();
    let start = match &page.after {
        Some((order, id)) => Bound::Excluded((group.clone(), *order, id.as_str().into())),
        None => Bound::Included((group.clone(), 0, "".into())),
    };
    let state = &context.state;
    let rows = state
        .memberships
        .range_seen(start, context.reading)
        .take_while(|((of, ..), _)| *of == group)
        .map(|((_, order, user), row)| (*order, user.to_string(), shape(state, row)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

fn list_for_member(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let user = users::read(context, &member(context))?.id.clone();
    let start = match &page.after {
        Some((order, id)) => Bound::Excluded((user.clone(), *order, Id::from(id.as_str()))),
        None => Bound::Included((user.clone(), 0, "".into())),
    };
    let state = &context.state;
    let rows = state
        .member_of
        .range((start, Bound::Unbounded))
        .take_while(|(of, ..)| *of == user)
        .filter_map(|(user, order, group)| {
            let key = state.membership_key(group, user);
            let row = state.memberships.seen(&key, context.reading)?;
            Some((*order, group.to_string(), shape(state, row)))
        });
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

/// `IsMemberInGroups`: in the requested order.
fn is_member(context: &Context<'_>) -> HandlerResult {
    let user = users::read(context, &member(context))?.id.clone();
    let asked = context.call.input.get("GroupIds").and_then(Value::as_array);
    let mut results = Vec::new();
    for group in asked.into_iter().flatten().filter_map(Value::as_str) {
        let group = groups::read(context, group)?.id.clone();
        let key = context.state.membership_key(&group, &user);
        let exists = context
            .state
            .memberships
            .seen(&key, context.reading)
            .is_some();
        results.push(json!({
            "GroupId": group,
            "MemberId": { "UserId": user },
            "MembershipExists": exists,
        }));
    }
    Ok(Output::Members(json!({ "Results": results })))
}
