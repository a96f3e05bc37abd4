//! The suite every engine passes: each sentence of the ports' documents is a case here.
//!
//! `hallpass_store::conformance!(sqlite, crate::fresh_sqlite)` makes a module `sqlite` with one
//! test per case. The function makes a fresh store and whatever has to outlive it (a temporary
//! folder, or nothing); each case gets its own.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    missing_docs,
    reason = "these are tests; their names say what holds"
)]

pub mod assignments;
pub mod changes;
pub mod cuts;
pub mod log;
pub mod outbox;
pub mod queries;
pub mod reviews;

use hallpass_access::AccessStore;
use hallpass_assignments::AssignmentStore;
use hallpass_audit::AuditStore;
use hallpass_org::cuts::CutStore;

/// Every port of one engine.
pub trait Everything: AccessStore + AssignmentStore + AuditStore + CutStore {}

impl<T: AccessStore + AssignmentStore + AuditStore + CutStore> Everything for T {}

/// A store under test.
pub type Store = std::sync::Arc<dyn Everything>;

/// One test per case for the engine that the function makes a fresh store of.
#[macro_export]
macro_rules! conformance {
    ($engine:ident, $fresh:path) => {
        $crate::conformance! { @cases $engine, $fresh;
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
            log:
                records_are_found_newest_first;
            assignments:
                a_new_wish_makes_a_row_that_is_due_at_once
                wishes_are_guarded_by_revision
                a_changed_wish_makes_the_row_due
                a_row_is_forgotten_only_at_rest
                a_forgotten_row_takes_its_lease_with_it
                revisions_are_never_seen_twice
                a_leased_row_is_not_leased_again_until_it_runs_out
                the_queue_is_ends_then_unsettled_then_the_rest
                another_worker_is_fenced
                a_release_by_another_changes_nothing
                what_was_learned_leaves_the_wish_alone
                news_are_counted
                one_operation_per_lane
                outstanding_operations_are_bounded
                a_plan_for_another_wish_is_not_stored
                a_poke_makes_a_row_due_never_later
                the_next_due_row_waits_for_its_lease;
            cuts:
                cuts_are_added_with_a_change_and_open_until_they_are_gone
                cuts_are_settled_whole_over_the_version_that_was_read;
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
            outbox:
                notices_are_taken_in_order_and_hidden
                a_notice_comes_again_until_it_is_delivered
                a_notice_of_a_refused_change_is_never_sent
                channels_are_independent
                a_postponed_notice_comes_at_its_time_and_lets_others_pass
                a_notice_that_waits_for_too_long_is_hurried
                a_new_channel_begins_with_what_comes_next
                a_channel_that_is_opened_again_goes_on
                notices_are_dropped_when_they_are_too_old
                a_channel_that_is_gone_keeps_nothing
                a_notice_is_taken_by_one_of_many
                an_answer_is_remembered_per_person
                another_answer_to_a_key_is_raced
                a_forgotten_answer_makes_room;
        }
    };
    (@cases $engine:ident, $fresh:path; $($area:ident: $($case:ident)+;)+) => {
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
