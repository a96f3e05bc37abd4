//! Identity Center actions by effect (AWS: "Actions, resources, and condition keys for AWS IAM
//! Identity Center", as of 2026-09).

pub(super) const ASSIGN: [&str; 2] = ["sso:CreateAccountAssignment", "sso:DeleteAccountAssignment"];

pub(super) const PROVISION: &str = "sso:ProvisionPermissionSet";

pub(super) const MAKE: [&str; 2] = ["sso:CreatePermissionSet", "sso:DeletePermissionSet"];

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

/// Change the attributes used as session tags, for all users.
pub(super) const ATTRIBUTES: [&str; 3] = [
    "sso:CreateInstanceAccessControlAttributeConfiguration",
    "sso:UpdateInstanceAccessControlAttributeConfiguration",
    "sso:DeleteInstanceAccessControlAttributeConfiguration",
];

/// Change tags, which delegate permission sets.
pub(super) const TAG: [&str; 2] = ["sso:TagResource", "sso:UntagResource"];

/// Change group members, and so their access.
pub(super) const MEMBERS: [&str; 3] = [
    "identitystore:CreateGroupMembership",
    "identitystore:DeleteGroupMembership",
    "sso-directory:AddMemberToGroup",
];

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
