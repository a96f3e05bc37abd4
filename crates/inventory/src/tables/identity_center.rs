//! IAM Identity Center: permission sets, who is assigned what, and the directory.

use crate::table::{CQ_ID, InventoryTable, SliceColumns, boolean, json, text, time};

pub(super) static INSTANCES: InventoryTable = InventoryTable {
    name: "aws_ssoadmin_instances",
    about: "An instance of Identity Center",
    from: "ListInstances, ListRegions",
    key: &["instance_arn"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("instance_arn"),
        text("identity_store_id"),
        text("instance_owner"),
        text("instance_status"),
        json("instance_regions"),
    ],
};

pub(super) static PERMISSION_SETS: InventoryTable = InventoryTable {
    name: "aws_ssoadmin_permission_sets",
    about: "A permission set",
    from: "DescribePermissionSet, and a call for each kind of policy in it",
    key: &["permission_set_arn"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("permission_set_arn"),
        text("permission_set_name"),
        text("description").or_null(),
        text("session_duration").about("as in ISO 8601: PT8H"),
        text("relay_state").or_null(),
        time("created"),
        json("managed_policies"),
        json("customer_policies"),
        json("inline_policy").or_null(),
        json("boundary").or_null(),
        json("ps_tags"),
    ],
};

pub(super) static PROVISIONED: InventoryTable = InventoryTable {
    name: "aws_ssoadmin_provisioned",
    about: "A permission set in an account where its role exists",
    from: "ListAccountsForProvisionedPermissionSet, for each status",
    key: &["permission_set_arn", "account_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("permission_set_arn"),
        text("account_id"),
        boolean("latest").about("whether the role has the newest version of the set"),
    ],
};

pub(super) static ACCOUNT_ASSIGNMENTS: InventoryTable = InventoryTable {
    name: "aws_ssoadmin_account_assignments",
    about: "A permission set in an account for a user or a group",
    from: "ListAccountAssignments, or ListAccountAssignmentsForPrincipal",
    key: &["permission_set_arn", "account_id", "principal_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("permission_set_arn"),
        text("account_id"),
        text("principal_type").about("USER or GROUP"),
        text("principal_id"),
        boolean("principal_exists"),
        text("hallpass_grant_id")
            .or_null()
            .about("the grant that holds it, where Hallpass made it"),
    ],
};

pub(super) static ENTITLEMENTS: InventoryTable = InventoryTable {
    name: "aws_account_access_entitlements",
    about: "A role in an account for a user or a group, without a permission set",
    from: "account-access ListEntitlements by account",
    key: &["entitlement_id"],
    slice: SliceColumns::account("account_id"),
    columns: &[
        CQ_ID,
        text("entitlement_id"),
        text("application_arn"),
        text("role_arn"),
        text("account_id"),
        text("principal_type"),
        text("principal_id"),
        boolean("principal_exists"),
    ],
};

pub(super) static USERS: InventoryTable = InventoryTable {
    name: "aws_identitystore_users",
    about: "A person in the identity store",
    from: "ListUsers",
    key: &["identity_store_id", "user_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("identity_store_id"),
        text("user_id"),
        text("idc_user_name"),
        text("display_name").or_null(),
        text("email").or_null(),
        text("idc_status").or_null().about("ENABLED or DISABLED"),
        json("external_ids"),
        time("created_at").or_null(),
        time("updated_at").or_null(),
    ],
};

pub(super) static GROUPS: InventoryTable = InventoryTable {
    name: "aws_identitystore_groups",
    about: "A group in the identity store",
    from: "ListGroups",
    key: &["identity_store_id", "group_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("identity_store_id"),
        text("group_id"),
        text("display_name"),
        text("description").or_null(),
        json("external_ids"),
    ],
};

pub(super) static GROUP_MEMBERSHIPS: InventoryTable = InventoryTable {
    name: "aws_identitystore_group_memberships",
    about: "A person in a group",
    from: "ListGroupMemberships per group",
    key: &["group_id", "member_user_id"],
    slice: SliceColumns::GLOBAL,
    columns: &[
        CQ_ID,
        text("membership_id"),
        text("group_id"),
        text("member_user_id"),
    ],
};
