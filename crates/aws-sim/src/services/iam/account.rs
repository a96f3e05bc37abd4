use std::collections::BTreeSet;

use crate::base::{Millis, Random};
use hallpass_aws_model::facts;
use serde_json::{Value, json};

use super::{
    Context, HandlerResult, Output, changes::change, listed, no_entity, policies, roles, seen,
    seen_by_name, single,
};
use crate::core::{
    errors::ApiError,
    issue::whole_seconds,
    portal::{reserved_path, saml_provider},
};
use crate::services::OperationHandler::{Reads, Writes};
use crate::services::OperationRow;

/// Validity of a provider's metadata: a hundred years, as observed for Identity Center.
const METADATA_MS: Millis = 100 * 365 * 86_400_000;

pub(super) const OPERATIONS: &[OperationRow] = &[
    ("GetAccountPasswordPolicy", Reads(password_policy)),
    ("GetAccountProperties", Reads(|call| Ok(properties(call)))),
    ("PutAccountProperties", Writes(put_properties)),
    ("GetOutboundWebIdentityFederationInfo", Reads(outbound)),
    (
        "EnableOutboundWebIdentityFederation",
        Writes(enable_outbound),
    ),
    (
        "DisableOutboundWebIdentityFederation",
        Writes(disable_outbound),
    ),
    ("ListSAMLProviders", Reads(saml_providers)),
    ("ListOpenIDConnectProviders", Reads(oidc_providers)),
];

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

/// `GetAccountProperties`: the written ones; AWS publishes no list.
fn properties(context: &Context<'_>) -> Output {
    let properties = seen_by_name(context).properties.clone();
    single("Properties", json!(properties))
}

/// `PutAccountProperties`: all of one namespace.
fn put_properties(context: &mut Context<'_>) -> HandlerResult {
    let given = context.call.input.get("Properties");
    let given = given.and_then(Value::as_object).cloned();
    let given = given.unwrap_or_default();
    let namespace = |key: &String| {
        let (space, name) = key.split_once('/')?;
        let is_one = !space.is_empty() && !name.is_empty() && !name.contains('/');
        is_one.then(|| space.to_owned())
    };
    let spaces: Option<BTreeSet<String>> = given.keys().map(namespace).collect();
    if spaces.is_none_or(|it| it.len() != 1) {
        let text = "Property keys must have the format Namespace/PropertyName and belong to one namespace.";
        return Err(ApiError::new("InvalidInput", text));
    }
    change(context, |iam| {
        let text = |value: Value| value.as_str().map(str::to_owned);
        let set = given
            .into_iter()
            .filter_map(|(key, value)| Some((key, text(value)?)));
        iam.properties.extend(set);
        Ok(())
    })?;
    Ok(Output::Members(json!({})))
}

/// The issuer of an account's tokens.
fn issuer(context: &Context<'_>) -> String {
    let mut random = Random::new(
        context.state.seed,
        &format!("issuer/{}", context.caller.account),
    );
    format!("https://{}.tokens.sts.global.api.aws", random.hex(16))
}

/// `GetOutboundWebIdentityFederationInfo`: an error while disabled (AWS: IAM's model).
fn outbound(context: &Context<'_>) -> HandlerResult {
    if !seen_by_name(context).outbound_federation {
        return Err(outbound_is("FeatureDisabled", "disabled"));
    }
    let answer = json!({ "IssuerIdentifier": issuer(context), "JwtVendingEnabled": true });
    Ok(Output::Members(answer))
}

fn outbound_is(code: &str, word: &str) -> ApiError {
    let text = format!("Outbound web identity federation is {word} for this account.");
    ApiError::new(code, text)
}

fn enable_outbound(context: &mut Context<'_>) -> HandlerResult {
    change(context, |iam| {
        if iam.outbound_federation {
            return Err(outbound_is("FeatureEnabled", "enabled"));
        }
        iam.outbound_federation = true;
        Ok(())
    })?;
    let issuer = issuer(context);
    Ok(Output::Members(json!({ "IssuerIdentifier": issuer })))
}

fn disable_outbound(context: &mut Context<'_>) -> HandlerResult {
    change(context, |iam| {
        if !iam.outbound_federation {
            return Err(outbound_is("FeatureDisabled", "disabled"));
        }
        iam.outbound_federation = false;
        Ok(())
    })?;
    Ok(Output::Nothing)
}

/// `ListSAMLProviders`: the one that Identity Center makes with its first provisioned role.
fn saml_providers(context: &Context<'_>) -> HandlerResult {
    let account = context.caller.account.as_str();
    let path = reserved_path(&context.state.center.home_region);
    let is_provisioned = |name: &str| name.contains(&path);
    let roles = roles::all(context, &seen(context));
    let has_roles = roles.iter().any(|it| is_provisioned(&it.arn(account)));
    let joined = context.state.joined(account);
    let rows = has_roles.then(|| {
        let arn = saml_provider(context.state, account);
        let row = json!({
            "Arn": arn,
            "CreateDate": whole_seconds(joined),
            "ValidUntil": whole_seconds(joined + METADATA_MS),
            "IsTrustedIdentityPropagationEnabled": false,
        });
        (arn, row)
    });
    listed(context, rows.into_iter().collect())
}

/// `ListOpenIDConnectProviders`: always empty.
fn oidc_providers(context: &Context<'_>) -> HandlerResult {
    listed(context, Vec::new())
}
