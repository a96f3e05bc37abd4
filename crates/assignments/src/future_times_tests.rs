use hallpass_base::{HoldKey, Target};

use super::*;
use crate::{Desired, Operation, OperationKind, Proof};

const DAY: i64 = 86_400;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

fn row(due: i64) -> AssignmentRow {
    let asked = crate::queue::tests::row(due);
    AssignmentRow {
        key: HoldKey {
            user: "11111111-0000-4000-8000-000000000000".parse().unwrap(),
            target: Target::Group {
                group: "22222222-0000-4000-8000-000000000000".parse().unwrap(),
            },
        },
        desired: Desired {
            until: at(7_200),
            asked_at: at(-60),
            ..asked.desired
        },
        ..asked
    }
}

fn operation(started: i64) -> Operation {
    Operation {
        kind: OperationKind::Delete,
        started_at: at(started),
        operation_id: Some("op".to_owned()),
        polls: 0,
        proof: Proof::Listing,
        over_at: None,
    }
}

#[test]
fn no_row_waits_for_a_pause_that_nobody_takes() {
    let with = |verdict: Verdict, due| {
        let mut row = row(due);
        row.execution.verdict = verdict;
        row
    };
    let busy = |due| {
        let mut row = with(Verdict::Present { at: at(0) }, due);
        row.execution.operation = Some(operation(0));
        row
    };
    let stuck = || Verdict::Stuck {
        since: at(0),
        reason: "no".to_owned(),
    };
    let table = [
        ("a pause of a minute", row(75), false),
        ("a day", row(DAY), true),
        ("an hour", row(3_600), true),
        ("queried every half minute", busy(30), false),
        ("in ten minutes, while it runs", busy(600), true),
        (
            "compared every ten minutes",
            with(Verdict::Present { at: at(0) }, 600),
            false,
        ),
        (
            "compared in an hour",
            with(Verdict::Present { at: at(0) }, 3_600),
            true,
        ),
        ("stuck, tried every hour", with(stuck(), 4_500), false),
        ("stuck for a day", with(stuck(), DAY), true),
        (
            "lost: rests until its grant is over",
            with(Verdict::Lost { at: at(0) }, 7_200),
            false,
        ),
        (
            "lost, and longer",
            with(Verdict::Lost { at: at(0) }, DAY),
            true,
        ),
    ];
    let mut wrong = Vec::new();
    for (what, row, put_off) in table {
        let due = row.execution.due;
        let expected = if put_off { at(0) } else { due };
        let clamped = row.clone().clamped(at(0));
        if row.is_put_off(at(0)) != put_off || clamped.execution.due != expected {
            wrong.push(what);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn what_was_seen_in_the_future_was_not_seen_and_what_was_done_is_done_now() {
    let mut ahead = row(0);
    ahead.desired.asked_at = at(DAY);
    let execution = &mut ahead.execution;
    execution.observation = Observation::Present { at: at(DAY) };
    execution.last_present_at = Some(at(DAY));
    execution.created_at = Some(at(DAY));
    execution.deleted_at = Some(at(DAY));
    execution.trying_since = Some(at(DAY));
    execution.operation = Some(operation(DAY)).map(|it| Operation {
        over_at: Some(at(DAY)),
        ..it
    });
    execution.giving_up = Some(GivingUp {
        reason: "no".to_owned(),
        at: at(DAY),
    });
    let clamped = ahead.clamped(at(0));
    assert_eq!(clamped.desired.asked_at, at(0));
    let execution = &clamped.execution;
    assert_eq!(execution.observation, Observation::Unseen);
    assert_eq!(execution.last_present_at, Some(at(0)));
    assert_eq!(execution.created_at, Some(at(0)));
    assert_eq!(execution.deleted_at, Some(at(0)));
    assert_eq!(execution.trying_since, Some(at(0)));
    let operation = execution.operation.as_ref().unwrap();
    assert_eq!(
        (operation.started_at, operation.over_at),
        (at(0), Some(at(0)))
    );
    assert!(clamped.gave_up());
}

#[test]
fn what_lies_in_the_past_is_left_alone() {
    let mut past = row(5);
    past.execution.observation = Observation::Absent {
        since: at(-20),
        at: at(-10),
    };
    past.execution.last_present_at = Some(at(-30));
    past.execution.deleted_at = Some(at(-15));
    assert_eq!(past.clone().clamped(at(0)), past);
}

#[test]
fn a_lease_is_never_longer_than_one_that_is_given() {
    assert!(!is_lease_from_future(at(90), at(0)));
    assert!(is_lease_from_future(at(DAY), at(0)));
}
