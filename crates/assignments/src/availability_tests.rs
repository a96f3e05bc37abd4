use super::*;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(1_780_000_000_000 + milliseconds).unwrap()
}

fn down(now: i64) -> Availability {
    let mut availability = Availability::default();
    for n in 1..=FAILURES {
        let begins = availability.unanswered(at(now));
        assert_eq!(begins, n == FAILURES, "failure {n}");
    }
    assert!(!availability.is_up());
    availability
}

#[test]
fn single_failures_stop_nobody() {
    let mut availability = Availability::default();
    for round in 0..100 {
        assert!(!availability.unanswered(at(round)));
        assert!(!availability.unanswered(at(round)));
        assert!(!availability.answered(), "nothing was down");
        assert_eq!(availability.may_call(at(round)), MayCall::Free);
    }
}

#[test]
fn three_in_a_row_are_an_outage_and_one_call_is_tried_every_two_seconds() {
    let mut availability = down(0);
    assert_eq!(
        availability.may_call(at(1_999)),
        MayCall::Wait(Some(at(2_000)))
    );
    assert_eq!(availability.may_call(at(2_000)), MayCall::Probe);
    availability.begin_probe(at(2_000));
    assert_eq!(
        availability.may_call(at(2_000)),
        MayCall::Wait(Some(at(4_000)))
    );
    assert_eq!(availability.may_call(at(4_000)), MayCall::Probe);
    availability.begin_probe(at(4_000));
    assert!(!availability.unanswered(at(4_500)));
    assert!(
        availability.answered(),
        "the outage ends with the first answer"
    );
    assert_eq!(availability.may_call(at(4_500)), MayCall::Free);
    assert!(!availability.answered());
}

#[test]
fn tries_that_hang_are_bounded() {
    let mut availability = down(0);
    for n in 1..=i64::from(PROBES_AT_ONCE) {
        assert_eq!(availability.may_call(at(n * 2_000)), MayCall::Probe);
        availability.begin_probe(at(n * 2_000));
    }
    assert_eq!(availability.may_call(at(60_000)), MayCall::Wait(None));
    availability.end_probe();
    assert_eq!(availability.may_call(at(60_000)), MayCall::Probe);
}

#[test]
fn a_call_that_is_answered_makes_the_other_kind_be_tried_at_once() {
    let mut writes = down(0);
    writes.try_now();
    assert_eq!(writes.may_call(at(1)), MayCall::Probe);
    let mut up = Availability::default();
    up.try_now();
    assert_eq!(up.may_call(at(1)), MayCall::Free);
}

#[test]
fn a_clock_that_was_ahead_delays_no_try() {
    let availability = down(86_400_000);
    assert_eq!(availability.may_call(at(0)), MayCall::Probe);
}

#[test]
fn throttling_rests_a_moment_that_doubles_and_ends_with_the_first_call_taken() {
    let mut throttle = Throttle::default();
    let mut rests = Vec::new();
    for _ in 0..7 {
        throttle.throttled(at(0));
        let until = throttle.rests_until(at(0)).unwrap();
        rests.push(until.duration_since(at(0)).as_millis());
        assert_eq!(throttle.rests_until(until), None);
    }
    assert_eq!(rests, [100, 200, 400, 800, 1600, 1600, 1600]);
    throttle.call_taken();
    throttle.throttled(at(0));
    assert_eq!(throttle.rests_until(at(0)), Some(at(100)));
    throttle.throttled(at(86_400_000));
    assert_eq!(throttle.rests_until(at(0)), None);
}
