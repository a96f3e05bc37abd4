//! The organization: accounts, organizational units, policies, Regions.

use crate::table::{CQ_ID, InventoryTable, SliceColumns, boolean, int8, json, text, time};

pub(super) static ORGANIZATION: InventoryTable = InventoryTable {
    name: "aws_organizations",
    about: "The organization",
    from: "DescribeOrganization",
    key: &["id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("id"),
        text("arn"),
        text("master_account_id"),
        text("master_account_email"),
        text("feature_set"),
        json("available_policy_types"),
    ],
};

pub(super) static ACCOUNTS: InventoryTable = InventoryTable {
    name: "aws_organizations_accounts",
    about: "An account of the organization",
    from: "ListAccounts, ListParents, ListTagsForResource",
    key: &["id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("id"),
        text("arn"),
        text("name"),
        text("email"),
        text("status"),
        text("state"),
        text("joined_method"),
        time("joined_timestamp"),
        text("parent_id"),
        text("ou_path").about("the names of the organizational units above it, from the root"),
        json("tags"),
    ],
};

pub(super) static ORGANIZATIONAL_UNITS: InventoryTable = InventoryTable {
    name: "aws_organizations_organizational_units",
    about: "An organizational unit, or the root",
    from: "ListRoots, ListOrganizationalUnitsForParent",
    key: &["id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("id"),
        text("arn"),
        text("name"),
        text("parent_id").or_null().about("NULL for the root"),
        text("path").about("the names from the root: /Workloads/Production/"),
        int8("depth"),
    ],
};

pub(super) static POLICIES: InventoryTable = InventoryTable {
    name: "aws_organizations_policies",
    about: "A policy of the organization: service and resource control policies among them",
    from: "ListPolicies per type, DescribePolicy",
    key: &["id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("id"),
        text("arn"),
        text("name"),
        text("type"),
        text("description"),
        boolean("aws_managed"),
        json("content"),
    ],
};

pub(super) static POLICY_TARGETS: InventoryTable = InventoryTable {
    name: "aws_organizations_policy_targets",
    about: "A policy of the organization on what it is attached to",
    from: "ListTargetsForPolicy",
    key: &["policy_id", "target_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("policy_cq_id"),
        text("policy_id"),
        text("target_id"),
        text("target_type"),
        text("target_name"),
    ],
};

pub(super) static DELEGATED_ADMINS: InventoryTable = InventoryTable {
    name: "aws_organizations_delegated_admins",
    about: "An account that administers a service for the organization",
    from: "ListDelegatedAdministrators, ListDelegatedServicesForAccount",
    key: &["admin_account_id", "service_principal"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("admin_account_id"),
        text("service_principal"),
        time("enabled_at"),
    ],
};

pub(super) static REGIONS: InventoryTable = InventoryTable {
    name: "aws_regions",
    about: "A Region of an account, and whether it is on",
    from: "account:ListRegions, or ec2:DescribeRegions",
    key: &["account_id", "region"],
    // the list is asked for once per account: it is no slice of the Region it names
    slice: SliceColumns::account("account_id"),
    columns: &[
        CQ_ID,
        text("account_id"),
        text("region"),
        text("opt_status"),
        boolean("enabled"),
    ],
};
