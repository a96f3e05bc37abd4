#![allow(clippy::unwrap_used, reason = "tests")]

use hallpass_assignments::{Observation, UnansweredCreate};

use super::*;
use crate::DesiredAssignment;
use crate::desired::is_spent;
use crate::guard_steps::tests::{at, grant, nothing_beside, row, step_at};

/// A refusal by AWS settles the row before its end is correctly desired. That result is final and
/// must still be processed.
#[test]
fn what_was_settled_before_its_end_was_desired_counts_once_more() {
    let ending = Grant {
        state: GrantState::Ending {
            cause: EndCause::Released,
            since: at(500),
        },
        seen_news: 1,
        ..grant(1, 100)
    };
    let refused = Verdict::Refused {
        at: at(40),
        reason: "no".to_owned(),
    };
    let mut holds = Holds {
        grants: vec![ending.clone()],
        row: Some(AssignmentRow {
            verdict_rev: 2,
            ..row(refused)
        }),
    };
    let known = (Directory::default(), Settings::default());
    let known = nothing_beside(&known);
    let first = advance(&ending, &holds, known, step_at(40));
    let waiting = first.grants.first().unwrap().clone();
    assert!(waiting.seen_news < 2, "no step looks again: {waiting:?}");
    let Some(DesiredAssignment::Until { until, .. }) = first.desired else {
        panic!("{:?}", first.desired);
    };
    assert_eq!(until, at(40));
    if let Some(row) = &mut holds.row {
        row.desired.until = until;
    }
    let second = advance(&waiting, &holds, known, step_at(41));
    let after = second.grants.first().unwrap();
    assert!(after.is_over(), "{:?}", after.state);
}

/// The row outlives its grant while a create may come late; otherwise the access would be missed.
#[test]
fn a_row_is_not_forgotten_while_a_create_may_come_late() {
    let absent = Verdict::Absent {
        at: at(110),
        why: Absence::AlreadyAbsent,
    };
    let mut row = row(absent);
    assert!(is_spent(&row, at(111)));
    row.execution.unanswered_create = Some(UnansweredCreate {
        at: at(105),
        is_one_of_several: true,
    });
    let seen = |second| Observation::Absent {
        since: at(110),
        at: at(second),
    };
    for (second, spent) in [(110, false), (164, false), (165, true)] {
        row.execution.observation = seen(second);
        assert_eq!(is_spent(&row, at(300)), spent, "{second}");
    }
}
