//! IAM of each account. Only users carry `account_id`, `arn` and `user_name` without a prefix, so
//! that a join with them needs no names of tables (`inventory.md` T-14).

use crate::table::{CQ_ID, InventoryTable, SliceColumns, boolean, int8, json, text, time};

pub(super) static USERS: InventoryTable = InventoryTable {
    name: "aws_iam_users",
    about: "An IAM user",
    from: "ListUsers, ListUserTags, credential report",
    key: &["arn"],
    slice: SliceColumns::account("account_id"),
    columns: &[
        CQ_ID,
        text("account_id"),
        text("arn"),
        text("user_id"),
        text("user_name"),
        text("path"),
        time("create_date"),
        boolean("password_enabled").or_null(),
        time("password_last_used").or_null(),
        time("password_last_changed").or_null(),
        time("password_next_rotation").or_null(),
        boolean("mfa_active").or_null(),
        text("permissions_boundary_arn").or_null(),
        json("tags")
            .or_null()
            .about("an object; {} when there are none, NULL when they were not collected"),
    ],
};

pub(super) static USER_ACCESS_KEYS: InventoryTable = InventoryTable {
    name: "aws_iam_user_access_keys",
    about: "An access key of an IAM user, active or not",
    from: "ListAccessKeys, GetAccessKeyLastUsed",
    key: &["access_key_id"],
    slice: SliceColumns::account("owner_account_id"),
    columns: &[
        CQ_ID,
        text("user_cq_id"),
        text("access_key_id"),
        text("status").about("Active or Inactive"),
        time("create_date"),
        time("last_used")
            .or_null()
            .about("NULL for a key that was never used"),
        text("last_used_service_name").or_null(),
        text("last_used_region").or_null(),
        text("owner_account_id"),
        text("owner_user_name"),
    ],
};

pub(super) static CREDENTIAL_REPORTS: InventoryTable = InventoryTable {
    name: "aws_iam_credential_reports",
    about: "A line of an account's credential report; the root user's among them",
    from: "GenerateCredentialReport, GetCredentialReport",
    key: &["report_account_id", "report_arn"],
    slice: SliceColumns::account("report_account_id"),
    columns: &[
        CQ_ID,
        text("report_account_id"),
        text("report_user"),
        text("report_arn"),
        time("report_generated"),
        time("report_user_creation_time").or_null(),
        boolean("report_password_enabled").or_null(),
        time("report_password_last_used").or_null(),
        time("report_password_last_changed").or_null(),
        time("report_password_next_rotation").or_null(),
        boolean("report_mfa_active").or_null(),
        boolean("report_access_key_1_active").or_null(),
        time("report_access_key_1_last_rotated").or_null(),
        time("report_access_key_1_last_used_date").or_null(),
        text("report_access_key_1_last_used_region").or_null(),
        text("report_access_key_1_last_used_service").or_null(),
        boolean("report_access_key_2_active").or_null(),
        time("report_access_key_2_last_rotated").or_null(),
        time("report_access_key_2_last_used_date").or_null(),
        text("report_access_key_2_last_used_region").or_null(),
        text("report_access_key_2_last_used_service").or_null(),
        boolean("report_cert_1_active").or_null(),
        time("report_cert_1_last_rotated").or_null(),
        boolean("report_cert_2_active").or_null(),
        time("report_cert_2_last_rotated").or_null(),
        json("extra").about("columns that AWS has added since"),
    ],
};

pub(super) static MFA_DEVICES: InventoryTable = InventoryTable {
    name: "aws_iam_mfa_devices",
    about: "A second factor of an IAM user or of the root user",
    from: "ListMFADevices, ListVirtualMFADevices",
    key: &["serial_number"],
    slice: SliceColumns::account("mfa_account_id"),
    columns: &[
        CQ_ID,
        text("mfa_user_cq_id").or_null(),
        text("mfa_account_id"),
        text("serial_number"),
        text("mfa_kind").about("virtual, hardware, webauthn or root"),
        time("enable_date").or_null(),
    ],
};

pub(super) static GROUPS: InventoryTable = InventoryTable {
    name: "aws_iam_groups",
    about: "An IAM group",
    from: "GetAccountAuthorizationDetails",
    key: &["group_arn"],
    slice: SliceColumns::account("group_account_id"),
    columns: &[
        CQ_ID,
        text("group_arn"),
        text("group_name"),
        text("group_account_id"),
    ],
};

pub(super) static GROUP_MEMBERS: InventoryTable = InventoryTable {
    name: "aws_iam_group_members",
    about: "An IAM user in an IAM group",
    from: "GetAccountAuthorizationDetails",
    key: &["group_cq_id", "member_user_cq_id"],
    slice: SliceColumns::account("member_account_id"),
    columns: &[
        CQ_ID,
        text("group_cq_id"),
        text("member_user_cq_id"),
        text("member_account_id"),
    ],
};

pub(super) static ROLES: InventoryTable = InventoryTable {
    name: "aws_iam_roles",
    about: "An IAM role",
    from: "GetAccountAuthorizationDetails, GetRole",
    key: &["role_arn"],
    slice: SliceColumns::account("role_account_id"),
    columns: &[
        CQ_ID,
        text("role_account_id"),
        text("role_arn"),
        text("role_name"),
        text("role_path"),
        json("trust_policy"),
        int8("max_session_duration").about("in seconds"),
        time("role_last_used").or_null(),
        text("role_last_used_region").or_null(),
        boolean("permission_set_role").about("whether Identity Center made it"),
        json("role_tags"),
    ],
};

pub(super) static POLICIES: InventoryTable = InventoryTable {
    name: "aws_iam_policies",
    about: "A managed policy: an account's own, or AWS's where it is attached",
    from: "GetAccountAuthorizationDetails",
    key: &["policy_account_id", "policy_arn"],
    slice: SliceColumns::account("policy_account_id"),
    columns: &[
        CQ_ID,
        text("policy_account_id"),
        text("policy_arn"),
        text("policy_name"),
        text("policy_scope"),
        int8("attachment_count"),
        text("default_version"),
        json("document"),
    ],
};

pub(super) static POLICY_ATTACHMENTS: InventoryTable = InventoryTable {
    name: "aws_iam_policy_attachments",
    about: "A policy on a user, a group or a role: attached, or written into it",
    from: "GetAccountAuthorizationDetails",
    key: &["entity_cq_id", "attached_policy_arn", "inline_name"],
    slice: SliceColumns::account("entity_account_id"),
    columns: &[
        CQ_ID,
        text("entity_cq_id"),
        text("entity_account_id"),
        text("entity_type"),
        text("attached_policy_arn").or_null(),
        text("inline_name").or_null(),
        json("inline_document").or_null(),
    ],
};

pub(super) static ACCOUNT_SUMMARY: InventoryTable = InventoryTable {
    name: "aws_iam_account_summary",
    about: "The root user and the password policy of an account",
    from: "GetAccountSummary, GetAccountPasswordPolicy",
    key: &["summary_account_id"],
    slice: SliceColumns::account("summary_account_id"),
    columns: &[
        CQ_ID,
        text("summary_account_id"),
        boolean("root_mfa_enabled"),
        int8("root_access_keys"),
        json("password_policy").or_null(),
    ],
};
