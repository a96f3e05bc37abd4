//! The organization, its root, its units, and what is above and below.

use serde_json::{Value, json};

use super::{
    Answer, ApiError, Context, Output,
    accounts::{after, path},
    check_parent, paged,
};
use crate::core::{entities::Ou, random::hash, state::State};

fn policy_types(state: &State) -> Value {
    state
        .head
        .policy_types
        .iter()
        .map(|kind| json!({ "Type": kind, "Status": "ENABLED" }))
        .collect()
}

/// `DescribeOrganization`
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

/// `ListRoots`
pub(super) fn list_roots(context: &Context<'_>) -> Answer {
    let page = context.page(super::DEFAULT_PAGE)?;
    let head = &context.state.head;
    let root = json!({
        "Id": head.root,
        "Arn": format!("arn:aws:organizations::{}:root/{}/{}", head.management, head.id, head.root),
        "Name": "Root",
        "PolicyTypes": policy_types(context.state),
    });
    let rows = page.after.is_none().then_some((0, head.root.clone(), root));
    let (rows, token) = page.take(rows.into_iter());
    Ok(paged("Roots", rows, token))
}

fn shape(state: &State, ou: &Ou) -> Value {
    let head = &state.head;
    json!({
        "Id": ou.id,
        "Arn": format!("arn:aws:organizations::{}:ou/{}/{}", head.management, head.id, ou.id),
        "Name": ou.name,
        "Path": path(state, &ou.id),
    })
}

/// `ListOrganizationalUnitsForParent`
pub(super) fn list_ous(context: &Context<'_>) -> Answer {
    let page = context.page(super::DEFAULT_PAGE)?;
    let parent = context.text("ParentId");
    check_parent(context, parent)?;
    let state = &context.state;
    let rows = after(state.child_ous.get(parent), page.after.as_ref())
        .filter_map(|place| Some((place, state.ous.seen(place, context.reading)?)))
        .map(|((order, id), ou)| (*order, id.to_string(), shape(state, ou)));
    let (rows, token) = page.take(rows);
    Ok(paged("OrganizationalUnits", rows, token))
}

/// `DescribeOrganizationalUnit`
pub(super) fn describe_ou(context: &Context<'_>) -> Answer {
    let ou = context
        .state
        .ou(context.text("OrganizationalUnitId"))
        .ok_or_else(|| {
            ApiError::new(
                "OrganizationalUnitNotFoundException",
                "You specified an organizational unit that doesn't exist.",
            )
        })?;
    Ok(Output::Members(
        json!({ "OrganizationalUnit": shape(context.state, ou) }),
    ))
}

/// `ListParents`: exactly one.
pub(super) fn list_parents(context: &Context<'_>) -> Answer {
    context.page(super::DEFAULT_PAGE)?;
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
    Ok(paged(
        "Parents",
        vec![json!({ "Id": parent, "Type": kind })],
        None,
    ))
}

/// `ListChildren`
pub(super) fn list_children(context: &Context<'_>) -> Answer {
    let page = context.page(super::DEFAULT_PAGE)?;
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
    Ok(paged("Children", rows, token))
}

/// `ListTagsForResource`
pub(super) fn list_tags(context: &Context<'_>) -> Answer {
    let page = context.page(super::DEFAULT_PAGE)?;
    let id = context.text("ResourceId");
    let state = &context.state;
    let empty = crate::core::entities::Tags::new();
    let tags = if id == state.head.root {
        Some(&empty)
    } else {
        state
            .account(id)
            .map(|account| &account.tags)
            .or_else(|| state.ou(id).map(|ou| &ou.tags))
    };
    let tags = tags.ok_or_else(|| {
        ApiError::new(
            "TargetNotFoundException",
            "You specified a target that doesn't exist.",
        )
    })?;
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
    Ok(paged("Tags", rows, token))
}
