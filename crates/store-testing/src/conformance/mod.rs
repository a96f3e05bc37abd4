//! The suite every engine passes: each sentence of the ports' documents is a case here.
//!
//! `crate::conformance!(sqlite, crate::fresh_sqlite)` makes a module `sqlite` with one test per
//! case. The function makes a fresh store and any object that must outlive it (a temporary folder,
//! or nothing); each case gets a separate one.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "these are tests; their names say what holds"
)]

pub mod absences;
pub mod alarms;
pub mod alerts;
pub mod armed_ends;
pub mod assignments;
pub mod campaigns;
pub mod changes;
pub mod conditions;
pub mod ends;
pub mod group_sync;
pub mod listings;
pub mod locks;
pub mod log;
pub mod outbox;
pub mod periods;
pub mod queries;
pub mod queue;
pub mod quotas;
pub mod reviews;
pub mod session_revocation;
pub mod sweep_rows;
pub mod sweeps;
pub mod turns;

use std::pin::Pin;

use hallpass_access::{AccessStore, CampaignStore, GroupSyncStore, SweepStore};
use hallpass_alerts::AlertStore;
use hallpass_assignments::AssignmentStore;
use hallpass_audit::AuditStore;
use hallpass_enforcement::armed_ends::ArmedEndStore;
use hallpass_enforcement::session_revocation::SessionRevocationStore;

pub trait Everything:
    AccessStore
    + AlertStore
    + ArmedEndStore
    + CampaignStore
    + GroupSyncStore
    + SweepStore
    + AssignmentStore
    + AuditStore
    + SessionRevocationStore
{
}

impl<T> Everything for T where
    T: AccessStore
        + AlertStore
        + ArmedEndStore
        + CampaignStore
        + GroupSyncStore
        + SweepStore
        + AssignmentStore
        + AuditStore
        + SessionRevocationStore
{
}

pub type Store = std::sync::Arc<dyn Everything>;

pub type Case = (&'static str, fn(Store) -> Pin<Box<dyn Future<Output = ()>>>);

/// Makes one test per case over the function's fresh stores. For engines with a shared server,
/// `conformance!(all: name, run)` makes one test, in which the function runs every
/// [`Case`](conformance::Case).
#[macro_export]
macro_rules! conformance {
    (all: $test:ident, $run:path) => {
        $crate::conformance! { @list all, $test, $run }
    };
    ($engine:ident, $fresh:path) => {
        $crate::conformance! { @list each, $engine, $fresh }
    };
    (@list $form:ident, $engine:ident, $fresh:path) => {
        $crate::conformance! { @$form $engine, $fresh;
            changes:
                an_insert_is_stored_as_it_is
                every_state_reads_back
                an_update_needs_the_version_that_was_read
                an_insert_over_a_row_is_raced
                one_equal_request_is_pending_at_a_time
                steps_no_machine_has_are_refused
                every_step_of_the_tables_is_taken_and_no_other
                a_refused_change_leaves_nothing
                one_change_may_touch_a_row_twice
                records_are_chained
                numbers_have_no_gaps_under_concurrent_commits
                one_of_many_equal_writers_wins
                a_record_id_is_used_once
                the_exported_mark_never_moves_back;
            quotas:
                what_is_over_a_quota_is_not_stored;
            log:
                records_are_found_newest_first
                records_are_found_by_what_they_hold
                records_are_found_by_words_in_them
                a_search_goes_on_where_it_ended
                a_log_has_an_id_from_its_first_record_on
                the_oldest_record_that_waits_for_the_export_is_known;
            conditions:
                conditions_narrow_requests_and_grants_alike;
            listings:
                pieces_of_a_listing_make_the_whole
                a_sight_leaves_out_what_is_not_somebody_s
                a_sight_of_very_much_is_whole_too
                subjects_are_numbered_once_in_order
                who_left_is_found_by_the_address_of_their_newest_grant
                the_past_is_counted_by_subject_holder_and_time
                ends_are_told_by_those_that_hold;
            periods:
                grants_of_a_period_are_those_whose_access_it_overlaps;
            assignments:
                a_new_desire_makes_a_row_that_is_due_at_once
                what_is_desired_is_guarded_by_revision
                a_changed_desire_makes_the_row_due
                what_was_seen_to_be_as_desired_is_not_looked_at_for_a_later_end
                what_is_desired_says_how_long_its_end_may_wait
                a_row_is_forgotten_only_at_rest
                a_forgotten_row_takes_its_lease_with_it
                revisions_are_never_seen_twice
                a_row_is_taken_again_once_its_lease_is_freed
                what_was_asked_for_by_a_clock_that_was_ahead_counts_from_its_sight
                what_was_seen_before_it_was_asked_for_is_looked_at_again_from_then_on
                a_row_is_not_taken_again_until_its_lease_runs_out
                another_worker_is_fenced
                what_a_late_worker_learned_counts_while_nobody_else_has_the_row
                what_was_learned_leaves_what_is_desired_alone
                news_are_counted
                the_next_moment_is_the_first_that_lies_ahead
                what_a_clock_that_was_ahead_put_off_is_due_again
                a_row_is_handed_out_without_what_lies_in_the_future;
            queue:
                rows_are_taken_by_line
                an_intent_is_stored_with_the_lease
                an_old_listing_is_no_ground_for_a_first_create
                one_operation_per_lane
                no_more_operations_than_slots
                grants_keep_one_slot_while_ends_wait_and_leave_one
                a_create_waits_for_removals_of_its_lane
                a_create_goes_before_removals_of_its_lane_that_are_far_down_the_line
                what_a_person_takes_away_goes_first_and_beyond_the_slots
                what_may_begin_is_bounded_by_the_room
                the_least_urgent_are_left_to_other_workers
                operations_that_are_over_give_slot_and_lane_back
                a_row_at_work_is_not_noted_as_over
                accepted_operations_wait_to_be_asked_about_all_together
                the_first_of_all_is_named_and_not_taken
                those_in_line_are_counted
                a_line_is_left_with_what_is_wanted;
            ends:
                a_removal_by_a_guard_is_part_of_what_is_desired
                owned_ends_are_ours_and_not_over;
            armed_ends:
                an_armed_end_closes_the_gate_and_follows_its_assignment
                why_an_end_is_never_armed_is_kept_with_its_grant
                armed_ends_are_settled_whole_over_the_version_that_was_read
                news_of_an_end_that_aws_does_not_move_are_stored_with_it
                a_refused_gate_is_the_end_of_a_create_that_was_not_sent
                an_armed_end_that_is_over_moves_no_more_and_can_be_held_again
                an_end_before_anything_was_sent_refuses_nothing_from_then_on
                what_was_written_and_not_seen_stays_with_the_end
                what_is_in_force_goes_before_a_hold_that_is_not_armed
                ends_are_looked_at_again_where_their_people_may_have_been_given_the_same;
            session_revocation:
                cuts_are_added_with_a_change_and_open_until_they_are_gone
                cuts_are_settled_whole_over_the_version_that_was_read;
            sweeps:
                a_run_is_stored_with_what_it_found
                one_run_looks_at_a_time
                one_run_waits_for_the_one_that_looks
                every_step_of_a_run_is_taken_and_no_other
                runs_and_items_are_guarded_by_version
                open_items_are_found_until_they_are_settled
                acceptance_is_stored_changed_and_withdrawn
                group_assignments_are_replaced_and_removed_by_key
                old_findings_are_dropped_and_open_ones_stay
                what_was_acted_on_is_kept_with_its_run
                digests_wait_like_notices;
            sweep_rows:
                adopted_access_has_a_row_that_is_ours_and_is_never_created
                what_is_to_be_removed_has_a_row_that_is_ours
                nothing_is_adopted_or_removed_over_a_row;
            group_sync:
                a_membership_under_way_is_guarded_by_version
                the_newest_comparison_is_kept_over_the_one_that_was_read;
            locks:
                a_lock_is_written_over_what_was_read_and_no_other
                locks_of_some_are_read_together
                a_change_is_refused_when_a_lock_is_not_as_it_was_seen;
            absences:
                an_absence_is_written_over_what_was_read
                absences_are_listed_while_they_last;
            campaigns:
                a_campaign_is_written_over_what_was_read
                a_line_changes_only_while_its_campaign_is_open
                lines_are_filtered
                lines_are_counted_by_reviewer_and_answer;
            reviews:
                open_reviews_are_found_until_they_are_closed;
            queries:
                lists_are_newest_first_with_a_cursor
                requests_are_filtered
                grants_are_filtered
                holds_are_live_grants_and_the_row
                requests_are_due_by_lapse_or_reminder
                grants_are_due_earliest_end_first
                news_make_a_grant_due_until_it_has_seen_them
                a_row_may_go_and_come_back_in_one_change
                an_early_end_that_hangs_is_overdue
                news_of_a_forgotten_row_are_forgotten
                what_is_over_is_never_due
                the_next_due_is_the_earliest_by_time_alone
                counts_tell_overdue_from_stuck;
            turns:
                one_person_s_load_does_not_come_before_what_others_have_due
                a_pending_request_is_found_by_its_dedupe_key;
            outbox:
                notices_are_taken_in_order_and_hidden
                a_notice_comes_again_until_it_is_delivered
                a_notice_of_a_refused_change_is_never_sent
                channels_are_independent
                a_postponed_notice_comes_at_its_time_and_lets_others_pass
                a_notice_that_waits_for_too_long_is_released
                a_new_channel_begins_with_what_comes_next
                a_channel_that_is_opened_again_goes_on
                notices_are_dropped_when_they_are_too_old
                a_channel_that_is_gone_keeps_nothing
                a_notice_is_taken_by_one_of_many
                requesters_take_turns_behind_what_is_urgent
                a_backlog_does_not_delay_a_later_requester
                an_answer_is_remembered_per_person
                another_answer_to_a_key_is_raced
                a_forgotten_answer_makes_room;
            alarms:
                an_alarm_is_told_when_it_begins_and_when_it_is_over
                of_many_who_note_an_alarm_one_tells_it;
            alerts:
                a_state_and_what_it_tells_are_stored_together
                a_state_is_written_over_the_version_that_was_read_and_no_other
                of_many_who_run_a_rule_one_tells
                a_mute_is_stored_with_its_record_or_neither_is;
        }
    };
    (@all $test:ident, $run:path; $($area:ident: $($case:ident)+;)+) => {
        #[test]
        fn $test() {
            let cases: Vec<$crate::conformance::Case> = vec![$($((
                concat!(stringify!($area), "::", stringify!($case)),
                |store| Box::pin($crate::conformance::$area::$case(store)),
            )),+),+];
            $run(cases);
        }
    };
    (@each $engine:ident, $fresh:path; $($area:ident: $($case:ident)+;)+) => {
        mod $engine {
            $(mod $area {
                $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $case() {
                    let (store, guard) = $fresh();
                    $crate::conformance::$area::$case(store).await;
                    drop(guard);
                })+
            })+
        }
    };
}
