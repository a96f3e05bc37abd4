use hallpass_aws_model::facts;
use serde_json::json;

use super::{
    ApiError, Context, HandlerResult, Iam, IamUser, attachable::check_attachable, keys::no_key,
    name_or_caller, single, user, users,
};
use crate::services::{OperationHandler::Writes, OperationRow};
use crate::{
    core::{
        call::Output,
        iam::DEFAULT_USER,
        instants::written,
        issue::{default_key, derive_secret, key_id},
        tag_keys::{given_tags, put_tags},
        windows::Window,
    },
    organization::{IamKey, IamPassword},
};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("CreateUser", Writes(create_user)),
    ("DeleteUser", Writes(delete_user)),
    ("TagUser", Writes(tag_user)),
    ("CreateAccessKey", Writes(create_key)),
    ("UpdateAccessKey", Writes(update_key)),
    ("DeleteAccessKey", Writes(delete_key)),
    ("CreateLoginProfile", Writes(create_login_profile)),
    ("DeleteLoginProfile", Writes(delete_login_profile)),
    (
        "UpdateAccountPasswordPolicy",
        Writes(update_password_policy),
    ),
    (
        "DeleteAccountPasswordPolicy",
        Writes(delete_password_policy),
    ),
];

const KEYS: usize = facts::ACCESS_KEYS_PER_USER.count();
const TAGS: usize = facts::TAGS_PER_USER.count();

pub(super) fn conflict(code: &str, text: impl Into<String>) -> ApiError {
    ApiError::new(code, text).status(409)
}

/// Refuses changes of the simulator's defaults and AWS's own entities.
pub(super) fn unmodifiable(name: &str) -> ApiError {
    let text = format!("Cannot perform the operation on the protected entity {name}");
    ApiError::new("UnmodifiableEntity", text)
}

pub(super) fn change<T>(
    context: &mut Context<'_>,
    change: impl FnOnce(&mut Iam) -> Result<T, ApiError>,
) -> Result<T, ApiError> {
    let account = context.caller.account.as_str();
    let mut iam = context.state.iam_now(account).into_owned();
    let made = change(&mut iam)?;
    let (seen, now) = (context.write(Window::Iam), context.now);
    context.state.put_iam(account, iam, seen, now);
    Ok(made)
}

fn user_mut<'a>(iam: &'a mut Iam, name: &str) -> Result<&'a mut IamUser, ApiError> {
    let name = user(iam, name)?.name.clone();
    let mut users = iam.users.iter_mut();
    let found = users.find(|user| user.name == name);
    found.ok_or_else(|| super::no_entity("user", &name))
}

fn create_user(context: &mut Context<'_>) -> HandlerResult {
    let made = IamUser {
        name: context.text("UserName").to_owned(),
        path: context
            .optional("Path")
            .filter(|path| *path != "/")
            .map(str::to_owned),
        created: Some(written(context.now - context.now.rem_euclid(1000))),
        tags: given_tags(context.call.input.get("Tags"), "InvalidInput")?,
        permissions: crate::organization::IamPolicies {
            boundary: context.optional("PermissionsBoundary").map(str::to_owned),
            ..Default::default()
        },
        ..IamUser::default()
    };
    let added = made.clone();
    let account = context.caller.account.clone();
    change(context, |iam| {
        if let Some(arn) = &added.permissions.boundary {
            check_attachable(iam, &account, arn)?;
        }
        if user(iam, &added.name).is_ok() {
            let text = format!("User with name {} already exists.", added.name);
            return Err(conflict("EntityAlreadyExists", text));
        }
        iam.users.push(added);
        Ok(())
    })?;
    let mut row = users::row(context, &made);
    if let Some(members) = row.as_object_mut() {
        users::add_boundary(members, made.permissions.boundary.as_ref());
        if !made.tags.is_empty() {
            members.insert("Tags".to_owned(), users::tag_rows(&made.tags));
        }
    }
    Ok(single("User", row))
}

/// `DeleteUser`: requires a user without attachments.
fn delete_user(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("UserName");
    if name.eq_ignore_ascii_case(DEFAULT_USER) {
        return Err(unmodifiable(DEFAULT_USER));
    }
    change(context, |iam| {
        let user = user(iam, name)?;
        let held = &user.permissions;
        let what = [
            (user.password.is_some(), "must delete login profile first."),
            (!user.keys.is_empty(), "must remove access keys first."),
            (user.mfa.is_some(), "must delete MFA device first."),
            (
                !user.groups.is_empty(),
                "must remove users from group first.",
            ),
            (!held.policies.is_empty(), "must detach all policies first."),
            (!held.inline.is_empty(), "must delete policies first."),
        ];
        if let Some((_, what)) = what.iter().find(|(holds, _)| *holds) {
            let text = format!("Cannot delete entity, {what}");
            return Err(conflict("DeleteConflict", text));
        }
        let name = user.name.clone();
        iam.users.retain(|user| user.name != name);
        Ok(())
    })?;
    Ok(Output::Nothing)
}

fn tag_user(context: &mut Context<'_>) -> HandlerResult {
    let name = context.text("UserName");
    let tags = given_tags(context.call.input.get("Tags"), "InvalidInput")?;
    change(context, |iam| {
        let user = user_mut(iam, name)?;
        put_tags(&mut user.tags, tags);
        if user.tags.len() > TAGS {
            let text = "The number of tags has reached the maximum limit.";
            return Err(conflict("LimitExceeded", text));
        }
        Ok(())
    })?;
    Ok(Output::Nothing)
}

/// `CreateAccessKey`: the only answer with the secret.
fn create_key(context: &mut Context<'_>) -> HandlerResult {
    let name = name_or_caller(context)?;
    let account = context.caller.account.as_str();
    let id = key_id("AKIA", account, context.random());
    let created = context.now - context.now.rem_euclid(1000);
    let key = IamKey {
        id: id.clone(),
        created: Some(written(created)),
        ..IamKey::default()
    };
    let name = change(context, |iam| {
        let user = user_mut(iam, &name)?;
        if user.keys.len() >= KEYS {
            let text = format!("Cannot exceed quota for AccessKeysPerUser: {KEYS}");
            return Err(conflict("LimitExceeded", text));
        }
        user.keys.push(key);
        Ok(user.name.clone())
    })?;
    let secret = derive_secret(context.state.seed, &id);
    Ok(single(
        "AccessKey",
        json!({
            "UserName": name, "AccessKeyId": id, "Status": "Active", "SecretAccessKey": secret,
            "CreateDate": crate::core::issue::whole_seconds(created),
        }),
    ))
}

fn update_key(context: &mut Context<'_>) -> HandlerResult {
    let status = context.text("Status");
    if !["Active", "Inactive"].contains(&status) {
        let text = format!("A key cannot be made {status}.");
        return Err(ApiError::new("InvalidInput", text));
    }
    change_keys(context, |keys, at| {
        if let Some(key) = keys.get_mut(at) {
            key.status = (status == "Inactive").then(|| status.to_owned());
        }
    })
}

fn delete_key(context: &mut Context<'_>) -> HandlerResult {
    change_keys(context, |keys, at| drop(keys.remove(at)))
}

fn change_keys(
    context: &mut Context<'_>,
    then: impl FnOnce(&mut Vec<IamKey>, usize),
) -> HandlerResult {
    let (name, id) = (name_or_caller(context)?, context.text("AccessKeyId"));
    if id == default_key(&context.caller.account) {
        return Err(unmodifiable(id));
    }
    change(context, |iam| {
        let keys = &mut user_mut(iam, &name)?.keys;
        let at = keys.iter().position(|key| key.id == id);
        then(keys, at.ok_or_else(|| no_key(id))?);
        Ok(())
    })?;
    Ok(Output::Nothing)
}

fn create_login_profile(context: &mut Context<'_>) -> HandlerResult {
    let name = name_or_caller(context)?;
    let reset = context.call.input.get("PasswordResetRequired");
    let password = IamPassword {
        changed: Some(written(context.now - context.now.rem_euclid(1000))),
        last_used: None,
        reset_required: reset == Some(&true.into()),
    };
    let user = change(context, |iam| {
        let user = user_mut(iam, &name)?;
        if user.password.is_some() {
            let text = format!("Login Profile for User {} already exists.", user.name);
            return Err(conflict("EntityAlreadyExists", text));
        }
        user.password = Some(password);
        Ok(user.clone())
    })?;
    Ok(single(
        "LoginProfile",
        json!(users::shown_profile(context, &user)),
    ))
}

fn delete_login_profile(context: &mut Context<'_>) -> HandlerResult {
    let name = name_or_caller(context)?;
    change(context, |iam| {
        let user = user_mut(iam, &name)?;
        let held = user.password.take();
        held.map(|_| ())
            .ok_or_else(|| users::no_profile(&user.name))
    })?;
    Ok(Output::Nothing)
}

/// `UpdateAccountPasswordPolicy`: omitted members return to their default (AWS: API reference).
fn update_password_policy(context: &mut Context<'_>) -> HandlerResult {
    let given = context.call.input.as_object().cloned().unwrap_or_default();
    let mut policy = serde_json::Map::new();
    policy.insert("MinimumPasswordLength".to_owned(), json!(6));
    for name in [
        "RequireSymbols",
        "RequireNumbers",
        "RequireUppercaseCharacters",
        "RequireLowercaseCharacters",
        "AllowUsersToChangePassword",
    ] {
        policy.insert(name.to_owned(), json!(false));
    }
    let ages = given
        .get("MaxPasswordAge")
        .is_some_and(|it| *it != json!(0));
    policy.insert("ExpirePasswords".to_owned(), json!(ages));
    policy.extend(given);
    change(context, |iam| {
        iam.password_policy = Some(policy);
        Ok(())
    })?;
    Ok(Output::Nothing)
}

fn delete_password_policy(context: &mut Context<'_>) -> HandlerResult {
    let name = format!("domain {}", context.caller.account);
    change(context, |iam| {
        let held = iam.password_policy.take();
        held.map(|_| ())
            .ok_or_else(|| super::no_entity("Password Policy", &name))
    })?;
    Ok(Output::Nothing)
}
