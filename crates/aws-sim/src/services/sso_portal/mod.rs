//! The access portal (`sso`): accounts, roles and role credentials of signed-in users.

use std::collections::BTreeSet;

use hallpass_aws_model::{facts, message};
use serde_json::{Value, json};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::core::{
    call::Output,
    caller::AwsCaller,
    context::{Context, HandlerResult},
    entities::Id,
    errors::{self, ApiError, ErrorClass, ErrorForms},
    pages::PageCursor,
    portal::{NewSession, TOKEN, enter, holder, may_enter, pairs},
    service::{BucketSharing, CallRates, RequestForm, ScopeRegions, SimService},
    sign_ins::{SignIn, sign_out},
    windows::Window,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "SsoPortal",
        signing_name: "awsssoportal",
        page_rows: 100,
        requests: RequestForm::Table("sso"),
        scope: ScopeRegions::Regional,
        rates: CallRates::one(
            BucketSharing::Everybody,
            facts::CENTER_CALLS.rate(),
            facts::CENTER_CALLS.rate(),
        ),
        errors: ErrorForms {
            invalid: |input, violations| match input.get(TOKEN) {
                None => unauthorized(),
                Some(_) => ApiError::new("InvalidRequestException", message(violations)),
            },
            ..errors::REST_JSON
        },
        policies: None,
        secrets: &["next_token", TOKEN],
        names_origin: false,
    },
    begin,
    operations: &[&[
        ("ListAccounts", Reads(accounts)),
        ("ListAccountRoles", Reads(roles)),
        ("GetRoleCredentials", Writes(credentials)),
        ("Logout", Writes(|call| Ok(log_out(call)))),
    ]],
};

fn begin(context: &mut Context<'_>) -> Result<(), ApiError> {
    signed_in(context)?;
    if context.call.operation == "Logout" {
        return Ok(());
    }
    context.admit()
}

/// The session of an access token, valid in every Region of the instance ("one sign-in for all
/// Regions").
fn signed_in(context: &Context<'_>) -> Result<SignIn, ApiError> {
    let token = context.text(TOKEN);
    let center = &context.state.center;
    let here = center.signs_in(&context.call.region, context.now);
    let sign_in = holder(context.state, token, context.now).cloned();
    sign_in.filter(|_| here).ok_or_else(unauthorized)
}

fn log_out(context: &mut Context<'_>) -> Output {
    context.write(Window::Immediate);
    let token = context.text(TOKEN);
    sign_out(&mut context.state.portal, token, context.now);
    Output::Nothing
}

/// AWS does not distinguish an invalid token from an expired one.
fn unauthorized() -> ApiError {
    ApiError::new(
        "UnauthorizedException",
        "Session token not found or invalid",
    )
    .class(ErrorClass::AuthFailed)
}

fn no_access() -> ApiError {
    ApiError::denied("ForbiddenException", "No access").status(403)
}

fn page(context: &Context<'_>, sign_in: &SignIn) -> Result<PageCursor, ApiError> {
    // a page token is valid for the user, independent of the access token
    let caller = AwsCaller {
        account: sign_in.user.to_string(),
        ..context.caller.clone()
    };
    let (call, seed) = (context.call, context.state.seed);
    PageCursor::of(call, &caller, seed, context.now)
}

/// One page of rows in the stable internal order (`simulator.md` PG-2).
fn listed(
    context: &Context<'_>,
    sign_in: &SignIn,
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
    Ok(context.paged(rows, token))
}

fn accounts(context: &Context<'_>) -> HandlerResult {
    let sign_in = signed_in(context)?;
    let held = pairs(context.state, &sign_in.user, context.reading);
    let ids = held.into_iter().map(|(account, _)| account).collect();
    listed(context, &sign_in, ids, |id| {
        let account = context.state.account(id)?;
        Some(json!({
            "accountId": account.id,
            "accountName": account.name,
            "emailAddress": account.email,
        }))
    })
}

fn roles(context: &Context<'_>) -> HandlerResult {
    let sign_in = signed_in(context)?;
    let account = context.text("account_id");
    let held = pairs(context.state, &sign_in.user, context.reading);
    let here = held.into_iter().filter(|(of, _)| **of == *account);
    let ids: BTreeSet<Id> = here.map(|(_, set)| set).collect();
    if ids.is_empty() {
        return Err(no_access());
    }
    listed(context, &sign_in, ids, |id| {
        let set = context.state.set(id)?;
        Some(json!({ "roleName": set.name, "accountId": account }))
    })
}

fn credentials(context: &mut Context<'_>) -> HandlerResult {
    let sign_in = signed_in(context)?;
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
