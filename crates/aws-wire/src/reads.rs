//! Which operations only read (`inventory.md` F-2).

const VERBS: &[&str] = &[
    "Describe", "Get", "List", "Search", "Lookup", "Select", "BatchGet", "Head", "Simulate",
];
/// Reads whose names are one word.
const NAMES: &[&str] = &["Query", "Scan"];
/// They read by name, and give out secrets, credentials or passwords, or change something.
const NOT: &[(&str, &str)] = &[
    ("cognito-identity", "GetCredentialsForIdentity"),
    ("cognito-identity", "GetOpenIdToken"),
    ("cognito-identity", "GetOpenIdTokenForDeveloperIdentity"),
    ("ec2", "GetPasswordData"),
    ("ecr", "GetAuthorizationToken"),
    ("ecr-public", "GetAuthorizationToken"),
    ("codeartifact", "GetAuthorizationToken"),
    ("glacier", "GetJobOutput"),
    ("lightsail", "GetInstanceAccessDetails"),
    ("lightsail", "GetRelationalDatabaseMasterUserPassword"),
    ("redshift", "GetClusterCredentials"),
    ("redshift", "GetClusterCredentialsWithIAM"),
    ("redshift-serverless", "GetCredentials"),
    ("s3", "GetObject"),
    ("s3control", "GetDataAccess"),
    ("secretsmanager", "BatchGetSecretValue"),
    ("secretsmanager", "GetSecretValue"),
    ("sqs", "GetQueueMessages"),
    ("sso", "GetRoleCredentials"),
    ("ssm", "GetParameter"),
    ("ssm", "GetParameters"),
    ("ssm", "GetParametersByPath"),
    ("ssm", "GetParameterHistory"),
    ("sts", "GetDelegatedAccessToken"),
    ("sts", "GetFederationToken"),
    ("sts", "GetSessionToken"),
    ("sts", "GetWebIdentityToken"),
    ("workmail", "GetImpersonationRole"),
];

/// Whether an operation only reads, and what it reads is no secret.
pub fn only_reads(service: &str, operation: &str) -> bool {
    // `GetPasswordData` but not `Getaway`: the verb ends where a word begins
    let begins = |verb: &str| {
        let rest = operation.strip_prefix(verb);
        rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
    };
    let reads = VERBS.iter().any(|verb| begins(verb)) || NAMES.contains(&operation);
    reads && !NOT.contains(&(service, operation))
}
