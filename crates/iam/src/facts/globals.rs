//! Condition keys that do not belong to a service (AWS: "AWS global condition context keys").

use super::keys::{Key, ValueType, find_key};

/// Keys that say who calls, by which session. AWS publishes their types in prose only, so the lists are kept by hand.
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
    // whom a `ContextProvider` of an identity provider says that the session acts for (AWS: model of STS,
    // `TrustedIdentityPropagationContext`); its two ARNs are there with an `IdentityCenterInstanceArn` of the provider
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

/// Keys that say how a call is made, and of what.
const CALL_KEYS: &[Key] = &[
    // the way
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

/// Those of them that say when it is made.
const MOMENT_KEYS: [&str; 2] = ["aws:CurrentTime", "aws:EpochTime"];

/// Prefixes of keys that say how a session began, and by whom; hosts of identity providers are others.
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

/// Global keys that are in a request only where the action lists them.
const TAG_KEYS: [&str; 3] = [
    "aws:ResourceTag/${TagKey}",
    "aws:RequestTag/${TagKey}",
    "aws:TagKeys",
];

/// Those of them that say what a request sets rather than what a resource has.
const REQUEST_TAG_KEYS: [&str; 2] = ["aws:RequestTag/${TagKey}", "aws:TagKeys"];

/// What every OIDC provider brings, whatever its host. The source has only some hosts, and calls
/// `amr` a single value, which AWS documents as a list ("Available keys for AWS OIDC federation").
const PROVIDER_KEYS: &[Key] = &[
    many("${Provider}:amr", ValueType::String),
    one("${Provider}:aud", ValueType::String),
    one("${Provider}:sub", ValueType::String),
];

/// Prefixes of keys that another service lists as its own.
const OWNERS: &[(&str, &str)] = &[
    ("identitycenter", "sso"),
    ("catalog", "aws-marketplace"),
    ("saml", "sts"),
    ("cognito-identity-auth", "cognito-identity"),
    ("cognito-identity-unauth", "cognito-identity"),
];

/// Every key.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    CALLER_KEYS.iter().chain(CALL_KEYS)
}

pub(super) fn find(name: &str) -> Option<&'static Key> {
    find_key(CALLER_KEYS, name).or_else(|| find_key(CALL_KEYS, name))
}

/// Whether the same call has the same value of the key when another role makes it later. Of keys that are newer than the
/// lists nobody knows.
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

/// The key of an OIDC provider; their prefix is a host, perhaps with a path.
pub(super) fn of_provider(name: &str) -> Option<&'static Key> {
    let prefix = name.split(':').next()?;
    let host = prefix.contains('.');
    host.then(|| find_key(PROVIDER_KEYS, name)).flatten()
}

/// Whether the key holds what the request sets, so that no resource can bring it.
pub(super) fn is_of_request(name: &str) -> bool {
    find(name).is_some_and(|key| REQUEST_TAG_KEYS.contains(&key.name))
}

/// The service that lists keys with that prefix, where it is not the prefix itself.
pub(super) fn owner(prefix: &str) -> Option<&'static str> {
    let mut owners = OWNERS.iter();
    let named = owners.find(|(own, _)| own.eq_ignore_ascii_case(prefix));
    // hosts of identity providers: `token.actions.githubusercontent.com`
    let provider = prefix.contains('.').then_some("sts");
    named.map(|(_, service)| *service).or(provider)
}

/// Whether a request for any action can carry the key.
pub(super) fn is_everywhere(name: &str) -> bool {
    let prefix = name.split(':').next().unwrap_or_default();
    // what a provider said stays in the session it opened
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
