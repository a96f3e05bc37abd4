use serde_json::{Map, Value, json};

use super::{
    Context, HandlerResult, IamUser, finish, groups, held, page, policies, roles, seen,
    users::{self, add_boundary, tag_rows},
};
use crate::organization::IamGroup;
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[("GetAccountAuthorizationDetails", Reads(list))];

const LISTS: [&str; 4] = [
    "UserDetailList",
    "GroupDetailList",
    "RoleDetailList",
    "Policies",
];
const USERS: u8 = 0;
const GROUPS: u8 = 1;
const ROLES: u8 = 2;
const POLICIES: u8 = 3;

/// `GetAccountAuthorizationDetails`. Includes only attached AWS managed policies (?).
fn list(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let filter = context.call.input.get("Filter").and_then(Value::as_array);
    let filter = filter.filter(|names| !names.is_empty());
    let wanted = |name: &str| filter.is_none_or(|names| names.iter().any(|one| one == name));
    let mut rows: Vec<(u8, String, Value)> = Vec::new();
    if wanted("User") {
        let users = iam.users.iter();
        rows.extend(users.map(|one| (USERS, one.name.clone(), user(context, one))));
    }
    if wanted("Group") {
        let groups = iam.groups.iter();
        rows.extend(groups.map(|one| (GROUPS, one.name.clone(), group(context, one))));
    }
    if wanted("Role") {
        let roles = roles::all(context, &iam).into_iter();
        rows.extend(roles.map(|one| (ROLES, one.arn(""), one.details(context))));
    }
    let uses = policies::PolicyUses::of(context, &iam);
    for policy in policies::all(context, &iam) {
        let shown = if policy.aws {
            wanted("AWSManagedPolicy") && uses.attached(&policy.arn) > 0
        } else {
            wanted("LocalManagedPolicy")
        };
        if shown {
            let row = policy.details(context, &uses);
            rows.push((POLICIES, policy.arn, row));
        }
    }
    let rows = rows
        .into_iter()
        .map(|(part, id, row)| (part, id, (part, row)));
    let (rows, token) = page(context, rows)?;
    let mut lists: [Vec<Value>; 4] = Default::default();
    for (part, row) in rows {
        if let Some(list) = lists.get_mut(usize::from(part)) {
            list.push(row);
        }
    }
    let members = LISTS.iter().zip(lists);
    let members = members.map(|(name, rows)| ((*name).to_owned(), Value::Array(rows)));
    Ok(finish(context, members.collect::<Map<_, _>>(), token))
}

fn user(context: &Context<'_>, user: &IamUser) -> Value {
    let mut row = users::row(context, user);
    if let Some(members) = row.as_object_mut() {
        members.remove("PasswordLastUsed");
        if !user.permissions.inline.is_empty() {
            let inline = held::inline_rows(&user.permissions.inline);
            members.insert("UserPolicyList".to_owned(), inline);
        }
        let attached = held::attached_rows(&user.permissions.policies);
        members.insert("GroupList".to_owned(), json!(user.groups));
        members.insert("AttachedManagedPolicies".to_owned(), attached.into());
        add_boundary(members, user.permissions.boundary.as_ref());
        members.insert("Tags".to_owned(), tag_rows(&user.tags));
    }
    row
}

fn group(context: &Context<'_>, group: &IamGroup) -> Value {
    let mut row = groups::row(context, group);
    if let Some(members) = row.as_object_mut() {
        let inline = held::inline_rows(&group.permissions.inline);
        let attached = held::attached_rows(&group.permissions.policies);
        members.insert("GroupPolicyList".to_owned(), inline);
        members.insert("AttachedManagedPolicies".to_owned(), attached.into());
    }
    row
}
