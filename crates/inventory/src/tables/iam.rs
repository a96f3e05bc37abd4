//! IAM of each account. Only users have `account_id`, `arn` and `user_name` without a prefix, so
//! that joins with them need no table names (`inventory.md` T-14).

use crate::table::RowSource::{Answer, Steps};
use crate::table::{
    AnswerMember, AnswerRows, AskedFrom, CQ_ID, InventoryTable, SliceColumns, boolean, int8, json,
    text, time,
};

pub(super) static TABLES: &[InventoryTable] = &[
    InventoryTable {
        name: "aws_iam_users",
        about: "An IAM user",
        from: Steps("ListUsers, ListUserTags, credential report"),
        key: &["arn"],
        slice: SliceColumns::account("account_id"),
        columns: &[
            CQ_ID,
            text("account_id"),
            text("arn").of("Arn"),
            text("user_id").of("UserId"),
            text("user_name").of("UserName"),
            text("path").of("Path"),
            time("create_date").of("CreateDate"),
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
    },
    InventoryTable {
        name: "aws_iam_user_access_keys",
        about: "An access key of an IAM user, active or not",
        from: Steps("ListAccessKeys, GetAccessKeyLastUsed"),
        key: &["access_key_id"],
        slice: SliceColumns::account("owner_account_id"),
        columns: &[
            CQ_ID,
            text("user_cq_id"),
            text("access_key_id").of("AccessKeyId"),
            text("status").of("Status").about("Active or Inactive"),
            time("create_date").of("CreateDate"),
            time("last_used")
                .or_null()
                .about("NULL for a key that was never used"),
            text("last_used_service_name").or_null(),
            text("last_used_region").or_null(),
            text("owner_account_id"),
            text("owner_user_name"),
        ],
    },
    InventoryTable {
        name: "aws_iam_credential_reports",
        about: "A line of an account's credential report; the root user's among them",
        from: Steps("GenerateCredentialReport, GetCredentialReport"),
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
    },
    InventoryTable {
        name: "aws_iam_mfa_devices",
        about: "A second factor of an IAM user or of the root user",
        from: Steps("ListMFADevices, ListVirtualMFADevices"),
        key: &["serial_number"],
        slice: SliceColumns::account("mfa_account_id"),
        columns: &[
            CQ_ID,
            text("mfa_user_cq_id").or_null(),
            text("mfa_account_id"),
            text("serial_number"),
            text("mfa_kind").about("virtual, hardware, webauthn or root"),
            time("enable_date").of("EnableDate").or_null(),
        ],
    },
    InventoryTable {
        name: "aws_iam_groups",
        about: "An IAM group",
        from: Steps("GetAccountAuthorizationDetails"),
        key: &["group_arn"],
        slice: SliceColumns::account("group_account_id"),
        columns: &[
            CQ_ID,
            text("group_arn").of("Arn"),
            text("group_name").of("GroupName"),
            text("group_account_id"),
        ],
    },
    InventoryTable {
        name: "aws_iam_group_members",
        about: "An IAM user in an IAM group",
        from: Steps("GetAccountAuthorizationDetails"),
        key: &["group_cq_id", "member_user_cq_id"],
        slice: SliceColumns::account("member_account_id"),
        columns: &[
            CQ_ID,
            text("group_cq_id"),
            text("member_user_cq_id"),
            text("member_account_id"),
        ],
    },
    InventoryTable {
        name: "aws_iam_roles",
        about: "An IAM role",
        from: Steps("GetAccountAuthorizationDetails, GetRole"),
        key: &["role_arn"],
        slice: SliceColumns::account("role_account_id"),
        columns: &[
            CQ_ID,
            text("role_account_id"),
            text("role_arn").of("Arn"),
            text("role_name").of("RoleName"),
            text("role_path"),
            json("trust_policy"),
            int8("max_session_duration").about("in seconds"),
            time("role_last_used")
                .of("RoleLastUsed/LastUsedDate")
                .or_null(),
            text("role_last_used_region")
                .of("RoleLastUsed/Region")
                .or_null(),
            boolean("permission_set_role").about("whether Identity Center made it"),
            json("role_tags"),
            int8("max_signin_session_duration")
                .or_null()
                .about("in seconds: how long AWS Sign-In keeps the session; NULL where it is not set"),
            text("source_template_arn")
                .or_null()
                .about("the template that `AcquireRole` made it of"),
            int8("source_template_version").or_null(),
        ],
    },
    InventoryTable {
        name: "aws_iam_policies",
        about: "A managed policy: an account's own, or AWS's where it is attached",
        from: Steps("GetAccountAuthorizationDetails"),
        key: &["policy_account_id", "policy_arn"],
        slice: SliceColumns::account("policy_account_id"),
        columns: &[
            CQ_ID,
            text("policy_account_id"),
            text("policy_arn"),
            text("policy_name").of("PolicyName"),
            text("policy_scope"),
            int8("attachment_count").of("AttachmentCount"),
            text("default_version").of("DefaultVersionId"),
            json("document"),
        ],
    },
    InventoryTable {
        name: "aws_iam_policy_attachments",
        about: "A policy on a user, a group or a role: attached, or written into it",
        from: Steps("GetAccountAuthorizationDetails"),
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
    },
    InventoryTable {
        name: "aws_iam_account_summary",
        about: "The root user and the password policy of an account",
        from: Steps("GetAccountSummary, GetAccountPasswordPolicy"),
        key: &["summary_account_id"],
        slice: SliceColumns::account("summary_account_id"),
        columns: &[
            CQ_ID,
            text("summary_account_id"),
            boolean("root_mfa_enabled"),
            int8("root_access_keys"),
            json("password_policy").or_null(),
        ],
    },
    InventoryTable {
        name: "aws_iam_account_properties",
        about: "What an account lets IAM do as a whole: templates of roles, its identities shown outside",
        from: Steps("GetAccountProperties, GetOutboundWebIdentityFederationInfo"),
        key: &["properties_account_id"],
        slice: SliceColumns::account("properties_account_id"),
        columns: &[
            CQ_ID,
            text("properties_account_id"),
            json("properties").about("an object; {} where none is set"),
            boolean("outbound_federation")
                .about("whether principals may have web identity tokens for services outside"),
            text("outbound_issuer")
                .or_null()
                .about("who such tokens say that they are of"),
        ],
    },
    InventoryTable {
        name: "aws_iam_delegation_requests",
        about: "A partner's request for temporary access to an account; AWS does not list requests without \
                an owner",
        from: Answer(AnswerRows {
            service: "iam",
            operation: "ListDelegationRequests",
            asked: AskedFrom::Inside,
            rows: AnswerMember::List,
        }),
        key: &["delegation_account_id", "delegation_request_id"],
        slice: SliceColumns::account("delegation_account_id"),
        columns: &[
            CQ_ID,
            text("delegation_account_id"),
            text("delegation_request_id").of("DelegationRequestId"),
            text("state").of("State").about(
                "ASSIGNED, PENDING_APPROVAL, ACCEPTED, FINALIZED, REJECTED or EXPIRED: the partner has access from FINALIZED on",
            ),
            text("requestor_id").of("RequestorId").or_null().about("the partner's account"),
            text("requestor_name").of("RequestorName").or_null(),
            text("description").of("Description").or_null(),
            text("request_message").of("RequestMessage").or_null(),
            text("owner_id").of("OwnerId").or_null().about("the ARN of who took it on"),
            text("approver_id").of("ApproverId").or_null().about("who accepted it: the partner acts as this identity"),
            json("permissions").of("Permissions").or_null().about("the policy template, with its parameters"),
            json("permission_policy").of_text("PermissionPolicy").or_null().about("what the partner may do, as a policy"),
            json("role_permission_restrictions")
                .of("RolePermissionRestrictionArns")
                .or_null()
                .about("boundaries of roles that the partner may make, which stay when its session is over"),
            int8("session_duration")
                .of("SessionDuration")
                .or_null()
                .about("in seconds, from when the token was sent"),
            time("create_date").of("CreateDate").or_null(),
            time("updated_time").of("UpdatedTime").or_null(),
            time("expiration_time").of("ExpirationTime").or_null(),
            text("notes").of("Notes").or_null(),
            text("rejection_reason").of("RejectionReason").or_null(),
        ],
    },
    InventoryTable {
        name: "aws_iam_identity_providers",
        about: "An identity provider that roles of an account may trust; that of Identity Center among them",
        from: Steps("ListSAMLProviders, ListOpenIDConnectProviders"),
        key: &["provider_arn"],
        slice: SliceColumns::account("provider_account_id"),
        columns: &[
            CQ_ID,
            text("provider_arn").of("Arn"),
            text("provider_account_id"),
            text("provider_type").about("SAML or OIDC"),
            time("create_date").of("CreateDate").or_null(),
            time("valid_until")
                .of("ValidUntil")
                .or_null()
                .about("when its metadata end; of SAML alone"),
            boolean("trusted_identity_propagation")
                .of("IsTrustedIdentityPropagationEnabled")
                .or_null()
                .about("whether its people are people of Identity Center, too"),
        ],
    },
];
