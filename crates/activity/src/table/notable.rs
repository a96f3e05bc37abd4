//! Calls that somebody should look at (`inventory.md` H-29): a closed list of kinds, told by service and event name alone.

/// What makes a call notable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotableKind {
    /// It stops, narrows or removes what records what is done.
    Logging,
    /// It makes credentials that outlive the session.
    Credentials,
    /// It may open something to others.
    Exposure,
    /// It changes who may do what.
    Identity,
    /// It changes a key of KMS.
    Keys,
    /// It changes the organization.
    Organization,
}

/// Names of events by service. A name counts with what AWS appends to it, as in `AddPermission20150331v2`.
const NAMED: &[(NotableKind, &str, &[&str])] = &[
    (
        NotableKind::Logging,
        "cloudtrail",
        &[
            "StopLogging",
            "DeleteTrail",
            "UpdateTrail",
            "PutEventSelectors",
            "DeleteEventDataStore",
            "StopEventDataStoreIngestion",
        ],
    ),
    (
        NotableKind::Logging,
        "config",
        &[
            "StopConfigurationRecorder",
            "DeleteConfigurationRecorder",
            "DeleteDeliveryChannel",
        ],
    ),
    (
        NotableKind::Logging,
        "guardduty",
        &[
            "DeleteDetector",
            "UpdateDetector",
            "DisassociateFromAdministratorAccount",
        ],
    ),
    (NotableKind::Logging, "securityhub", &["DisableSecurityHub"]),
    (NotableKind::Logging, "ec2", &["DeleteFlowLogs"]),
    (
        NotableKind::Logging,
        "logs",
        &["DeleteLogGroup", "DeleteLogStream", "PutRetentionPolicy"],
    ),
    (NotableKind::Logging, "access-analyzer", &["DeleteAnalyzer"]),
    (
        NotableKind::Credentials,
        "iam",
        &[
            "CreateAccessKey",
            "CreateLoginProfile",
            "UpdateLoginProfile",
            "CreateServiceSpecificCredential",
            "ResetServiceSpecificCredential",
            "UploadSigningCertificate",
            "UploadSSHPublicKey",
            // a partner has access from then on
            "AcceptDelegationRequest",
            "SendDelegationToken",
        ],
    ),
    (
        NotableKind::Credentials,
        "sts",
        &[
            "GetFederationToken",
            "GetSessionToken",
            "GetDelegatedAccessToken",
            "GetWebIdentityToken",
        ],
    ),
    // what `aws login` and its like have: refreshed for up to 90 days, or good for 12 hours
    (
        NotableKind::Credentials,
        "signin",
        &[
            "CreateBearerToken",
            "CreateOAuth2Token",
            "CreateOAuth2TokenWithIAM",
            "CreateOAuth2TokenWithTokenExchange",
        ],
    ),
    (
        NotableKind::Credentials,
        "ec2",
        &["CreateKeyPair", "ImportKeyPair"],
    ),
    (
        NotableKind::Exposure,
        "s3",
        &[
            "PutBucketPolicy",
            "PutBucketAcl",
            "PutObjectAcl",
            "PutBucketPublicAccessBlock",
            "DeleteBucketPublicAccessBlock",
            "PutAccountPublicAccessBlock",
            "DeleteAccountPublicAccessBlock",
            // tags of the bucket decide from then on
            "PutBucketAbac",
        ],
    ),
    (
        NotableKind::Exposure,
        "ec2",
        &[
            "AuthorizeSecurityGroupIngress",
            "ModifySnapshotAttribute",
            "ModifyImageAttribute",
            "DisableImageBlockPublicAccess",
            "DisableSnapshotBlockPublicAccess",
        ],
    ),
    (
        NotableKind::Exposure,
        "rds",
        &[
            "ModifyDBSnapshotAttribute",
            "ModifyDBClusterSnapshotAttribute",
        ],
    ),
    (
        NotableKind::Exposure,
        "lambda",
        &[
            "AddPermission",
            "PutResourcePolicy",
            "CreateFunctionUrlConfig",
            "UpdateFunctionUrlConfig",
        ],
    ),
    // services outside of AWS may be shown the account's identities from then on
    (
        NotableKind::Exposure,
        "iam",
        &["EnableOutboundWebIdentityFederation"],
    ),
    // AWS's own operators may act on resources from then on
    (
        NotableKind::Exposure,
        "supportauthz",
        &["CreateSupportPermit"],
    ),
    (NotableKind::Exposure, "ecr", &["SetRepositoryPolicy"]),
    (NotableKind::Exposure, "sns", &["AddPermission"]),
    (NotableKind::Exposure, "sqs", &["AddPermission"]),
    (
        NotableKind::Exposure,
        "secretsmanager",
        &["PutResourcePolicy"],
    ),
    // who may sign in from where, and whether the console lets anybody in
    (
        NotableKind::Identity,
        "signin",
        &[
            "PutConsoleAuthorizationConfiguration",
            "DeleteConsoleAuthorizationConfiguration",
            "PutResourcePermissionStatement",
            "DeleteResourcePermissionStatement",
        ],
    ),
];

/// Services of which every call that writes counts.
const SERVICES: &[(NotableKind, &[&str])] = &[
    (
        NotableKind::Identity,
        &["iam", "sso", "sso-directory", "identitystore"],
    ),
    (NotableKind::Keys, &["kms"]),
    (
        NotableKind::Organization,
        &["organizations", "account", "controltower"],
    ),
];

impl NotableKind {
    /// Every kind, the gravest first.
    pub const ALL: [Self; 6] = [
        Self::Logging,
        Self::Credentials,
        Self::Exposure,
        Self::Identity,
        Self::Keys,
        Self::Organization,
    ];

    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Logging => "logging",
            Self::Credentials => "credentials",
            Self::Exposure => "exposure",
            Self::Identity => "identity",
            Self::Keys => "keys",
            Self::Organization => "organization",
        }
    }

    /// What a call is notable for, if it is. Of a service of which all writes count, what the log does not call a write is
    /// none.
    pub fn of(service: &str, action: &str, is_write: Option<bool>) -> Option<Self> {
        let is_named = |name: &str| {
            action
                .strip_prefix(name)
                .is_some_and(|rest| rest.bytes().next().is_none_or(|it| it.is_ascii_digit()))
        };
        let named = NAMED
            .iter()
            .find(|(_, of, names)| *of == service && names.iter().any(|name| is_named(name)));
        let by_service = || {
            let mut all = SERVICES.iter().filter(|_| is_write == Some(true));
            all.find(|(_, services)| services.contains(&service))
                .map(|(kind, _)| *kind)
        };
        named.map(|(kind, _, _)| *kind).or_else(by_service)
    }
}
