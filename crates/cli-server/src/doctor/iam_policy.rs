//! Builds the least IAM policy for a configuration (`access.md` §13.5), limited to the resource
//! types of its actions and the groups that rules name.

mod statements;

use std::collections::BTreeSet;

use hallpass_app::config::Loaded;
use hallpass_app::log_files::LogPlace;
use hallpass_app::log_files::log_source::LogSource;
use hallpass_aws::{Need, POLICY_TEXT_ACTIONS};
use hallpass_org::propagation::ProbeRole;
use hallpass_rules::{GroupRef, Rules};
use serde_json::{Value, json};

use self::statements::{actions, allow, memberships};
pub(super) use self::statements::{in_management_account, partition, policy, statement, with_key};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policies {
    /// For ended sessions, enforced expiry or its measurement, or drills.
    Written,
    Untouched,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acting {
    On,
    Off,
}

impl Acting {
    pub(super) fn of(loaded: &Loaded) -> Self {
        if loaded.pci_acts() {
            Self::On
        } else {
            Self::Off
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountTags {
    Read,
    Unwanted,
}

impl AccountTags {
    pub(super) fn of(rules: Option<&Rules>) -> Self {
        if rules.is_some_and(Rules::references_account_tags) {
            Self::Read
        } else {
            Self::Unwanted
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Uses {
    pub(super) groups: BTreeSet<GroupRef>,
    pub(super) policies: Policies,
    pub(super) account_tags: AccountTags,
    /// `aws`, `aws-cn` or `aws-us-gov`.
    pub(super) partition: &'static str,
}

impl Uses {
    pub(super) fn of(
        loaded: &Loaded,
        groups: BTreeSet<GroupRef>,
        account_tags: AccountTags,
        region: &str,
    ) -> Self {
        let config = &loaded.config;
        let written = config.access.end_sessions
            || config.access.armed_ends.mode.is_on()
            || config.access.armed_ends.probe_role.is_some()
            || !config.outage.prod_accounts.is_empty();
        Self {
            groups,
            policies: if written {
                Policies::Written
            } else {
                Policies::Untouched
            },
            account_tags,
            partition: partition(region),
        }
    }
}

pub(super) fn for_guard(uses: &Uses, others: &[Value]) -> Vec<Value> {
    let of = |service: &str| actions(|it| it.guard && it.writes && it.name.starts_with(service));
    let looks = actions(|it| it.guard && !it.writes);
    let mut statements = allow("Look", &looks, uses.partition);
    statements.extend(allow("EndAssignments", &of("sso:"), uses.partition));
    if !uses.groups.is_empty() {
        let on = json!(memberships(&uses.groups, uses.partition));
        statements.push(statement("EndMemberships", &of("identitystore:"), &on));
    }
    statements.extend(others.iter().cloned());
    statements
}

/// Needs of ended sessions and drills, for a command-line user other than the server.
pub(super) fn for_policies(uses: &Uses) -> Vec<Value> {
    let of = |writes: bool| actions(|it| it.need == Need::Policies && it.writes == writes);
    let mut statements = allow("ReadPolicies", &of(false), uses.partition);
    statements.extend(allow("WritePolicies", &of(true), uses.partition));
    statements
}

/// Needs of access as code: all server reads, plus writes of permission sets and assignments.
pub(super) fn for_access(uses: &Uses) -> Vec<Value> {
    let of = |writes: bool| {
        actions(|it| {
            it.writes == writes
                && it.need != Need::Policies
                && it.need != Need::Vending
                && !(writes && it.name.starts_with("identitystore:"))
        })
    };
    let mut statements = allow("Read", &of(false), uses.partition);
    statements.extend(allow("Write", &of(true), uses.partition));
    statements
}

/// Server reads that account lists do not need: `e2e/least.py` tests without them.
const NOT_FOR_VENDING: &[&str] = &[
    "identitystore:GetGroupMembershipId",
    "identitystore:ListGroupMemberships",
    "identitystore:ListGroupMembershipsForMember",
    "sso:DescribeAccountAssignmentDeletionStatus",
    "sso:DescribeInstance",
    "sso:GetInlinePolicyForPermissionSet",
    "sso:GetPermissionsBoundaryForPermissionSet",
    "sso:ListAccountAssignmentCreationStatus",
    "sso:ListAccountAssignmentDeletionStatus",
    "sso:ListAccountAssignmentsForPrincipal",
    "sso:ListAccountsForProvisionedPermissionSet",
    "sso:ListCustomerManagedPolicyReferencesInPermissionSet",
    "sso:ListManagedPoliciesInPermissionSet",
    "sso:ListPermissionSetsProvisionedToAccount",
    "sso:ListRegions",
];

/// Needs of account lists: organization reads, account creation, access grants, and `others`.
pub(super) fn for_vending(uses: &Uses, others: &[Value]) -> Vec<Value> {
    let own = |writes: bool| {
        actions(|it| {
            let is_read =
                !it.writes && it.need == Need::Always && !NOT_FOR_VENDING.contains(&it.name);
            let gives = ["sso:CreateAccountAssignment", "organizations:TagResource"];
            let is_write = gives.contains(&it.name) || (it.writes && it.need == Need::Vending);
            // account tags are read back if set separately
            let is_own_read = it.need == Need::Vending || it.need == Need::AccountTags;
            if writes {
                is_write
            } else {
                is_read || (!it.writes && is_own_read)
            }
        })
    };
    let mut statements = allow("Read", &own(false), uses.partition);
    statements.extend(allow("Write", &own(true), uses.partition));
    statements.extend(others.iter().cloned());
    statements
}

const PEOPLE_READS: &[&str] = &[
    "identitystore:DescribeUser",
    "identitystore:GetGroupMembershipId",
    "identitystore:ListGroupMemberships",
    "identitystore:ListGroupMembershipsForMember",
    "identitystore:ListGroups",
    "identitystore:ListUsers",
    "organizations:DescribeOrganization",
    "organizations:ListAccounts",
    "organizations:ListAccountsForParent",
    "organizations:ListOrganizationalUnitsForParent",
    "organizations:ListRoots",
    "sso:DescribeAccountAssignmentCreationStatus",
    "sso:DescribeAccountAssignmentDeletionStatus",
    "sso:DescribePermissionSet",
    "sso:ListAccountAssignments",
    "sso:ListAccountAssignmentsForPrincipal",
    "sso:ListInstances",
    "sso:ListPermissionSets",
    "sso:ListRegions",
];
const PEOPLE_WRITES: &[&str] = &[
    "identitystore:CreateGroupMembership",
    "identitystore:DeleteGroupMembership",
    "identitystore:DeleteUser",
    "identitystore:UpdateUser",
    "sso:CreateAccountAssignment",
    "sso:DeleteAccountAssignment",
];

/// Needs of `pci`: the log if configured, users and their access; with acting enabled, writes.
pub(super) fn for_pci(uses: &Uses, log: Option<&LogSource>, acting: Acting) -> Vec<Value> {
    let mut statements = match log {
        Some(LogSource::Place(LogPlace::Folder(_))) => Vec::new(),
        Some(LogSource::Place(LogPlace::Bucket(place))) => {
            let bucket = format!("arn:{}:s3:::{}", uses.partition, place.bucket);
            let objects = if place.root.is_empty() {
                format!("{bucket}/*")
            } else {
                format!("{bucket}/{}/*", place.root)
            };
            vec![
                statement("ListLog", &["s3:ListBucket"], &json!(bucket)),
                statement("ReadLog", &["s3:GetObject"], &json!(objects)),
            ]
        }
        Some(LogSource::Lookup) | None => {
            allow("Log", &["cloudtrail:LookupEvents"], uses.partition)
        }
    };
    match acting {
        Acting::Off => statements.extend(allow(
            "Read",
            &[
                "identitystore:ListUsers",
                "sso:ListInstances",
                "sso:ListRegions",
            ],
            uses.partition,
        )),
        Acting::On => {
            statements.extend(allow("Read", PEOPLE_READS, uses.partition));
            statements.extend(allow("Act", PEOPLE_WRITES, uses.partition));
            if uses.policies == Policies::Written {
                statements.extend(for_policies(uses));
            }
        }
    }
    statements
}

/// Reads entitlements of account access manager, and deletes those of users with ended access.
pub(super) fn for_entitlements(partition: &str) -> Vec<Value> {
    const ACTIONS: [&str; 4] = [
        "account-access:DeleteEntitlement",
        "account-access:ListApplications",
        "account-access:ListEntitlements",
        "identitystore:ListGroupMembershipsForMember",
    ];
    allow("Entitlements", &ACTIONS, partition)
}

/// Measuring also needs to assume the role.
pub(super) fn for_probe(role: &ProbeRole) -> Value {
    statement("ProbeRole", &["sts:AssumeRole"], &json!(role.arn()))
}

/// `others` are statements of configured parts.
pub(super) fn for_server(uses: &Uses, others: &[Value]) -> Vec<Value> {
    let of = |service: &str| {
        actions(|it| it.need == Need::Always && it.writes && it.name.starts_with(service))
    };
    let reads = actions(|it| it.need == Need::Always && !it.writes);
    let mut statements = allow("Read", &reads, uses.partition);
    let of_aws = json!(format!("arn:{}:iam::aws:policy/*", uses.partition));
    statements.push(statement("PoliciesOfAws", &POLICY_TEXT_ACTIONS, &of_aws));
    statements.extend(allow("Assignments", &of("sso:"), uses.partition));
    if !uses.groups.is_empty() {
        let on = json!(memberships(&uses.groups, uses.partition));
        statements.push(statement("Memberships", &of("identitystore:"), &on));
    }
    match uses.account_tags {
        AccountTags::Read => {
            let reads = actions(|it| it.need == Need::AccountTags);
            let of_accounts = format!("arn:{}:organizations::*:account/o-*/*", uses.partition);
            statements.push(statement("AccountTags", &reads, &json!(of_accounts)));
        }
        AccountTags::Unwanted => {}
    }
    match uses.policies {
        Policies::Written => statements.extend(for_policies(uses)),
        Policies::Untouched => {}
    }
    statements.extend_from_slice(others);
    statements
}

#[cfg(test)]
mod tests;
