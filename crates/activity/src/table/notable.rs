//! Calls worth attention (`inventory.md` H-29): a fixed list, matched by service and event name
//! only.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum NotableKind {
    /// Stops, narrows or deletes logging.
    Logging,
    /// Creates credentials that outlive the session.
    Credentials,
    /// May open a resource to others.
    Exposure,
    /// Changes permissions.
    Identity,
    Keys,
    Organization,
}

/// Event names by service. Matches suffixes of AWS too, as in `AddPermission20150331v2`.
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
            // A partner has access from then on.
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
    // Credentials of `aws login` and similar: refreshed for up to 90 days, or valid for 12 hours.
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
            // Bucket tags decide from then on.
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
    // Services outside AWS may receive the account's identities.
    (
        NotableKind::Exposure,
        "iam",
        &["EnableOutboundWebIdentityFederation"],
    ),
    // AWS operators may act on resources.
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
    // Sign-in restrictions of the console.
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

/// Services of which every write counts.
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
    /// Most severe first.
    pub const ALL: [Self; 6] = [
        Self::Logging,
        Self::Credentials,
        Self::Exposure,
        Self::Identity,
        Self::Keys,
        Self::Organization,
    ];

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

    /// Returns the kind of a call. In services where all writes count, only calls logged as writes
    /// do.
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
