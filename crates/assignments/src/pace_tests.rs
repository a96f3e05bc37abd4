use super::*;
use crate::Absence;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_780_000_000_000 + milliseconds).unwrap()
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

#[test]
fn rounds_come_as_often_as_operations_end() {
    use OperationKind::{Create, Delete};
    // (kind, in flight, seconds an operation takes, pause in milliseconds)
    for (kind, in_flight, takes, pause) in [
        (Delete, 10, 5.0, 357),
        (Create, 10, 5.0, 1000),
        (Create, 5, 5.0, 2000),
        (Delete, 3, 5.1, 1214),
        (Delete, 1, 5.0, 2000),
        (Delete, 10, 0.05, 250),
        (Create, 10, 0.05, 250),
        (Delete, 0, 5.0, 2000),
    ] {
        let found = round_pause(kind, in_flight, seconds(takes));
        assert_eq!(found.as_millis(), pause, "{kind:?} {in_flight} {takes}");
    }
}

#[test]
fn rounds_are_asked_when_several_run_or_somebody_waits() {
    for (in_flight, waits, asked) in [
        (0, true, false),
        (1, false, false),
        (1, true, true),
        (2, false, false),
        (3, false, true),
        (10, true, true),
    ] {
        assert_eq!(asks_for_all(in_flight, waits), asked, "{in_flight} {waits}");
    }
}

#[test]
fn a_round_that_hangs_holds_up_the_next_for_a_second_and_three_hold_up_all() {
    let mut rounds = Rounds::default();
    assert!(rounds.next_at(at(0)).is_some_and(|next| next <= at(0)));
    rounds.begin(at(0));
    assert_eq!(rounds.next_at(at(10)), Some(at(1000)));
    rounds.begin(at(1000));
    rounds.begin(at(2000));
    assert_eq!(rounds.next_at(at(9000)), None);
    rounds.end();
    rounds.pause(at(2500), seconds(0.5));
    assert_eq!(rounds.next_at(at(2600)), Some(at(3000)));
    rounds.end();
    rounds.end();
    assert_eq!(rounds.next_at(at(9000)), Some(at(3000)));
    rounds.pause(at(86_400_000), seconds(0.5));
    assert_eq!(rounds.next_at(at(9000)), Some(at(9000)));
}

#[test]
fn a_refused_round_is_not_asked_for_an_hour() {
    let mut rounds = Rounds::default();
    assert!(rounds.may_ask(at(0)));
    rounds.refuse(at(0));
    assert!(!rounds.may_ask(at(3_599_000)));
    assert!(rounds.may_ask(at(3_600_000)));
}

#[test]
fn the_pace_follows_what_operations_take() {
    let pace = Pace::default();
    assert_eq!(pace.expected(OperationKind::Delete), FIRST_GUESS);
    for _ in 0..200 {
        // Running after 4 s, ended after 6
        pace.learn(OperationKind::Delete, seconds(4.0), seconds(6.0));
    }
    let expected = pace.expected(OperationKind::Delete).as_secs_f64();
    assert!((4.8..5.2).contains(&expected), "{expected}");
    assert_eq!(pace.expected(OperationKind::Create), FIRST_GUESS);
    for _ in 0..200 {
        let asked_after = pace.expected(OperationKind::Delete);
        pace.learn(OperationKind::Delete, Duration::ZERO, asked_after);
    }
    assert!(pace.expected(OperationKind::Delete) < seconds(0.2));
    pace.learn(OperationKind::Delete, seconds(3600.0), seconds(3601.0));
    assert!(pace.expected(OperationKind::Delete) < seconds(4.0));
}

#[test]
fn whoever_waits_is_told_about_how_long() {
    let pace = Pace::default();
    for _ in 0..400 {
        pace.learn(OperationKind::Create, seconds(5.4), seconds(5.4));
        pace.learn(OperationKind::Delete, seconds(5.4), seconds(5.4));
    }
    let waiting = |ends| QueueLengths {
        at_once: 0,
        ends,
        grants: 50,
        oldest_end: None,
    };
    // (grants before it, ends in line, at least, at most)
    for (before, ends, least, most) in [
        (0, 0, 1, 2),
        // Nine at a time
        (89, 0, 50, 60),
        (2, 900, 15, 18),
        (199, 900, 595, 605),
    ] {
        let wait = pace.wait(before, waiting(ends)).as_seconds();
        assert!((least..=most).contains(&wait), "{before} {ends}: {wait} s");
    }
    // Short operations are limited by the request rate: three calls each
    let quick = Pace::default();
    for _ in 0..400 {
        quick.learn(OperationKind::Create, Duration::ZERO, seconds(0.05));
    }
    let wait = quick.wait(179, waiting(0)).as_seconds();
    assert!((29..=31).contains(&wait), "{wait} s");
}

#[test]
fn those_of_less_urgency_leave_workers_to_those_of_more() {
    let shares = |workers| {
        [
            Urgency::AtOnce,
            Urgency::End,
            Urgency::Grant,
            Urgency::Background,
        ]
        .map(|urgency| workers_for(urgency, workers))
    };
    assert_eq!(shares(24), [24, 20, 12, 4]);
    assert_eq!(shares(1), [1, 1, 1, 1]);
}

#[test]
fn what_grants_and_ends_cost_is_counted_apart_and_looks_in_peace_are_neither() {
    let pace = Pace::default();
    for urgency in [
        Urgency::AtOnce,
        Urgency::End,
        Urgency::End,
        Urgency::Grant,
        Urgency::Background,
    ] {
        pace.count_call(urgency);
    }
    let at = Timestamp::UNIX_EPOCH;
    let gone = Verdict::Absent {
        at,
        why: Absence::Removed,
    };
    for verdict in [
        gone,
        Verdict::Present { at },
        Verdict::Kept { at },
        Verdict::Working,
    ] {
        pace.count_settled(&verdict);
    }
    let effort = |kind| {
        let effort = pace.effort(kind);
        (effort.calls, effort.done)
    };
    assert_eq!(effort(OperationKind::Delete), (3, 1));
    assert_eq!(effort(OperationKind::Create), (1, 1));
}
