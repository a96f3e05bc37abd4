use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    account_access,
    caller::{AwsCaller, CallerKind},
    issue::unique_id,
    state::SimState,
};
use crate::organization::IamRole;

/// The management account's role in accounts it created.
pub(crate) const ACCESS_ROLE: &str = "OrganizationAccountAccessRole";

#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub account: String,
    pub name: String,
    pub arn: String,
    pub max_session: u32,
    /// Null for a role that cannot be assumed.
    pub trust: Value,
}

pub(crate) fn find(state: &SimState, arn: &str) -> Option<Role> {
    let rest = arn.strip_prefix("arn:aws:iam::")?;
    let (account, path) = rest.split_once(":role/")?;
    let name = path.rsplit('/').next()?;
    let iam = state.iam_now(account);
    let found = iam.roles.iter().find(|found| {
        let prefix = found.path.as_deref().unwrap_or("/").trim_start_matches('/');
        path == format!("{prefix}{}", found.name)
    })?;
    Some(Role {
        account: account.to_owned(),
        name: name.to_owned(),
        arn: arn.to_owned(),
        max_session: found.max_session_duration.unwrap_or(3600),
        trust: trust_policy(found),
    })
}

pub(crate) fn trust_policy(role: &IamRole) -> Value {
    if let Some(written) = &role.trust_policy {
        return written.clone();
    }
    let trusted = &role.trust;
    // account access manager needs more actions
    let action = if trusted.iter().any(|name| name == account_access::PRINCIPAL) {
        json!(account_access::TRUSTED_ACTIONS)
    } else {
        json!("sts:AssumeRole")
    };
    trust_document(&action, &principals(trusted), role.external_id.as_ref())
}

/// Accounts and principals under `AWS`, services under `Service`; a single one is not a list.
fn principals(trusted: &[String]) -> Value {
    let is_service = |name: &&String| name.ends_with(".amazonaws.com");
    let services: Vec<&String> = trusted.iter().filter(is_service).collect();
    let others: Vec<&String> = trusted.iter().filter(|name| !is_service(name)).collect();
    let mut all = BTreeMap::new();
    for (kind, names) in [("AWS", others), ("Service", services)] {
        match names.as_slice() {
            [] => {}
            [one] => drop(all.insert(kind, json!(one))),
            names => drop(all.insert(kind, json!(names))),
        }
    }
    json!(all)
}

pub(crate) fn trust_document(
    action: &Value,
    principal: &Value,
    external_id: Option<&String>,
) -> Value {
    let mut statement = json!({ "Effect": "Allow", "Principal": principal, "Action": action });
    if let (Some(id), Some(members)) = (external_id, statement.as_object_mut()) {
        let condition = json!({ "StringEquals": { "sts:ExternalId": id } });
        members.insert("Condition".to_owned(), condition);
    }
    json!({ "Version": "2012-10-17", "Statement": [statement] })
}

pub(crate) fn session(
    seed: u64,
    role: &Role,
    name: &str,
    source_identity: Option<String>,
) -> AwsCaller {
    let path = role.arn.split_once(":role").map(|(_, rest)| rest);
    let path = path.and_then(|rest| rest.strip_suffix(&role.name));
    AwsCaller {
        account: role.account.clone(),
        arn: format!(
            "arn:aws:sts::{}:assumed-role/{}/{name}",
            role.account, role.name
        ),
        user_id: format!("{}:{name}", unique_id(seed, "AROA", &role.arn)),
        access_key_id: String::new(),
        kind: CallerKind::Session,
        issued: 0,
        expires: None,
        source_identity,
        user: None,
        role_path: path
            .filter(|path| *path != "/")
            .unwrap_or_default()
            .to_owned(),
        mfa: false,
    }
}

/// The caller behind a principal's long-lived key.
pub(crate) fn principal(seed: u64, arn: &str, access_key_id: &str) -> Option<AwsCaller> {
    let rest = arn.strip_prefix("arn:aws:iam::")?;
    let (account, kind) = rest.split_once(':')?;
    let mut caller = AwsCaller {
        account: account.to_owned(),
        arn: arn.to_owned(),
        access_key_id: access_key_id.to_owned(),
        ..AwsCaller::default()
    };
    if kind == "root" {
        caller.kind = CallerKind::Root;
        account.clone_into(&mut caller.user_id);
    } else if let Some(path) = kind.strip_prefix("role/") {
        // a long-lived key as a role: simulates a workload with an instance role
        let name = path.rsplit('/').next().unwrap_or(path);
        if let Some((above, _)) = path.rsplit_once('/') {
            caller.role_path = format!("/{above}/");
        }
        caller.kind = CallerKind::Session;
        caller.user_id = format!("{}:workload", unique_id(seed, "AROA", arn));
        caller.arn = format!("arn:aws:sts::{account}:assumed-role/{name}/workload");
    } else {
        caller.user_id = unique_id(seed, "AIDA", arn);
    }
    Some(caller)
}
