#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use hallpass_base::{GroupId, HoldKey, Target, UserId};

use super::*;

const BOUND: TimeSpan = TimeSpan::seconds(60);

fn at(seconds: u64) -> Timestamp {
    TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
}

/// An end at 100, overdue from 160.
fn end() -> OwnedEnd {
    OwnedEnd {
        key: HoldKey {
            user: UserId::new("00000001-0000-4000-8000-000000000000").unwrap(),
            target: Target::Group {
                group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
            },
        },
        until: at(100),
        rev: 1,
        grants: Vec::new(),
    }
}

fn present(seconds: u64) -> Outcome {
    Outcome::Looked {
        at: at(seconds),
        present: true,
    }
}

fn absent(seconds: u64) -> Outcome {
    Outcome::Looked {
        at: at(seconds),
        present: false,
    }
}

fn unreachable() -> CenterFault {
    CenterFault::Unreachable {
        message: "no answer".to_owned(),
    }
}

fn sent() -> Outcome {
    Outcome::Removal(Ok(SentOperation::InProgress {
        operation_id: "op".to_owned(),
    }))
}

fn failed(reason: &str) -> Outcome {
    Outcome::Status(Ok(OperationStatus::Failed {
        reason: reason.to_owned(),
    }))
}

fn poll() -> Step {
    Step::Poll("op".to_owned())
}

/// Each line: second, event, expected step.
fn walk(name: &str, mut watch: EndWatch, lines: &[(u64, Option<Outcome>, Step)]) -> EndWatch {
    for (n, (second, outcome, wanted)) in lines.iter().enumerate() {
        if let Some(outcome) = outcome {
            watch.learn(outcome.clone(), at(*second));
        }
        let found = watch.next(at(*second), BOUND);
        assert_eq!(found, *wanted, "{name}, line {n}: {watch:#?}");
    }
    watch
}

#[test]
fn nothing_is_done_before_the_bound_has_passed() {
    let rest = Step::Rest(at(160));
    walk(
        "early",
        EndWatch::new(end()),
        &[
            (0, None, rest.clone()),
            (100, None, rest.clone()),
            (159, None, rest),
            (160, None, Step::Look),
        ],
    );
}

#[test]
fn what_is_late_and_listed_is_removed_and_looked_for_until_it_is_gone() {
    walk(
        "asynchronous",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (161, Some(sent()), Step::Rest(at(162))),
            (162, None, poll()),
            (
                162,
                Some(Outcome::Status(Ok(OperationStatus::InProgress))),
                Step::Rest(at(163)),
            ),
            (
                163,
                Some(Outcome::Status(Ok(OperationStatus::Succeeded))),
                Step::Look,
            ),
            (164, Some(present(163)), Step::Rest(at(165))),
            (165, None, Step::Look),
            (166, Some(absent(165)), Step::Settle(Over::Removed)),
        ],
    );
    walk(
        "immediately",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (
                161,
                Some(Outcome::Removal(Ok(SentOperation::Done))),
                Step::Look,
            ),
            (161, Some(absent(161)), Step::Settle(Over::Removed)),
        ],
    );
}

#[test]
fn what_is_still_there_long_after_its_removal_is_removed_again() {
    walk(
        "again",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (
                161,
                Some(Outcome::Removal(Ok(SentOperation::Done))),
                Step::Look,
            ),
            (222, Some(present(222)), Step::Remove),
        ],
    );
    walk(
        "seen shortly before",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (
                161,
                Some(Outcome::Removal(Ok(SentOperation::Done))),
                Step::Look,
            ),
            (219, Some(present(219)), Step::Rest(at(224))),
            (224, None, Step::Look),
            (224, Some(present(224)), Step::Remove),
        ],
    );
}

#[test]
fn what_is_gone_without_us_needs_two_looks_and_is_never_touched() {
    walk(
        "vanished",
        EndWatch::new(end()),
        &[
            (160, Some(absent(160)), Step::Rest(at(180))),
            (180, None, Step::Look),
            (180, Some(absent(180)), Step::Rest(at(200))),
            (221, Some(absent(220)), Step::Settle(Over::Vanished)),
        ],
    );
    walk(
        "shown late",
        EndWatch::new(end()),
        &[
            (160, Some(absent(160)), Step::Rest(at(180))),
            (180, Some(present(180)), Step::Remove),
        ],
    );
}

#[test]
fn a_lost_answer_is_settled_by_looking() {
    let lost = || Outcome::Removal(Err(unreachable()));
    walk(
        "it had its effect",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (161, Some(lost()), Step::Rest(at(162))),
            (162, None, Step::Look),
            (162, Some(absent(162)), Step::Settle(Over::Removed)),
        ],
    );
    walk(
        "it had none",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (161, Some(lost()), Step::Rest(at(162))),
            (162, Some(present(162)), Step::Remove),
        ],
    );
    let busy = CenterFault::Conflict {
        message: "in progress".to_owned(),
    };
    walk(
        "it takes its time",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (161, Some(lost()), Step::Rest(at(162))),
            (162, Some(present(162)), Step::Remove),
            (162, Some(Outcome::Removal(Err(busy))), Step::Rest(at(163))),
            (163, Some(absent(163)), Step::Settle(Over::Removed)),
        ],
    );
    walk(
        "its status is unknown",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (161, Some(sent()), Step::Rest(at(162))),
            (
                162,
                Some(Outcome::Status(Ok(OperationStatus::Unknown))),
                Step::Look,
            ),
            (163, Some(absent(163)), Step::Settle(Over::Removed)),
        ],
    );
    walk(
        "it never ends",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (161, Some(sent()), Step::Rest(at(162))),
            (461, None, Step::Look),
            (461, Some(absent(461)), Step::Settle(Over::Removed)),
        ],
    );
    walk(
        "a guard before us began",
        EndWatch::begun_before(end()),
        &[
            (160, None, Step::Look),
            (160, Some(absent(160)), Step::Settle(Over::Removed)),
        ],
    );
}

#[test]
fn whoever_else_removes_it_does_not_disturb() {
    let conflict = CenterFault::Conflict {
        message: "in progress".to_owned(),
    };
    walk(
        "the server is at it",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (
                160,
                Some(Outcome::Removal(Err(conflict))),
                Step::Rest(at(161)),
            ),
            (161, None, Step::Look),
            (161, Some(absent(161)), Step::Rest(at(181))),
            (221, Some(absent(221)), Step::Settle(Over::Vanished)),
        ],
    );
    walk(
        "found gone",
        EndWatch::new(end()),
        &[
            (160, Some(present(160)), Step::Remove),
            (161, Some(sent()), Step::Rest(at(162))),
            (163, Some(failed("404")), Step::Look),
            (163, Some(absent(163)), Step::Rest(at(183))),
            (221, Some(absent(221)), Step::Settle(Over::FoundGone)),
        ],
    );
}

#[test]
fn while_aws_does_not_answer_it_is_asked_every_few_seconds() {
    let mut watch = EndWatch::new(end());
    let mut second = 160;
    for _ in 0..50 {
        watch.learn(Outcome::LookFailed, at(second));
        let Step::Rest(next) = watch.next(at(second), BOUND) else {
            panic!("no pause")
        };
        let pause = TimeSpan::between(at(second), next).as_seconds();
        assert!((1..=4).contains(&pause), "{pause} s after {second}");
        second += pause;
    }
    assert_eq!(watch.next(at(second), BOUND), Step::Look);
}

#[test]
fn what_aws_refuses_for_good_is_told_parked_and_tried_every_hour() {
    let mut watch = EndWatch::new(end());
    let mut second = 160;
    for refusal in 1..=5 {
        watch.learn(present(second), at(second));
        assert_eq!(watch.next(at(second), BOUND), Step::Remove);
        watch.learn(sent(), at(second));
        watch.learn(failed("no such person"), at(second));
        assert_eq!(watch.is_refused(), refusal == 5);
        second += 60;
    }
    assert_eq!(watch.next(at(second), BOUND), Step::Ask);
    let gone = Some(Missing::Principal);
    watch.learn(Outcome::Asked(Ok(gone)), at(second));
    let watch = walk(
        "parked",
        watch,
        &[
            (second, None, Step::Look),
            (
                second,
                Some(present(second)),
                Step::Rest(at(second + 3_600)),
            ),
            (second + 3_600, None, Step::Remove),
            (second + 3_600, Some(sent()), Step::Rest(at(second + 3_601))),
            (
                second + 3_602,
                Some(failed("still")),
                Step::Rest(at(second + 7_202)),
            ),
        ],
    );
    assert_eq!(watch.parked(), Some((at(second), "still")));
    let mut gone_at_last = watch.clone();
    gone_at_last.learn(Outcome::Asked(Ok(Some(Missing::Principal))), at(9_000));
    gone_at_last.learn(absent(9_000), at(9_000));
    assert_eq!(
        gone_at_last.next(at(9_000), BOUND),
        Step::Settle(Over::FoundGone)
    );
}

#[test]
fn who_exists_or_may_not_be_asked_about_is_tried_on() {
    let denied = CenterFault::Refused {
        reason: "denied".to_owned(),
    };
    for answer in [Ok(None), Err(denied)] {
        let mut watch = EndWatch::new(end());
        for _ in 0..5 {
            watch.learn(present(160), at(160));
            watch.learn(failed("denied"), at(160));
        }
        assert_eq!(watch.next(at(300), BOUND), Step::Ask);
        watch.learn(Outcome::Asked(answer), at(300));
        assert_eq!(watch.next(at(300), BOUND), Step::Look);
        watch.learn(present(300), at(300));
        assert_eq!(watch.next(at(300), BOUND), Step::Remove);
        assert!(watch.parked().is_none() && watch.is_refused());
    }
}

#[test]
fn an_end_that_moved_is_not_acted_on_by_what_was_seen_before() {
    let later = OwnedEnd {
        until: at(1_000),
        rev: 2,
        ..end()
    };
    let mut watch = EndWatch::new(end());
    watch.learn(present(160), at(160));
    watch.change(&later);
    assert_eq!(watch.next(at(170), BOUND), Step::Rest(at(1_060)));
    assert_eq!(watch.next(at(1_060), BOUND), Step::Look);
    // work in progress finishes with its original data
    let mut watch = EndWatch::new(end());
    watch.learn(present(160), at(160));
    watch.learn(sent(), at(160));
    watch.change(&later);
    watch.learn(Outcome::Status(Ok(OperationStatus::Succeeded)), at(162));
    watch.change(&later);
    watch.learn(absent(162), at(162));
    assert_eq!(watch.next(at(162), BOUND), Step::Settle(Over::Removed));
    assert_eq!(watch.end(), &end());
}

#[test]
fn a_clock_that_was_ahead_leaves_no_pause_behind() {
    let mut watch = EndWatch::new(end());
    watch.learn(Outcome::LookFailed, at(90_000));
    assert_eq!(watch.next(at(161), BOUND), Step::Look);
}
