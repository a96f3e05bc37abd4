//! What IAM says of an account as a whole.

use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{Context, HandlerResult, Output, no_entity, policies, roles, seen, single};
use crate::core::errors::ApiError;
use crate::services::{OperationHandler::Reads, OperationRow};

/// What of this file is called by its name.
pub(super) const OPERATIONS: &[OperationRow] =
    &[("GetAccountPasswordPolicy", Reads(password_policy))];

/// Quotas that AWS gives with the counts.
const QUOTAS: &[(&str, u32)] = &[
    ("UsersQuota", facts::USERS.value),
    ("GroupsQuota", facts::GROUPS.value),
    ("RolesQuota", facts::ROLES.value),
    ("PoliciesQuota", facts::CUSTOMER_POLICIES.value),
    ("InstanceProfilesQuota", 1000),
    ("ServerCertificatesQuota", 20),
    ("GroupsPerUserQuota", facts::GROUPS_PER_USER.value),
    ("AccessKeysPerUserQuota", facts::ACCESS_KEYS_PER_USER.value),
    ("SigningCertificatesPerUserQuota", 2),
    (
        "AttachedPoliciesPerUserQuota",
        facts::MANAGED_POLICIES_PER_USER.value,
    ),
    (
        "AttachedPoliciesPerGroupQuota",
        facts::MANAGED_POLICIES_PER_GROUP.value,
    ),
    (
        "AttachedPoliciesPerRoleQuota",
        facts::MANAGED_POLICIES_PER_ROLE.value,
    ),
    ("UserPolicySizeQuota", facts::USER_POLICY_CHARACTERS.value),
    ("GroupPolicySizeQuota", facts::GROUP_POLICY_CHARACTERS.value),
    ("RolePolicySizeQuota", facts::ROLE_POLICY_CHARACTERS.value),
    (
        "AssumeRolePolicySizeQuota",
        facts::TRUST_POLICY_CHARACTERS.value,
    ),
    ("PolicySizeQuota", facts::MANAGED_POLICY_CHARACTERS.value),
    ("VersionsPerPolicyQuota", facts::POLICY_VERSIONS.value),
    ("PolicyVersionsInUseQuota", 10_000),
    ("GlobalEndpointTokenVersion", 1),
    ("InstanceProfiles", 0),
    ("ServerCertificates", 0),
    ("AccountSigningCertificatesPresent", 0),
];

/// `GetAccountSummary`
pub(super) fn summary(context: &Context<'_>) -> Output {
    let iam = seen(context);
    let uses = policies::PolicyUses::of(context, &iam);
    let all = policies::all(context, &iam);
    let in_use = all.iter().filter(|policy| uses.attached(&policy.arn) > 0);
    let root = iam.root.as_ref();
    let root_mfa = usize::from(root.is_some_and(|root| root.mfa.is_some()));
    let devices = iam.users.iter().filter(|user| user.mfa.is_some()).count() + root_mfa;
    let counts = [
        ("Users", iam.users.len()),
        ("Groups", iam.groups.len()),
        ("Roles", roles::all(context, &iam).len()),
        ("Policies", iam.managed.len()),
        ("PolicyVersionsInUse", in_use.count()),
        ("Providers", 1),
        ("MFADevices", devices),
        ("MFADevicesInUse", devices),
        ("AccountMFAEnabled", root_mfa),
        (
            "AccountAccessKeysPresent",
            usize::from(root.is_some_and(|root| !root.keys.is_empty())),
        ),
        ("AccountPasswordPresent", 1),
    ];
    let counts = counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), json!(count)));
    let quotas = QUOTAS
        .iter()
        .map(|(name, quota)| ((*name).to_owned(), json!(quota)));
    let all = counts.chain(quotas).collect();
    single("SummaryMap", Value::Object(all))
}

/// `GetAccountPasswordPolicy`
fn password_policy(context: &Context<'_>) -> HandlerResult {
    let iam = seen(context);
    let policy = iam.password_policy.clone();
    let none = || -> ApiError {
        let name = format!("domain {}", context.caller.account);
        no_entity("Password Policy", &name)
    };
    Ok(single(
        "PasswordPolicy",
        Value::Object(policy.ok_or_else(none)?),
    ))
}
