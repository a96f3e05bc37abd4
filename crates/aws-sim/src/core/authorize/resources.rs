//! Which action a call is, and on which resources (AWS: "Actions, resources, and condition keys
//! for AWS services").

use serde_json::Value;

use crate::core::{
    call::{AwsCaller, Call, SimService},
    organizations,
    state::SimState,
};

/// Operations whose action is called otherwise.
const OTHER_NAMES: &[(SimService, &str, &str)] =
    &[(SimService::S3, "ListBuckets", "ListAllMyBuckets")];

/// The action of a call, `service:Name`.
pub(super) fn action(call: &Call) -> String {
    let other = OTHER_NAMES
        .iter()
        .find(|(service, operation, _)| *service == call.service && *operation == call.operation);
    let name = other.map_or(call.operation.as_str(), |(_, _, name)| name);
    format!("{}:{name}", call.service.signing_name())
}

fn text<'a>(call: &'a Call, name: &str) -> Option<&'a str> {
    call.input.get(name).and_then(Value::as_str)
}

/// The resources of a call; `*` where the service names none.
pub(super) fn of(state: &SimState, call: &Call, caller: &AwsCaller) -> Vec<String> {
    let found = match call.service {
        SimService::Sso => sso(call),
        SimService::IdentityStore => identity_store(state, call),
        SimService::Organizations => organization(state, call),
        SimService::Iam => iam(call, caller),
        SimService::Sts
        | SimService::Ec2
        | SimService::S3
        | SimService::SsoOidc
        | SimService::SsoPortal => Vec::new(),
    };
    if found.is_empty() {
        return vec!["*".to_owned()];
    }
    found
}

/// Operations that name an account beside instance and permission set.
const WITH_ACCOUNT: [&str; 4] = [
    "CreateAccountAssignment",
    "DeleteAccountAssignment",
    "ListAccountAssignments",
    "ProvisionPermissionSet",
];

fn sso(call: &Call) -> Vec<String> {
    let account = text(call, "TargetId").or_else(|| text(call, "AccountId"));
    let account = account.filter(|_| WITH_ACCOUNT.contains(&call.operation.as_str()));
    let account = account.map(|id| format!("arn:aws:sso:::account/{id}"));
    let others = ["InstanceArn", "PermissionSetArn", "ResourceArn"];
    let others = others.into_iter().filter_map(|name| text(call, name));
    account
        .into_iter()
        .chain(others.map(str::to_owned))
        .collect()
}

fn identity_store(state: &SimState, call: &Call) -> Vec<String> {
    let store = format!(
        "arn:aws:identitystore::{}:identitystore/{}",
        state.head.management, state.center.store
    );
    let parts = [
        ("user", text(call, "UserId")),
        ("group", text(call, "GroupId")),
        ("membership", text(call, "MembershipId")),
    ];
    let parts = parts.into_iter().filter_map(|(kind, id)| {
        let id = id?;
        let id = id.rsplit('/').next().unwrap_or(id);
        Some(format!("arn:aws:identitystore:::{kind}/{id}"))
    });
    std::iter::once(store).chain(parts).collect()
}

fn organization(state: &SimState, call: &Call) -> Vec<String> {
    let policy = text(call, "PolicyId").and_then(|id| organizations::policy_arn(state, id));
    let nodes = [
        "TargetId",
        "AccountId",
        "OrganizationalUnitId",
        "ParentId",
        "ChildId",
        "RootId",
        "SourceParentId",
        "DestinationParentId",
        "ResourceId",
    ];
    let nodes = nodes.into_iter().filter_map(|name| {
        let id = text(call, name)?;
        organizations::node_arn(state, id).or_else(|| organizations::policy_arn(state, id))
    });
    policy.into_iter().chain(nodes).collect()
}

fn iam(call: &Call, caller: &AwsCaller) -> Vec<String> {
    let of = |kind: &str, name: &str| format!("arn:aws:iam::{}:{kind}/{name}", caller.account);
    match call.operation.as_str() {
        "GetRole" => text(call, "RoleName").map(|name| of("role", name)),
        "GetUser" => Some(match text(call, "UserName") {
            Some(name) => of("user", name),
            None => caller.arn.clone(),
        }),
        _ => None,
    }
    .into_iter()
    .collect()
}
