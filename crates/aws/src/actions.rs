//! The IAM actions this client needs, for the least policy that `hallpass server doctor` prints.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    Always,
    Policies,
    AccountTags,
    AccessFiles,
    Vending,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeededAction {
    pub name: &'static str,
    pub writes: bool,
    pub need: Need,
    /// Needed by a guard, which only reads and revokes.
    pub guard: bool,
}

const fn read(name: &'static str) -> NeededAction {
    NeededAction {
        name,
        writes: false,
        need: Need::Always,
        guard: false,
    }
}

const fn write(name: &'static str) -> NeededAction {
    NeededAction {
        name,
        writes: true,
        need: Need::Always,
        guard: false,
    }
}

const fn for_policies(action: NeededAction) -> NeededAction {
    NeededAction {
        need: Need::Policies,
        ..action
    }
}

const fn for_tags(action: NeededAction) -> NeededAction {
    NeededAction {
        need: Need::AccountTags,
        ..action
    }
}

const fn for_files(action: NeededAction) -> NeededAction {
    NeededAction {
        need: Need::AccessFiles,
        ..action
    }
}

const fn and_guard(action: NeededAction) -> NeededAction {
    NeededAction {
        guard: true,
        ..action
    }
}

const fn for_vending(action: NeededAction) -> NeededAction {
    NeededAction {
        need: Need::Vending,
        ..action
    }
}

/// Read AWS managed policy texts, to describe permission sets.
pub const POLICY_TEXT_ACTIONS: [&str; 2] = ["iam:GetPolicy", "iam:GetPolicyVersion"];

const ACTIONS: &[NeededAction] = &[
    and_guard(read("sso:ListInstances")),
    read("sso:ListPermissionSets"),
    read("sso:DescribePermissionSet"),
    read("sso:GetInlinePolicyForPermissionSet"),
    read("sso:ListManagedPoliciesInPermissionSet"),
    read("sso:ListCustomerManagedPolicyReferencesInPermissionSet"),
    read("sso:GetPermissionsBoundaryForPermissionSet"),
    and_guard(read("sso:ListAccountAssignments")),
    read("sso:DescribeInstance"),
    // the sign-in Regions during a loss of the home Region
    read("sso:ListRegions"),
    // provisioned accounts, for sweeps
    read("sso:ListAccountsForProvisionedPermissionSet"),
    read("sso:ListPermissionSetsProvisionedToAccount"),
    read("sso:DescribeAccountAssignmentCreationStatus"),
    and_guard(read("sso:DescribeAccountAssignmentDeletionStatus")),
    // one listing for all of a principal's assignments
    read("sso:ListAccountAssignmentsForPrincipal"),
    // one call for all operations in progress
    read("sso:ListAccountAssignmentCreationStatus"),
    read("sso:ListAccountAssignmentDeletionStatus"),
    write("sso:CreateAccountAssignment"),
    and_guard(write("sso:DeleteAccountAssignment")),
    read("identitystore:ListUsers"),
    and_guard(read("identitystore:DescribeUser")),
    read("identitystore:ListGroups"),
    and_guard(read("identitystore:DescribeGroup")),
    and_guard(read("identitystore:ListGroupMemberships")),
    // the groups of a person, on their page
    read("identitystore:ListGroupMembershipsForMember"),
    and_guard(read("identitystore:GetGroupMembershipId")),
    write("identitystore:CreateGroupMembership"),
    and_guard(write("identitystore:DeleteGroupMembership")),
    read("organizations:DescribeOrganization"),
    read("organizations:ListDelegatedAdministrators"),
    read("organizations:ListRoots"),
    read("organizations:ListAccounts"),
    read("organizations:ListOrganizationalUnitsForParent"),
    read("organizations:ListAccountsForParent"),
    read("organizations:ListParents"),
    and_guard(read("organizations:DescribeAccount")),
    for_tags(read("organizations:ListTagsForResource")),
    for_policies(read("organizations:ListPolicies")),
    for_policies(read("organizations:DescribePolicy")),
    for_policies(read("organizations:ListTargetsForPolicy")),
    for_policies(read("organizations:ListPoliciesForTarget")),
    // whether a delegated administrator may write any
    for_policies(read("organizations:DescribeResourcePolicy")),
    for_policies(write("organizations:CreatePolicy")),
    for_policies(write("organizations:UpdatePolicy")),
    for_policies(write("organizations:DeletePolicy")),
    for_policies(write("organizations:AttachPolicy")),
    for_policies(write("organizations:DetachPolicy")),
    // a policy is created with its tags in one call
    for_policies(write("organizations:TagResource")),
    for_vending(read("organizations:DescribeCreateAccountStatus")),
    for_vending(read("organizations:ListCreateAccountStatus")),
    for_vending(read("organizations:DescribeOrganizationalUnit")),
    for_vending(write("organizations:CreateAccount")),
    for_vending(write("organizations:MoveAccount")),
    for_files(read("sso:ListTagsForResource")),
    for_files(read("sso:DescribePermissionSetProvisioningStatus")),
    for_files(write("sso:CreatePermissionSet")),
    for_files(write("sso:UpdatePermissionSet")),
    for_files(write("sso:DeletePermissionSet")),
    for_files(write("sso:AttachManagedPolicyToPermissionSet")),
    for_files(write("sso:DetachManagedPolicyFromPermissionSet")),
    for_files(write(
        "sso:AttachCustomerManagedPolicyReferenceToPermissionSet",
    )),
    for_files(write(
        "sso:DetachCustomerManagedPolicyReferenceFromPermissionSet",
    )),
    for_files(write("sso:PutInlinePolicyToPermissionSet")),
    for_files(write("sso:DeleteInlinePolicyFromPermissionSet")),
    for_files(write("sso:PutPermissionsBoundaryToPermissionSet")),
    for_files(write("sso:DeletePermissionsBoundaryFromPermissionSet")),
    for_files(write("sso:TagResource")),
    for_files(write("sso:UntagResource")),
    for_files(write("sso:ProvisionPermissionSet")),
];

/// Bucket actions of an export: `doctor` checks Object Lock, and a server with an empty database
/// checks for an earlier log.
pub const BUCKET_ACTIONS: &[&str] = &["s3:GetBucketObjectLockConfiguration", "s3:ListBucket"];
/// Object actions of an export. `GetObject` compares an existing object, which must be equal.
pub const OBJECT_ACTIONS: &[&str] = &["s3:PutObject", "s3:PutObjectRetention", "s3:GetObject"];
pub const KEY_ACTIONS: &[&str] = &["kms:Sign", "kms:GetPublicKey"];

/// Exactly the IAM actions of this client's calls, without exports.
pub fn actions() -> &'static [NeededAction] {
    ACTIONS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn called() -> BTreeSet<&'static str> {
        let sources = [
            include_str!("connect.rs"),
            include_str!("center.rs"),
            include_str!("instance.rs"),
            include_str!("instance_regions.rs"),
            include_str!("inventory/accounts.rs"),
            include_str!("inventory/people.rs"),
            include_str!("inventory/policies.rs"),
            include_str!("inventory/sets.rs"),
            include_str!("inventory/tags.rs"),
            include_str!("permission_sets/reads.rs"),
            include_str!("permission_sets/writes.rs"),
            include_str!("policies.rs"),
            include_str!("standing.rs"),
            include_str!("lib.rs"),
            include_str!("other_access.rs"),
            include_str!("vending.rs"),
            include_str!("which_instance.rs"),
        ];
        let after = |source: &'static str, what: &'static str| {
            source
                .split(what)
                .skip(1)
                .filter_map(|rest| rest.trim_start().strip_prefix('"'))
                .filter_map(|rest| rest.split('"').next())
        };
        sources
            .into_iter()
            .flat_map(|source| after(source, ".read(").chain(after(source, ".write(")))
            .chain(after(include_str!("permission_sets/writes.rs"), "set,"))
            .filter(|name| *name != "GetCallerIdentity")
            .collect()
    }

    #[test]
    fn the_list_names_every_call_and_no_other() {
        let named: BTreeSet<_> = ACTIONS
            .iter()
            .filter_map(|action| action.name.split_once(':'))
            .map(|(_, operation)| operation)
            .collect();
        let mut called = called();
        called.insert("TagResource");
        assert_eq!(named, called);
        let once: BTreeSet<_> = ACTIONS.iter().map(|action| action.name).collect();
        assert_eq!(once.len(), ACTIONS.len());
    }

    #[test]
    fn exports_and_heads_need_what_they_call() {
        let called = |source: &'static str, what: &'static str| -> BTreeSet<&'static str> {
            let calls = source.split(what).skip(1);
            calls
                .filter_map(|rest| rest.trim_start().strip_prefix('"'))
                .filter_map(|rest| rest.split('"').next())
                .collect()
        };
        let objects = called(include_str!("objects.rs"), "self.call(");
        let known = BTreeSet::from([
            "PutObject",
            "GetObject",
            "GetObjectLockConfiguration",
            "ListObjectsV2",
        ]);
        assert_eq!(objects, known);
        let keys = called(include_str!("head_key.rs"), ".ask(");
        let named = KEY_ACTIONS.iter().filter_map(|it| it.strip_prefix("kms:"));
        assert_eq!(keys, named.collect());
    }

    #[test]
    fn a_guard_gives_nothing() {
        for action in ACTIONS
            .iter()
            .filter(|action| action.guard && action.writes)
        {
            assert!(action.name.contains(":Delete"), "{}", action.name);
        }
    }

    #[test]
    fn what_writes_is_marked() {
        for action in ACTIONS {
            let verbs = [
                ":Create",
                ":Delete",
                ":Update",
                ":Attach",
                ":Detach",
                ":Tag",
                ":Untag",
                ":Put",
                ":Provision",
                ":Move",
            ];
            let changes = verbs.iter().any(|verb| action.name.contains(verb));
            assert_eq!(action.writes, changes, "{}", action.name);
        }
    }
}
