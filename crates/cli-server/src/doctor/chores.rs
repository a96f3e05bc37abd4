//! Least policies for organization chores: the caller's, and the role to enter accounts. Tested
//! against the actual calls (`e2e/least.py`).

use serde_json::{Value, json};

use super::iam_policy::statement;

pub(super) struct ChoreActions {
    reads: &'static [&'static str],
    writes: &'static [&'static str],
    enters: Enters,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Enters {
    Nothing,
    /// `aws.member_role`.
    MemberRole,
    /// The first existing role of Control Tower or Organizations.
    TrustedRoles,
}

pub(super) const INSIGHTS: ChoreActions = ChoreActions {
    reads: &[
        "account:ListRegions",
        "devops-guru:DescribeOrganizationHealth",
        "devops-guru:DescribeOrganizationOverview",
        "devops-guru:ListOrganizationInsights",
        "devops-guru:SearchOrganizationInsights",
        "organizations:ListAccounts",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListRoots",
    ],
    writes: &[],
    enters: Enters::Nothing,
};

pub(super) const CHANNELS: ChoreActions = ChoreActions {
    reads: &[
        "controltower:GetLandingZone",
        "controltower:ListLandingZones",
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListRoots",
        "organizations:ListTagsForResource",
        "sso:ListInstances",
    ],
    writes: &[],
    enters: Enters::MemberRole,
};

pub(super) const PAYER: ChoreActions = ChoreActions {
    reads: &[
        "account:GetAlternateContact",
        "account:GetContactInformation",
        "ce:GetCostAndUsage",
        "events:ListRules",
        "events:ListTargetsByRule",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetAccountSummary",
        "iam:GetPolicy",
        "iam:GetPolicyVersion",
        "iam:SimulatePrincipalPolicy",
        "organizations:DescribeOrganization",
        "organizations:DescribePolicy",
        "organizations:ListAccountsForParent",
        "organizations:ListInboundResponsibilityTransfers",
        "organizations:ListOutboundResponsibilityTransfers",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "sns:ListSubscriptionsByTopic",
    ],
    writes: &[],
    enters: Enters::Nothing,
};

pub(super) const READINESS: ChoreActions = ChoreActions {
    reads: &[
        "account:GetAlternateContact",
        "account:ListRegions",
        "ce:GetReservationUtilization",
        "ce:GetSavingsPlansUtilizationDetails",
        "controltower:GetLandingZone",
        "controltower:ListEnabledBaselines",
        "controltower:ListEnabledControls",
        "controltower:ListLandingZones",
        "ec2:DescribeInstances",
        "iam:GetAccountSummary",
        "iam:ListOrganizationsFeatures",
        "organizations:DescribeOrganization",
        "organizations:DescribeOrganizationalUnit",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListDelegatedServicesForAccount",
        "organizations:ListHandshakesForAccount",
        "organizations:ListHandshakesForOrganization",
        "organizations:ListInboundResponsibilityTransfers",
        "organizations:ListOutboundResponsibilityTransfers",
        "organizations:ListParents",
        "organizations:ListPoliciesForTarget",
        "organizations:ListRoots",
        "organizations:ListTagsForResource",
        "ram:GetResourceShares",
        "ram:ListPrincipals",
        "ram:ListResources",
        "servicequotas:GetServiceQuota",
        "sso:ListInstances",
        "sso:ListPermissionSets",
        "wellarchitected:GetLensReview",
        "wellarchitected:ListLensReviews",
        "wellarchitected:ListMilestones",
        "wellarchitected:ListWorkloads",
    ],
    writes: &[],
    enters: Enters::MemberRole,
};

pub(super) const DELEGATION: ChoreActions = ChoreActions {
    reads: &[
        "account:ListRegions",
        "detective:ListOrganizationAdminAccount",
        "guardduty:ListOrganizationAdminAccounts",
        "inspector2:GetDelegatedAdminAccount",
        "macie2:ListOrganizationAdminAccounts",
        "organizations:DescribeOrganization",
        "organizations:ListAWSServiceAccessForOrganization",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListOrganizationalUnitsForParent",
        "securityhub:ListOrganizationAdminAccounts",
        "sso:ListInstances",
    ],
    writes: &[
        "detective:DisableOrganizationAdminAccount",
        "detective:EnableOrganizationAdminAccount",
        "guardduty:DisableOrganizationAdminAccount",
        "guardduty:EnableOrganizationAdminAccount",
        "inspector2:DisableDelegatedAdminAccount",
        "inspector2:EnableDelegatedAdminAccount",
        "macie2:DisableOrganizationAdminAccount",
        "macie2:EnableOrganizationAdminAccount",
        "organizations:DeregisterDelegatedAdministrator",
        "organizations:EnableAWSServiceAccess",
        "organizations:RegisterDelegatedAdministrator",
        "securityhub:DisableOrganizationAdminAccount",
        "securityhub:EnableOrganizationAdminAccount",
    ],
    enters: Enters::MemberRole,
};

pub(super) const STANDARDS: ChoreActions = ChoreActions {
    reads: &[
        "controltower:GetLandingZone",
        "controltower:ListLandingZones",
        "organizations:DescribeEffectivePolicy",
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "organizations:ListTagsForResource",
        "organizations:ListTargetsForPolicy",
        "sso:ListInstances",
    ],
    writes: &[],
    enters: Enters::MemberRole,
};

pub(super) const ENROLMENT: ChoreActions = ChoreActions {
    reads: &[
        "account:ListRegions",
        "cloudformation:DescribeOrganizationsAccess",
        "cloudformation:DescribeStackInstance",
        "cloudformation:DescribeStackSet",
        "cloudformation:DescribeStackSetOperation",
        "cloudformation:ListStackSetOperationResults",
        "controltower:GetBaselineOperation",
        "controltower:GetLandingZone",
        "controltower:ListBaselines",
        "controltower:ListEnabledBaselines",
        "controltower:ListEnabledControls",
        "controltower:ListLandingZones",
        "iam:GetRole",
        "organizations:DescribeAccount",
        "organizations:DescribeOrganization",
        "organizations:DescribeOrganizationalUnit",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListParents",
        "organizations:ListPoliciesForTarget",
        "organizations:ListRoots",
        "servicecatalog:DescribeRecord",
        "servicecatalog:ListPortfoliosForProduct",
        "servicecatalog:ListPrincipalsForPortfolio",
        "servicecatalog:ListProvisioningArtifacts",
        "servicecatalog:SearchProductsAsAdmin",
        "servicecatalog:SearchProvisionedProducts",
        "sso:ListInstances",
    ],
    writes: &[
        "cloudformation:CreateStackInstances",
        "cloudformation:CreateStackSet",
        "controltower:EnableBaseline",
        "controltower:ResetEnabledBaseline",
        "controltower:ResetEnabledControl",
        "organizations:MoveAccount",
        "servicecatalog:AssociatePrincipalWithPortfolio",
        "servicecatalog:ProvisionProduct",
    ],
    enters: Enters::TrustedRoles,
};

/// Additional needs to create accounts: Account Factory under Control Tower, and users of the list.
pub(super) const ACCOUNT_FACTORY: ChoreActions = ChoreActions {
    reads: &[
        "controltower:GetLandingZone",
        "controltower:ListEnabledBaselines",
        "controltower:ListLandingZones",
        "iam:GetRole",
        "identitystore:GetUserId",
        "servicecatalog:DescribeRecord",
        "servicecatalog:ListPortfoliosForProduct",
        "servicecatalog:ListPrincipalsForPortfolio",
        "servicecatalog:ListProvisioningArtifacts",
        "servicecatalog:SearchProductsAsAdmin",
        "servicecatalog:SearchProvisionedProducts",
    ],
    writes: &[
        "identitystore:CreateUser",
        "servicecatalog:AssociatePrincipalWithPortfolio",
        "servicecatalog:ProvisionProduct",
    ],
    enters: Enters::Nothing,
};

pub(super) const FINDINGS: ChoreActions = ChoreActions {
    reads: &[
        "account:GetAlternateContact",
        "organizations:DescribeAccount",
        "organizations:DescribeOrganizationalUnit",
        "organizations:ListParents",
        "organizations:ListTagsForResource",
        "securityhub:GetFindings",
        "securityhub:GetInsights",
        "securityhub:ListFindingAggregators",
    ],
    writes: &[
        "securityhub:BatchUpdateFindings",
        "securityhub:CreateInsight",
    ],
    enters: Enters::Nothing,
};

pub(super) const PUBLIC_IPS: ChoreActions = ChoreActions {
    reads: &[
        "account:ListRegions",
        "config:DescribeConfigurationAggregatorSourcesStatus",
        "config:DescribeConfigurationAggregators",
        "config:SelectAggregateResourceConfig",
        "organizations:DescribeOrganization",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListRoots",
        "organizations:ListTagsForResource",
    ],
    writes: &[],
    enters: Enters::MemberRole,
};

/// Needs of `hallpass sync`, except optional contacts. IAM of the account it runs in uses the
/// caller's permissions.
pub(super) const SYNC: ChoreActions = ChoreActions {
    reads: &[
        "account-access:ListApplications",
        "account-access:ListEntitlements",
        "account:ListRegions",
        "iam:GetAccessKeyLastUsed",
        "iam:GetAccountAuthorizationDetails",
        "iam:GetAccountPasswordPolicy",
        "iam:GetAccountProperties",
        "iam:GetAccountSummary",
        "iam:GetCredentialReport",
        "iam:GetLoginProfile",
        "iam:GetOutboundWebIdentityFederationInfo",
        "iam:GetRole",
        "iam:ListAccessKeys",
        "iam:ListDelegationRequests",
        "iam:ListMFADevices",
        "iam:ListOpenIDConnectProviders",
        "iam:ListRoles",
        "iam:ListSAMLProviders",
        "iam:ListUserTags",
        "iam:ListUsers",
        "iam:ListVirtualMFADevices",
        "identitystore:DescribeGroup",
        "identitystore:DescribeUser",
        "identitystore:ListGroupMemberships",
        "identitystore:ListGroups",
        "identitystore:ListUsers",
        "organizations:DescribeOrganization",
        "organizations:DescribePolicy",
        "organizations:ListAccounts",
        "organizations:ListAccountsForParent",
        "organizations:ListDelegatedAdministrators",
        "organizations:ListDelegatedServicesForAccount",
        "organizations:ListOrganizationalUnitsForParent",
        "organizations:ListParents",
        "organizations:ListPolicies",
        "organizations:ListRoots",
        "organizations:ListTagsForResource",
        "organizations:ListTargetsForPolicy",
        "sso:DescribePermissionSet",
        "sso:GetInlinePolicyForPermissionSet",
        "sso:GetPermissionsBoundaryForPermissionSet",
        "sso:ListAccountAssignments",
        "sso:ListAccountAssignmentsForPrincipal",
        "sso:ListAccountsForProvisionedPermissionSet",
        "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
        "sso:ListInstances",
        "sso:ListManagedPoliciesInPermissionSet",
        "sso:ListPermissionSets",
        "sso:ListRegions",
        "sso:ListTagsForResource",
    ],
    // a report changes nothing, but is not a read
    writes: &["iam:GenerateCredentialReport"],
    enters: Enters::MemberRole,
};

pub(super) const ACCOUNTS: ChoreActions = ChoreActions {
    reads: &[
        "account:ListRegions",
        "cloudtrail:DescribeTrails",
        "cloudtrail:LookupEvents",
        "config:DescribeConfigurationRecorderStatus",
        "config:DescribeConfigurationRecorders",
        "config:DescribeDeliveryChannels",
        "config:SelectResourceConfig",
        "detective:DescribeOrganizationConfiguration",
        "detective:ListDatasourcePackages",
        "detective:ListGraphs",
        "detective:ListMembers",
        "devops-guru:ListNotificationChannels",
        "ec2:DescribeAddresses",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeVpcs",
        "iam:GetAccountSummary",
        "iam:GetRole",
        "iam:ListAttachedRolePolicies",
        "organizations:ListHandshakesForAccount",
        "ram:GetResourceShares",
        "ram:ListPrincipals",
        "ram:ListResources",
        "securityhub:BatchGetStandardsControlAssociations",
        "securityhub:DescribeHub",
        "securityhub:DescribeOrganizationConfiguration",
        "securityhub:DescribeStandards",
        "securityhub:GetConfigurationPolicy",
        "securityhub:GetConfigurationPolicyAssociation",
        "securityhub:GetEnabledStandards",
        "securityhub:ListConfigurationPolicies",
        "securityhub:ListConfigurationPolicyAssociations",
        "securityhub:ListFindingAggregators",
        "securityhub:ListSecurityControlDefinitions",
        "wellarchitected:GetLensReview",
        "wellarchitected:ListLensReviews",
        "wellarchitected:ListMilestones",
        "wellarchitected:ListWorkloads",
    ],
    writes: &[
        "config:DeleteConfigurationRecorder",
        "config:DeleteDeliveryChannel",
        "config:PutConfigurationRecorder",
        "config:PutDeliveryChannel",
        "config:StartConfigurationRecorder",
        "config:StopConfigurationRecorder",
        "detective:CreateMembers",
        "detective:UpdateDatasourcePackages",
        "detective:UpdateOrganizationConfiguration",
        "devops-guru:AddNotificationChannel",
        "devops-guru:RemoveNotificationChannel",
        "iam:AttachRolePolicy",
        "iam:CreateRole",
        "securityhub:BatchDisableStandards",
        "securityhub:BatchEnableStandards",
        "securityhub:BatchUpdateStandardsControlAssociations",
        "securityhub:CreateConfigurationPolicy",
        "securityhub:EnableSecurityHub",
        "securityhub:StartConfigurationPolicyAssociation",
        "securityhub:StartConfigurationPolicyDisassociation",
        "securityhub:UpdateConfigurationPolicy",
        "securityhub:UpdateOrganizationConfiguration",
        "securityhub:UpdateStandardsControl",
    ],
    enters: Enters::Nothing,
};

impl ChoreActions {
    pub(super) fn statements(&self, names: (&str, &str)) -> Vec<Value> {
        // on all resources: many of these actions support no others
        let sides = [(names.0, self.reads), (names.1, self.writes)];
        let used = sides.iter().filter(|(_, actions)| !actions.is_empty());
        used.map(|(name, actions)| statement(name, actions, &json!("*")))
            .collect()
    }

    pub(super) fn policy(
        &self,
        partition: &str,
        member_role: &str,
        trusted: &[&str],
    ) -> Vec<Value> {
        let mut statements = self.statements(("Read", "Write"));
        let roles = match self.enters {
            Enters::Nothing => Vec::new(),
            Enters::MemberRole => vec![member_role],
            Enters::TrustedRoles => trusted.to_vec(),
        };
        if !roles.is_empty() {
            let arns = roles
                .iter()
                .map(|it| format!("arn:{partition}:iam::*:role/{it}"));
            let arns: Vec<String> = arns.collect();
            statements.push(statement(
                "EnterAccounts",
                &["sts:AssumeRole"],
                &json!(arns),
            ));
        }
        statements
    }
}

#[cfg(test)]
mod tests {
    use hallpass_iam::facts;

    use super::super::iam_policy::policy;
    use super::*;

    const ALL: &[&ChoreActions] = &[
        &INSIGHTS,
        &CHANNELS,
        &PAYER,
        &READINESS,
        &DELEGATION,
        &STANDARDS,
        &ENROLMENT,
        &ACCOUNT_FACTORY,
        &FINDINGS,
        &PUBLIC_IPS,
        &SYNC,
        &ACCOUNTS,
    ];

    /// `Batch…` names the verb second.
    fn only_reads(action: &str) -> bool {
        let name = action.split(':').nth(1).unwrap_or_default();
        let name = name.strip_prefix("Batch").unwrap_or(name);
        [
            "Get", "List", "Describe", "Search", "Select", "Simulate", "Lookup",
        ]
        .iter()
        .any(|verb| name.starts_with(verb))
    }

    #[test]
    fn each_action_is_one_of_aws_stands_once_and_on_its_side() {
        for chore in ALL {
            let all: Vec<&str> = chore.reads.iter().chain(chore.writes).copied().collect();
            for action in &all {
                assert!(facts::action(action).is_some(), "{action} is no action");
                assert_eq!(all.iter().filter(|it| *it == action).count(), 1, "{action}");
            }
            for action in chore.reads {
                assert!(only_reads(action), "{action} changes something");
            }
            for action in chore.writes {
                assert!(!only_reads(action), "{action} changes nothing");
            }
        }
    }

    #[test]
    fn accounts_are_entered_by_the_roles_that_the_chore_enters_by_and_no_other() {
        let of = |it: &ChoreActions| policy(&it.policy("aws-cn", "Member", &["One", "Two"]));
        assert!(of(&READINESS).contains("\"arn:aws-cn:iam::*:role/Member\""));
        let enrolment = of(&ENROLMENT);
        assert!(enrolment.contains("role/One") && enrolment.contains("role/Two"));
        assert!(!enrolment.contains("role/Member"), "{enrolment}");
        for chore in [&INSIGHTS, &PAYER, &FINDINGS, &ACCOUNTS, &ACCOUNT_FACTORY] {
            assert!(!of(chore).contains("AssumeRole"));
        }
    }
}
