//! Global condition keys (AWS: "AWS global condition context keys").

use super::keys::{Key, ValueType, find_key};

/// Keys of caller and session. AWS publishes types only in prose, so the lists are manual.
const CALLER_KEYS: &[Key] = &[
    // the principal
    one("aws:PrincipalArn", ValueType::Arn),
    one("aws:PrincipalAccount", ValueType::String),
    many("aws:PrincipalOrgPaths", ValueType::String),
    one("aws:PrincipalOrgID", ValueType::String),
    one("aws:PrincipalTag/${TagKey}", ValueType::String),
    one("aws:PrincipalIsAWSService", ValueType::Bool),
    one("aws:PrincipalServiceName", ValueType::String),
    many("aws:PrincipalServiceNamesList", ValueType::String),
    one("aws:PrincipalType", ValueType::String),
    one("aws:userid", ValueType::String),
    one("aws:username", ValueType::String),
    // the session
    one("aws:AssumedRoot", ValueType::Bool),
    one("aws:ChatbotSourceArn", ValueType::Arn),
    one("aws:Ec2InstanceSourcePrivateIPv4", ValueType::IpAddress),
    one("aws:Ec2InstanceSourceVpc", ValueType::String),
    one("aws:FederatedProvider", ValueType::String),
    one("aws:MultiFactorAuthAge", ValueType::Numeric),
    one("aws:MultiFactorAuthPresent", ValueType::Bool),
    one("aws:SourceIdentity", ValueType::String),
    one("aws:TokenIssueTime", ValueType::Date),
    one("ec2:RoleDelivery", ValueType::Numeric),
    one("ec2:SourceInstanceArn", ValueType::Arn),
    one("glue:CredentialIssuingService", ValueType::String),
    one("glue:RoleAssumedBy", ValueType::String),
    one("identitystore:UserId", ValueType::String),
    one("lambda:SourceFunctionArn", ValueType::Arn),
    one("ssm:SourceInstanceArn", ValueType::Arn),
    // the user that an identity provider's `ContextProvider` names (AWS: model of STS,
    // `TrustedIdentityPropagationContext`); two ARNs require the provider's
    // `IdentityCenterInstanceArn`
    one("aws:IdentityCenterInstanceArn", ValueType::Arn),
    one("aws:IdentityStoreArn", ValueType::Arn),
    one("aws:OriginIdentity/FederatedProviderArn", ValueType::Arn),
    one("aws:OriginIdentity/Issuer", ValueType::String),
    one("aws:OriginIdentity/Subject", ValueType::String),
    one("aws:OriginIdentity/SubjectType", ValueType::String),
    one(
        "aws:TransactionContext/IdentityProvider/${Key}",
        ValueType::String,
    ),
];

const CALL_KEYS: &[Key] = &[
    // network path
    one("aws:SourceIp", ValueType::IpAddress),
    one("aws:SourceVpc", ValueType::String),
    one("aws:SourceVpcArn", ValueType::Arn),
    one("aws:SourceVpce", ValueType::String),
    one("aws:VpceAccount", ValueType::String),
    one("aws:VpceOrgID", ValueType::String),
    many("aws:VpceOrgPaths", ValueType::String),
    one("aws:VpcSourceIp", ValueType::IpAddress),
    // the resource
    one("aws:ResourceAccount", ValueType::String),
    one("aws:ResourceOrgID", ValueType::String),
    many("aws:ResourceOrgPaths", ValueType::String),
    one("aws:ResourceTag/${TagKey}", ValueType::String),
    // the request
    many("aws:CalledVia", ValueType::String),
    one("aws:CalledViaFirst", ValueType::String),
    one("aws:CalledViaLast", ValueType::String),
    one("aws:CalledViaAWSMCP", ValueType::String),
    one("aws:CurrentTime", ValueType::Date),
    one("aws:EpochTime", ValueType::Date),
    one("aws:IsMcpServiceAction", ValueType::Bool),
    one("aws:referer", ValueType::String),
    one("aws:RequestedRegion", ValueType::String),
    one("aws:RequestTag/${TagKey}", ValueType::String),
    one("aws:SecureTransport", ValueType::Bool),
    one("aws:SourceAccount", ValueType::String),
    one("aws:SourceArn", ValueType::Arn),
    one("aws:SourceOrgID", ValueType::String),
    many("aws:SourceOrgPaths", ValueType::String),
    one("aws:SourceOwner", ValueType::String),
    many("aws:TagKeys", ValueType::String),
    one("aws:UserAgent", ValueType::String),
    one("aws:ViaAWSMCPService", ValueType::Bool),
    one("aws:ViaAWSService", ValueType::Bool),
];

const MOMENT_KEYS: [&str; 2] = ["aws:CurrentTime", "aws:EpochTime"];

/// Key prefixes of the session's origin; identity provider hosts are others.
const SESSION_PREFIXES: [&str; 8] = [
    "aws",
    "sts",
    "saml",
    "sso",
    "identitycenter",
    "identitystore",
    "cognito-identity",
    "iam",
];

/// Global keys present only if the action lists them.
const TAG_KEYS: [&str; 3] = [
    "aws:ResourceTag/${TagKey}",
    "aws:RequestTag/${TagKey}",
    "aws:TagKeys",
];

/// Keys of requested tags, not existing ones.
const REQUEST_TAG_KEYS: [&str; 2] = ["aws:RequestTag/${TagKey}", "aws:TagKeys"];

/// Keys of every OIDC provider. The source has only some hosts, and calls `amr` a single value,
/// which AWS documents as a list ("Available keys for AWS OIDC federation").
const PROVIDER_KEYS: &[Key] = &[
    many("${Provider}:amr", ValueType::String),
    one("${Provider}:aud", ValueType::String),
    one("${Provider}:sub", ValueType::String),
];

const OWNERS: &[(&str, &str)] = &[
    ("identitycenter", "sso"),
    ("catalog", "aws-marketplace"),
    ("saml", "sts"),
    ("cognito-identity-auth", "cognito-identity"),
    ("cognito-identity-unauth", "cognito-identity"),
];

pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    CALLER_KEYS.iter().chain(CALL_KEYS)
}

pub(super) fn find(name: &str) -> Option<&'static Key> {
    find_key(CALLER_KEYS, name).or_else(|| find_key(CALL_KEYS, name))
}

/// Whether the value stays the same for another role at a later time. False for unknown keys.
pub(super) fn is_of_call(name: &str) -> bool {
    if find_key(CALLER_KEYS, name).is_some() {
        return false;
    }
    if let Some(key) = find_key(CALL_KEYS, name) {
        return !MOMENT_KEYS.contains(&key.name);
    }
    let prefix = name.split(':').next().unwrap_or_default();
    let mut of_sessions = SESSION_PREFIXES.iter();
    !prefix.contains('.') && !of_sessions.any(|it| it.eq_ignore_ascii_case(prefix))
}

/// Key of an OIDC provider; the prefix is a host, perhaps with a path.
pub(super) fn of_provider(name: &str) -> Option<&'static Key> {
    let prefix = name.split(':').next()?;
    let host = prefix.contains('.');
    host.then(|| find_key(PROVIDER_KEYS, name)).flatten()
}

/// Whether the request sets the key, so that no resource can.
pub(super) fn is_of_request(name: &str) -> bool {
    find(name).is_some_and(|key| REQUEST_TAG_KEYS.contains(&key.name))
}

/// The service that lists a foreign prefix.
pub(super) fn owner(prefix: &str) -> Option<&'static str> {
    let mut owners = OWNERS.iter();
    let named = owners.find(|(own, _)| own.eq_ignore_ascii_case(prefix));
    // provider hosts: `token.actions.githubusercontent.com`
    let provider = prefix.contains('.').then_some("sts");
    named.map(|(_, service)| *service).or(provider)
}

/// Whether requests for any action may have the key.
pub(super) fn is_everywhere(name: &str) -> bool {
    let prefix = name.split(':').next().unwrap_or_default();
    // provider claims stay in the session
    let of_provider = prefix.contains('.') || prefix.eq_ignore_ascii_case("saml");
    of_provider || find(name).is_some_and(|key| !TAG_KEYS.contains(&key.name))
}

const fn one(name: &'static str, value: ValueType) -> Key {
    Key {
        name,
        value,
        multi_valued: false,
    }
}

const fn many(name: &'static str, value: ValueType) -> Key {
    Key {
        name,
        value,
        multi_valued: true,
    }
}
