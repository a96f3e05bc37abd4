//! Risky actions for lint (`policies.md` §6, codes 51 to 56).

use super::table::{Access, ActionFacts};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Escalation {
    /// All required, on overlapping resources.
    pub actions: &'static [&'static str],
    /// Only if resources include the management account.
    pub on_management_account: bool,
}

/// The escalation sets of `policies.md` §6.
pub const ESCALATIONS: &[Escalation] = &[
    set(&["iam:CreatePolicyVersion"]),
    set(&["iam:SetDefaultPolicyVersion"]),
    set(&["iam:PassRole", "ec2:RunInstances"]),
    set(&[
        "iam:PassRole",
        "lambda:CreateFunction",
        "lambda:InvokeFunction",
    ]),
    set(&[
        "iam:PassRole",
        "lambda:CreateFunction",
        "lambda:CreateEventSourceMapping",
    ]),
    set(&["iam:PassRole", "glue:CreateDevEndpoint"]),
    set(&["iam:PassRole", "cloudformation:CreateStack"]),
    set(&[
        "iam:PassRole",
        "datapipeline:CreatePipeline",
        "datapipeline:PutPipelineDefinition",
    ]),
    set(&["iam:PassRole", "sagemaker:CreateNotebookInstance"]),
    set(&[
        "iam:PassRole",
        "codebuild:CreateProject",
        "codebuild:StartBuild",
    ]),
    set(&["iam:PassRole", "ecs:RunTask"]),
    set(&["iam:PassRole", "ssm:StartAutomationExecution"]),
    set(&["iam:CreateAccessKey"]),
    set(&["iam:CreateLoginProfile"]),
    set(&["iam:UpdateLoginProfile"]),
    set(&["iam:AttachUserPolicy"]),
    set(&["iam:AttachGroupPolicy"]),
    set(&["iam:AttachRolePolicy"]),
    set(&["iam:PutUserPolicy"]),
    set(&["iam:PutGroupPolicy"]),
    set(&["iam:PutRolePolicy"]),
    set(&["iam:AddUserToGroup"]),
    set(&["iam:UpdateAssumeRolePolicy", "sts:AssumeRole"]),
    set(&["iam:DeleteRolePermissionsBoundary"]),
    // a role with trust and permissions from an AWS template; `iam:PutAccountProperties` enables
    // templates
    set(&["iam:AcquireRole"]),
    set(&["lambda:UpdateFunctionCode"]),
    set(&["glue:UpdateDevEndpoint"]),
    set(&["codestar:CreateProject"]),
    set(&["sso:PutInlinePolicyToPermissionSet"]),
    set(&["sso:AttachManagedPolicyToPermissionSet"]),
    set(&["sso:AttachCustomerManagedPolicyReferenceToPermissionSet"]),
    Escalation {
        actions: &["sso:CreateAccountAssignment"],
        on_management_account: true,
    },
    set(&["sso:UpdateInstanceAccessControlAttributeConfiguration"]),
    set(&["identitystore:CreateGroupMembership"]),
    set(&["organizations:AttachPolicy"]),
    set(&["organizations:DetachPolicy"]),
    set(&["organizations:UpdatePolicy"]),
];

const fn set(actions: &'static [&'static str]) -> Escalation {
    Escalation {
        actions,
        on_management_account: false,
    }
}

/// Actions that return or move stored content out of the account (`DATA_EXFIL`).
pub const DATA_EXFILTRATION: &[&str] = &[
    "athena:GetQueryResults",
    "backup:StartCopyJob",
    "dynamodb:BatchGetItem",
    "dynamodb:ExportTableToPointInTime",
    "dynamodb:GetItem",
    "dynamodb:PartiQLSelect",
    "dynamodb:Query",
    "dynamodb:Scan",
    "ebs:GetSnapshotBlock",
    "ec2:CopySnapshot",
    "ec2:CreateStoreImageTask",
    "ec2:ModifyImageAttribute",
    "ec2:ModifySnapshotAttribute",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "elasticfilesystem:ClientMount",
    "kinesis:GetRecords",
    "lambda:GetFunction",
    "logs:CreateExportTask",
    "logs:FilterLogEvents",
    "logs:GetLogEvents",
    "logs:GetQueryResults",
    "rds-data:ExecuteStatement",
    "rds:CopyDBSnapshot",
    "rds:DownloadCompleteDBLogFile",
    "rds:ModifyDBSnapshotAttribute",
    "rds:StartExportTask",
    "redshift-data:GetStatementResult",
    "redshift:AuthorizeSnapshotAccess",
    "s3:GetObject",
    "s3:GetObjectVersion",
    "s3:PutReplicationConfiguration",
    "s3:ReplicateObject",
    "secretsmanager:BatchGetSecretValue",
    "secretsmanager:GetSecretValue",
    "sqs:ReceiveMessage",
    "ssm:GetParameter",
    "ssm:GetParameterHistory",
    "ssm:GetParameters",
    "ssm:GetParametersByPath",
];

/// Actions that return or create usable credentials (`CREDENTIALS_EXPOSURE`).
pub const CREDENTIALS_EXPOSURE: &[&str] = &[
    "codeartifact:GetAuthorizationToken",
    "codepipeline:PollForJobs",
    "cognito-identity:GetCredentialsForIdentity",
    "cognito-identity:GetOpenIdToken",
    "cognito-identity:GetOpenIdTokenForDeveloperIdentity",
    "cognito-idp:AssociateSoftwareToken",
    "connect:GetFederationToken",
    "ec2-instance-connect:SendSSHPublicKey",
    "ec2:GetPasswordData",
    "ecr:GetAuthorizationToken",
    "gamelift:RequestUploadCredentials",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateServiceSpecificCredential",
    "iam:ResetServiceSpecificCredential",
    "iam:SendDelegationToken",
    "iam:UpdateAccessKey",
    "iam:UpdateLoginProfile",
    "lightsail:DownloadDefaultKeyPair",
    "lightsail:GetInstanceAccessDetails",
    "lightsail:GetRelationalDatabaseMasterUserPassword",
    "rds-db:connect",
    "redshift:GetClusterCredentials",
    "redshift:GetClusterCredentialsWithIAM",
    "signin:CreateBearerToken",
    "signin:CreateOAuth2Token",
    "sts:AssumeRole",
    "sts:AssumeRoleWithSAML",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:GetDelegatedAccessToken",
    "sts:GetFederationToken",
    "sts:GetScopedCredentials",
    "sts:GetSessionToken",
    "sts:GetWebIdentityToken",
];

/// Actions that expose a resource though AWS classes them as writes.
const ALSO_EXPOSURE: &[&str] = &[
    "ec2:ModifyImageAttribute",
    "ec2:ModifySnapshotAttribute",
    "identitystore:CreateGroupMembership",
    "rds:ModifyDBSnapshotAttribute",
    // allows AWS operators to act on resources
    "supportauthz:CreateSupportPermit",
];

/// Services where every write affects permissions.
const EXPOSING_SERVICES: &[&str] = &["iam", "ram", "sso"];

/// Services where any change may add permissions for its caller.
const DECIDING_SERVICES: &[&str] = &[
    "iam",
    "sso",
    "sso-directory",
    "identitystore",
    "identity-sync",
];

/// Their changes that add none. Passing a role depends on the role.
const GIVES_NOBODY_MORE: &[&str] = &[
    "iam:CreateAccountAlias",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteAccountAlias",
    "iam:DeleteServiceLinkedRole",
    "iam:GenerateCredentialReport",
    "iam:GenerateOrganizationsAccessReport",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:PassRole",
    "iam:RejectDelegationRequest",
];

/// Actions that use the role of an existing resource, with the service that assumes it: no role is
/// passed.
pub const RUNS_AS_ATTACHED: &[(&str, &str)] = &[
    (
        "cloudformation:CreateChangeSet",
        "cloudformation.amazonaws.com",
    ),
    ("cloudformation:UpdateStack", "cloudformation.amazonaws.com"),
    ("codebuild:StartBuild", "codebuild.amazonaws.com"),
    ("codebuild:UpdateProject", "codebuild.amazonaws.com"),
    ("ec2-instance-connect:SendSSHPublicKey", "ec2.amazonaws.com"),
    ("ec2:ModifyInstanceAttribute", "ec2.amazonaws.com"),
    ("ecs:ExecuteCommand", "ecs-tasks.amazonaws.com"),
    ("glue:UpdateJob", "glue.amazonaws.com"),
    ("lambda:UpdateFunctionCode", "lambda.amazonaws.com"),
    ("lambda:UpdateFunctionConfiguration", "lambda.amazonaws.com"),
    (
        "sagemaker:CreatePresignedNotebookInstanceUrl",
        "sagemaker.amazonaws.com",
    ),
    ("ssm:SendCommand", "ec2.amazonaws.com"),
    ("ssm:StartSession", "ec2.amazonaws.com"),
    ("states:UpdateStateMachine", "states.amazonaws.com"),
];

/// Whether the action alone may add permissions for its caller: a permission change, or another
/// account's root user.
pub fn decides_rights(action: &ActionFacts) -> bool {
    let changes = !matches!(action.access, Access::List | Access::Read);
    let decides = DECIDING_SERVICES.contains(&action.service) && changes;
    decides && !holds(GIVES_NOBODY_MORE, action) || holds(&["sts:AssumeRoot"], action)
}

pub fn exfiltrates(action: &ActionFacts) -> bool {
    holds(DATA_EXFILTRATION, action)
}

pub fn exposes_credentials(action: &ActionFacts) -> bool {
    holds(CREDENTIALS_EXPOSURE, action)
}

pub fn exposes_resources(action: &ActionFacts) -> bool {
    let writes = action.access == Access::Write && EXPOSING_SERVICES.contains(&action.service);
    action.access == Access::Permissions || writes || holds(ALSO_EXPOSURE, action)
}

fn holds(list: &[&str], action: &ActionFacts) -> bool {
    list.iter().any(|name| {
        name.split_once(':')
            .is_some_and(|(prefix, name)| prefix == action.service && name == action.name)
    })
}

#[doc(hidden)]
pub fn named() -> impl Iterator<Item = &'static str> {
    let sets = ESCALATIONS.iter().flat_map(|it| it.actions);
    let lists = [DATA_EXFILTRATION, CREDENTIALS_EXPOSURE, ALSO_EXPOSURE];
    let attached = RUNS_AS_ATTACHED.iter().map(|(action, _)| action);
    let all = sets.chain(lists.into_iter().flatten()).chain(attached);
    all.chain(GIVES_NOBODY_MORE).copied()
}
