//! The condition keys of a call (AWS: "AWS global condition context keys").

use crate::base::Millis;
use hallpass_iam::Context;
use serde_json::Value;

use super::AuthorizationRequest;
use crate::core::{
    call::Call,
    caller::{AwsCaller, CallerKind},
    entities::read_tags,
    portal::reserved_path,
    state::SimState,
    tree::path,
};

fn instant(at: Millis) -> String {
    jiff::Timestamp::from_second(at.div_euclid(1000))
        .map(|at| at.to_string())
        .unwrap_or_default()
}

pub(super) fn principal_arn(state: &SimState, caller: &AwsCaller) -> String {
    if caller.kind != CallerKind::Session {
        return caller.arn.clone();
    }
    let name = caller.arn.split('/').nth(1).unwrap_or_default();
    let path = if !caller.role_path.is_empty() {
        caller.role_path.clone()
    } else if caller.user.is_some() {
        reserved_path(&state.center.home_region)
    } else {
        "/".to_owned()
    };
    format!("arn:aws:iam::{}:role{path}{name}", caller.account)
}

/// The keys of a call, except those of its resource.
pub(super) fn of(question: &AuthorizationRequest<'_>) -> Context {
    let (call, caller) = (question.call, question.caller);
    let region = call.service.region(&call.region);
    let keys = of_caller(question.state, caller, question.owner, region);
    of_request(call, keys)
}

/// Keys of caller, time and Region; `owner`: the account of the resource.
pub(super) fn of_caller(
    state: &SimState,
    caller: &AwsCaller,
    owner: &str,
    region: &str,
) -> Context {
    let now = state.latest;
    let mut keys = Context::new()
        .with("aws:PrincipalArn", principal_arn(state, caller))
        .with("aws:PrincipalAccount", caller.account.clone())
        .with("aws:userid", caller.user_id.clone())
        .with("aws:CurrentTime", instant(now))
        .with("aws:EpochTime", now.div_euclid(1000).to_string())
        .with("aws:RequestedRegion", region)
        .with("aws:PrincipalIsAWSService", "false")
        .with("aws:ViaAWSService", "false")
        // the simulated endpoints are all TLS
        .with("aws:SecureTransport", "true")
        .with("aws:ResourceAccount", owner);
    if let Some(account) = state.account(&caller.account) {
        keys = keys
            .with("aws:PrincipalOrgID", state.head.id.clone())
            .with(
                "aws:PrincipalOrgMasterAccountId",
                state.head.management.clone(),
            )
            .with_list("aws:PrincipalOrgPaths", [path(state, &account.parent)]);
    }
    if let Some(account) = state.account(owner) {
        keys = keys
            .with("aws:ResourceOrgID", state.head.id.clone())
            .with_list("aws:ResourceOrgPaths", [path(state, &account.parent)]);
    }
    if let Some(identity) = &caller.source_identity {
        keys = keys.with("aws:SourceIdentity", identity.clone());
    }
    if caller.issued != 0 {
        keys = keys.with("aws:TokenIssueTime", instant(caller.issued));
    }
    if let Some(user) = &caller.user {
        let store = format!(
            "arn:aws:identitystore::{}:identitystore/{}",
            state.head.management, state.center.store
        );
        keys = keys
            .with("identitystore:UserId", &**user)
            .with("identitystore:IdentityStoreArn", store);
    }
    if let Some(assumed) = state.assumed.get(&caller.access_key_id) {
        for (key, value) in &assumed.tags {
            keys = keys.with(&format!("aws:PrincipalTag/{key}"), value.clone());
        }
    }
    keys
}

fn of_request(call: &Call, mut keys: Context) -> Context {
    if !call.source_ip.is_empty() {
        keys = keys.with("aws:SourceIp", call.source_ip.clone());
    }
    let text = |name: &str| call.input.get(name).and_then(Value::as_str);
    let tags = read_tags(call.input.get("Tags"));
    if !tags.is_empty() {
        keys = keys.with_list("aws:TagKeys", tags.keys().cloned());
        for (key, value) in tags {
            keys = keys.with(&format!("aws:RequestTag/{key}"), value);
        }
    }
    let facts = call.service.policies.as_ref();
    let own = facts.map_or(&[][..], |facts| facts.condition_keys);
    for (member, key) in own {
        if let Some(value) = text(member) {
            keys = keys.with(key, value);
        }
    }
    keys
}

pub(super) fn of_resource(state: &SimState, arn: &str, mut keys: Context) -> Context {
    let id = arn.rsplit('/').next().unwrap_or_default();
    let set = state.set(id).filter(|_| arn.starts_with("arn:aws:sso:"));
    let organization = arn.starts_with("arn:aws:organizations:");
    let policy = state.guardrail(id).filter(|_| organization);
    let account = state.account(id).filter(|_| organization);
    let ou = state.ou(id).filter(|_| organization);
    let tags = set
        .map(|set| &set.tags)
        .or_else(|| policy.map(|policy| &policy.tags))
        .or_else(|| account.map(|account| &account.tags))
        .or_else(|| ou.map(|ou| &ou.tags));
    for (key, value) in tags.into_iter().flatten() {
        keys = keys.with(&format!("aws:ResourceTag/{key}"), value.clone());
    }
    if let Some(policy) = policy {
        keys = keys.with("organizations:PolicyType", policy.kind.clone());
    }
    keys
}
