//! Read-only operations (`inventory.md` F-2).

const VERBS: &[&str] = &[
    "Describe", "Get", "List", "Search", "Lookup", "Select", "BatchGet", "Head", "Simulate",
];
/// Reads with one-word names.
const NAMES: &[&str] = &["Query", "Scan"];
/// Reads by name that return secrets, credentials, passwords or equivalent addresses, or change
/// something. `tests/golden/reads_of_secrets.txt` has the remaining suspicious names.
const NOT: &[(&str, &str)] = &[
    ("account-access-runtime", "GetRoleCredentials"),
    ("acm", "GetAcmeExternalAccountBindingCredentials"),
    ("amplifybackend", "GetToken"),
    ("apigateway", "GetApiKey"),
    ("apigateway", "GetApiKeys"),
    ("appsync", "ListApiKeys"),
    ("auditmanager", "GetEvidenceFileUploadUrl"),
    ("bedrock-agentcore", "GetResourceApiKey"),
    ("bedrock-agentcore", "GetResourceOauth2Token"),
    ("bedrock-agentcore", "GetResourcePaymentToken"),
    ("bedrock-agentcore", "GetWorkloadAccessToken"),
    ("bedrock-agentcore", "GetWorkloadAccessTokenForJWT"),
    ("bedrock-agentcore", "GetWorkloadAccessTokenForUserId"),
    ("cloudwatchomni", "GetSpaceCredentialsForOrganization"),
    ("codeartifact", "GetAuthorizationToken"),
    ("cognito-identity", "GetCredentialsForIdentity"),
    ("cognito-identity", "GetOpenIdToken"),
    ("cognito-identity", "GetOpenIdTokenForDeveloperIdentity"),
    ("cognito-idp", "DescribeUserPoolClient"),
    ("cognito-idp", "GetClientToken"),
    ("cognito-idp", "GetDerivedToken"),
    ("cognito-idp", "GetTokensFromRefreshToken"),
    ("cognito-idp", "GetUserAttributeVerificationCode"),
    ("cognito-idp", "ListUserPoolClientSecrets"),
    ("connect", "GetFederationToken"),
    ("datazone", "GetEnvironmentCredentials"),
    ("datazone", "GetIamPortalLoginUrl"),
    ("ec2", "GetPasswordData"),
    ("ecr", "GetAuthorizationToken"),
    ("ecr", "GetDownloadUrlForLayer"),
    ("ecr-public", "GetAuthorizationToken"),
    ("emr", "GetClusterSessionCredentials"),
    ("emr", "GetOnClusterAppUIPresignedURL"),
    ("emr", "GetPersistentAppUIPresignedURL"),
    ("emr-containers", "GetManagedEndpointSessionCredentials"),
    ("gamelift", "GetComputeAccess"),
    ("gamelift", "GetComputeAuthToken"),
    ("gamelift", "GetInstanceAccess"),
    ("glacier", "GetJobOutput"),
    ("ivs", "BatchGetStreamKey"),
    ("ivs", "GetStreamKey"),
    ("kinesis-video-signaling", "GetIceServerConfig"),
    ("lakeformation", "GetTemporaryDataLocationCredentials"),
    ("lakeformation", "GetTemporaryGlueFunctionCredentials"),
    ("lakeformation", "GetTemporaryGluePartitionCredentials"),
    ("lakeformation", "GetTemporaryGlueTableCredentials"),
    ("license-manager", "GetAccessToken"),
    ("lightsail", "GetInstanceAccessDetails"),
    ("lightsail", "GetRelationalDatabaseMasterUserPassword"),
    ("managedblockchain", "GetAccessor"),
    ("pca-connector-scep", "GetChallengePassword"),
    ("quicksight", "GetDashboardEmbedUrl"),
    ("quicksight", "GetSessionEmbedUrl"),
    ("redshift", "GetClusterCredentials"),
    ("redshift", "GetClusterCredentialsWithIAM"),
    ("redshift", "GetIdentityCenterAuthToken"),
    ("redshift-serverless", "GetCredentials"),
    ("redshift-serverless", "GetIdentityCenterAuthToken"),
    ("route53globalresolver", "GetAccessToken"),
    ("s3", "GetObject"),
    ("s3", "GetObjectTorrent"),
    ("s3control", "GetDataAccess"),
    ("secretsmanager", "BatchGetSecretValue"),
    ("secretsmanager", "GetSecretValue"),
    ("security-ir", "GetCaseAttachmentDownloadUrl"),
    ("security-ir", "GetCaseAttachmentUploadUrl"),
    ("sqs", "GetQueueMessages"),
    ("ssm", "GetAccessToken"),
    ("ssm", "GetParameter"),
    ("ssm", "GetParameterHistory"),
    ("ssm", "GetParameters"),
    ("ssm", "GetParametersByPath"),
    ("sso", "GetRoleCredentials"),
    ("storagegateway", "DescribeChapCredentials"),
    ("sts", "GetDelegatedAccessToken"),
    ("sts", "GetFederationToken"),
    ("sts", "GetScopedCredentials"),
    ("sts", "GetSessionToken"),
    ("sts", "GetWebIdentityToken"),
    ("workmail", "GetImpersonationRole"),
];

/// Whether an operation only reads, and returns no secret.
pub fn only_reads(service: &str, operation: &str) -> bool {
    // `GetPasswordData` but not `Getaway`: the verb ends where a word begins
    let begins = |verb: &str| {
        let rest = operation.strip_prefix(verb);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let reads = VERBS.iter().any(|verb| begins(verb)) || NAMES.contains(&operation);
    reads && !NOT.contains(&(service, operation))
}
