//! The ids of shortcuts, forms, blocks and actions (`access.md` §11.2). They never change, so that
//! installed apps keep working.

pub const SHORTCUT_ACCESS: &str = "request_for_access";
pub const SHORTCUT_GROUP: &str = "request_for_group_membership";
/// Ends access early.
pub const SHORTCUT_DONE: &str = "hallpass_done";
pub const SHORTCUT_MINE: &str = "hallpass_my_access";
/// Two underscores, as in the original.
pub const FORM_ACCESS: &str = "request_for__account_access_submitted";
pub const FORM_GROUP: &str = "request_for_group_access_submitted";
pub const FORM_APPROVE: &str = "hallpass_approve_submitted";
pub const FORM_DENY: &str = "hallpass_deny_submitted";
pub const FORM_EXTEND: &str = "hallpass_extend_submitted";
pub const FORM_GLASS: &str = "hallpass_break_glass_submitted";
pub const FORM_REVIEW: &str = "hallpass_close_review_submitted";
pub const FORM_REMEDIATION: &str = "hallpass_decline_remediation_submitted";
pub const PAGE_MINE: &str = "hallpass_my_access_page";
pub const PAGE_WORDS: &str = "hallpass_words_page";
pub const DURATION: &str = "duration_picker";
pub const DURATION_ACTION: &str = "duration_picker_action";
pub const START: &str = "start_picker";
pub const START_ACTION: &str = "start_picker_action";
pub const REASON: &str = "provide_reason";
pub const REASON_ACTION: &str = "provided_reason";
pub const TICKET: &str = "provide_ticket";
pub const TICKET_ACTION: &str = "provided_ticket";
pub const ACCOUNT: &str = "select_account";
pub const ACCOUNT_ACTION: &str = "selected_account";
pub const SET: &str = "select_permission_set";
pub const SET_ACTION: &str = "selected_permission_set";
pub const GROUP: &str = "select_group";
pub const GROUP_ACTION: &str = "selected_group";
pub const ALSO: &str = "select_more";
pub const ALSO_ACTION: &str = "selected_more";
/// Prefix of a warning block, before the warning's id. Another text makes another block, so that no
/// earlier tick remains.
pub const WARNING: &str = "confirm_warning_";
pub const WARNING_ACTION: &str = "confirmed_warning";
pub const LOADING: &str = "loading";
pub const HEADER: &str = "header";
pub const CONTENT: &str = "content";
pub const BUTTONS: &str = "buttons";
pub const FOOTER: &str = "footer";
pub const APPROVE: &str = "approve";
pub const APPROVE_WITH: &str = "approve_with";
pub const DENY: &str = "deny";
pub const DISCARD: &str = "discard";
pub const RELEASE: &str = "release";
pub const EXTEND: &str = "extend";
pub const BREAK_GLASS: &str = "break_glass";
pub const CLOSE_REVIEW: &str = "close_review";
pub const REMEDIATION_APPROVE: &str = "remediation_approve";
pub const REMEDIATION_DECLINE: &str = "remediation_decline";
pub const COMMAND: &str = "/access";

#[cfg(test)]
mod tests {
    #[test]
    fn ids_are_those_of_the_table() {
        for (ours, table) in [
            (super::SHORTCUT_ACCESS, "request_for_access"),
            (super::SHORTCUT_GROUP, "request_for_group_membership"),
            (super::FORM_ACCESS, "request_for__account_access_submitted"),
            (super::FORM_GROUP, "request_for_group_access_submitted"),
            (super::DURATION, "duration_picker"),
            (super::DURATION_ACTION, "duration_picker_action"),
            (super::REASON, "provide_reason"),
            (super::REASON_ACTION, "provided_reason"),
            (super::ACCOUNT, "select_account"),
            (super::ACCOUNT_ACTION, "selected_account"),
            (super::SET, "select_permission_set"),
            (super::SET_ACTION, "selected_permission_set"),
            (super::GROUP, "select_group"),
            (super::GROUP_ACTION, "selected_group"),
            (super::LOADING, "loading"),
            (super::HEADER, "header"),
            (super::CONTENT, "content"),
            (super::BUTTONS, "buttons"),
            (super::FOOTER, "footer"),
            (super::APPROVE, "approve"),
            (super::DISCARD, "discard"),
            (super::DENY, "deny"),
            (super::RELEASE, "release"),
            (super::EXTEND, "extend"),
            (super::BREAK_GLASS, "break_glass"),
            (super::CLOSE_REVIEW, "close_review"),
            (super::SHORTCUT_DONE, "hallpass_done"),
            (super::SHORTCUT_MINE, "hallpass_my_access"),
        ] {
            assert_eq!(ours, table);
        }
    }
}
