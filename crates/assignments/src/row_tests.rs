#![allow(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use hallpass_base::{GroupId, Target, TimeSpan, UserId};

use super::*;
use crate::{OperationStatus, RowAction, StepOutcome, next};

pub(crate) fn at(seconds: u64) -> Timestamp {
    TimeSpan::seconds(seconds).after(Timestamp::from_second(1_780_000_000).unwrap())
}

const SECOND: Duration = Duration::from_secs(1);

pub(crate) fn row() -> AssignmentRow {
    AssignmentRow {
        key: HoldKey {
            user: UserId::new("00000001-0000-4000-8000-000000000000").unwrap(),
            target: Target::Group {
                group: GroupId::new("00000002-0000-4000-8000-000000000000").unwrap(),
            },
        },
        desired: Desired {
            until: at(100),
            asked_at: at(10),
            rev: 3,
            haste: Haste::Ordinary,
            removed_at: None,
        },
        execution: Execution {
            ownership: Ownership::Ours,
            ..Execution::new(at(10))
        },
        gate: Gate::Open,
        verdict_rev: 0,
    }
}

fn with(change: impl FnOnce(&mut AssignmentRow)) -> AssignmentRow {
    let mut row = row();
    change(&mut row);
    row
}

fn verdict(verdict: Verdict) -> AssignmentRow {
    with(|row| row.execution.verdict = verdict)
}

fn gone(second: u64) -> Verdict {
    Verdict::Absent {
        at: at(second),
        why: Absence::Removed,
    }
}

fn deleting(row: &mut AssignmentRow) {
    row.execution.verdict = gone(20);
    row.execution.operation = Some(Operation {
        kind: OperationKind::Delete,
        started_at: at(20),
        operation_id: None,
        polls: 0,
        proof: Proof::Listing,
        over_at: None,
    });
}

fn given_up(row: &mut AssignmentRow) {
    row.execution.giving_up = Some(GivingUp {
        reason: String::new(),
        at: at(50),
    });
}

/// Rows by name, with the second of a pending end.
fn table() -> Vec<(&'static str, AssignmentRow, Option<u64>)> {
    let reason = String::new();
    let stuck = Verdict::Stuck {
        since: at(20),
        reason: reason.clone(),
    };
    let refused = Verdict::Refused { at: at(20), reason };
    let owned = |ownership| with(|row| row.execution.ownership = ownership);
    vec![
        ("working", verdict(Verdict::Working), Some(100)),
        (
            "present",
            verdict(Verdict::Present { at: at(20) }),
            Some(100),
        ),
        ("stuck", verdict(stuck), Some(100)),
        ("seen gone", verdict(gone(20)), None),
        ("kept", verdict(Verdict::Kept { at: at(20) }), None),
        ("lost", verdict(Verdict::Lost { at: at(20) }), None),
        ("refused", verdict(refused), None),
        (
            "removed before the newest hold",
            verdict(gone(9)),
            Some(100),
        ),
        ("removed, but in flight", with(deleting), Some(100)),
        ("given up", with(given_up), Some(50)),
        ("standing", owned(Ownership::Standing), None),
        ("undecided", owned(Ownership::Undecided), None),
    ]
}

#[test]
fn only_what_is_ours_and_not_seen_gone_has_an_end_ahead() {
    let mut wrong = Vec::new();
    for (name, row, until) in table() {
        let found = row.owned_end(Vec::new()).map(|end| (end.until, end.rev));
        if found != until.map(|until| (at(until), 3)) {
            wrong.push((name, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn a_removal_by_a_guard_is_heeded_once() {
    let untouched = row();
    assert_eq!(untouched.clone().apply_guard_removal(at(90)), untouched);
    let removed = with(|row| {
        row.execution.observation = Observation::Present { at: at(20) };
        row.execution.verdict = Verdict::Present { at: at(20) };
        row.execution.created_at = Some(at(15));
        row.execution.due = at(600);
        row.desired.removed_at = Some(at(80));
    });
    let heeded = removed.apply_guard_removal(at(90));
    let execution = &heeded.execution;
    assert_eq!(execution.deleted_at, Some(at(80)));
    assert_eq!(
        (execution.observation, execution.due),
        (Observation::Unseen, at(90))
    );
    assert_eq!(execution.verdict, Verdict::Working);
    assert_eq!(heeded.clone().apply_guard_removal(at(91)), heeded, "twice");
    let mut settled = heeded;
    settled.execution.observation = Observation::Absent {
        since: at(95),
        at: at(95),
    };
    settled.execution.verdict = gone(95);
    assert_eq!(settled.clone().apply_guard_removal(at(96)), settled);
}

#[test]
fn what_was_made_after_a_removal_by_a_guard_is_there() {
    let creating = |since: u64| Operation {
        kind: OperationKind::Create,
        started_at: at(since),
        operation_id: None,
        polls: 0,
        proof: Proof::Listing,
        over_at: None,
    };
    let made = with(|row| row.execution.created_at = Some(at(85)));
    let under_way = with(|row| row.execution.operation = Some(creating(85)));
    let standing = with(|row| row.execution.ownership = Ownership::Standing);
    for mut row in [made, under_way, standing] {
        row.desired.removed_at = Some(at(80));
        let heeded = row.clone().apply_guard_removal(at(90));
        assert_eq!(heeded.execution.deleted_at, None, "{row:?}");
        assert_eq!(heeded.execution.guard_removal_applied_at, Some(at(80)));
    }
}

/// Desired again at 90: recreated despite listing lag.
#[test]
fn access_that_is_still_wanted_is_made_again_after_a_removal_by_a_guard() {
    let wanted = |now: u64| {
        with(|row| {
            row.execution.observation = Observation::Present { at: at(20) };
            row.execution.last_present_at = Some(at(20));
            row.execution.verdict = Verdict::Present { at: at(20) };
            row.desired.removed_at = Some(at(80));
            row.desired.asked_at = at(now);
            row.desired.until = at(3_600);
        })
        .apply_guard_removal(at(now))
    };
    let create = RowAction::Begin(OperationKind::Create);
    assert_eq!(
        next(&wanted(90), at(90)),
        create,
        "listings may still show it"
    );
    let late = wanted(600);
    assert_eq!(next(&late, at(600)), RowAction::Look, "a stop in between");
    let looked = StepOutcome::Looked {
        at: at(601),
        present: false,
    };
    let late = late.clone().learn(&late, looked, at(601), SECOND);
    assert_eq!(next(&late, at(601)), create);
    let begun = late.begin(OperationKind::Create, at(601));
    assert_eq!(
        begun.clone().apply_guard_removal(at(602)),
        begun,
        "not forgotten again"
    );
}

/// A blocked server begins a removal; a guard removes; the server returns.
#[test]
fn what_a_guard_removed_is_not_taken_for_a_removal_of_ours_whose_answer_was_lost() {
    let begun_at = |second: u64| {
        with(|row| {
            row.desired.removed_at = Some(at(105));
            row.execution.created_at = Some(at(15));
        })
        .begin(OperationKind::Delete, at(second))
        .apply_guard_removal(at(120))
    };
    let look = |row: AssignmentRow| {
        let looked = StepOutcome::Looked {
            at: at(121),
            present: false,
        };
        row.clone().learn(&row, looked, at(121), SECOND).execution
    };
    assert_eq!(look(begun_at(101)).deleted_at, Some(at(105)));
    // A later removal began because the access was still seen.
    assert_eq!(look(begun_at(110)).deleted_at, Some(at(121)));
}

/// `access.md` §9.9: asks at the fifth refusal, then at each fourth more while the person exists.
#[test]
fn refused_removals_are_asked_about_after_five_and_then_after_four() {
    let mut row = with(|row| row.execution.ownership = Ownership::Ours);
    let mut counts = Vec::new();
    let mut refusals = 0;
    while counts.len() < 3 && refusals < 100 {
        row.execution.due = at(200);
        row.execution.observation = Observation::Unseen;
        if next(&row, at(200)) == RowAction::AskWhy {
            counts.push(refusals);
            refusals = 0;
            let before = row.clone();
            row = row.learn(&before, StepOutcome::Asked(None), at(200), SECOND);
            continue;
        }
        deleting(&mut row);
        row.execution.verdict = Verdict::Working;
        let refused = OperationStatus::Failed {
            reason: "no".to_owned(),
        };
        let before = row.clone();
        row = row.learn(&before, StepOutcome::Polled(refused), at(200), SECOND);
        refusals += 1;
    }
    assert_eq!(counts, [5, 4, 4]);
}

#[test]
fn a_change_of_verdict_ownership_or_refusals_is_news_each_by_itself() {
    let before = row().execution;
    assert!(!before.is_news_after(&before));
    let verdict = verdict(gone(20)).execution;
    let ownership = with(|row| row.execution.ownership = Ownership::Standing).execution;
    let refused = with(|row| row.execution.refused_removals = 1).execution;
    for after in [verdict, ownership, refused] {
        assert!(after.is_news_after(&before), "{after:?}");
    }
}

#[test]
fn what_was_seen_in_the_second_of_the_hold_says_something_of_it() {
    assert!(!row().is_since_newest_hold(at(9)));
    assert!(row().is_since_newest_hold(at(10)));
}

/// Access created in the second of the removal may be removed.
#[test]
fn a_removal_by_a_guard_takes_what_was_made_until_then() {
    for (made, deleted) in [(79, Some(80)), (80, Some(80)), (81, None)] {
        let row = with(|row| {
            row.execution.created_at = Some(at(made));
            row.desired.removed_at = Some(at(80));
        });
        let heeded = row.apply_guard_removal(at(90)).execution;
        assert_eq!(heeded.deleted_at, deleted.map(at), "{made}");
    }
}

#[test]
fn access_is_wanted_before_its_end_and_not_at_it() {
    assert!(row().is_wanted(at(99)));
    assert!(!row().is_wanted(at(100)));
}
