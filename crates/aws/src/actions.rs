//! The IAM actions this client needs, for the least policy that `hallpass doctor` prints.

/// What an action is needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Action {
    /// The action's name in IAM.
    pub name: &'static str,
    /// Whether it changes something.
    pub writes: bool,
}

const fn read(name: &'static str) -> Action {
    Action {
        name,
        writes: false,
    }
}

const fn write(name: &'static str) -> Action {
    Action { name, writes: true }
}

const ACTIONS: &[Action] = &[
    read("sso:ListInstances"),
    read("sso:ListPermissionSets"),
    read("sso:DescribePermissionSet"),
    // what a permission set allows, for its page
    read("sso:GetInlinePolicyForPermissionSet"),
    read("sso:ListManagedPoliciesInPermissionSet"),
    read("sso:ListCustomerManagedPolicyReferencesInPermissionSet"),
    read("sso:GetPermissionsBoundaryForPermissionSet"),
    read("sso:ListAccountAssignments"),
    read("sso:DescribeAccountAssignmentCreationStatus"),
    read("sso:DescribeAccountAssignmentDeletionStatus"),
    write("sso:CreateAccountAssignment"),
    write("sso:DeleteAccountAssignment"),
    read("identitystore:ListUsers"),
    read("identitystore:DescribeUser"),
    read("identitystore:ListGroups"),
    read("identitystore:DescribeGroup"),
    read("identitystore:ListGroupMemberships"),
    read("identitystore:GetGroupMembershipId"),
    write("identitystore:CreateGroupMembership"),
    write("identitystore:DeleteGroupMembership"),
    read("organizations:DescribeOrganization"),
    read("organizations:ListDelegatedAdministrators"),
    read("organizations:ListRoots"),
    read("organizations:ListAccounts"),
    read("organizations:ListOrganizationalUnitsForParent"),
    read("organizations:ListAccountsForParent"),
    read("organizations:ListParents"),
    read("organizations:DescribeAccount"),
    // only where account tags are read
    read("organizations:ListTagsForResource"),
];

/// Every IAM action that a call of this client needs, and no other.
pub fn actions() -> &'static [Action] {
    ACTIONS
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The operation names as they stand in the sources.
    fn called() -> BTreeSet<&'static str> {
        let sources = [
            include_str!("connect.rs"),
            include_str!("center.rs"),
            include_str!("inventory/accounts.rs"),
            include_str!("inventory/people.rs"),
            include_str!("inventory/policies.rs"),
            include_str!("inventory/sets.rs"),
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
        assert_eq!(named, called());
        assert_eq!(named.len(), ACTIONS.len());
    }

    #[test]
    fn what_writes_is_marked() {
        for action in ACTIONS {
            let changes = action.name.contains(":Create") || action.name.contains(":Delete");
            assert_eq!(action.writes, changes, "{}", action.name);
        }
    }
}
