use hallpass_aws_model::facts;
use hallpass_iam::{Policy, PolicyType};
use serde_json::{Value, json};

use super::{ApiError, Context, HandlerResult, Output};
use crate::core::{
    authorize,
    caller::{AwsCaller, CallerKind},
    document::Document,
    entities::Assumed,
    iam::managed,
    issue::issue_sized,
    roles::{self, Role},
    tag_keys::given_tags,
    windows::Window,
};
use crate::services::{OperationHandler::Writes, OperationRow};

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("AssumeRole", Writes(assume)),
    ("GetSessionToken", Writes(session_token)),
    ("GetScopedCredentials", Writes(scoped)),
];

/// Maximum managed session policies (AWS STS API Reference, "`AssumeRole`").
const SESSION_POLICIES: usize = 10;

fn refused(context: &Context<'_>, role: &str) -> ApiError {
    ApiError::denied(
        "AccessDenied",
        format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role}",
            context.caller.arn
        ),
    )
    .status(403)
}

fn invalid(message: &str) -> ApiError {
    ApiError::new("ValidationError", message)
}

fn assume(context: &mut Context<'_>) -> HandlerResult {
    let arn = context.text("RoleArn");
    if context.caller.kind == CallerKind::Root {
        return Err(
            ApiError::denied("AccessDenied", "Roles may not be assumed by root accounts.")
                .status(403),
        );
    }
    let role = roles::find(context.state, arn)
        .filter(|role| trusts(context, role))
        .ok_or_else(|| refused(context, arn))?;
    if context.state.settings.authorize {
        authorize::may_assume(context.state, context.call, context.caller, &role)?;
    }
    let given = given(context)?;
    let wanted = context
        .call
        .input
        .get("DurationSeconds")
        .and_then(Value::as_u64);
    let seconds = u32::try_from(wanted.unwrap_or(u64::from(facts::SESSION_SECONDS.value)))
        .unwrap_or(u32::MAX);
    if seconds > role.max_session {
        return Err(invalid(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    if context.caller.kind == CallerKind::Session && seconds > facts::CHAINED_SESSION_SECONDS.value
    {
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let name = context.text("RoleSessionName");
    let source_identity = source_identity(context, arn)?;
    let caller = roles::session(context.state.seed, &role, name, source_identity.clone());
    let (seed, now) = (context.state.seed, context.now);
    let size = token_bytes(context);
    let random = context.random();
    let (caller, credentials) = issue_sized(seed, caller, random, (now, seconds), size);
    remember(context, &caller, given);
    let mut answer = json!({
        "SessionTokenSize": size_of(&credentials),
        "Credentials": credentials,
        "AssumedRoleUser": { "AssumedRoleId": caller.user_id, "Arn": caller.arn },
    });
    if let (Some(source_identity), Some(members)) = (source_identity, answer.as_object_mut()) {
        members.insert("SourceIdentity".to_owned(), source_identity.into());
    }
    Ok(Output::Members(answer))
}

/// The source identity. Once set, it is inherited and immutable (IAM User Guide, "Monitor and
/// control actions taken with assumed roles").
fn source_identity(context: &Context<'_>, role: &str) -> Result<Option<String>, ApiError> {
    let given = context.optional("SourceIdentity").map(str::to_owned);
    match (&context.caller.source_identity, given) {
        (Some(held), Some(given)) if *held != given => Err(refused(context, role)),
        (Some(held), _) => Ok(Some(held.clone())),
        (None, given) => Ok(given),
    }
}

fn given(context: &Context<'_>) -> Result<Assumed, ApiError> {
    let policy = context.optional("Policy");
    if let Some(text) = policy {
        Policy::parse(text, PolicyType::Session)
            .map_err(|error| ApiError::new("MalformedPolicyDocument", error.to_string()))?;
    }
    let policy_arns = policy_arns(context)?;
    let mut tags = given_tags(context.call.input.get("Tags"), "InvalidParameterValue")?;
    let keys = context
        .call
        .input
        .get("TransitiveTagKeys")
        .and_then(Value::as_array);
    let keys = keys.into_iter().flatten().filter_map(Value::as_str);
    let mut transitive: Vec<String> = keys.map(str::to_owned).collect();
    let is_given = |key: &String| tags.keys().any(|it| it.eq_ignore_ascii_case(key));
    if let Some(key) = transitive.iter().find(|key| !is_given(key)) {
        let text = format!("The transitive tag key {key} is not among the tags of the session.");
        return Err(ApiError::new("InvalidParameterValue", text));
    }
    if let Some(before) = context.state.assumed.get(&context.caller.access_key_id) {
        for key in &before.transitive {
            if tags.keys().any(|it| it.eq_ignore_ascii_case(key)) {
                let text = "One of the specified transitive tag keys can't be set because it conflicts with a \
                            transitive tag key from the calling session.";
                return Err(ApiError::new("InvalidParameterValue", text));
            }
            if let Some(value) = before.tags.get(key) {
                tags.insert(key.clone(), value.clone());
                transitive.push(key.clone());
            }
        }
    }
    Ok(Assumed {
        policy: policy.map(Document::new),
        policy_arns,
        tags,
        transitive,
        expires: 0,
    })
}

/// Managed session policies; an account's own must belong to the role's account.
fn policy_arns(context: &Context<'_>) -> Result<Vec<String>, ApiError> {
    let rows = context.call.input.get("PolicyArns");
    let rows = rows
        .and_then(Value::as_array)
        .map_or(&[][..], Vec::as_slice);
    let arns = rows.iter().filter_map(|it| it.get("arn")?.as_str());
    let arns: Vec<String> = arns.map(str::to_owned).collect();
    if arns.len() > SESSION_POLICIES {
        let text = format!("At most {SESSION_POLICIES} policies can limit a session.");
        return Err(invalid(&text));
    }
    let account = context
        .optional("RoleArn")
        .and_then(|it| it.split(':').nth(4));
    let account = account.unwrap_or(&context.caller.account);
    let iam = context.state.iam_now(account);
    let own = format!("arn:aws:iam::{account}:policy/");
    let is_there = |arn: &str| {
        arn.starts_with("arn:aws:iam::aws:policy/")
            || (arn.starts_with(&own) && managed(&iam, arn).is_some())
    };
    match arns.iter().find(|it| !is_there(it)) {
        None => Ok(arns),
        Some(arn) => Err(invalid(&format!("Policy {arn} does not exist."))),
    }
}

/// Stores non-empty session parameters until the session ends.
fn remember(context: &mut Context<'_>, caller: &AwsCaller, given: Assumed) {
    if !given.limits() && given.tags.is_empty() {
        return;
    }
    context.write(Window::Immediate);
    let now = context.now;
    let kept = &mut context.state.assumed;
    kept.retain(|_, old| old.expires > now);
    let expires = caller.expires.unwrap_or(now);
    kept.insert(caller.access_key_id.clone(), Assumed { expires, ..given });
}

fn trusts(context: &Context<'_>, role: &Role) -> bool {
    let state = &context.state;
    let active = state
        .account(&role.account)
        .is_none_or(crate::core::entities::Account::is_active);
    if !state.settings.authorize {
        return active && role.account == context.caller.account;
    }
    active && authorize::trusts(state, context.call, context.caller, role)
}

/// `GetSessionToken`: temporary credentials of the same principal.
fn session_token(context: &mut Context<'_>) -> HandlerResult {
    if context.caller.kind == CallerKind::Session || context.caller.is_temporary_user() {
        return Err(ApiError::denied(
            "AccessDenied",
            "Cannot call GetSessionToken with session credentials",
        )
        .status(403));
    }
    let wanted = context
        .call
        .input
        .get("DurationSeconds")
        .and_then(Value::as_u64);
    let usual = facts::SESSION_TOKEN_SECONDS.value;
    let seconds = wanted.map_or(usual, |it| u32::try_from(it).unwrap_or(usual));
    let (seed, now) = (context.state.seed, context.now);
    let with_code = |name: &str| context.optional(name).is_some();
    let caller = AwsCaller {
        mfa: with_code("SerialNumber") && with_code("TokenCode"),
        ..context.caller.clone()
    };
    let size = token_bytes(context);
    let random = context.random();
    let (_, credentials) = issue_sized(seed, caller, random, (now, seconds), size);
    let size = size_of(&credentials);
    Ok(Output::Members(
        json!({ "Credentials": credentials, "SessionTokenSize": size }),
    ))
}

fn token_bytes(context: &Context<'_>) -> usize {
    let wanted = context.call.input.get("MinimumSessionTokenSize");
    let wanted = wanted.and_then(Value::as_u64).unwrap_or(0);
    usize::try_from(wanted).unwrap_or(0)
}

fn size_of(credentials: &Value) -> usize {
    let token = credentials.get("SessionToken").and_then(Value::as_str);
    token.map_or(0, str::len)
}

/// `GetScopedCredentials`: the same session with fewer rights, no longer lifetime, and the same
/// parameters. Nested scopes are not simulated.
fn scoped(context: &mut Context<'_>) -> HandlerResult {
    if context.caller.kind != CallerKind::Session {
        let text = "Cannot call GetScopedCredentials with long-term credentials";
        return Err(ApiError::new("InvalidSubjectCredentials", text));
    }
    let given = given(context)?;
    let wanted = context.call.input.get("DurationSeconds");
    let wanted = wanted.and_then(Value::as_u64);
    if !given.limits() && wanted.is_none() {
        return Err(invalid(
            "At least one of Policy and DurationSeconds has to be given.",
        ));
    }
    let before = context
        .state
        .assumed
        .get(&context.caller.access_key_id)
        .cloned();
    let is_limited = before.as_ref().is_some_and(Assumed::limits);
    if is_limited && given.limits() {
        return Err(invalid("A scope within a scope is not simulated."));
    }
    let (seed, now, caller) = (context.state.seed, context.now, context.caller.clone());
    let left = caller
        .expires
        .map_or(0, |end| end.saturating_sub(now) / 1000);
    let left = u32::try_from(left).unwrap_or(0);
    let seconds = wanted.map_or(left, |it| u32::try_from(it).unwrap_or(u32::MAX));
    if seconds > left {
        let text = "The requested DurationSeconds is greater than the remaining lifetime of the calling session.";
        return Err(ApiError::new("InsufficientSessionLifetime", text));
    }
    let size = token_bytes(context);
    let random = context.random();
    let (caller, credentials) = issue_sized(seed, caller, random, (now, seconds), size);
    let goes_on = match before {
        Some(before) if is_limited => before,
        Some(Assumed {
            tags, transitive, ..
        }) => Assumed {
            tags,
            transitive,
            ..given
        },
        None => given,
    };
    let count = usize::from(goes_on.policy.is_some()) + goes_on.policy_arns.len();
    remember(context, &caller, goes_on);
    let mut answer = json!({
        "SessionTokenSize": size_of(&credentials),
        "Credentials": credentials,
        "SessionInfo": { "ScopedSessionId": caller.user_id, "Arn": caller.arn },
        "ScopedPoliciesCount": count,
    });
    if let (Some(source), Some(members)) = (caller.source_identity, answer.as_object_mut()) {
        members.insert("SourceIdentity".to_owned(), source.into());
    }
    Ok(Output::Members(answer))
}
