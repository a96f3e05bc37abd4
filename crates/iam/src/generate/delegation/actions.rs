//! Actions of Identity Center by what they lead to (AWS: "Actions, resources, and condition keys
//! for AWS IAM Identity Center", as of 2026-09).

/// Give and take access.
pub(super) const ASSIGN: [&str; 2] = ["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment"];

/// Write the present definition of a permission set to accounts.
pub(super) const PROVISION: &str = "sso:ProvisionPermissionSet";

/// Change which permission sets there are.
pub(super) const MAKE: [&str; 2] = ["sso:CreatePermissionSet", "sso:DeletePermissionSet"];

/// Change what a permission set grants.
pub(super) const EDIT: [&str; 9] = [
    "sso:UpdatePermissionSet",
    "sso:PutInlinePolicyToPermissionSet",
    "sso:DeleteInlinePolicyFromPermissionSet",
    "sso:AttachManagedPolicyToPermissionSet",
    "sso:DetachManagedPolicyFromPermissionSet",
    "sso:AttachCustomerManagedPolicyReferenceToPermissionSet",
    "sso:DetachCustomerManagedPolicyReferenceFromPermissionSet",
    "sso:PutPermissionsBoundaryToPermissionSet",
    "sso:DeletePermissionsBoundaryFromPermissionSet",
];

/// Change which attributes become session tags, for everybody.
pub(super) const ATTRIBUTES: [&str; 3] = [
    "sso:CreateInstanceAccessControlAttributeConfiguration",
    "sso:UpdateInstanceAccessControlAttributeConfiguration",
    "sso:DeleteInstanceAccessControlAttributeConfiguration",
];

/// Change tags, by which permission sets are delegated.
pub(super) const TAG: [&str; 2] = ["sso:TagResource", "sso:UntagResource"];

/// Change who is in a group, and so who has what is assigned to it.
pub(super) const MEMBERS: [&str; 3] = [
    "identitystore:CreateGroupMembership",
    "identitystore:DeleteGroupMembership",
    "sso-directory:AddMemberToGroup",
];

/// See assignments and permission sets.
pub(super) const READ: [&str; 16] = [
    "sso:DescribeAccountAssignmentCreationStatus",
    "sso:DescribeAccountAssignmentDeletionStatus",
    "sso:DescribeInstance",
    "sso:DescribePermissionSet",
    "sso:DescribePermissionSetProvisioningStatus",
    "sso:GetInlinePolicyForPermissionSet",
    "sso:ListAccountAssignmentCreationStatus",
    "sso:ListAccountAssignmentDeletionStatus",
    "sso:ListAccountAssignments",
    "sso:ListAccountAssignmentsForPrincipal",
    "sso:ListAccountsForProvisionedPermissionSet",
    "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
    "sso:ListManagedPoliciesInPermissionSet",
    "sso:ListPermissionSets",
    "sso:ListPermissionSetsProvisionedToAccount",
    "sso:ListTagsForResource",
];

/// See people and groups.
pub(super) const READ_IDENTITIES: [&str; 8] = [
    "identitystore:DescribeGroup",
    "identitystore:DescribeUser",
    "identitystore:GetGroupId",
    "identitystore:GetUserId",
    "identitystore:ListGroupMemberships",
    "identitystore:ListGroupMembershipsForMember",
    "identitystore:ListGroups",
    "identitystore:ListUsers",
];
