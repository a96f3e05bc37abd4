//! The ids of shortcuts, forms, blocks and actions (`access.md` §11.2): an installed app keeps
//! working, so they never change.

/// Global shortcut: ask for a permission set.
pub const SHORTCUT_ACCESS: &str = "request_for_access";
/// Global shortcut: ask for a group.
pub const SHORTCUT_GROUP: &str = "request_for_group_membership";
/// Global shortcut: give access back.
pub const SHORTCUT_DONE: &str = "hallpass_done";
/// Global shortcut: what I have.
pub const SHORTCUT_MINE: &str = "hallpass_my_access";
/// The form for a permission set (two underscores, as in the original).
pub const FORM_ACCESS: &str = "request_for__account_access_submitted";
/// The form for a group.
pub const FORM_GROUP: &str = "request_for_group_access_submitted";
/// The form that approves with words or for less time.
pub const FORM_APPROVE: &str = "hallpass_approve_submitted";
/// The form that denies.
pub const FORM_DENY: &str = "hallpass_deny_submitted";
/// The form that extends.
pub const FORM_EXTEND: &str = "hallpass_extend_submitted";
/// The form that breaks the glass.
pub const FORM_GLASS: &str = "hallpass_break_glass_submitted";
/// The form that closes a review.
pub const FORM_REVIEW: &str = "hallpass_close_review_submitted";
/// The form that leaves a finding to people.
pub const FORM_REMEDIATION: &str = "hallpass_decline_remediation_submitted";
/// The page of what somebody has.
pub const PAGE_MINE: &str = "hallpass_my_access_page";
/// A page of one sentence.
pub const PAGE_WORDS: &str = "hallpass_words_page";
/// How long: block.
pub const DURATION: &str = "duration_picker";
/// How long: action.
pub const DURATION_ACTION: &str = "duration_picker_action";
/// From when: block.
pub const START: &str = "start_picker";
/// From when: action.
pub const START_ACTION: &str = "start_picker_action";
/// Why: block.
pub const REASON: &str = "provide_reason";
/// Why: action.
pub const REASON_ACTION: &str = "provided_reason";
/// A ticket, where a rule wants one: block.
pub const TICKET: &str = "provide_ticket";
/// A ticket: action.
pub const TICKET_ACTION: &str = "provided_ticket";
/// The account: block.
pub const ACCOUNT: &str = "select_account";
/// The account: action.
pub const ACCOUNT_ACTION: &str = "selected_account";
/// The permission set: block.
pub const SET: &str = "select_permission_set";
/// The permission set: action.
pub const SET_ACTION: &str = "selected_permission_set";
/// The group: block.
pub const GROUP: &str = "select_group";
/// The group: action.
pub const GROUP_ACTION: &str = "selected_group";
/// More of the same kind: block.
pub const ALSO: &str = "select_more";
/// More of the same kind: action.
pub const ALSO_ACTION: &str = "selected_more";
/// A warning to be read, before its id: block. One of another text is another block, so that no tick of
/// before stands in it.
pub const WARNING: &str = "confirm_warning_";
/// A warning: action.
pub const WARNING_ACTION: &str = "confirmed_warning";
/// What stands there until the form is ready.
pub const LOADING: &str = "loading";
/// A message's title.
pub const HEADER: &str = "header";
/// What a message is about.
pub const CONTENT: &str = "content";
/// A message's buttons.
pub const BUTTONS: &str = "buttons";
/// A message's small print.
pub const FOOTER: &str = "footer";
/// Press: yes.
pub const APPROVE: &str = "approve";
/// Press: yes, with words or for less time.
pub const APPROVE_WITH: &str = "approve_with";
/// Press: no.
pub const DENY: &str = "deny";
/// Press: never mind.
pub const DISCARD: &str = "discard";
/// Press: I'm done.
pub const RELEASE: &str = "release";
/// Press: longer.
pub const EXTEND: &str = "extend";
/// Press: now, without waiting for anybody.
pub const BREAK_GLASS: &str = "break_glass";
/// Press: I looked at it.
pub const CLOSE_REVIEW: &str = "close_review";
/// Press: yes to a remediation.
pub const REMEDIATION_APPROVE: &str = "remediation_approve";
/// Press: no to a remediation.
pub const REMEDIATION_DECLINE: &str = "remediation_decline";
/// The slash command.
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
