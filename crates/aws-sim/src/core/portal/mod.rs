//! The access portal (`sso`): accounts, roles and role credentials for who has signed in.

mod access;
mod memory;
mod sessions;

pub(crate) use access::{assigned, may_enter, pairs};
pub(crate) use memory::{
    AuthorizationCode, Device, Portal, SignIn, Verdict, begin, forget, grant, holder, revoke,
    sign_out,
};
pub(crate) use sessions::{NewSession, enter, is_killed, reserved_path, reserved_set};

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{
    call::{ApiError, AwsCaller, Call, ErrorClass, Id, Output},
    context::{Context, Window},
    pages::PageCursor,
};

/// The operations that have behaviour.
pub(super) const OPERATIONS: &[&str] = &[
    "ListAccounts",
    "ListAccountRoles",
    "GetRoleCredentials",
    "Logout",
];

/// The header that carries the access token, which is also its name in the input.
pub(crate) const TOKEN: &str = "x-amz-sso_bearer_token";

/// Rows on a page when the caller does not say.
const DEFAULT_PAGE: usize = 100;

type HandlerResult = Result<Output, ApiError>;

/// Answers an operation of the list above.
pub(super) fn answer(context: &mut Context<'_>) -> HandlerResult {
    let token = context.text(TOKEN);
    let sign_in = holder(context.state, token, context.now).cloned();
    let sign_in = sign_in.ok_or_else(unauthorized)?;
    match context.call.operation.as_str() {
        "ListAccounts" => accounts(context, &sign_in),
        "ListAccountRoles" => roles(context, &sign_in),
        "GetRoleCredentials" => credentials(context, &sign_in),
        _ => {
            context.write(Window::Immediate);
            sign_out(&mut context.state.portal, token, context.now);
            Ok(Output::Nothing)
        }
    }
}

/// The refusal of a token; AWS does not tell a made-up one from one that is over.
fn unauthorized() -> ApiError {
    ApiError::new(
        "UnauthorizedException",
        "Session token not found or invalid",
    )
    .status(401)
    .class(ErrorClass::AuthFailed)
}

/// The refusal of an input: without a token it is the token that is wrong.
pub(super) fn invalid(call: &Call, text: &str) -> ApiError {
    if call.input.get(TOKEN).is_none() {
        return unauthorized();
    }
    ApiError::new("InvalidRequestException", text)
}

/// Not in the model, but what clients get (seen in the field).
fn no_access() -> ApiError {
    ApiError::denied("ForbiddenException", "No access").status(403)
}

fn page(context: &Context<'_>, sign_in: &SignIn) -> Result<PageCursor, ApiError> {
    // a page token is good for the person, whatever access token comes with it
    let caller = AwsCaller {
        account: sign_in.user.to_string(),
        ..context.caller.clone()
    };
    let (call, seed) = (context.call, context.state.seed);
    PageCursor::of(call, &caller, seed, DEFAULT_PAGE, context.now)
}

/// One page of rows in the stable internal order (`simulator.md` PG-2).
fn listed(
    context: &Context<'_>,
    sign_in: &SignIn,
    name: &str,
    ids: BTreeSet<Id>,
    row: impl Fn(&Id) -> Option<Value>,
) -> HandlerResult {
    let page = page(context, sign_in)?;
    let places: BTreeSet<(u64, String)> = ids
        .into_iter()
        .map(|id| (context.state.order(&id), id.to_string()))
        .filter(|place| page.after.as_ref().is_none_or(|after| place > after))
        .collect();
    let rows = places.into_iter().filter_map(|(order, id)| {
        let shown = row(&Id::from(id.as_str()))?;
        Some((order, id, shown))
    });
    let (rows, token) = page.take(rows);
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    if let Some(token) = token {
        members.insert("nextToken".to_owned(), token.into());
    }
    Ok(Output::Members(Value::Object(members)))
}

fn accounts(context: &mut Context<'_>, sign_in: &SignIn) -> HandlerResult {
    context.admit()?;
    let held = pairs(context.state, &sign_in.user, context.reading);
    let ids = held.into_iter().map(|(account, _)| account).collect();
    listed(context, sign_in, "accountList", ids, |id| {
        let account = context.state.account(id)?;
        Some(json!({
            "accountId": account.id,
            "accountName": account.name,
            "emailAddress": account.email,
        }))
    })
}

fn roles(context: &mut Context<'_>, sign_in: &SignIn) -> HandlerResult {
    context.admit()?;
    let account = context.text("account_id");
    let held = pairs(context.state, &sign_in.user, context.reading);
    let here = held.into_iter().filter(|(of, _)| **of == *account);
    let ids: BTreeSet<Id> = here.map(|(_, set)| set).collect();
    if ids.is_empty() {
        return Err(no_access());
    }
    listed(context, sign_in, "roleList", ids, |id| {
        let set = context.state.set(id)?;
        Some(json!({ "roleName": set.name, "accountId": account }))
    })
}

fn credentials(context: &mut Context<'_>, sign_in: &SignIn) -> HandlerResult {
    context.admit()?;
    let account = Id::from(context.text("account_id"));
    let set = context.state.set_named(context.text("role_name"));
    let set = set.map(|set| set.id.clone()).ok_or_else(no_access)?;
    if !may_enter(
        context.state,
        &account,
        &set,
        &sign_in.user,
        context.reading,
    ) {
        return Err(no_access());
    }
    let now = context.now;
    let mut random = context.random().clone();
    let entry = NewSession {
        user: &sign_in.user,
        account: &account,
        set: &set,
        source: "portal",
        id: format!("s{}", context.call.seq),
    };
    let given = enter(context.state, entry, &mut random, now).ok_or_else(no_access)?;
    context.write(Window::Immediate);
    let expires = context.state.sessions.last().map(|one| one.expires);
    Ok(Output::Members(json!({ "roleCredentials": {
        "accessKeyId": given.get("AccessKeyId"),
        "secretAccessKey": given.get("SecretAccessKey"),
        "sessionToken": given.get("SessionToken"),
        "expiration": expires,
    }})))
}
