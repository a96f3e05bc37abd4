//! IAM Identity Center: permission sets, who is assigned what, and the directory.

use crate::table::RowSource::Steps;
use crate::table::{CQ_ID, InventoryTable, SliceColumns, boolean, json, text, time};

pub(super) static TABLES: &[InventoryTable] = &[
    InventoryTable {
        name: "aws_ssoadmin_instances",
        about: "An instance of Identity Center",
        from: Steps("ListInstances, ListRegions"),
        key: &["instance_arn"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("instance_arn").of("InstanceArn"),
            text("identity_store_id").of("IdentityStoreId"),
            text("instance_owner").of("OwnerAccountId"),
            text("instance_status").of("Status"),
            json("instance_regions"),
        ],
    },
    InventoryTable {
        name: "aws_ssoadmin_permission_sets",
        about: "A permission set",
        from: Steps("DescribePermissionSet, and a call for each kind of policy in it"),
        key: &["permission_set_arn"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("permission_set_arn"),
            text("permission_set_name").of("Name"),
            text("description").of("Description").or_null(),
            text("session_duration").about("as in ISO 8601: PT8H"),
            text("relay_state").of("RelayState").or_null(),
            time("created").of("CreatedDate"),
            json("managed_policies"),
            json("customer_policies"),
            json("inline_policy").or_null(),
            json("boundary").or_null(),
            json("ps_tags"),
        ],
    },
    InventoryTable {
        name: "aws_ssoadmin_provisioned",
        about: "A permission set in an account where its role exists",
        from: Steps("ListAccountsForProvisionedPermissionSet, for each status"),
        key: &["permission_set_arn", "account_id"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("permission_set_arn"),
            text("account_id"),
            boolean("latest").about("whether the role has the newest version of the set"),
        ],
    },
    InventoryTable {
        name: "aws_ssoadmin_account_assignments",
        about: "A permission set in an account for a user or a group",
        from: Steps("ListAccountAssignments, or ListAccountAssignmentsForPrincipal"),
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
    },
    InventoryTable {
        name: "aws_account_access_entitlements",
        about: "A role in an account for a user or a group, without a permission set",
        from: Steps("account-access ListEntitlements by account"),
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
    },
    InventoryTable {
        name: "aws_identitystore_users",
        about: "A person in the identity store",
        from: Steps("ListUsers"),
        key: &["identity_store_id", "user_id"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("identity_store_id"),
            text("user_id").of("UserId"),
            text("idc_user_name").of("UserName"),
            text("display_name").of("DisplayName").or_null(),
            text("email").or_null(),
            text("idc_status")
                .of("UserStatus")
                .or_null()
                .about("ENABLED or DISABLED"),
            json("external_ids"),
            time("created_at").of("CreatedAt").or_null(),
            time("updated_at").of("UpdatedAt").or_null(),
        ],
    },
    InventoryTable {
        name: "aws_identitystore_groups",
        about: "A group in the identity store",
        from: Steps("ListGroups"),
        key: &["identity_store_id", "group_id"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("identity_store_id"),
            text("group_id").of("GroupId"),
            text("display_name").of("DisplayName"),
            text("description").of("Description").or_null(),
            json("external_ids"),
        ],
    },
    InventoryTable {
        name: "aws_identitystore_group_memberships",
        about: "A person in a group",
        from: Steps("ListGroupMemberships per group"),
        key: &["group_id", "member_user_id"],
        slice: SliceColumns::GLOBAL,
        columns: &[
            CQ_ID,
            text("membership_id").of("MembershipId"),
            text("group_id").of("GroupId"),
            text("member_user_id"),
        ],
    },
];
