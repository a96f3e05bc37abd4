pub(super) const FILE_KEYS: [&str; 3] = ["rule", "test", "never_together"];

pub(super) const TERM_KEYS: [&str; 35] = [
    "id",
    "description",
    "approvers",
    "approver_groups",
    "manager_approves",
    "stages",
    "min_approvals",
    "allowed_users",
    "allowed_groups",
    "requester_attributes",
    "except_requesters",
    "except_requester_groups",
    "except_approvers",
    "except_approver_groups",
    "permits_requests",
    "allow_self_approval",
    "approval_is_not_required",
    "approvers_to_notify",
    "max_duration",
    "prefer_longest_duration",
    "slack_channel",
    "break_glass",
    "reason_pattern",
    "ticket_pattern",
    "ticket",
    "reason_hint",
    "ticket_hint",
    "hours",
    "approval_hours",
    "max_lead_time",
    "shorten_to_max_duration",
    "fresh_sign_in",
    "sign_in_acr",
    "armed_ends",
    "warning",
];

pub(super) const TARGET_KEYS: [&str; 12] = [
    "accounts",
    "ous",
    "parent_ous",
    "account_tags",
    "permission_sets",
    "groups",
    "except_accounts",
    "except_ous",
    "except_parent_ous",
    "except_account_tags",
    "except_permission_sets",
    "except_groups",
];

pub(super) fn is_rule_key(key: &str) -> bool {
    TERM_KEYS.contains(&key) || TARGET_KEYS.contains(&key)
}
