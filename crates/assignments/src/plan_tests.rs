use super::*;
use crate::row::tests::{self, at};
use crate::{GivingUp, UnansweredCreate};

/// Owned, requested at 10, wanted until 1000.
fn with(change: impl FnOnce(&mut Execution)) -> AssignmentRow {
    let mut row = tests::row();
    row.desired.until = at(1000);
    change(&mut row.execution);
    row
}

fn operation(kind: OperationKind, started: u64, polls: u32) -> Operation {
    Operation {
        kind,
        started_at: at(started),
        operation_id: Some("op".to_owned()),
        polls,
        proof: Proof::Status,
        over_at: None,
    }
}

fn absent(second: u64) -> Observation {
    Observation::Absent {
        since: at(second),
        at: at(second),
    }
}

/// `access.md` §6: after five minutes, a listing decides on an unfinished create.
#[test]
fn a_listing_decides_on_a_create_after_five_minutes_of_trying() {
    let creating = |it: &mut Execution| {
        it.trying_since = Some(at(10));
        it.operation = Some(operation(OperationKind::Create, 10, 0));
    };
    let row = with(creating);
    assert!(matches!(next(&row, at(309)), RowAction::Poll { .. }));
    assert_eq!(next(&row, at(310)), RowAction::Look);
    let given_up = with(|it| {
        creating(it);
        it.giving_up = Some(GivingUp {
            reason: String::new(),
            at: at(50),
        });
    });
    assert!(matches!(next(&given_up, at(310)), RowAction::Poll { .. }));
    let seen = with(|it| {
        creating(it);
        it.last_present_at = Some(at(15));
    });
    assert!(!is_overdue(&seen, at(310)));
    let deleting = with(|it| {
        creating(it);
        it.operation = Some(operation(OperationKind::Delete, 10, 1));
    });
    assert!(matches!(next(&deleting, at(310)), RowAction::Poll { .. }));
}

#[test]
fn a_listing_shows_a_removal_that_it_is_younger_than() {
    let removal = operation(OperationKind::Delete, 1001, 0);
    assert!(!is_shown_by_listing(&with(|_| ()), &removal, at(1001)));
    assert!(is_shown_by_listing(&with(|_| ()), &removal, at(1002)));
}

#[test]
fn what_is_over_is_looked_at_once_and_then_asked_about() {
    for (seen, looks) in [
        (Observation::Unseen, true),
        (absent(1004), true),
        (absent(1005), false),
    ] {
        let row = with(|it| {
            let mut removal = operation(OperationKind::Delete, 1001, 1);
            removal.over_at = Some(at(1005));
            it.operation = Some(removal);
            it.observation = seen;
        });
        assert_eq!(next(&row, at(1006)) == RowAction::Look, looks, "{seen:?}");
    }
}

/// `access.md` §9.9: still listed without the person: stuck, then retried.
#[test]
fn what_is_listed_though_somebody_is_gone_is_stuck_and_then_tried_again() {
    let row = with(|it| {
        it.observation = Observation::Present { at: at(1001) };
        it.gone = Some(Absence::PrincipalGone);
    });
    let action = next(&row, at(1001));
    let RowAction::Settle(stuck) = action else {
        panic!("not settled: {action:?}");
    };
    assert_eq!(stuck.name(), "stuck");
    let mut row = row;
    row.execution.verdict = stuck;
    let delete = RowAction::Begin(OperationKind::Delete);
    assert_eq!(next(&row, at(1001)), delete);
}

/// After a successful removal, a listing shows lag first, and later a create with a lost answer.
#[test]
fn a_create_that_takes_effect_after_the_removal_is_removed() {
    let lost = AbsenceConfidence::LostCreate;
    let delete = RowAction::Begin(OperationKind::Delete);
    for (confidence, lost_at, second, action) in [
        (AbsenceConfidence::Settled, None, 1059, RowAction::Look),
        (AbsenceConfidence::FailedCreate, None, 1059, RowAction::Look),
        (AbsenceConfidence::Settled, None, 1060, delete.clone()),
        (
            AbsenceConfidence::FailedCreate,
            Some(20),
            1004,
            RowAction::Look,
        ),
        (
            AbsenceConfidence::FailedCreate,
            Some(20),
            1005,
            delete.clone(),
        ),
        (AbsenceConfidence::Settled, Some(20), 1005, delete.clone()),
        (lost, None, 1004, RowAction::Look),
        (lost, None, 1005, delete.clone()),
    ] {
        let row = with(|it| {
            it.created_at = Some(at(980));
            it.deleted_at = Some(at(1000));
            it.absence_confidence = confidence;
            it.unanswered_create = lost_at.map(|second| UnansweredCreate {
                at: at(second),
                is_one_of_several: true,
            });
            it.observation = Observation::Present { at: at(second - 1) };
        });
        assert_eq!(
            next(&row, at(second)),
            action,
            "{confidence:?} {lost_at:?} {second}"
        );
    }
    let seen_before = with(|it| {
        it.deleted_at = Some(at(1000));
        it.absence_confidence = lost;
        it.observation = Observation::Present { at: at(1003) };
    });
    assert_eq!(
        next(&seen_before, at(1005)),
        RowAction::Look,
        "it may be deleted by now"
    );
    let refused = with(|it| {
        it.deleted_at = Some(at(1000));
        it.refused_removals = 1;
        it.absence_confidence = lost;
        it.observation = Observation::Present { at: at(1002) };
    });
    assert_eq!(
        next(&refused, at(1005)),
        RowAction::Look,
        "it was queried once more"
    );
}

/// Checked every five seconds while a create may come late.
#[test]
fn what_was_told_gone_is_watched_while_a_create_may_come() {
    for (followed, second, action) in [
        (Some(980), 1004, RowAction::Rest(at(1006))),
        (Some(980), 1006, RowAction::Look),
        (Some(980), 1039, RowAction::Look),
        // The process had stopped: one more check.
        (Some(980), 1040, RowAction::Look),
        (Some(942), 1300, RowAction::Look),
        (Some(941), 1006, RowAction::Rest(at(1606))),
        (None, 1006, RowAction::Rest(at(1606))),
    ] {
        let row = with(|it| {
            it.deleted_at = Some(at(1000));
            it.observation = absent(1001);
            it.verdict = Verdict::Absent {
                at: at(1001),
                why: Absence::Removed,
            };
            it.unanswered_create = followed.map(|second| UnansweredCreate {
                at: at(second),
                is_one_of_several: true,
            });
        });
        assert_eq!(next(&row, at(second)), action, "{followed:?} {second}");
    }
}

/// `access.md` §8.7 and §9: the value of a listing without unwanted access.
#[test]
fn a_listing_without_it_settles_what_it_can() {
    let delete = || RowAction::Begin(OperationKind::Delete);
    let change = |created: Option<u64>, seen: Option<u64>, deleted: Option<u64>, refused, lost| {
        with(|it| {
            it.created_at = created.map(at);
            it.last_present_at = seen.map(at);
            it.deleted_at = deleted.map(at);
            it.refused_removals = refused;
            it.observation = absent(1001);
            if lost {
                it.absence_confidence = AbsenceConfidence::LostCreate;
            }
        })
    };
    for (row, action) in [
        // Created but never seen: removed once anyway.
        (change(Some(20), None, None, 0, false), Some(delete())),
        (change(Some(20), None, None, 1, false), None),
        (change(Some(20), Some(20), None, 0, false), None),
        // A create that may still run.
        (change(None, None, None, 0, true), Some(delete())),
        (change(None, None, None, 1, true), Some(RowAction::Look)),
        (
            change(None, None, Some(900), 0, true),
            Some(RowAction::Look),
        ),
    ] {
        let found = next(&row, at(1001));
        match action {
            Some(action) => assert_eq!(found, action, "{row:?}"),
            None => assert!(matches!(found, RowAction::Settle(_)), "{found:?} {row:?}"),
        }
    }
    let old = with(|it| it.observation = absent(9));
    assert_eq!(next(&old, at(1001)), RowAction::Look, "older than the hold");
}

#[test]
fn listings_lag_for_a_minute_and_no_longer() {
    let made = with(|it| it.created_at = Some(at(100))).execution;
    assert!(is_unsettled(&made, at(159)));
    assert!(!is_unsettled(&made, at(160)));
    let removed = with(|it| it.deleted_at = Some(at(100))).execution;
    assert!(lags_behind_delete(&removed, at(159)));
    assert!(!lags_behind_delete(&removed, at(160)));
}

#[test]
fn looks_and_questions_take_turns() {
    for (polls, looks) in [(0, true), (1, false), (2, true), (3, false)] {
        let row = with(|it| {
            let mut create = operation(OperationKind::Create, 10, polls);
            create.proof = Proof::Listing;
            it.operation = Some(create);
        });
        assert_eq!(next(&row, at(11)) == RowAction::Look, looks, "{polls}");
    }
}

/// `access.md` §8.3: access granted by someone else meanwhile is theirs.
#[test]
fn a_first_create_goes_by_a_listing_of_less_than_ninety_seconds() {
    for (ownership, seen, second, is_old) in [
        (Ownership::Undecided, absent(20), 109, false),
        (Ownership::Undecided, absent(20), 110, true),
        (Ownership::Undecided, Observation::Unseen, 110, false),
        (Ownership::Ours, absent(20), 110, false),
    ] {
        let row = with(|it| {
            it.ownership = ownership;
            it.observation = seen;
        });
        let found = goes_by_old_listing(&row, at(second));
        assert_eq!(found, is_old, "{ownership:?} {seen:?} {second}");
    }
}

/// `access.md` §8.4: only if a listing since the hold lacks it, it was never seen, and was not just
/// created.
#[test]
fn what_is_wanted_is_made_once() {
    for (created, seen, listed, second, creates) in [
        (None, None, 10, 11, true),
        (None, None, 9, 11, false),
        (None, Some(15), 20, 21, false),
        (None, Some(9), 20, 21, true),
        (Some(20), None, 21, 79, false),
        (Some(20), None, 21, 80, true),
        (Some(20), None, 9, 80, false),
    ] {
        let row = with(|it| {
            it.created_at = created.map(at);
            it.last_present_at = seen.map(at);
            it.observation = absent(listed);
        });
        let expected = if creates {
            RowAction::Begin(OperationKind::Create)
        } else {
            RowAction::Look
        };
        assert_eq!(next(&row, at(second)), expected, "{row:?}");
    }
}
