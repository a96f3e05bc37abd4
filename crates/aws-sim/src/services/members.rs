//! Input members the simulator ignores: those that would change the answer are refused, the others
//! have no effect. `docs/reference/simulator.md` lists both.

use crate::core::{
    call::Call,
    errors::{ApiError, ErrorClass},
};

/// Operations of one service, by its table, and their members; nested as
/// `Filters/ServiceCollection`.
pub(crate) struct UnreadMembers {
    pub service: &'static str,
    pub operations: &'static [&'static str],
    pub members: &'static [&'static str],
}

const fn unread(
    service: &'static str,
    operations: &'static [&'static str],
    members: &'static [&'static str],
) -> UnreadMembers {
    UnreadMembers {
        service,
        operations,
        members,
    }
}

/// Refused with `NotSimulated` when present.
pub(crate) const REFUSED: &[UnreadMembers] = &[
    unread("ce", &["GetCostAndUsage"], &["BillingViewArn"]),
    unread(
        "cloudformation",
        &["CreateStackSet"],
        &[
            "TemplateURL",
            "AdministrationRoleARN",
            "ExecutionRoleName",
            "ExecutionRoleTemplateBody",
            "ExecutionRoleTemplateUrl",
            "StackSetOutputBucket",
        ],
    ),
    unread(
        "cloudtrail",
        &["CreateTrail", "UpdateTrail"],
        &[
            "SnsTopicName",
            "CloudWatchLogsLogGroupArn",
            "CloudWatchLogsRoleArn",
            "KmsKeyId",
            "RecursiveLogging",
        ],
    ),
    unread(
        "cloudformation",
        &["CreateStackInstances", "DeleteStackInstances"],
        &["DeploymentTargets/AccountsUrl"],
    ),
    unread("cloudtrail", &["LookupEvents"], &["EventCategory"]),
    unread(
        "controltower",
        &["ListEnabledControls"],
        &["filter/driftStatuses", "filter/resourceDriftStatuses"],
    ),
    unread(
        "devopsguru",
        &["SearchOrganizationInsights"],
        &[
            "Filters/ResourceCollection/Tags",
            "Filters/ServiceCollection",
        ],
    ),
    unread(
        "config",
        &[
            "DescribeConfigurationRecorderStatus",
            "DescribeConfigurationRecorders",
        ],
        &["ServicePrincipal"],
    ),
    unread(
        "config",
        &["GetComplianceDetailsByResource"],
        &["ResourceEvaluationId"],
    ),
    unread("kms", &["CreateKey"], &["CustomKeyStoreId", "XksKeyId"]),
    unread("kms", &["ListKeys"], &["ResourceOwners"]),
    unread(
        "lambda",
        &["Invoke"],
        &["DurableExecutionName", "Qualifier", "TenantId"],
    ),
    unread(
        "ram",
        &["GetResourceShareAssociations"],
        &["resourceArn", "principal", "associationStatus"],
    ),
    unread(
        "ram",
        &["GetResourceShares"],
        &[
            "resourceShareStatus",
            "tagFilters",
            "permissionArn",
            "permissionVersion",
        ],
    ),
    unread(
        "ram",
        &["ListPrincipals"],
        &["resourceArn", "principals", "resourceType"],
    ),
    unread(
        "ram",
        &["ListResources"],
        &[
            "principal",
            "resourceType",
            "resourceArns",
            "resourceRegionScope",
        ],
    ),
    unread(
        "rds",
        &["ModifyDBInstance"],
        &[
            "DBSubnetGroupName",
            "DBSecurityGroups",
            "VpcSecurityGroupIds",
            "DBParameterGroupName",
            "BackupRetentionPeriod",
            "PreferredBackupWindow",
            "PreferredMaintenanceWindow",
            "EngineVersion",
            "AllowMajorVersionUpgrade",
            "AutoMinorVersionUpgrade",
            "LicenseModel",
            "Iops",
            "StorageThroughput",
            "OptionGroupName",
            "NewDBInstanceIdentifier",
            "StorageType",
            "TdeCredentialArn",
            "TdeCredentialPassword",
            "CACertificateIdentifier",
            "Domain",
            "DomainFqdn",
            "DomainOu",
            "DomainAuthSecretArn",
            "DomainDnsIps",
            "DisableDomain",
            "CopyTagsToSnapshot",
            "MonitoringInterval",
            "DBPortNumber",
            "MonitoringRoleArn",
            "DomainIAMRoleName",
            "PromotionTier",
            "EnableIAMDatabaseAuthentication",
            "DatabaseInsightsMode",
            "EnablePerformanceInsights",
            "PerformanceInsightsKMSKeyId",
            "PerformanceInsightsRetentionPeriod",
            "CloudwatchLogsExportConfiguration",
            "ProcessorFeatures",
            "UseDefaultProcessorFeatures",
            "MaxAllocatedStorage",
            "CertificateRotationRestart",
            "ReplicaMode",
            "AutomationMode",
            "ResumeFullAutomationModeMinutes",
            "EnableCustomerOwnedIp",
            "NetworkType",
            "AwsBackupRecoveryPointArn",
            "ManageMasterUserPassword",
            "RotateMasterUserPassword",
            "MasterUserSecretKmsKeyId",
            "MultiTenant",
            "DedicatedLogVolume",
            "AdditionalStorageVolumes",
            "DBCapacityReservationIdentifier",
            "TagSpecifications",
            "MasterUserAuthenticationType",
            "EngineLifecycleSupport",
        ],
    ),
    unread(
        "securityhub",
        &[
            "DisableOrganizationAdminAccount",
            "EnableOrganizationAdminAccount",
            "ListOrganizationAdminAccounts",
        ],
        &["Feature"],
    ),
    unread(
        "securityhub",
        &[
            "DescribeStandards",
            "GetEnabledStandards",
            "ListSecurityControlDefinitions",
        ],
        &["Providers"],
    ),
    unread("securityhub", &["GetFindings"], &["SortCriteria"]),
    unread(
        "servicecatalog",
        &["ProvisionProduct"],
        &["ProductName", "ProvisioningArtifactName", "PathName"],
    ),
    unread(
        "servicecatalog",
        &["SearchProductsAsAdmin"],
        &["ProductSource"],
    ),
    unread("service-quotas", &["GetServiceQuota"], &["ContextId"]),
    unread("sqs", &["GetQueueUrl"], &["QueueOwnerAWSAccountId"]),
    unread("sts", &["AssumeRole"], &["ProvidedContexts"]),
];

/// Accepted without effect; documents stored whole, such as findings, are not listed.
#[cfg(test)]
pub(crate) const WITHOUT_EFFECT: &[UnreadMembers] = &[
    unread("account-access", &["CreateApplication"], &["tags"]),
    unread(
        "ce",
        &[
            "GetReservationUtilization",
            "GetSavingsPlansUtilizationDetails",
        ],
        &["SortBy"],
    ),
    unread(
        "cloudformation",
        &["CreateStackInstances", "DeleteStackInstances"],
        &[
            "OperationPreferences/MaxConcurrentCount",
            "OperationPreferences/MaxConcurrentPercentage",
        ],
    ),
    unread("cloudtrail", &["CreateTrail"], &["TagsList"]),
    unread("controltower", &["EnableBaseline"], &["tags"]),
    unread(
        "detective",
        &["CreateMembers"],
        &["DisableEmailNotification"],
    ),
    unread(
        "iam",
        &["GetDelegationRequest"],
        &["DelegationPermissionCheck"],
    ),
    unread(
        "kms",
        &["CreateKey", "PutKeyPolicy"],
        &["BypassPolicyLockoutSafetyCheck"],
    ),
    unread("kms", &["DescribeKey"], &["GrantTokens"]),
    unread(
        "lambda",
        &["Invoke"],
        &["LogType", "ClientContext", "Payload"],
    ),
    unread(
        "organizations",
        &["CreateAccount"],
        &["IamUserAccessToBilling"],
    ),
    unread(
        "rds",
        &["CreateDBInstance"],
        &[
            "DBName",
            "DBSecurityGroups",
            "VpcSecurityGroupIds",
            "AvailabilityZone",
            "DBSubnetGroupName",
            "PreferredMaintenanceWindow",
            "DBParameterGroupName",
            "BackupRetentionPeriod",
            "PreferredBackupWindow",
            "Port",
            "EngineVersion",
            "AutoMinorVersionUpgrade",
            "LicenseModel",
            "Iops",
            "StorageThroughput",
            "OptionGroupName",
            "CharacterSetName",
            "NcharCharacterSetName",
            "DBClusterIdentifier",
            "StorageType",
            "TdeCredentialArn",
            "TdeCredentialPassword",
            "KmsKeyId",
            "Domain",
            "DomainFqdn",
            "DomainOu",
            "DomainAuthSecretArn",
            "DomainDnsIps",
            "CopyTagsToSnapshot",
            "MonitoringInterval",
            "MonitoringRoleArn",
            "DomainIAMRoleName",
            "PromotionTier",
            "Timezone",
            "EnableIAMDatabaseAuthentication",
            "DatabaseInsightsMode",
            "EnablePerformanceInsights",
            "PerformanceInsightsKMSKeyId",
            "PerformanceInsightsRetentionPeriod",
            "EnableCloudwatchLogsExports",
            "ProcessorFeatures",
            "MaxAllocatedStorage",
            "EnableCustomerOwnedIp",
            "NetworkType",
            "BackupTarget",
            "CustomIamInstanceProfile",
            "DBSystemId",
            "CACertificateIdentifier",
            "ManageMasterUserPassword",
            "MasterUserSecretKmsKeyId",
            "MultiTenant",
            "DedicatedLogVolume",
            "EngineLifecycleSupport",
            "AdditionalStorageVolumes",
            "TagSpecifications",
            "DBCapacityReservationIdentifier",
            "MasterUserAuthenticationType",
        ],
    ),
    unread(
        "rds",
        &["DeleteDBInstance"],
        &[
            "SkipFinalSnapshot",
            "FinalDBSnapshotIdentifier",
            "DeleteAutomatedBackups",
        ],
    ),
    unread(
        "servicecatalog",
        &[
            "AssociatePrincipalWithPortfolio",
            "DescribeProvisionedProduct",
            "DescribeRecord",
            "ListLaunchPaths",
            "ListPortfoliosForProduct",
            "ListPrincipalsForPortfolio",
            "ListProvisioningArtifacts",
            "ProvisionProduct",
            "SearchProductsAsAdmin",
            "SearchProvisionedProducts",
        ],
        &["AcceptLanguage"],
    ),
    unread(
        "servicecatalog",
        &["ProvisionProduct"],
        &["PathId", "ProvisioningPreferences", "NotificationArns"],
    ),
    unread(
        "servicecatalog",
        &["SearchProductsAsAdmin", "SearchProvisionedProducts"],
        &["SortBy", "SortOrder"],
    ),
    unread(
        "servicecatalog",
        &["SearchProvisionedProducts"],
        &["AccessLevelFilter"],
    ),
    unread("sns", &["CreateTopic"], &["DataProtectionPolicy"]),
    unread(
        "sns",
        &["Publish"],
        &["MessageDeduplicationId", "MessageGroupId"],
    ),
    unread("sqs", &["CreateQueue"], &["tags"]),
    unread(
        "sqs",
        &["ReceiveMessage"],
        &["MessageAttributeNames", "ReceiveRequestAttemptId"],
    ),
    unread(
        "sqs",
        &["SendMessage"],
        &[
            "MessageSystemAttributes",
            "MessageDeduplicationId",
            "MessageGroupId",
        ],
    ),
    unread("sso-oidc", &["CreateToken"], &["scope"]),
    unread("sso-oidc", &["RegisterClient"], &["entitledApplicationArn"]),
    unread(
        "sts",
        &["GetScopedCredentials"],
        &["ScopedSessionDescription"],
    ),
];

/// Refuses a call with a member of [`REFUSED`], with `NotSimulated`.
pub(crate) fn check(call: &Call) -> Result<(), ApiError> {
    let Some(table) = call.service.table() else {
        return Ok(());
    };
    let operation = call.operation.as_str();
    let of_call = REFUSED
        .iter()
        .filter(|it| it.service == table.name && it.operations.contains(&operation));
    let is_given = |member: &&&str| {
        let given = call.input.pointer(&format!("/{member}"));
        given.is_some_and(|it| !it.is_null() && it.as_array().is_none_or(|it| !it.is_empty()))
    };
    let mut members = of_call.flat_map(|it| it.members);
    let Some(member) = members.find(is_given) else {
        return Ok(());
    };
    let text = format!(
        "{}:{operation} with {member} is not simulated",
        table.signing_name
    );
    Err(ApiError::new("NotSimulated", text)
        .status(501)
        .class(ErrorClass::Unsupported))
}

/// The table of `docs/reference/simulator.md`.
#[cfg(test)]
pub(crate) fn reference() -> String {
    let coded = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|it| format!("`{it}`")).collect();
        names.join(", ")
    };
    let rows = [(REFUSED, "refused"), (WITHOUT_EFFECT, "without effect")];
    let rows = rows.iter().flat_map(|(rows, what)| {
        rows.iter().map(move |row| {
            let (operations, members) = (coded(row.operations), coded(row.members));
            format!(
                "| `{}` | {operations} | {members} | {what} |\n",
                row.service
            )
        })
    });
    let head = "| service | operations | members | |\n|---|---|---|---|\n".to_owned();
    std::iter::once(head).chain(rows).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::{Path, PathBuf};

    use hallpass_aws_model::{OperationModel, PAGE_LIMITS, ServiceModel};

    use super::*;
    use crate::core::service::RequestForm;
    use crate::services::ALL;

    const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src");

    fn sources(folder: &Path, text: &mut String) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                sources(&path, text);
            } else if path.extension().is_some_and(|it| it == "rs") {
                text.push_str(&fs::read_to_string(&path).unwrap());
            }
        }
    }

    fn folder_of(name: &str) -> PathBuf {
        let forms = [format!("named(\"{name}\""), format!("name: \"{name}\"")];
        let folders = fs::read_dir(Path::new(SOURCE).join("services")).unwrap();
        let mut folders = folders.map(|it| it.unwrap().path());
        let found = folders.find(|it| {
            let text = fs::read_to_string(it.join("mod.rs")).unwrap_or_default();
            forms.iter().any(|form| text.contains(form))
        });
        found.unwrap_or_else(|| panic!("no folder of {name}"))
    }

    fn is_read(source: &str, name: &str) -> bool {
        let is_edge = |it: Option<char>| it.is_some_and(|it| it == '"' || it == '/');
        source.match_indices(name).any(|(at, _)| {
            let (before, rest) = source.split_at(at);
            let after = rest.chars().nth(name.len());
            is_edge(before.chars().next_back()) && is_edge(after)
        })
    }

    fn unread_of(model: &ServiceModel, operation: &OperationModel, source: &str) -> Vec<String> {
        let shape = model.input(operation);
        let members = shape.map_or(&[][..], |it| it.members()).iter();
        let pages = model.page_members(operation);
        let is_page = |name: &str| {
            PAGE_LIMITS.contains(&name) || [pages.token, pages.limit].contains(&Some(name))
        };
        let unread = members.filter(|it| {
            !is_page(it.wire())
                && ![it.name.as_str(), it.wire()]
                    .iter()
                    .any(|it| is_read(source, it))
        });
        unread.map(|it| it.name.clone()).collect()
    }

    type Listed = BTreeSet<(String, String, String)>;

    fn listed(rows: &[UnreadMembers]) -> Listed {
        let rows = rows.iter().flat_map(|row| {
            row.operations.iter().flat_map(move |operation| {
                let outer = row.members.iter().filter(|it| !it.contains('/'));
                outer.map(move |member| {
                    let name = |it: &str| it.to_owned();
                    (name(row.service), name(operation), name(member))
                })
            })
        });
        rows.collect()
    }

    /// Each member of an operation is read, refused, or listed as without effect. Nested members
    /// are not checked: many are stored as part of a document.
    #[test]
    fn every_member_that_is_not_read_is_decided() {
        let mut shared = String::new();
        for folder in ["core", "http"] {
            sources(&Path::new(SOURCE).join(folder), &mut shared);
        }
        let mut found = Listed::new();
        for descriptor in ALL {
            let service = &descriptor.service;
            let (RequestForm::Table(_), Some(model)) = (&service.requests, service.table()) else {
                continue;
            };
            let mut own = shared.clone();
            let folder = folder_of(service.name);
            sources(&folder, &mut own);
            for (name, _) in descriptor.operations.iter().copied().flatten() {
                let operation = model.operation(name).unwrap();
                for member in unread_of(model, operation, &own) {
                    found.insert((model.name.clone(), (*name).to_owned(), member));
                }
            }
        }
        let (refused, taken) = (listed(REFUSED), listed(WITHOUT_EFFECT));
        assert_eq!(refused.intersection(&taken).next(), None);
        let decided: Listed = refused.union(&taken).cloned().collect();
        let undecided: Vec<_> = found.difference(&decided).collect();
        let gone: Vec<_> = decided.difference(&found).collect();
        assert!(undecided.is_empty(), "undecided: {undecided:#?}");
        assert!(gone.is_empty(), "read, or not in the model: {gone:#?}");
    }
}
