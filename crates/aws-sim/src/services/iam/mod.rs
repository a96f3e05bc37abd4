//! IAM of an account: users, credentials, groups, roles (including provisioned ones), policies and
//! reports.

mod account;
mod attachable;
mod changes;
mod delegations;
mod details;
mod devices;
mod groups;
mod held;
mod keys;
mod policies;
mod report;
mod role_changes;
mod roles;
mod simulate;
mod users;

use std::{borrow::Cow, fmt::Write as _};

use crate::base::Millis;
use serde_json::{Map, Value};

use super::{
    OperationHandler::{Reads, Writes},
    ServiceDescriptor,
};
use crate::{
    core::{
        call::{Output, input_text},
        caller::{AwsCaller, CallerKind},
        context::{Context, HandlerResult},
        errors::{self, ApiError, ErrorForms},
        iam::holder,
        instants::instant,
        issue::whole_seconds,
        pages::put_next,
        portal,
        service::{BucketSharing, CallRates, PolicyFacts, ScopeRegions, SimService},
        state::SimState,
    },
    organization::{Iam, IamUser},
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        scope: ScopeRegions::Global,
        rates: CallRates::one(BucketSharing::Account, 100.0, 100.0),
        errors: ErrorForms {
            internal: |text| ApiError::new("ServiceFailure", text),
            ..errors::QUERY
        },
        policies: Some(PolicyFacts {
            resources,
            ..PolicyFacts::BY_NAME
        }),
        secrets: &["Password", "SecretAccessKey"],
        ..SimService::named("Iam", "iam")
    },
    begin,
    operations: &[
        &[
            (
                "GenerateCredentialReport",
                Writes(|call| Ok(report::generate(call))),
            ),
            (
                "GetAccountSummary",
                Reads(|call| Ok(account::summary(call))),
            ),
            ("ListAccountAliases", Reads(|call| listed(call, Vec::new()))),
        ],
        roles::OPERATIONS,
        role_changes::OPERATIONS,
        users::OPERATIONS,
        keys::OPERATIONS,
        devices::OPERATIONS,
        groups::OPERATIONS,
        policies::OPERATIONS,
        details::OPERATIONS,
        simulate::OPERATIONS,
        report::OPERATIONS,
        account::OPERATIONS,
        delegations::OPERATIONS,
        changes::OPERATIONS,
    ],
};

/// IAM refuses `GetSessionToken` credentials without MFA (STS API Reference, "`GetSessionToken`").
fn begin(context: &mut Context<'_>) -> Result<(), ApiError> {
    if context.caller.is_temporary_user() && !context.caller.mfa {
        let text = "The security token included in the request is invalid";
        return Err(ApiError::denied("InvalidClientTokenId", text).status(403));
    }
    context.admit()
}

fn resources(state: &SimState, caller: &AwsCaller, operation: &str, input: &Value) -> Vec<String> {
    let created = ["CreateRole", "CreateUser"].contains(&operation);
    let changes_role = ["AttachRolePolicy", "DeleteRole", "DetachRolePolicy"].contains(&operation);
    let of = |kind: &str, name: &str| {
        let path = if created {
            input_text(input, "Path").map(str::to_owned)
        } else if changes_role && name.starts_with(portal::RESERVED_PREFIX) {
            None
        } else {
            path_of(state, &caller.account, kind, name)
        };
        let path = path.unwrap_or_else(|| "/".to_owned());
        format!("arn:aws:iam::{}:{kind}{path}{name}", caller.account)
    };
    let named = [
        ("RoleName", "role"),
        ("UserName", "user"),
        ("GroupName", "group"),
        ("DelegationRequestId", "delegation-request"),
    ];
    let mut named = named.iter();
    let own = || (operation == "GetUser").then(|| caller.arn.clone());
    let holder_of_key = || {
        let id = input_text(input, "AccessKeyId")?;
        let (holder, _) = holder(&state.iam_now(&caller.account), &caller.account, id)?;
        (operation == "GetAccessKeyLastUsed").then_some(holder)
    };
    named
        .find_map(|(member, kind)| Some(of(kind, input_text(input, member)?)))
        .or_else(|| input_text(input, "PolicyArn").map(str::to_owned))
        .or_else(own)
        .or_else(holder_of_key)
        .into_iter()
        .collect()
}

fn path_of(state: &SimState, account: &str, kind: &str, name: &str) -> Option<String> {
    let iam = state.iam_now(account);
    let is = |other: &str| other.eq_ignore_ascii_case(name);
    match kind {
        "user" => iam.users.iter().find(|it| is(&it.name))?.path.clone(),
        "group" => iam.groups.iter().find(|it| is(&it.name))?.path.clone(),
        "role" => {
            let own = iam.roles.iter().find(|it| is(&it.name));
            let reserved = own.is_none() && name.starts_with(portal::RESERVED_PREFIX);
            let reserved = reserved.then(|| portal::reserved_path(&state.center.home_region));
            own.map_or(reserved, |role| role.path.clone())
        }
        _ => None,
    }
}

fn no_entity(kind: &str, name: &str) -> ApiError {
    let text = format!("The {kind} with name {name} cannot be found.");
    ApiError::new("NoSuchEntity", text)
}

/// The caller's IAM for lists.
fn seen<'a>(context: &'a Context<'_>) -> Cow<'a, Iam> {
    let state = &context.state;
    state.iam_seen(&context.caller.account, context.reading)
}

fn seen_by_name<'a>(context: &'a Context<'_>) -> Cow<'a, Iam> {
    let state = &context.state;
    state.iam_seen(&context.caller.account, context.reading_by_id)
}

/// Ignores case.
fn user<'a>(iam: &'a Iam, name: &str) -> Result<&'a IamUser, ApiError> {
    let mut users = iam.users.iter();
    let found = users.find(|user| user.name.eq_ignore_ascii_case(name));
    found.ok_or_else(|| no_entity("user", name))
}

fn user_or_caller<'a>(context: &Context<'_>, iam: &'a Iam) -> Result<&'a IamUser, ApiError> {
    user(iam, &name_or_caller(context)?)
}

fn name_or_caller(context: &Context<'_>) -> Result<String, ApiError> {
    if let Some(name) = context.optional("UserName") {
        return Ok(name.to_owned());
    }
    if context.caller.kind == CallerKind::User {
        let name = context.caller.arn.rsplit('/').next().unwrap_or_default();
        return Ok(name.to_owned());
    }
    Err(ApiError::new(
        "ValidationError",
        "Must specify userName when calling with non-User credentials",
    ))
}

fn date(given: Option<&String>, otherwise: Millis) -> String {
    whole_seconds(instant(given).unwrap_or(otherwise))
}

fn is_below(context: &Context<'_>, path: Option<&String>) -> bool {
    let prefix = context.optional("PathPrefix").unwrap_or("/");
    path.map_or("/", String::as_str).starts_with(prefix)
}

fn single(name: &str, value: Value) -> Output {
    let mut members = Map::new();
    members.insert(name.to_owned(), value);
    Output::Members(Value::Object(members))
}

fn listed(context: &Context<'_>, rows: Vec<(String, Value)>) -> HandlerResult {
    let (rows, token) = page(context, rows.into_iter().map(|(id, row)| (0, id, row)))?;
    Ok(context.paged(rows, token))
}

fn finish(context: &Context<'_>, mut members: Map<String, Value>, token: Option<String>) -> Output {
    put_next(context.call, &mut members, token);
    Output::Members(Value::Object(members))
}

/// A page of rows by part and their order within it. The marker identifies a row by number: its
/// maximum is 320 characters, and an ARN takes most of them.
fn page<T>(
    context: &Context<'_>,
    rows: impl Iterator<Item = (u8, String, T)>,
) -> Result<(Vec<T>, Option<String>), ApiError> {
    let page = context.page()?;
    let mut rows: Vec<(String, u64, T)> = rows
        .map(|(part, id, row)| (part.to_string(), context.state.order(&id), row))
        .collect();
    rows.sort_by(|one, other| (&one.0, one.1).cmp(&(&other.0, other.1)));
    let rows = rows
        .into_iter()
        .map(|(part, order, row)| (order, part, row));
    let rows = rows.filter(|(order, part, _)| {
        let after = page.after.as_ref();
        after.is_none_or(|(last, last_part)| (part, order) > (last_part, last))
    });
    Ok(page.take(rows))
}

/// Percent-encoded, as in IAM's answers.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}
