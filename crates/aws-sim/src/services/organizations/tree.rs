use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Output,
    accounts::{after, has_older_members},
    check_parent,
};
use crate::core::{entities::Ou, state::SimState, tree::path};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListRoots", Reads(list_roots)),
    ("ListOrganizationalUnitsForParent", Reads(list_ous)),
    ("DescribeOrganizationalUnit", Reads(describe_ou)),
    ("ListParents", Reads(list_parents)),
    ("ListChildren", Reads(list_children)),
];

fn policy_types(state: &SimState) -> Value {
    state
        .head
        .policy_types
        .iter()
        .map(|kind| {
            let pending = state.guardrails.pending.get(kind);
            let pending = pending.is_some_and(|until| state.latest < *until);
            let status = if pending { "PENDING_ENABLE" } else { "ENABLED" };
            json!({ "Type": kind, "Status": status })
        })
        .collect()
}

pub(super) fn describe_organization(context: &Context<'_>) -> Output {
    let head = &context.state.head;
    let management = context.state.account(&head.management);
    Output::Members(json!({ "Organization": {
        "Id": head.id,
        "Arn": format!("arn:aws:organizations::{}:organization/{}", head.management, head.id),
        "FeatureSet": "ALL",
        "MasterAccountArn": format!(
            "arn:aws:organizations::{0}:account/{1}/{0}", head.management, head.id
        ),
        "MasterAccountId": head.management,
        "MasterAccountEmail": management.map(|account| account.email.as_str()).unwrap_or_default(),
        "AvailablePolicyTypes": policy_types(context.state),
    }}))
}

pub(super) fn root(state: &SimState) -> Value {
    let head = &state.head;
    json!({
        "Id": head.root,
        "Arn": format!("arn:aws:organizations::{}:root/{}/{}", head.management, head.id, head.root),
        "Name": "Root",
        "PolicyTypes": policy_types(state),
    })
}

fn list_roots(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let id = context.state.head.root.clone();
    let rows = page.after.is_none().then(|| (0, id, root(context.state)));
    let (rows, token) = page.take(rows.into_iter());
    Ok(context.paged(rows, token))
}

pub(super) fn shape(state: &SimState, ou: &Ou) -> Value {
    let head = &state.head;
    let mut shape = json!({
        "Id": ou.id,
        "Arn": format!("arn:aws:organizations::{}:ou/{}/{}", head.management, head.id, ou.id),
        "Name": ou.name,
    });
    if let Some(members) = shape.as_object_mut().filter(|_| !has_older_members(state)) {
        members.insert("Path".to_owned(), path(state, &ou.id).into());
    }
    shape
}

fn list_ous(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let parent = context.text("ParentId");
    check_parent(context, parent)?;
    let state = &context.state;
    let rows = after(state.child_ous.get(parent), page.after.as_ref())
        .filter_map(|place| Some((place, state.ous.seen(place, context.reading)?)))
        .map(|((order, id), ou)| (*order, id.to_string(), shape(state, ou)));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}

pub(super) fn ou_not_found() -> ApiError {
    ApiError::new(
        "OrganizationalUnitNotFoundException",
        "You specified an organizational unit that doesn't exist.",
    )
}

fn describe_ou(context: &Context<'_>) -> HandlerResult {
    let ou = context
        .state
        .ou(context.text("OrganizationalUnitId"))
        .ok_or_else(ou_not_found)?;
    Ok(Output::Members(
        json!({ "OrganizationalUnit": shape(context.state, ou) }),
    ))
}

fn list_parents(context: &Context<'_>) -> HandlerResult {
    context.page()?;
    let child = context.text("ChildId");
    let state = &context.state;
    let parent = state
        .account(child)
        .map(|account| account.parent.clone())
        .or_else(|| state.ou(child).map(|ou| ou.parent.clone()))
        .ok_or_else(|| {
            ApiError::new(
                "ChildNotFoundException",
                "You specified a child that doesn't exist.",
            )
        })?;
    let kind = if *parent == *state.head.root {
        "ROOT"
    } else {
        "ORGANIZATIONAL_UNIT"
    };
    Ok(context.paged(vec![json!({ "Id": parent, "Type": kind })], None))
}

fn list_children(context: &Context<'_>) -> HandlerResult {
    let page = context.page()?;
    let parent = context.text("ParentId");
    check_parent(context, parent)?;
    let kind = context.text("ChildType");
    let state = &context.state;
    let children = if kind == "ACCOUNT" {
        &state.child_accounts
    } else {
        &state.child_ous
    };
    let rows = after(children.get(parent), page.after.as_ref())
        .map(|(order, id)| (*order, id.to_string(), json!({ "Id": id, "Type": kind })));
    let (rows, token) = page.take(rows);
    Ok(context.paged(rows, token))
}
