//! AWS managed policies used by permission sets: their well-known shape, not their text. Unlisted
//! ones allow nothing.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use hallpass_iam::{Policy, PolicyType, facts};
use serde_json::json;

type ManagedPolicyLine = (&'static str, &'static str);

const POWER_USER: &str = "PowerUserAccess";

const READ: &str = "*:BatchGet* *:Describe* *:Get* *:List* *:Lookup* *:Search* *:View* cloudformation:Detect* \
     dynamodb:PartiQLSelect dynamodb:Query dynamodb:Scan iam:GenerateCredentialReport \
     iam:GenerateServiceLastAccessedDetails iam:SimulateCustomPolicy iam:SimulatePrincipalPolicy \
     logs:FilterLogEvents logs:StartQuery logs:StopQuery s3:HeadBucket sqs:ReceiveMessage";
const VIEW: &str = "*:Describe* *:List* cloudwatch:GetMetricData iam:GetAccountSummary iam:GetLoginProfile \
     route53:Get* s3:GetBucketLocation";
const AUDIT: &str = "*:Describe* *:List* cloudtrail:GetEventSelectors cloudtrail:GetTrailStatus config:BatchGet* \
     config:Get* ecr:GetRepositoryPolicy iam:GenerateCredentialReport \
     iam:GenerateServiceLastAccessedDetails iam:Get* iam:SimulateCustomPolicy \
     iam:SimulatePrincipalPolicy kms:GetKeyPolicy kms:GetKeyRotationStatus lambda:GetPolicy \
     s3:GetAccountPublicAccessBlock s3:GetBucket* s3:GetEncryptionConfiguration \
     s3:GetLifecycleConfiguration s3:GetReplicationConfiguration secretsmanager:GetResourcePolicy \
     securityhub:Get* sns:GetTopicAttributes sqs:GetQueueAttributes \
     sso:GetInlinePolicyForPermissionSet sso:GetPermissionsBoundaryForPermissionSet";
const BILLING: &str = "account:GetAccountInformation aws-portal:*Billing aws-portal:*PaymentMethods \
     aws-portal:*Usage billing:* budgets:* ce:* consolidatedbilling:* cur:* freetier:* \
     invoicing:* payments:* pricing:* purchase-orders:* savingsplans:* \
     support:AddAttachmentsToSet support:CreateCase sustainability:GetCarbonFootprintSummary \
     tax:*";
const NETWORK: &str = "acm:* autoscaling:Describe* cloudfront:List* cloudwatch:*Alarm* cloudwatch:Get* \
     cloudwatch:List* directconnect:* ec2:*Address* ec2:*ClientVpn* ec2:*CustomerGateway* \
     ec2:*DhcpOptions* ec2:*InternetGateway* ec2:*NatGateway* ec2:*NetworkAcl* \
     ec2:*NetworkInterface* ec2:*Route* ec2:*SecurityGroup* ec2:*Subnet* ec2:*TransitGateway* \
     ec2:*Vpc* ec2:*Vpn* ec2:Describe* elasticloadbalancing:* logs:Describe* logs:GetLogEvents \
     network-firewall:* route53:* route53domains:* route53resolver:*";
const DATABASE: &str = "cloudwatch:*Alarm* cloudwatch:Get* cloudwatch:List* datapipeline:* dynamodb:* \
     ec2:DescribeAccountAttributes ec2:DescribeAvailabilityZones ec2:DescribeSecurityGroups \
     ec2:DescribeSubnets ec2:DescribeVpcs elasticache:* iam:GetRole iam:ListRoles kms:ListKeys \
     lambda:Get* lambda:List* logs:DescribeLogGroups logs:DescribeLogStreams logs:Get* rds:* \
     redshift:* s3:GetObject s3:ListAllMyBuckets s3:ListBucket sns:* tag:GetResources";
const SUPPORT: &str = "*:Describe* *:List* cloudtrail:LookupEvents cloudwatch:Get* health:* iam:GetAccountSummary \
     support:* supportplans:* trustedadvisor:*";
const SYSTEM: &str = "autoscaling:* cloudtrail:Describe* cloudtrail:List* cloudtrail:LookupEvents cloudwatch:* \
     config:* ec2:* elasticloadbalancing:* iam:GetRole iam:ListRoles kms:Describe* kms:List* \
     lambda:* logs:* rds:Describe* s3:* sns:* sqs:* ssm:* trustedadvisor:Describe*";
const DATA: &str = "athena:* autoscaling:* cloudwatch:* dynamodb:* ec2:Describe* elasticmapreduce:* glue:* \
     kinesis:* kms:List* lambda:* logs:* machinelearning:* redshift:* s3:* sagemaker:* sns:*";

/// As of 2026-10 (AWS: "AWS Managed Policy Reference Guide").
const ROWS: &[ManagedPolicyLine] = &[
    ("AdministratorAccess", "*"),
    ("ReadOnlyAccess", READ),
    ("ViewOnlyAccess", VIEW),
    ("SecurityAudit", AUDIT),
    ("Billing", BILLING),
    ("NetworkAdministrator", NETWORK),
    ("DatabaseAdministrator", DATABASE),
    ("SupportUser", SUPPORT),
    ("SystemAdministrator", SYSTEM),
    ("DataScientist", DATA),
    ("AWSSupportAccess", "support:* supportplans:*"),
    (
        "AWSBillingReadOnlyAccess",
        "account:GetAccountInformation aws-portal:View* billing:Get* billing:List* \
         budgets:Describe* budgets:View* ce:Describe* ce:Get* ce:List* consolidatedbilling:Get* \
         consolidatedbilling:List* cur:Describe* cur:Get* freetier:Get* invoicing:Get* \
         invoicing:List* payments:Get* payments:List* tax:Get* tax:List*",
    ),
    (
        "IAMFullAccess",
        "iam:* organizations:DescribeAccount organizations:DescribeOrganization \
         organizations:DescribeOrganizationalUnit organizations:DescribePolicy \
         organizations:ListChildren organizations:ListParents organizations:ListPoliciesForTarget \
         organizations:ListRoots organizations:ListPolicies organizations:ListTargetsForPolicy",
    ),
    (
        "IAMReadOnlyAccess",
        "iam:GenerateCredentialReport iam:GenerateServiceLastAccessedDetails iam:Get* iam:List* \
         iam:SimulateCustomPolicy iam:SimulatePrincipalPolicy",
    ),
    (
        "IAMUserChangePassword",
        "iam:ChangePassword iam:GetAccountPasswordPolicy",
    ),
    (
        "AWSOrganizationsFullAccess",
        "account:* iam:CreateServiceLinkedRole organizations:*",
    ),
    (
        "AWSOrganizationsReadOnlyAccess",
        "account:Get* account:ListRegions organizations:Describe* organizations:List*",
    ),
    (
        "AWSSSOReadOnly",
        "access-analyzer:ValidatePolicy ds:DescribeDirectories ds:DescribeTrusts iam:ListPolicies \
         kms:DescribeKey kms:ListAliases organizations:DescribeAccount \
         organizations:DescribeOrganization organizations:ListAccounts \
         organizations:ListAccountsForParent organizations:ListChildren \
         organizations:ListDelegatedAdministrators organizations:ListOrganizationalUnitsForParent \
         organizations:ListParents organizations:ListRoots \
         signin:ListTrustedIdentityPropagationApplicationsForConsole sso-directory:DescribeDirectory \
         sso:Describe* sso:Get* sso:List* sso:Search*",
    ),
    (
        "AWSSSODirectoryReadOnly",
        "identitystore:Describe* identitystore:List* sso-directory:Describe* sso-directory:Get* \
         sso-directory:List* sso-directory:Search*",
    ),
    (
        "AWSSSODirectoryAdministrator",
        "identitystore:* sso-directory:* sso:List*",
    ),
    (
        "AWSSSOMasterAccountAdministrator",
        "ds:AuthorizeApplication ds:Describe* iam:ListPolicies identitystore:* \
         organizations:Describe* organizations:List* sso-directory:* sso:*",
    ),
    (
        "AWSSSOMemberAccountAdministrator",
        "identitystore:* iam:ListPolicies organizations:Describe* organizations:List* \
         sso-directory:* sso:*",
    ),
    (
        "AmazonEC2FullAccess",
        "autoscaling:* cloudwatch:* ec2:* elasticloadbalancing:*",
    ),
    (
        "AmazonEC2ReadOnlyAccess",
        "autoscaling:Describe* cloudwatch:Describe* cloudwatch:Get* cloudwatch:List* \
         ec2:Describe* ec2:GetSecurityGroupsForVpc elasticloadbalancing:Describe*",
    ),
    ("AmazonS3FullAccess", "s3-object-lambda:* s3:*"),
    (
        "AmazonS3ReadOnlyAccess",
        "s3-object-lambda:Get* s3-object-lambda:List* s3:Describe* s3:Get* s3:List*",
    ),
    (
        "AmazonVPCFullAccess",
        "ec2:*Vpc* ec2:*Subnet* ec2:*Route* ec2:*Gateway* ec2:*NetworkAcl* ec2:*SecurityGroup* \
         ec2:Describe*",
    ),
    (
        "AmazonVPCReadOnlyAccess",
        "ec2:Describe* ec2:GetSecurityGroupsForVpc",
    ),
    (
        "AmazonRoute53FullAccess",
        "cloudwatch:DescribeAlarms cloudwatch:GetMetricStatistics route53:* route53domains:*",
    ),
    (
        "AmazonRoute53ReadOnlyAccess",
        "route53:Get* route53:List* route53:TestDNSAnswer",
    ),
    (
        "AmazonRDSFullAccess",
        "cloudwatch:Get* cloudwatch:List* ec2:Describe* rds:* sns:ListSubscriptions \
         sns:ListTopics sns:Publish",
    ),
    (
        "AmazonRDSReadOnlyAccess",
        "cloudwatch:Get* cloudwatch:List* ec2:Describe* rds:Describe* rds:ListTagsForResource",
    ),
    (
        "AmazonDynamoDBFullAccess",
        "application-autoscaling:* cloudwatch:Describe* cloudwatch:Get* dax:* dynamodb:*",
    ),
    (
        "AmazonDynamoDBReadOnlyAccess",
        "dax:Describe* dynamodb:BatchGetItem dynamodb:Describe* dynamodb:GetItem dynamodb:List* \
         dynamodb:Query dynamodb:Scan",
    ),
    (
        "AmazonECS_FullAccess",
        "application-autoscaling:* autoscaling:* cloudwatch:* ec2:Describe* ecs:* \
         elasticloadbalancing:* logs:*",
    ),
    ("AmazonEC2ContainerRegistryFullAccess", "ecr:*"),
    (
        "AmazonEC2ContainerRegistryPowerUser",
        "ecr:*Layer* ecr:BatchGetImage ecr:Describe* ecr:Get* ecr:List* ecr:PutImage",
    ),
    (
        "AmazonEC2ContainerRegistryReadOnly",
        "ecr:BatchCheckLayerAvailability ecr:BatchGetImage ecr:Describe* ecr:Get* ecr:List*",
    ),
    ("AmazonSNSFullAccess", "sns:*"),
    ("AmazonSQSFullAccess", "sqs:*"),
    (
        "AmazonSSMFullAccess",
        "cloudwatch:PutMetricData ds:Describe* ec2:DescribeInstanceStatus ec2messages:* logs:* \
         ssm:* ssmmessages:*",
    ),
    (
        "AmazonSSMReadOnlyAccess",
        "ssm:Describe* ssm:Get* ssm:List*",
    ),
    (
        "AmazonAthenaFullAccess",
        "athena:* glue:Get* s3:Get* s3:List*",
    ),
    (
        "AmazonRedshiftFullAccess",
        "redshift-serverless:* redshift:*",
    ),
    ("AmazonKinesisFullAccess", "kinesis:*"),
    ("AmazonElastiCacheFullAccess", "elasticache:*"),
    ("AmazonGuardDutyFullAccess", "guardduty:*"),
    (
        "AmazonGuardDutyReadOnlyAccess",
        "guardduty:Describe* guardduty:Get* guardduty:List*",
    ),
    (
        "AWSLambda_FullAccess",
        "cloudformation:DescribeStacks cloudwatch:Get* cloudwatch:List* iam:GetPolicy iam:GetRole \
         iam:ListRoles lambda:* logs:DescribeLogGroups states:ListStateMachines tag:GetResources \
         xray:*",
    ),
    (
        "AWSLambda_ReadOnlyAccess",
        "lambda:Get* lambda:List* logs:DescribeLogGroups xray:Get*",
    ),
    ("AWSCloudFormationFullAccess", "cloudformation:*"),
    (
        "AWSCloudFormationReadOnlyAccess",
        "cloudformation:Describe* cloudformation:Get* cloudformation:List*",
    ),
    ("AWSCloudTrail_FullAccess", "cloudtrail:*"),
    (
        "AWSCloudTrail_ReadOnlyAccess",
        "cloudtrail:Describe* cloudtrail:Get* cloudtrail:List* cloudtrail:LookupEvents",
    ),
    ("AWSCloudShellFullAccess", "cloudshell:*"),
    (
        "AWSCodeBuildDeveloperAccess",
        "codebuild:*Build* codebuild:BatchGet* codebuild:List* logs:GetLogEvents",
    ),
    (
        "AWSKeyManagementServicePowerUser",
        "kms:CreateAlias kms:CreateKey kms:DeleteAlias kms:Describe* kms:GenerateRandom kms:Get* \
         kms:List* kms:TagResource kms:UntagResource",
    ),
    ("AWSSecurityHubFullAccess", "securityhub:*"),
    (
        "AWSSecurityHubReadOnlyAccess",
        "securityhub:BatchGet* securityhub:Describe* securityhub:Get* securityhub:List*",
    ),
    ("AWSStepFunctionsFullAccess", "states:*"),
    (
        "CloudWatchFullAccess",
        "cloudwatch:* logs:* oam:ListSinks sns:*",
    ),
    (
        "CloudWatchFullAccessV2",
        "application-signals:* cloudwatch:* logs:* rum:* sns:ListTopics synthetics:* xray:*",
    ),
    (
        "CloudWatchReadOnlyAccess",
        "cloudwatch:Describe* cloudwatch:Get* cloudwatch:List* logs:Describe* \
         logs:FilterLogEvents logs:Get* logs:StartQuery logs:StopQuery",
    ),
    (
        "CloudWatchLogsReadOnlyAccess",
        "logs:Describe* logs:FilterLogEvents logs:Get* logs:List* logs:StartQuery logs:StopQuery",
    ),
    (
        "SecretsManagerReadWrite",
        "kms:DescribeKey kms:ListAliases kms:ListKeys secretsmanager:*",
    ),
];

fn compiled(name: &str, text: &str) -> Option<Arc<Policy>> {
    let read = Policy::parse(text, PolicyType::Identity).ok()?;
    Some(Arc::new(read.named(name)))
}

/// Expands `*:Get*` to that action of every service, as AWS's policies do.
fn of_services(action: &'static str) -> Vec<String> {
    match action.strip_prefix("*:") {
        Some(name) => facts::prefixes()
            .map(|service| format!("{service}:{name}"))
            .collect(),
        None => vec![action.to_owned()],
    }
}

fn power_user() -> String {
    let own = [
        "account:GetAccountInformation",
        "account:GetPrimaryEmail",
        "account:ListRegions",
        "iam:CreateServiceLinkedRole",
        "iam:DeleteServiceLinkedRole",
        "iam:ListRoles",
        "organizations:DescribeEffectivePolicy",
        "organizations:DescribeOrganization",
    ];
    let others = ["account:*", "iam:*", "organizations:*"];
    json!({ "Version": "2012-10-17", "Statement": [
        { "Effect": "Allow", "NotAction": others, "Resource": "*" },
        { "Effect": "Allow", "Action": own, "Resource": "*" },
    ]})
    .to_string()
}

type CompiledPolicy = (Arc<Policy>, String);

static POLICIES: LazyLock<BTreeMap<&'static str, CompiledPolicy>> = LazyLock::new(|| {
    let rows = ROWS.iter().map(|(name, actions)| {
        let actions: Vec<String> = actions.split_whitespace().flat_map(of_services).collect();
        let statement = json!({ "Effect": "Allow", "Action": actions, "Resource": "*" });
        let text = json!({ "Version": "2012-10-17", "Statement": [statement] });
        (*name, text.to_string())
    });
    rows.chain(std::iter::once((POWER_USER, power_user())))
        .filter_map(|(name, text)| Some((name, (compiled(name, &text)?, text))))
        .collect()
});

/// Finds an AWS managed policy by name or ARN, with any path.
pub(super) fn find(name: &str) -> Option<Arc<Policy>> {
    let name = name.rsplit('/').next().unwrap_or(name);
    POLICIES.get(name).map(|(policy, _)| policy.clone())
}

const JOB_FUNCTIONS: &[&str] = &[
    "Billing",
    "DataScientist",
    "DatabaseAdministrator",
    "NetworkAdministrator",
    "SupportUser",
    "SystemAdministrator",
    "ViewOnlyAccess",
];

pub(crate) fn aws_managed_arn(name: &str) -> String {
    if name.starts_with("arn:") {
        return name.to_owned();
    }
    let path = if JOB_FUNCTIONS.contains(&name) {
        "job-function/"
    } else {
        ""
    };
    format!("arn:aws:iam::aws:policy/{path}{name}")
}

pub(crate) fn aws_managed() -> impl Iterator<Item = (String, &'static str)> {
    let rows = POLICIES.iter();
    rows.map(|(name, (_, text))| (aws_managed_arn(name), text.as_str()))
}

pub(super) fn everything() -> Option<Arc<Policy>> {
    find("AdministratorAccess")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_a_policy_and_there_once() {
        assert_eq!(POLICIES.len(), ROWS.len() + 1);
        for (name, actions) in ROWS {
            assert!(!actions.is_empty(), "{name}");
        }
        assert!(find("arn:aws:iam::aws:policy/job-function/Billing").is_some());
        assert!(find("arn:aws:iam::aws:policy/AmazonChimeFullAccess").is_none());
    }
}
