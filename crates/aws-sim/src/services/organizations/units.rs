use hallpass_aws_model::facts;
use serde_json::json;

use super::{
    ApiError, Context, HandlerResult, Output, check_parent, constraint,
    tags::given,
    tree::{ou_not_found, shape},
};
use crate::core::{entities::Id, entities::Ou, state::SimState, windows::Window};
use crate::services::{OperationHandler::Writes, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateOrganizationalUnit", Writes(create)),
    ("UpdateOrganizationalUnit", Writes(update)),
    ("DeleteOrganizationalUnit", Writes(delete)),
];

const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz0123456789";

const DEEPEST: usize = facts::UNIT_DEPTH.count();
const MOST: usize = facts::UNITS.count();

fn check_name(state: &SimState, parent: &str, name: &str, own: &str) -> Result<(), ApiError> {
    let siblings = state.child_ous.get(parent).into_iter().flatten();
    let mut siblings = siblings.filter_map(|(_, id)| state.ou(id));
    if siblings.any(|ou| ou.name == name && *ou.id != *own) {
        return Err(ApiError::new(
            "DuplicateOrganizationalUnitException",
            "An OU with the same name already exists.",
        ));
    }
    Ok(())
}

fn depth(state: &SimState, parent: &str) -> usize {
    let mut depth = 0;
    let mut at = Id::from(parent);
    while let Some(ou) = state.ou(&at).filter(|_| depth <= DEEPEST) {
        depth += 1;
        at = ou.parent.clone();
    }
    depth
}

/// `CreateOrganizationalUnit`: attaches the default policies.
fn create(context: &mut Context<'_>) -> HandlerResult {
    let (parent, name) = (context.text("ParentId"), context.text("Name"));
    check_parent(context, parent)?;
    check_name(context.state, parent, name, "")?;
    if depth(context.state, parent) >= DEEPEST {
        return Err(constraint(
            "OU_DEPTH_LIMIT_EXCEEDED",
            "You have exceeded the depth limit of the OU tree.",
        ));
    }
    if context.state.ous.len() >= MOST {
        return Err(constraint(
            "OU_NUMBER_LIMIT_EXCEEDED",
            "You have exceeded the number of OUs that you can have in an organization.",
        ));
    }
    let tags = given(context)?;
    let root = context.state.head.root.trim_start_matches("r-").to_owned();
    let id = format!("ou-{root}-{}", context.random().text(LETTERS, 8));
    let ou = Ou {
        id: id.as_str().into(),
        name: name.to_owned(),
        parent: parent.into(),
        tags,
    };
    let seen = context.write(Window::Immediate);
    let now = context.now;
    let place = context.state.place(&id);
    let children = context.state.child_ous.entry(parent.into()).or_default();
    children.insert(place.clone());
    context.state.ous.put(place, ou.clone(), seen, now);
    context.state.attach_defaults(&id, now);
    Ok(Output::Members(
        json!({ "OrganizationalUnit": shape(context.state, &ou) }),
    ))
}

fn target(context: &Context<'_>) -> Result<Ou, ApiError> {
    let found = context.state.ou(context.text("OrganizationalUnitId"));
    found.cloned().ok_or_else(ou_not_found)
}

fn update(context: &mut Context<'_>) -> HandlerResult {
    let mut ou = target(context)?;
    if let Some(name) = context.optional("Name") {
        check_name(context.state, &ou.parent, name, &ou.id)?;
        name.clone_into(&mut ou.name);
    }
    let seen = context.write(Window::Immediate);
    let now = context.now;
    let place = context.state.place(&ou.id);
    context.state.ous.put(place, ou.clone(), seen, now);
    Ok(Output::Members(
        json!({ "OrganizationalUnit": shape(context.state, &ou) }),
    ))
}

/// `DeleteOrganizationalUnit`: only an empty one.
fn delete(context: &mut Context<'_>) -> HandlerResult {
    let ou = target(context)?;
    let state = &context.state;
    let holds = |children: Option<&std::collections::BTreeSet<_>>| {
        children.is_some_and(|children| !children.is_empty())
    };
    if holds(state.child_accounts.get(&ou.id)) || holds(state.child_ous.get(&ou.id)) {
        return Err(ApiError::new(
            "OrganizationalUnitNotEmptyException",
            "The specified OU is not empty. Move all accounts to another root or to other OUs, \
             remove all child OUs, and try the operation again.",
        ));
    }
    let seen = context.write(Window::Immediate);
    let now = context.now;
    let state = &mut *context.state;
    let place = state.place(&ou.id);
    if let Some(siblings) = state.child_ous.get_mut(&ou.parent) {
        siblings.remove(&place);
    }
    state.ous.remove(&place, seen, now);
    let held: Vec<Id> = state
        .guardrails
        .attached
        .range(std::ops::Bound::Included((ou.id.clone(), 0, "".into())))
        .take_while(|((of, ..), _)| *of == ou.id)
        .map(|((_, _, policy), _)| policy.clone())
        .collect();
    for policy in held {
        state.detach(&policy, &ou.id, now, now);
    }
    Ok(Output::Nothing)
}
