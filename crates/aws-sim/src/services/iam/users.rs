use serde_json::{Map, Value, json};

use super::{
    Context, HandlerResult, IamUser, date, held, is_below, listed, no_entity, seen, seen_by_name,
    single, user, user_or_caller,
};
use crate::core::{
    authorize::aws_managed_arn,
    call::Output,
    entities::Tags,
    iam::user_arn,
    issue::{unique_id, whole_seconds},
};
use crate::services::{OperationHandler::Reads, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("ListUsers", Reads(list)),
    ("GetUser", Reads(get)),
    ("ListUserTags", Reads(tags)),
    ("ListUserPolicies", Reads(inline_names)),
    ("GetUserPolicy", Reads(inline)),
    ("ListAttachedUserPolicies", Reads(attached)),
    ("GetLoginProfile", Reads(login_profile)),
];

fn list(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let users = iam.users.iter();
    let users = users.filter(|user| is_below(context, user.path.as_ref()));
    let rows = users.map(|user| (user.name.clone(), row(context, user)));
    listed(context, rows.collect())
}

/// `GetUser`: with members omitted in lists.
fn get(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let user = user_or_caller(context, &iam)?;
    let mut shown = row(context, user);
    if let Some(members) = shown.as_object_mut() {
        add_boundary(members, user.permissions.boundary.as_ref());
        if !user.tags.is_empty() {
            members.insert("Tags".to_owned(), tag_rows(&user.tags));
        }
    }
    Ok(single("User", shown))
}

pub(super) fn row(context: &Context<'_>, user: &IamUser) -> Value {
    let state = &context.state;
    let account = context.caller.account.as_str();
    let arn = user_arn(account, user);
    let mut row = json!({
        "Path": user.path.as_deref().unwrap_or("/"),
        "UserName": user.name,
        "UserId": unique_id(state.seed, "AIDA", &arn),
        "Arn": arn,
        "CreateDate": date(user.created.as_ref(), state.joined(account)),
    });
    let signed_in = user
        .password
        .as_ref()
        .and_then(|password| password.last_used.as_ref());
    if let (Some(at), Some(members)) = (signed_in, row.as_object_mut()) {
        members.insert("PasswordLastUsed".to_owned(), date(Some(at), 0).into());
    }
    row
}

/// Tags as `[{Key, Value}]`.
pub(super) fn tag_rows(tags: &Tags) -> Value {
    let rows = tags.iter();
    rows.map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect()
}

pub(super) fn add_boundary(members: &mut Map<String, Value>, boundary: Option<&String>) {
    if let Some(name) = boundary {
        let arn = aws_managed_arn(name);
        let shown = json!({ "PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn });
        members.insert("PermissionsBoundary".to_owned(), shown);
    }
}

fn tags(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let user = user(&iam, context.text("UserName"))?;
    list_tags(context, &user.tags)
}

pub(super) fn list_tags(context: &Context<'_>, tags: &Tags) -> HandlerResult {
    let rows = tags.iter();
    let rows = rows.map(|(key, value)| (key.clone(), json!({ "Key": key, "Value": value })));
    listed(context, rows.collect())
}

fn login_profile(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let user = user_or_caller(context, &iam)?;
    let shown = shown_profile(context, user);
    Ok(single(
        "LoginProfile",
        shown.ok_or_else(|| no_profile(&user.name))?,
    ))
}

pub(super) fn shown_profile(context: &Context<'_>, user: &IamUser) -> Option<Value> {
    let password = user.password.as_ref()?;
    let joined = context.state.joined(&context.caller.account);
    let created = password.changed.as_ref().or(user.created.as_ref());
    Some(json!({
        "UserName": user.name,
        "CreateDate": created.map_or_else(|| whole_seconds(joined), |at| date(Some(at), joined)),
        "PasswordResetRequired": password.reset_required,
    }))
}

pub(super) fn no_profile(name: &str) -> super::ApiError {
    let text = format!("Login Profile for User {name} cannot be found.");
    super::ApiError::new("NoSuchEntity", text)
}

fn inline_names(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let user = user(&iam, context.text("UserName"))?;
    held::list_inline(context, &user.permissions.inline)
}

fn inline(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let user = user(&iam, context.text("UserName"))?;
    let name = context.text("PolicyName");
    let document = held::inline(&user.permissions.inline, name);
    let document = document.ok_or_else(|| no_entity("user policy", name))?;
    Ok(Output::Members(json!({
        "UserName": user.name, "PolicyName": name, "PolicyDocument": document,
    })))
}

fn attached(context: &Context<'_>) -> HandlerResult {
    let iam = seen_by_name(context);
    let user = user(&iam, context.text("UserName"))?;
    held::list_attached(context, &user.permissions.policies)
}
