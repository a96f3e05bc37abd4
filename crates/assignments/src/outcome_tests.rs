#![allow(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::Execution;
use crate::row::tests::{self, at};

const SECOND: Duration = Duration::from_secs(1);

pub(super) fn row() -> AssignmentRow {
    let mut row = tests::row();
    row.desired.until = at(1000);
    row
}

pub(super) fn with(change: impl FnOnce(&mut Execution)) -> AssignmentRow {
    let mut row = row();
    change(&mut row.execution);
    row
}

pub(super) fn operation(kind: OperationKind, id: Option<&str>) -> Operation {
    Operation {
        kind,
        started_at: at(20),
        operation_id: id.map(str::to_owned),
        polls: 0,
        proof: Proof::Status,
        over_at: None,
    }
}

pub(super) fn looked(row: AssignmentRow, present: bool, second: u64) -> AssignmentRow {
    let before = row.clone();
    let look = StepOutcome::Looked {
        at: at(second),
        present,
    };
    row.learn(&before, look, at(second), SECOND)
}

pub(super) fn learned(row: AssignmentRow, outcome: StepOutcome, second: u64) -> Execution {
    let before = row.clone();
    row.learn(&before, outcome, at(second), SECOND).execution
}

pub(super) fn unanswered() -> [CenterFault; 2] {
    let message = "ResourceNotFoundException (KMS_NotFoundException)".to_owned();
    [
        CenterFault::Unreachable {
            message: String::new(),
        },
        CenterFault::KeyUnusable { message },
    ]
}

#[test]
fn an_intent_to_create_makes_it_ours_and_one_to_delete_keeps_what_is_known() {
    let before = with(|it| {
        it.ownership = Ownership::Undecided;
        it.created_at = Some(at(11));
        it.deleted_at = Some(at(12));
    });
    let create = before
        .clone()
        .begin(OperationKind::Create, at(20))
        .execution;
    assert_eq!(create.ownership, Ownership::Ours);
    assert_eq!((create.created_at, create.deleted_at), (None, None));
    assert_eq!(create.trying_since, Some(at(20)));
    let delete = before.begin(OperationKind::Delete, at(20)).execution;
    assert_eq!(delete.ownership, Ownership::Undecided);
    assert_eq!(delete.created_at, Some(at(11)));
    assert_eq!(delete.deleted_at, Some(at(12)));
    assert_eq!(delete.trying_since, None);
    assert_eq!(delete.verdict, Verdict::Working);
    assert_eq!(delete.operation.unwrap().polls, 0);
}

#[test]
fn an_operation_leaves_a_row_stuck_that_is_and_no_other() {
    let stuck = Verdict::Stuck {
        since: at(12),
        reason: "denied".to_owned(),
    };
    for (verdict, then) in [
        (stuck.clone(), stuck),
        (Verdict::Present { at: at(12) }, Verdict::Working),
    ] {
        let row = with(|it| it.verdict = verdict);
        let begun = row.begin(OperationKind::Delete, at(20));
        assert_eq!(begun.execution.verdict, then);
    }
}

/// Kind, whether AWS answered, second of the read; whether the operation ended, and counts as seen.
#[test]
fn a_look_that_shows_access_ends_the_operations_that_it_settles() {
    let (create, delete) = (OperationKind::Create, OperationKind::Delete);
    for (kind, id, second, is_over, is_seen) in [
        (create, Some("op"), 30, true, true),
        (create, None, 30, true, true),
        // No longer wanted, and the listing may predate the operation.
        (create, Some("op"), 1001, false, true),
        (create, None, 1001, true, true),
        (delete, None, 30, true, true),
        (delete, Some("op"), 30, false, false),
        (delete, Some("op"), 1001, false, false),
    ] {
        let after = looked(
            with(|it| it.operation = Some(operation(kind, id))),
            true,
            second,
        );
        let case = format!("{kind:?} {id:?} {second}");
        assert_eq!(after.execution.operation.is_none(), is_over, "{case}");
        let seen = after.execution.last_present_at.is_some();
        assert_eq!(seen, is_seen, "{case}");
    }
}

#[test]
fn access_that_nobody_decided_on_was_there_before_and_ours_stays_ours() {
    for (before, wanted, then) in [
        (Ownership::Undecided, true, Ownership::Standing),
        (Ownership::Ours, true, Ownership::Ours),
        (Ownership::Undecided, false, Ownership::Undecided),
    ] {
        let second = if wanted { 30 } else { 1001 };
        let after = looked(with(|it| it.ownership = before), true, second);
        assert_eq!(after.execution.ownership, then);
        let is_present = after.execution.verdict == Verdict::Present { at: at(second) };
        assert_eq!(is_present, wanted);
    }
}

#[test]
fn why_a_removal_was_refused_is_kept_until_it_is_gone() {
    for (refused, kept) in [(0, false), (1, true)] {
        let row = with(|it| {
            it.refused_removals = refused;
            it.last_error = Some("denied".to_owned());
        });
        let after = looked(row, true, 1001);
        assert_eq!(after.execution.last_error.is_some(), kept, "{refused}");
    }
}

#[test]
fn access_is_lost_a_minute_after_it_was_missed_and_not_before() {
    let missed = looked(with(|it| it.last_present_at = Some(at(15))), false, 100);
    assert_eq!(missed.execution.verdict, Verdict::Working);
    assert_eq!(missed.execution.due, at(160));
    let before = looked(missed.clone(), false, 159);
    assert_eq!(before.execution.verdict, Verdict::Working);
    let lost = looked(missed, false, 160);
    assert_eq!(lost.execution.verdict, Verdict::Lost { at: at(160) });
}

/// An unanswered removal counts as Hallpass's, unless a guard removed the access since, even in the
/// same second.
#[test]
fn a_removal_by_a_guard_since_ours_began_is_not_ours() {
    for (by_guard, is_ours) in [
        (None, true),
        (Some(at(19)), true),
        (Some(at(20)), false),
        (Some(at(21)), false),
    ] {
        for second in [30, 1001] {
            let row = with(|it| {
                it.operation = Some(operation(OperationKind::Delete, None));
                it.guard_removal_applied_at = by_guard;
            });
            let after = looked(row, false, second).execution;
            assert_eq!(after.operation, None);
            let deleted_at = is_ours.then(|| at(second));
            assert_eq!(after.deleted_at, deleted_at, "{by_guard:?} {second}");
        }
    }
}

/// A later listing without it proves a removal, never a failed create.
#[test]
fn what_a_listing_does_not_show_ends_a_removal_and_no_create() {
    let (create, delete) = (OperationKind::Create, OperationKind::Delete);
    for (kind, second, is_over) in [
        (delete, 1001, true),
        (delete, 30, false),
        (create, 1001, false),
    ] {
        let row = with(|it| it.operation = Some(operation(kind, Some("op"))));
        let after = looked(row, false, second).execution;
        assert_eq!(after.operation.is_none(), is_over, "{kind:?} {second}");
        assert_eq!(after.deleted_at.is_some(), is_over, "{kind:?} {second}");
    }
}

/// `access.md` §5: five minutes of trying, unless AWS may have accepted something.
#[test]
fn trying_ends_after_five_minutes_in_which_nothing_was_accepted() {
    let trying = |it: &mut Execution| it.trying_since = Some(at(10));
    let running = |it: &mut Execution| {
        it.trying_since = Some(at(10));
        it.operation = Some(operation(OperationKind::Create, Some("op")));
    };
    for (row, second, gives_up) in [
        (with(trying), 309, false),
        (with(trying), 310, true),
        (with(running), 310, false),
        (row(), 30, false),
    ] {
        let failed = StepOutcome::ReadFailed(CenterFault::NotSent);
        let after = learned(row, failed, second);
        assert_eq!(after.giving_up.is_some(), gives_up, "{second}");
    }
}

/// A target deleted before the create: given up in seconds.
#[test]
fn a_create_for_what_aws_does_not_know_is_given_up_within_seconds() {
    let missing = || CenterFault::NotFound {
        what: "permission set ps-1".to_owned(),
    };
    let unsent = |it: &mut Execution| {
        it.ownership = Ownership::Undecided;
        it.trying_since = Some(at(10));
    };
    let sent = |it: &mut Execution| {
        unsent(it);
        it.operation = Some(operation(OperationKind::Create, Some("op")));
    };
    let ours = |it: &mut Execution| it.trying_since = Some(at(10));
    let denied = CenterFault::Refused {
        reason: "denied".to_owned(),
    };
    for (row, fault, second, gives_up) in [
        (with(unsent), missing(), 12, false),
        (with(unsent), missing(), 13, true),
        (with(unsent), denied, 13, false),
        (with(sent), missing(), 13, false),
        (with(ours), missing(), 13, false),
    ] {
        let after = learned(row, StepOutcome::ReadFailed(fault.clone()), second);
        let reason = after.giving_up.map(|it| it.reason);
        let expected = gives_up.then(|| "permission set ps-1 does not exist".to_owned());
        assert_eq!(reason, expected, "{fault} {second}");
    }
}

/// `access.md` §8.3: without acceptance, ownership stays undecided.
#[test]
fn what_was_not_sent_decides_nothing() {
    for ownership in [Ownership::Undecided, Ownership::Ours] {
        let before = with(|it| it.ownership = ownership);
        let begun = before.clone().begin(OperationKind::Create, at(20));
        let failed = StepOutcome::SendFailed(CenterFault::NotSent);
        let after = begun.learn(&before, failed, at(21), SECOND).execution;
        assert_eq!((after.ownership, after.operation), (ownership, None));
    }
}

#[test]
fn a_listing_without_it_is_good_for_ninety_seconds() {
    let seen = Observation::Absent {
        since: at(20),
        at: at(20),
    };
    assert!(is_still_good(seen, at(109)));
    assert!(!is_still_good(seen, at(110)));
}

/// `access.md` §8.8: also if Identity Center cannot use its customer managed key, by any exception.
#[test]
fn a_removal_that_brought_no_answer_is_neither_done_nor_refused() {
    for fault in unanswered() {
        let removing = with(|it| it.operation = Some(operation(OperationKind::Delete, None)));
        let after = learned(removing.clone(), StepOutcome::SendFailed(fault), 30);
        let before = removing.execution;
        assert_eq!(after.operation, before.operation);
        assert_eq!((after.refused_removals, after.verdict), (0, before.verdict));
        assert_eq!(after.due, at(31));
    }
}

/// `access.md` §8.7: a create with a lost status may still run.
#[test]
fn what_an_absence_is_worth_after_an_operation_that_did_not_end_well() {
    use AbsenceConfidence::{FailedCreate, LostCreate, Settled};
    let (create, delete) = (OperationKind::Create, OperationKind::Delete);
    let failed = || OperationStatus::Failed {
        reason: String::new(),
    };
    for (kind, status, before, then) in [
        (create, OperationStatus::Unknown, Settled, LostCreate),
        (delete, OperationStatus::Unknown, Settled, Settled),
        (create, failed(), Settled, FailedCreate),
        (create, failed(), LostCreate, LostCreate),
        (delete, failed(), Settled, Settled),
        // A successful removal found the create's access (`access.md` §9.4).
        (delete, OperationStatus::Succeeded, LostCreate, FailedCreate),
        (delete, OperationStatus::Succeeded, Settled, Settled),
        (delete, OperationStatus::Unknown, LostCreate, LostCreate),
        (create, OperationStatus::Succeeded, LostCreate, LostCreate),
    ] {
        let row = with(|it| {
            it.operation = Some(operation(kind, Some("op")));
            it.absence_confidence = before;
        });
        let case = format!("{kind:?} {status:?} {before:?}");
        let after = learned(row, StepOutcome::Polled(status), 30);
        assert_eq!(after.absence_confidence, then, "{case}");
    }
}

/// `access.md` §9.4: after a lost create, a removal's status is stronger than a listing without it.
#[test]
fn after_a_lost_create_a_listing_does_not_end_its_removal() {
    for (confidence, is_over) in [
        (AbsenceConfidence::Settled, true),
        (AbsenceConfidence::FailedCreate, true),
        (AbsenceConfidence::LostCreate, false),
    ] {
        let row = with(|it| {
            it.operation = Some(operation(OperationKind::Delete, Some("op")));
            it.absence_confidence = confidence;
        });
        let after = looked(row, false, 1001).execution;
        assert_eq!(after.operation.is_none(), is_over, "{confidence:?}");
    }
}

/// After a removal with a lost status, listings decide.
#[test]
fn a_lost_removal_after_a_lost_create_is_settled_by_listings_a_minute_apart() {
    let sent = with(|it| {
        it.operation = Some(operation(OperationKind::Delete, Some("op")));
        it.absence_confidence = AbsenceConfidence::LostCreate;
    });
    let after = learned(sent, StepOutcome::Polled(OperationStatus::Unknown), 1001);
    assert_eq!(after.deleted_at, Some(at(1001)));
    let mut row = row();
    row.execution = after;
    for (second, due) in [(1002, 1007), (1059, 1062)] {
        let mut row = row.clone();
        row.execution.observation = Observation::Absent {
            since: at(1002),
            at: at(1002),
        };
        assert_eq!(looked(row, false, second).execution.due, at(due));
    }
}

/// The removal may have found the second create's access: the first, with a lost answer, is awaited
/// until a minute after the second.
#[test]
fn a_create_sent_after_a_lost_one_leaves_that_one_to_be_looked_for() {
    let unanswered = |second, is_one_of_several| UnansweredCreate {
        at: at(second),
        is_one_of_several,
    };
    let missed = with(|it| it.operation = Some(operation(OperationKind::Create, None)));
    let missed = looked(missed, false, 20);
    let known = |row: &AssignmentRow| row.execution.unanswered_create;
    assert_eq!(known(&missed), Some(unanswered(20, false)));
    let begun = missed.clone().begin(OperationKind::Create, at(30));
    assert_eq!(known(&begun), Some(unanswered(30, true)));
    let message = String::new();
    let refused = StepOutcome::SendFailed(CenterFault::Conflict { message });
    let refused = begun.clone().learn(&missed, refused, at(31), SECOND);
    assert_eq!(known(&refused), Some(unanswered(20, false)));
    assert_eq!(known(&looked(begun, false, 40)), Some(unanswered(40, true)));
    // AWS accepted one and lost its result: later ones follow it.
    let taken = with(|it| it.operation = Some(operation(OperationKind::Create, Some("op"))));
    let taken = learned(taken, StepOutcome::Polled(OperationStatus::Unknown), 30);
    assert_eq!(taken.absence_confidence, AbsenceConfidence::LostCreate);
    assert_eq!(taken.unanswered_create, None);
    // The later one is unanswered: a removal may remove the first one's access, listed or not.
    let lost = with(|it| it.absence_confidence = AbsenceConfidence::LostCreate);
    let begun = lost.begin(OperationKind::Create, at(30));
    for present in [false, true] {
        let looked = looked(begun.clone(), present, 40);
        assert_eq!(known(&looked), Some(unanswered(40, true)), "{present}");
    }
    let alone = with(|it| it.operation = Some(operation(OperationKind::Create, None)));
    assert_eq!(known(&looked(alone, true, 40)), None);
    for (followed, second, due) in [
        (None, 1001, 1601),
        (Some(990), 1001, 1006),
        (Some(941), 1001, 1601),
    ] {
        let row = with(|it| {
            it.unanswered_create = followed.map(|at| unanswered(at, true));
            it.observation = Observation::Absent {
                since: at(second),
                at: at(second),
            };
        });
        let verdict = Verdict::Absent {
            at: at(second),
            why: Absence::Removed,
        };
        let settled = learned(row, StepOutcome::Settled(verdict), second);
        assert_eq!(settled.due, at(due), "{followed:?}");
    }
}

/// A removal after a reported removal is kept as repeated; so is the next, if AWS refused it.
#[test]
fn a_removal_of_what_was_seen_gone_is_kept() {
    let again = |row: &AssignmentRow| row.execution.removed_again_at;
    let gone = Verdict::Absent {
        at: at(1001),
        why: Absence::Removed,
    };
    for (verdict, kept) in [
        (Verdict::Working, None),
        (Verdict::Present { at: at(900) }, None),
        (gone.clone(), Some(at(1010))),
        (
            Verdict::Absent {
                at: at(5),
                why: Absence::Removed,
            },
            None,
        ),
    ] {
        let row = with(|it| it.verdict = verdict.clone());
        let begun = row.begin(OperationKind::Delete, at(1010));
        assert_eq!(again(&begun), kept, "{verdict:?}");
    }
    let before = with(|it| it.verdict = gone);
    let message = String::new();
    let behind = StepOutcome::SendFailed(CenterFault::Conflict { message });
    let begun = before.clone().begin(OperationKind::Delete, at(1010));
    let begun = begun.learn(&before, behind, at(1011), SECOND);
    let begun = begun.begin(OperationKind::Delete, at(1020));
    assert_eq!(again(&begun), Some(at(1020)));
}

/// Access listed during a failed removal counts as present.
#[test]
fn a_sight_during_a_removal_counts_when_the_removal_fails() {
    for (last, seen, then) in [(None, 25, 25), (Some(15), 25, 25), (Some(26), 25, 26)] {
        let row = with(|it| {
            it.operation = Some(operation(OperationKind::Delete, Some("op")));
            it.observation = Observation::Present { at: at(seen) };
            it.last_present_at = last.map(at);
        });
        let reason = String::new();
        let failed = StepOutcome::Polled(OperationStatus::Failed { reason });
        assert_eq!(learned(row, failed, 30).last_present_at, Some(at(then)));
    }
}

/// Also if the clock is behind the requester's.
#[test]
fn giving_up_counts_for_the_newest_hold() {
    for (second, then) in [(5, 10), (30, 30)] {
        let mut row = row();
        row.give_up(at(second), "no");
        assert_eq!(row.execution.giving_up.as_ref().unwrap().at, at(then));
        assert!(row.gave_up());
    }
}
