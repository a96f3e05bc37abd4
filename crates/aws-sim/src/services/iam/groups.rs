use serde_json::{Value, json};

use super::{
    ApiError, Context, HandlerResult, Iam, date, finish, held, is_below, listed, no_entity, page,
    seen, seen_by_name, user, users,
};
use crate::services::{OperationHandler::Reads, OperationRow};
use crate::{
    core::{call::Output, issue::unique_id},
    organization::IamGroup,
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListGroups", Reads(list)),
    ("GetGroup", Reads(get)),
    ("ListGroupsForUser", Reads(of_user)),
    ("ListGroupPolicies", Reads(inline_names)),
    ("GetGroupPolicy", Reads(inline)),
    ("ListAttachedGroupPolicies", Reads(attached)),
];

pub(super) fn row(context: &Context<'_>, group: &IamGroup) -> Value {
    let state = &context.state;
    let account = context.caller.account.as_str();
    let path = group.path.as_deref().unwrap_or("/");
    let arn = format!("arn:aws:iam::{account}:group{path}{}", group.name);
    json!({
        "Path": path,
        "GroupName": group.name,
        "GroupId": unique_id(state.seed, "AGPA", &arn),
        "Arn": arn,
        "CreateDate": date(group.created.as_ref(), state.joined(account)),
    })
}

fn find<'a>(context: &Context<'_>, iam: &'a Iam) -> Result<&'a IamGroup, ApiError> {
    let name = context.text("GroupName");
    let mut groups = iam.groups.iter();
    groups
        .find(|group| group.name.eq_ignore_ascii_case(name))
        .ok_or_else(|| no_entity("group", name))
}

fn list(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let groups = iam
        .groups
        .iter()
        .filter(|group| is_below(context, group.path.as_ref()));
    let rows = groups.map(|group| (group.name.clone(), row(context, group)));
    listed(context, rows.collect())
}

fn of_user(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let user = user(&iam, context.text("UserName"))?;
    let groups = iam
        .groups
        .iter()
        .filter(|group| user.groups.contains(&group.name));
    let rows = groups.map(|group| (group.name.clone(), row(context, group)));
    listed(context, rows.collect())
}

/// `GetGroup`: with a page of its members.
fn get(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let group = find(context, &iam)?;
    let members = iam
        .users
        .iter()
        .filter(|user| user.groups.contains(&group.name));
    let rows = members.map(|user| (0, user.name.clone(), users::row(context, user)));
    let (rows, token) = page(context, rows)?;
    let shown = json!({ "Group": row(context, group), "Users": rows });
    Ok(finish(
        context,
        shown.as_object().cloned().unwrap_or_default(),
        token,
    ))
}

fn inline_names(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    held::list_inline(context, &find(context, &iam)?.permissions.inline)
}

fn inline(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let group = find(context, &iam)?;
    let name = context.text("PolicyName");
    let document = held::inline(&group.permissions.inline, name);
    let document = document.ok_or_else(|| no_entity("group policy", name))?;
    Ok(Output::Members(json!({
        "GroupName": group.name, "PolicyName": name, "PolicyDocument": document,
    })))
}

fn attached(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    held::list_attached(context, &find(context, &iam)?.permissions.policies)
}
