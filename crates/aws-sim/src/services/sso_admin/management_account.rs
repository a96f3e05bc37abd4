//! Assignments in the management account: there Identity Center creates roles and their provider
//! with the caller's rights (from issues of AWS TEAM and landing zones; the required actions are
//! undocumented).

use super::Context;
use crate::core::{
    authorize,
    entities::{AsyncKind, FailAsync},
    portal,
};

const SERVICE: &str = "sso.amazonaws.com";
/// Actions to create a role, apart from reads.
const MAKE: [&str; 5] = [
    "iam:GetRole",
    "iam:ListRolePolicies",
    "iam:CreateRole",
    "iam:AttachRolePolicy",
    "iam:PutRolePolicy",
];
/// Actions to remove a role.
const REMOVE: [&str; 5] = [
    "iam:ListAttachedRolePolicies",
    "iam:ListRolePolicies",
    "iam:DetachRolePolicy",
    "iam:DeleteRolePolicy",
    "iam:DeleteRole",
];

/// The refusal of an assignment change in `account` for lack of IAM rights. `role_changes`: it is
/// the first or the last of its permission set there.
pub(super) fn refused(
    context: &Context<'_>,
    kind: AsyncKind,
    (account, set): (&str, &str),
    role_changes: bool,
) -> Option<FailAsync> {
    let state = &context.state;
    if account != state.head.management || context.caller.account != account {
        return None;
    }
    let set = state.set(set)?;
    let there = portal::reserved_role(state, &account.into(), set);
    let role = there.map_or_else(
        || {
            let path = portal::reserved_path(&state.center.home_region);
            let name = &set.name;
            format!("arn:aws:iam::{account}:role{path}AWSReservedSSO_{name}_0000000000000000")
        },
        |role| role.arn,
    );
    let provider = portal::saml_provider(state, account);
    let mut wanted: Vec<(&str, &str)> = Vec::new();
    let on_role: &[&str] = match (kind, role_changes) {
        (AsyncKind::Create, true) => &MAKE,
        (AsyncKind::Create, false) => &["iam:GetRole"],
        (AsyncKind::Delete, true) => &REMOVE,
        (AsyncKind::Delete, false) | (AsyncKind::Provision, _) => &[],
    };
    if kind == AsyncKind::Create {
        wanted.push(("iam:GetSAMLProvider", &provider));
    }
    wanted.extend(on_role.iter().map(|action| (*action, role.as_str())));
    let mut wanted = wanted.into_iter();
    let denied = wanted.find_map(|(action, resource)| {
        authorize::refusal(
            state,
            context.call,
            context.caller,
            (SERVICE, action, resource),
        )
    })?;
    Some(FailAsync {
        reason: format!(
            "Received a 403 status error: Access denied by IAM. Please check your policy, or wait for role propagation to \
             complete. IAM Error: {denied}"
        ),
        done: false,
    })
}
