#![allow(clippy::unwrap_used, reason = "tests")]

use super::tests::{learned, looked, operation, row, unanswered, with};
use super::*;
use crate::row::tests::at;

/// A refused removal is checked again after two seconds while listings prove nothing.
#[test]
fn what_should_be_gone_is_looked_for_at_once_unless_its_removal_was_refused() {
    for (refused, confidence, deleted, due) in [
        (0, AbsenceConfidence::Settled, None, 1001),
        (1, AbsenceConfidence::Settled, None, 1003),
        (0, AbsenceConfidence::LostCreate, None, 1001),
        (1, AbsenceConfidence::LostCreate, None, 1006),
        (0, AbsenceConfidence::LostCreate, Some(990), 1006),
        (0, AbsenceConfidence::FailedCreate, None, 1006),
    ] {
        let row = with(|it| {
            it.created_at = Some(at(980));
            it.deleted_at = deleted.map(at);
            it.refused_removals = refused;
            it.absence_confidence = confidence;
        });
        let after = looked(row, false, 1001);
        assert_eq!(after.execution.due, at(due), "{refused} {confidence:?}");
    }
}

/// `access.md` §9.5: one second doubling to sixty.
#[test]
fn pauses_double_from_one_second_to_sixty() {
    let mut row = row();
    let pauses = [1, 2, 4, 8, 16, 32, 60, 60];
    let found = pauses.map(|_| row.pause(at(0)));
    assert_eq!(found, pauses.map(at));
}

#[test]
fn a_running_operation_is_checked_after_a_quarter_of_its_time_and_then_less_often() {
    for (expected, polls, millis) in [
        (1, 0, 500),
        (8, 0, 2_000),
        (8, 2, 4_500),
        (8, 16, 5_000),
        (60, 0, 5_000),
    ] {
        let pause = check_pause(Duration::from_secs(expected), polls);
        assert_eq!(pause, Duration::from_millis(millis), "{expected} {polls}");
    }
    let running = with(|it| {
        it.operation = Some(operation(OperationKind::Create, Some("op")));
        it.attempts = 3;
    });
    let polled = StepOutcome::Polled(OperationStatus::InProgress);
    let after = learned(running, polled, 30);
    assert_eq!((after.attempts, after.operation.unwrap().polls), (0, 1));
}

/// Kind, whether AWS returned an id, whether it had ended, time of the read.
#[test]
fn what_ended_well_is_looked_at_at_once_or_when_listings_show_it() {
    let (create, delete) = (OperationKind::Create, OperationKind::Delete);
    for (kind, id, is_over, due) in [
        (create, Some("op"), false, 30),
        (create, Some("op"), true, 31),
        (delete, Some("op"), false, 31),
        (delete, None, false, 30),
    ] {
        let row = with(|it| {
            let mut operation = operation(kind, id);
            operation.over_at = is_over.then(|| at(29));
            it.operation = Some(operation);
        });
        let done = StepOutcome::Polled(OperationStatus::Succeeded);
        assert_eq!(learned(row, done, 30).due, at(due), "{kind:?} {id:?}");
    }
}

#[test]
fn live_access_is_compared_after_ten_minutes_or_at_its_end() {
    let compared = looked(with(|it| it.attempts = 3), true, 30).execution;
    assert_eq!((compared.due, compared.attempts), (at(630), 0));
    assert_eq!(looked(row(), true, 900).execution.due, at(1000));
}

#[test]
fn what_is_listed_after_its_removal_is_looked_at_after_a_pause() {
    for (deleted, due) in [(None, 1001), (Some(at(1000)), 1002)] {
        let row = with(|it| it.deleted_at = deleted);
        assert_eq!(looked(row, true, 1001).execution.due, at(due));
    }
}

#[test]
fn a_first_refusal_is_looked_at_at_once_and_the_next_after_a_pause() {
    let mut row = row();
    for due in [1001, 1002] {
        row.execution.operation = Some(operation(OperationKind::Delete, Some("op")));
        let reason = "no".to_owned();
        let refused = StepOutcome::Polled(OperationStatus::Failed { reason });
        row.execution = learned(row.clone(), refused, 1001);
        assert_eq!(row.execution.due, at(due));
    }
}

#[test]
fn a_read_that_brought_no_answer_is_tried_again_in_a_second() {
    for fault in unanswered() {
        let after = learned(row(), StepOutcome::ReadFailed(fault), 30);
        assert_eq!(after.due, at(31));
    }
}

/// An operation in flight holds the only slot of its account and permission set.
#[test]
fn what_is_in_flight_is_asked_about_again_soon_however_often_the_read_was_refused() {
    let refused = || {
        StepOutcome::ReadFailed(CenterFault::Refused {
            reason: "denied".to_owned(),
        })
    };
    let removal = operation(OperationKind::Delete, Some("op"));
    for (in_flight, longest) in [(Some(removal), 2), (None, 60)] {
        let mut row = with(|it| it.operation.clone_from(&in_flight));
        let mut pauses = Vec::new();
        for _ in 0..8 {
            row.execution = learned(row.clone(), refused(), 30);
            pauses.push(TimeSpan::between(at(30), row.execution.due).as_seconds());
        }
        assert_eq!(pauses[..2], [1, 2]);
        assert_eq!(pauses.iter().max(), Some(&longest));
        assert_eq!(row.execution.operation, in_flight);
    }
}

/// `access.md` §9.5 and §9.9: hourly while stuck.
#[test]
fn a_removal_that_is_stuck_is_tried_every_hour() {
    let stuck = Verdict::Stuck {
        since: at(1001),
        reason: "denied".to_owned(),
    };
    let settled = learned(row(), StepOutcome::Settled(stuck.clone()), 1001);
    assert_eq!(settled.due, at(1001 + 3_600));
    let trying = with(|it| {
        it.verdict = stuck;
        it.operation = Some(operation(OperationKind::Delete, Some("op")));
    });
    let reason = "denied".to_owned();
    let refused = StepOutcome::Polled(OperationStatus::Failed { reason });
    assert_eq!(learned(trying, refused, 1002).due, at(1002 + 3_600));
}

#[test]
fn a_create_that_nobody_waits_for_is_asked_about_every_thirty_seconds() {
    let abandoned = with(|it| {
        it.operation = Some(operation(OperationKind::Create, Some("op")));
        it.giving_up = Some(GivingUp {
            reason: String::new(),
            at: at(320),
        });
    });
    let polled = StepOutcome::Polled(OperationStatus::InProgress);
    assert_eq!(learned(abandoned, polled, 330).due, at(360));
}

#[test]
fn what_aws_was_too_full_for_is_sent_again_in_a_quarter_of_a_second() {
    let (full, throttled) = (
        CenterFault::Full {
            message: String::new(),
        },
        CenterFault::Throttled {
            message: String::new(),
        },
    );
    for (fault, millis) in [(full, 250), (throttled, 0)] {
        let begun = row().begin(OperationKind::Delete, at(1001));
        let after = learned(begun, StepOutcome::SendFailed(fault), 1001);
        assert_eq!(after.due, later(at(1001), Duration::from_millis(millis)));
    }
}

#[test]
fn pauses_begin_anew_after_an_operation_that_ended_well() {
    let row = with(|it| {
        it.operation = Some(operation(OperationKind::Create, Some("op")));
        it.attempts = 3;
    });
    let done = StepOutcome::Polled(OperationStatus::Succeeded);
    assert_eq!(learned(row, done, 30).attempts, 0);
}

#[test]
fn only_a_create_that_was_given_up_is_asked_about_seldom() {
    for (kind, due) in [(OperationKind::Create, 60), (OperationKind::Delete, 31)] {
        let row = with(|it| {
            it.operation = Some(operation(kind, Some("op")));
            it.giving_up = Some(GivingUp {
                reason: "refused".to_owned(),
                at: at(25),
            });
        });
        let running = StepOutcome::Polled(OperationStatus::InProgress);
        let polled = learned(row, running, 30);
        assert!(polled.due <= at(due), "{kind:?}: {}", polled.due);
        assert!(polled.due >= at(due - 1), "{kind:?}: {}", polled.due);
    }
}

/// After a create with a lost answer, a removal waits for that operation plus some seconds.
#[test]
fn a_removal_behind_another_operation_is_sent_again_within_four_seconds() {
    for (kind, due) in [(OperationKind::Delete, 34), (OperationKind::Create, 90)] {
        let row = with(|it| {
            it.operation = Some(operation(kind, None));
            it.attempts = 9;
        });
        let message = String::new();
        let refused = StepOutcome::SendFailed(CenterFault::Conflict { message });
        assert_eq!(learned(row, refused, 30).due, at(due), "{kind:?}");
    }
}

/// `access.md` §9.4: listings that still show it are repeated within five seconds.
#[test]
fn what_our_removal_took_away_is_looked_for_within_five_seconds() {
    let row = with(|it| {
        it.deleted_at = Some(at(1000));
        it.attempts = 9;
    });
    assert_eq!(looked(row.clone(), true, 1010).execution.due, at(1015));
    let mut lost = row;
    lost.execution.absence_confidence = AbsenceConfidence::LostCreate;
    assert_eq!(looked(lost.clone(), true, 1004).execution.due, at(1005));
    assert_eq!(looked(lost, true, 1010).execution.due, at(1010));
}

/// A create with a lost answer may take effect after the removal: checked once listings no longer
/// lag, regardless of the pause.
#[test]
fn what_a_lost_create_may_have_made_is_looked_at_as_soon_as_listings_lag_no_longer() {
    for (attempts, second, due) in [
        (0, 1002, 1003),
        (2, 1002, 1005),
        (2, 1004, 1005),
        (2, 1005, 1005),
    ] {
        let removed = with(|it| {
            it.ownership = Ownership::Ours;
            it.deleted_at = Some(at(1000));
            it.unanswered_create = Some(UnansweredCreate {
                at: at(990),
                is_one_of_several: true,
            });
            it.attempts = attempts;
        });
        let after = looked(removed, true, second);
        assert_eq!(after.execution.due, at(due), "{attempts} {second}");
    }
}

/// A removal refused after a successful one: listings may lag.
#[test]
fn a_second_removal_that_is_refused_makes_nobody_wait_longer_for_listings() {
    for (deleted, due) in [(Some(990), 1005), (None, 1060)] {
        let row = with(|it| {
            it.deleted_at = deleted.map(at);
            it.refused_removals = 3;
            it.attempts = 9;
            it.operation = Some(operation(OperationKind::Delete, Some("op")));
        });
        let reason = "not found".to_owned();
        let failed = StepOutcome::Polled(OperationStatus::Failed { reason });
        assert_eq!(learned(row, failed, 1000).due, at(due), "{deleted:?}");
    }
}

#[test]
fn a_look_at_what_is_there_comes_again_when_its_gate_opens_by_itself() {
    for (gate, due) in [
        (crate::Gate::Open, DRIFT_CHECK.after(at(30))),
        (crate::Gate::Closed { until: at(70) }, at(70)),
        (
            crate::Gate::Closed { until: at(30) },
            DRIFT_CHECK.after(at(30)),
        ),
        (
            crate::Gate::Closed {
                until: Timestamp::MAX,
            },
            DRIFT_CHECK.after(at(30)),
        ),
    ] {
        let mut row = with(|it| it.ownership = Ownership::Ours);
        row.gate = gate.clone();
        assert_eq!(looked(row, true, 30).execution.due, due, "{gate:?}");
    }
}
