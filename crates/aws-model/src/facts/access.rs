use super::FactStanding::{Lower, NotVerified, Read};
use super::{Fact, FactSource, facts, source};

const IAM: FactSource = source(
    "IAM User Guide, \"IAM and AWS STS quotas\"",
    "IAM object quotas",
);
const IAM_QUOTAS: FactSource = source(
    "AWS General Reference, \"AWS Identity and Access Management endpoints and quotas\"",
    "Service quotas",
);
const ASSUME: FactSource = source("IAM User Guide, \"Methods to assume a role\"", "");
const ASSUME_ROLE: FactSource = source(
    "AWS STS API Reference, \"AssumeRole\"",
    "Request Parameters",
);
const SESSION_TOKEN: FactSource = source(
    "AWS STS API Reference, \"GetSessionToken\"",
    "Request Parameters",
);
const CHAINING: FactSource = source(
    "IAM User Guide, \"IAM roles\"",
    "Roles terms and concepts: role chaining",
);
const CENTER: FactSource = source(
    "IAM Identity Center User Guide, \"IAM Identity Center quotas\"",
    "AWS account quotas",
);
const SET: FactSource = source(
    "IAM Identity Center API Reference, \"CreatePermissionSet\"",
    "Request Parameters",
);
const CREATE_GROUP: FactSource = source(
    "Identity Store API Reference, \"CreateGroup\"",
    "Request Parameters",
);
const THROTTLES: FactSource = source(
    "IAM Identity Center User Guide, \"IAM Identity Center quotas\"",
    "Throttle limits",
);
const STORE: FactSource = source(
    "IAM Identity Center User Guide, \"IAM Identity Center quotas\"",
    "IAM Identity Center directory quotas",
);
const DURATION: FactSource = source(
    "IAM Identity Center User Guide, \"Set session duration for AWS accounts\"",
    "",
);
const MANAGER: FactSource = source(
    "IAM User Guide, \"Quotas and limits in account access manager\"",
    "Group assignment quota",
);
const MANAGER_THROTTLES: FactSource = source(
    "IAM User Guide, \"Quotas and limits in account access manager\"",
    "Throttle limits",
);

facts! {
    OF_ACCESS;
    MANAGED_POLICIES_PER_ROLE = 10 "policies", "iam.role.managed-policies",
        "managed policies attached to one role, unless the account's quota was raised",
        "into how many policies `policy shrink` may cut; limit of the simulator",
        IAM, Lower { says: "20", read: "2026-11-27" };
    MANAGED_POLICIES_PER_ROLE_MOST = 25 "policies", "iam.role.managed-policies.most",
        "the same where the account's quota was raised",
        "what `policy size` says",
        IAM, Read("2026-11-27");
    MANAGED_POLICIES_PER_USER = 10 "policies", "iam.user.managed-policies",
        "managed policies attached to one user",
        "`GetAccountSummary` of the simulator",
        IAM, Read("2026-11-27");
    MANAGED_POLICIES_PER_GROUP = 10 "policies", "iam.group.managed-policies",
        "managed policies attached to one group",
        "`GetAccountSummary` of the simulator",
        IAM, Read("2026-11-27");
    GROUPS_PER_USER = 10 "groups", "iam.user.groups",
        "groups that one user is in",
        "`GetAccountSummary` of the simulator",
        IAM_QUOTAS, Read("2026-11-27");
    ACCESS_KEYS_PER_USER = 2 "keys", "iam.user.access-keys",
        "access keys of one user, active or not",
        "limit of the simulator",
        IAM_QUOTAS, Read("2026-11-27");
    TAGS_PER_USER = 50 "tags", "iam.user.tags",
        "tags of one user",
        "limit of the simulator",
        IAM_QUOTAS, Read("2026-11-27");
    POLICY_VERSIONS = 5 "versions", "iam.policy.versions",
        "versions of one managed policy that are kept",
        "`GetAccountSummary` of the simulator",
        IAM_QUOTAS, Read("2026-11-27");
    USERS = 5_000 "users", "iam.user.count",
        "users of an account",
        "`GetAccountSummary` of the simulator",
        IAM_QUOTAS, Read("2026-11-27");
    GROUPS = 300 "groups", "iam.group.count",
        "groups of an account",
        "`GetAccountSummary` of the simulator",
        IAM, Read("2026-11-27");
    ROLES = 1_000 "roles", "iam.role.count",
        "roles of an account",
        "`GetAccountSummary` of the simulator",
        IAM, Read("2026-11-27");
    CUSTOMER_POLICIES = 1_500 "policies", "iam.policy.count",
        "managed policies of an account that are its own",
        "`GetAccountSummary` of the simulator",
        IAM, Read("2026-11-27");
    PERMISSION_SET_NAME_CHARACTERS = 32 "characters", "sso.permission-set.name",
        "the name of a permission set",
        "which names requests may have",
        SET, NotVerified;
    GROUP_NAME_CHARACTERS = 1_024 "characters", "identitystore.group.display-name",
        "the display name of a group",
        "which names requests may have",
        CREATE_GROUP, NotVerified;
    SESSION_HOURS = 12 "hours", "sts.session.longest",
        "the longest session of a role that AWS issues",
        "how long a revocation of sessions has to stand; until when calls are looked for that a grant made",
        ASSUME, Read("2026-11-27");
    SESSION_SECONDS_LEAST = 900 "seconds", "sts.session.shortest",
        "the shortest session of a role that AWS issues",
        "what lengths of sessions configurations may name",
        ASSUME_ROLE, Read("2026-11-28");
    SESSION_SECONDS = 3_600 "seconds", "sts.session.usual",
        "the session of a role for which no length is named",
        "what the simulator issues",
        ASSUME_ROLE, Read("2026-11-28");
    SESSION_TAGS = 50 "tags", "sts.session.tags",
        "session tags that are passed",
        "errors of `policy abac`",
        ASSUME_ROLE, Read("2026-11-28");
    SESSION_TAG_KEY_CHARACTERS = 128 "characters", "sts.session.tag-key",
        "the key of a session tag",
        "errors of `policy abac`",
        ASSUME_ROLE, Read("2026-11-28");
    SESSION_TAG_VALUE_CHARACTERS = 256 "characters", "sts.session.tag-value",
        "the value of a session tag",
        "errors of `policy abac`",
        ASSUME_ROLE, Read("2026-11-28");
    SESSION_TOKEN_SECONDS = 43_200 "seconds", "sts.session-token.usual",
        "the session of a user of IAM who names no length",
        "what the simulator issues",
        SESSION_TOKEN, Read("2026-11-28");
    CHAINED_SESSION_SECONDS = 3_600 "seconds", "sts.session.chained",
        "the longest session of a role that was assumed by another role's session",
        "duration of sessions in other accounts",
        CHAINING, Read("2026-11-27");
    PERMISSION_SET_SESSION_SECONDS = 3_600 "seconds", "sso.session.usual",
        "the session length of a permission set that says nothing",
        "how long sessions outlive grants; the column `session_duration` of permission sets",
        DURATION, Read("2026-11-27");
    PERMISSION_SET_SESSION_SECONDS_LEAST = 3_600 "seconds", "sso.session.shortest",
        "the shortest session that a permission set may have",
        "errors of access files; limit of the simulator",
        DURATION, Read("2026-11-27");
    PERMISSION_SET_SESSION_SECONDS_MOST = 43_200 "seconds", "sso.session.longest",
        "the longest session that a permission set may have",
        "errors of access files; limit of the simulator",
        DURATION, Read("2026-11-27");
    PERMISSION_SET_DESCRIPTION_CHARACTERS = 700 "characters", "sso.permission-set.description",
        "the description of a permission set",
        "errors of access files",
        SET, Read("2026-11-26");
    PERMISSION_SET_RELAY_STATE_CHARACTERS = 240 "characters", "sso.permission-set.relay-state",
        "the relay state of a permission set",
        "errors of access files",
        SET, Read("2026-11-26");
    PERMISSION_SET_TAGS = 75 "tags", "sso.permission-set.tags",
        "tags of one permission set",
        "errors of access files; limit of the simulator",
        SET, Read("2026-11-26");
    PERMISSION_SETS = 3_500 "permission sets", "sso.permission-set.count",
        "permission sets of an instance",
        "how many policies of permission sets are remembered; limit of the simulator",
        CENTER, Read("2026-11-27");
    PERMISSION_SETS_PER_ACCOUNT = 500 "permission sets", "sso.permission-set.per-account",
        "permission sets provisioned in one account",
        "limit of the simulator",
        CENTER, Read("2026-11-27");
    MANAGED_POLICIES_PER_PERMISSION_SET = 20 "policies", "sso.permission-set.managed-policies",
        "managed policies of one permission set, AWS's and customers' together",
        "errors of access files; limit of the simulator",
        CENTER, Lower { says: "25", read: "2026-11-27" };
    DIRECTORY = 100_000 "users", "identitystore.count",
        "users, and as many groups, of a directory",
        "limit of the simulator",
        STORE, Lower { says: "200,000 users and 100,000 groups", read: "2026-11-27" };
    OPERATIONS_OUTSTANDING = 10 "operations", "sso.operations.outstanding",
        "asynchronous operations of an instance that are under way",
        "how many assignments are written at a time; limit of the simulator",
        THROTTLES, Lower { says: "15", read: "2026-11-27" };
    CENTER_CALLS = 20 "calls a second", "sso.calls",
        "calls of IAM Identity Center of an instance, over all operations and callers",
        "call rate to Identity Center (`aws.requests_per_second`); estimated time to read all assignments; \
         limit of the simulator",
        THROTTLES, Read("2026-11-27");
    STORE_CALLS = 20 "calls a second", "identitystore.calls",
        "calls of the identity store, over all operations and callers; the page names IAM Identity Center's APIs together",
        "call rate to the directory; limit of the simulator",
        THROTTLES, NotVerified;
    ENTITLEMENT_CALLS = 20 "calls a second", "account-access.calls",
        "calls of account access manager, over all operations and callers",
        "call rate for entitlements; limit of the simulator",
        MANAGER_THROTTLES, Read("2026-11-28");
    ENTITLEMENTS_UNDER_WAY = 15 "operations", "account-access.operations.outstanding",
        "asynchronous operations of account access manager that are under way",
        "limit of the simulator",
        MANAGER_THROTTLES, Read("2026-11-25");
    GROUPS_PER_ROLE = 20 "groups", "account-access.role.groups",
        "groups that are entitled to one role",
        "limit of the simulator",
        MANAGER, Read("2026-11-25");
}
