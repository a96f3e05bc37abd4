//! The least IAM policy for what the configuration uses (`access.md` §13.5), limited to the kinds of
//! resources that its actions work on, and to the groups rules name.

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

/// Whether policies of the organization are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Policies {
    /// Sessions are ended, ends are armed or measured, or drills are configured.
    Written,
    /// Neither.
    Untouched,
}

/// Whether `pci act` does anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Acting {
    /// It is switched on.
    On,
    /// It is not.
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

/// Whether tags of accounts decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AccountTags {
    /// Rules name some.
    Read,
    /// None does.
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

/// What a configuration uses of AWS.
#[derive(Clone, Debug)]
pub(super) struct Uses {
    /// The groups that rules give memberships of.
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

/// The least policy of a guard: looks, and takes away.
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

/// What ending sessions and drills need, by themselves: for whoever runs them from the command line as
/// somebody else than the server.
pub(super) fn for_policies(uses: &Uses) -> Vec<Value> {
    let of = |writes: bool| actions(|it| it.need == Need::Policies && it.writes == writes);
    let mut statements = allow("ReadPolicies", &of(false), uses.partition);
    statements.extend(allow("WritePolicies", &of(true), uses.partition));
    statements
}

/// What access as code needs: everything the server reads, and permission sets with their assignments
/// to write.
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

/// What the server reads for grants, sweeps and permission sets, and lists of accounts do not: `e2e/least.py` makes some
/// without.
const NOT_FOR_VENDING: &[&str] = &[
    "identitystore:GetGroupMembershipId",
    "identitystore:ListGroupMemberships",
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

/// What making accounts from a list needs: what the server reads of the organization, accounts to write, and access to them to
/// give; and what `others` say.
pub(super) fn for_vending(uses: &Uses, others: &[Value]) -> Vec<Value> {
    let own = |writes: bool| {
        actions(|it| {
            let is_read =
                !it.writes && it.need == Need::Always && !NOT_FOR_VENDING.contains(&it.name);
            let gives = ["sso:CreateAccountAssignment", "organizations:TagResource"];
            let is_write = gives.contains(&it.name) || (it.writes && it.need == Need::Vending);
            // an account's tags are read back, where they are not given with it
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

/// What people and what they can use are read with, for `pci`.
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
/// What they are acted on with, and what gives it back.
const PEOPLE_WRITES: &[&str] = &[
    "identitystore:CreateGroupMembership",
    "identitystore:DeleteGroupMembership",
    "identitystore:DeleteUser",
    "identitystore:UpdateUser",
    "sso:CreateAccountAssignment",
    "sso:DeleteAccountAssignment",
];

/// What `pci` needs: the log, as far as the configuration says where it is, people and what they can use; and, where acting
/// is switched on, to act on them.
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

/// What entitlements of account access manager are read with, and those of people deleted whose access ends.
pub(super) fn for_entitlements(partition: &str) -> Vec<Value> {
    const ACTIONS: [&str; 4] = [
        "account-access:DeleteEntitlement",
        "account-access:ListApplications",
        "account-access:ListEntitlements",
        "identitystore:ListGroupMembershipsForMember",
    ];
    allow("Entitlements", &ACTIONS, partition)
}

/// What is measured by a role takes its assumption, beside the policies.
pub(super) fn for_probe(role: &ProbeRole) -> Value {
    statement("ProbeRole", &["sts:AssumeRole"], &json!(role.arn()))
}

/// The policy of the server; `others` are statements of parts that are configured.
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
