//! IAM of an account: reading users and roles, those that provisioning made among them.

use std::fmt::Write as _;

use serde_json::{Map, Value, json};

use super::{OperationHandler::Reads, ServiceDescriptor};
use crate::core::{
    call::{Output, input_text},
    caller::{AwsCaller, CallerKind},
    context::{Context, HandlerResult},
    entities::Account,
    errors::{self, ApiError, ErrorForms},
    issue::{unique_id, whole_seconds},
    portal::reserved_path,
    roles::ACCESS_ROLE,
    service::{
        BucketSharing, CallRate, CallRates, DenialText, PolicyFacts, RequestForm, ScopeRegions,
        SimService,
    },
    state::SimState,
};

pub(super) static DESCRIPTOR: ServiceDescriptor = ServiceDescriptor {
    service: SimService {
        name: "Iam",
        signing_name: "iam",
        requests: RequestForm::Table("iam"),
        scope: ScopeRegions::Global,
        rates: CallRates::One(CallRate {
            shared: BucketSharing::Account,
            rate: 100.0,
            burst: 100.0,
        }),
        errors: ErrorForms {
            internal: |text| ApiError::new("ServiceFailure", text),
            ..errors::QUERY
        },
        policies: Some(PolicyFacts {
            free: &[],
            other_actions: &[],
            condition_keys: &[],
            resources,
            denials: DenialText::SaysWhy,
        }),
        secrets: &["Password", "SecretAccessKey"],
        names_origin: false,
    },
    begin: |call| call.admit(),
    operations: &[
        (
            "ListRoles",
            Reads(|call| listed(call, "Roles", roles(call))),
        ),
        (
            "GetRole",
            Reads(|call| one(call, "Role", "RoleName", roles(call))),
        ),
        (
            "ListUsers",
            Reads(|call| listed(call, "Users", users(call))),
        ),
        ("GetUser", Reads(get_user)),
        (
            "ListAccountAliases",
            Reads(|call| listed(call, "AccountAliases", Vec::new())),
        ),
    ],
};

/// Rows on a page when the caller does not say.
const DEFAULT_PAGE: usize = 100;

fn resources(_: &SimState, caller: &AwsCaller, operation: &str, input: &Value) -> Vec<String> {
    let of = |kind: &str, name: &str| format!("arn:aws:iam::{}:{kind}/{name}", caller.account);
    match operation {
        "GetRole" => input_text(input, "RoleName").map(|name| of("role", name)),
        "GetUser" => Some(match input_text(input, "UserName") {
            Some(name) => of("user", name),
            None => caller.arn.clone(),
        }),
        _ => None,
    }
    .into_iter()
    .collect()
}

fn no_entity(kind: &str, name: &str) -> ApiError {
    let kind = kind.to_lowercase();
    let text = format!("The {kind} with name {name} cannot be found.");
    ApiError::new("NoSuchEntity", text).status(404)
}

fn get_user(context: &Context<'_>) -> HandlerResult {
    if context.optional("UserName").is_some() {
        return one(context, "User", "UserName", users(context));
    }
    if context.caller.kind != CallerKind::User {
        return Err(ApiError::new(
            "ValidationError",
            "Must specify userName when calling with non-User credentials",
        ));
    }
    let mut users = users(context).into_iter();
    let own = users.find(|user| user.get("Arn") == Some(&Value::from(context.caller.arn.as_str())));
    let user = own.ok_or_else(|| no_entity("User", &context.caller.arn))?;
    Ok(Output::Members(json!({ "User": user })))
}

fn one(context: &Context<'_>, kind: &str, member: &str, rows: Vec<Value>) -> HandlerResult {
    let name = context.text(member);
    let mut rows = rows.into_iter();
    let found = rows.find(|row| row.get(member) == Some(&Value::from(name)));
    let mut members = Map::new();
    let found = found.ok_or_else(|| no_entity(kind, name))?;
    members.insert(kind.to_owned(), found);
    Ok(Output::Members(Value::Object(members)))
}

fn listed(context: &Context<'_>, name: &str, rows: Vec<Value>) -> HandlerResult {
    let page = context.page(DEFAULT_PAGE)?;
    let prefix = context.optional("PathPrefix").unwrap_or("/");
    let text = |row: &Value, name: &str| row.get(name)?.as_str().map(str::to_owned);
    let mut rows: Vec<(u64, String, Value)> = rows
        .into_iter()
        .filter(|row| text(row, "Path").is_some_and(|path| path.starts_with(prefix)))
        .filter_map(|row| Some((0, text(&row, "Arn")?, row)))
        .filter(|(order, arn, _)| {
            let after = page.after.as_ref();
            after.is_none_or(|last| (*order, arn) > (last.0, &last.1))
        })
        .collect();
    rows.sort_by(|one, other| one.1.cmp(&other.1));
    let (rows, token) = page.take(rows.into_iter());
    let mut members = Map::new();
    members.insert(name.to_owned(), Value::Array(rows));
    members.insert("IsTruncated".to_owned(), token.is_some().into());
    if let Some(token) = token {
        members.insert("Marker".to_owned(), token.into());
    }
    Ok(Output::Members(Value::Object(members)))
}

/// What a role is made of: path, name, longest session, who may take it.
fn role(context: &Context<'_>, path: &str, name: &str, longest: u32, trust: &Value) -> Value {
    let account = &context.caller.account;
    let arn = format!("arn:aws:iam::{account}:role{path}{name}");
    let joined = context.state.account(account).map(|account| account.joined);
    json!({
        "Path": path,
        "RoleName": name,
        "RoleId": unique_id(context.state.seed, "AROA", &arn),
        "Arn": arn,
        "CreateDate": whole_seconds(joined.unwrap_or(context.state.center.created)),
        "AssumeRolePolicyDocument": escaped(&trust.to_string()),
        "MaxSessionDuration": longest,
    })
}

fn trust(action: &Value, principal: &Value) -> Value {
    json!({ "Version": "2012-10-17", "Statement":
        [{ "Effect": "Allow", "Principal": principal, "Action": action }] })
}

fn roles(context: &Context<'_>) -> Vec<Value> {
    let state = &context.state;
    let account = context.caller.account.as_str();
    let assume = json!("sts:AssumeRole");
    let mut rows = Vec::new();
    for own in state
        .iam
        .get(account)
        .into_iter()
        .flat_map(|iam| &iam.roles)
    {
        let path = own.path.as_deref().unwrap_or("/");
        let trust = trust(&assume, &json!({ "AWS": own.trust }));
        let longest = own.max_session_duration.unwrap_or(3600);
        rows.push(role(context, path, &own.name, longest, &trust));
    }
    let member = state
        .account(account)
        .filter(|row| *row.id != *state.head.management);
    let created = |row: &Account| row.joined_method == "CREATED";
    let taken = |name: &str, rows: &[Value]| {
        let name = Value::from(name);
        rows.iter().any(|row| row.get("RoleName") == Some(&name))
    };
    if member.is_some_and(created) && !taken(ACCESS_ROLE, &rows) {
        let root = format!("arn:aws:iam::{}:root", state.head.management);
        let trust = trust(&assume, &json!({ "AWS": root }));
        rows.push(role(context, "/", ACCESS_ROLE, 3600, &trust));
    }
    let path = reserved_path(&state.center.home_region);
    let provider = hallpass_sim_base::Random::new(state.seed, &format!("saml/{account}")).hex(16);
    let provider = format!("arn:aws:iam::{account}:saml-provider/AWSSSO_{provider}_DO_NOT_DELETE");
    let trust = trust(
        &json!(["sts:AssumeRoleWithSAML", "sts:TagSession"]),
        &json!({ "Federated": provider }),
    );
    let start = (account.into(), 0, "".into());
    let provisions = state
        .provisions
        .range_seen(std::ops::Bound::Included(start), context.reading)
        .take_while(|((of, ..), _)| **of == *account);
    for ((_, _, set), provision) in provisions {
        if let Some(set) = state.set(set) {
            let name = format!("AWSReservedSSO_{}_{}", set.name, provision.suffix);
            rows.push(role(context, &path, &name, 43_200, &trust));
        }
    }
    rows
}

fn users(context: &Context<'_>) -> Vec<Value> {
    let state = &context.state;
    let account = context.caller.account.as_str();
    let of_file = state
        .iam
        .get(account)
        .into_iter()
        .flat_map(|iam| &iam.users);
    let mut named: Vec<(String, String)> = of_file
        .map(|user| {
            let path = user.path.clone().unwrap_or_else(|| "/".to_owned());
            (path, user.name.clone())
        })
        .collect();
    if named.iter().all(|(_, name)| name != "sim-admin") {
        named.push(("/".to_owned(), "sim-admin".to_owned()));
    }
    let joined = state.account(account).map(|account| account.joined);
    let joined = whole_seconds(joined.unwrap_or(state.center.created));
    let row = |(path, name): (String, String)| {
        let arn = format!("arn:aws:iam::{account}:user{path}{name}");
        json!({
            "Path": path,
            "UserName": name,
            "UserId": unique_id(state.seed, "AIDA", &arn),
            "Arn": arn,
            "CreateDate": joined,
        })
    };
    named.into_iter().map(row).collect()
}

/// As IAM answers documents: percent-encoded.
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
