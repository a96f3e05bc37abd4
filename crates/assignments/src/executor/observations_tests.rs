use std::time::Duration;

use super::*;
use crate::executor::fake::Fake;
use crate::pace::later;
use crate::row::tests::{at, row};
use crate::{Observation, Taken};

#[test]
fn looks_are_made_together_every_two_seconds() {
    for (nanos, then) in [
        (0, 0),
        (1, 2),
        (1_000_000_000, 2),
        (1_000_000_001, 2),
        (2_000_000_000, 2),
        (2_000_000_001, 4),
    ] {
        let from = later(at(0), Duration::from_nanos(nanos));
        assert_eq!(next_shared_look(from), at(then), "{nanos}");
    }
}

#[test]
fn only_a_removal_that_aws_has_done_with_is_over() {
    let (create, delete) = (OperationKind::Create, OperationKind::Delete);
    assert!(!is_over(&row()));
    for (kind, ended, expected) in [
        (create, true, false),
        (delete, true, true),
        (delete, false, false),
    ] {
        let mut row = row().begin(kind, at(20));
        if ended {
            row = row.over(at(30), at(31));
        }
        assert_eq!(is_over(&row), expected, "{kind:?} {ended}");
    }
}

#[tokio::test]
async fn only_what_is_removed_with_others_is_looked_for_by_person() {
    for (removals, ended, expected) in [
        (2, true, "held_by"),
        (2, false, "holders"),
        (1, true, "holders"),
    ] {
        let mut row = row().begin(OperationKind::Delete, at(120));
        if ended {
            row = row.over(at(130), at(131));
        }
        let fake = Fake::new(at(150), Vec::new(), &[]);
        let executor = fake.executor();
        let people = vec![&row.key.user; removals];
        executor.memory.note_people(people.into_iter());
        executor.look(&row, Urgency::End).await;
        assert_eq!(fake.calls(), [(expected, Urgency::End)], "{removals}");
    }
}

/// Creates in flight, whether one is the row's, due second, now, time of the read.
#[test]
fn first_looks_are_made_together_while_aws_works_on_several_creates() {
    for (creates, is_busy, due, now, shared) in [
        (3, false, 11, 21, Some(22)),
        (2, false, 11, 21, None),
        (3, true, 11, 21, None),
        (3, false, 12, 21, None),
        (3, false, 11, 101, None),
    ] {
        let mut row = row();
        if is_busy {
            row = row.begin(OperationKind::Create, at(10));
        }
        row.execution.due = at(due);
        let executor = Fake::new(at(now), Vec::new(), &[]).executor();
        let mut taken = Taken::default();
        taken.in_flight.creates = creates;
        executor.memory.note_line(&taken);
        let found = executor.shared_look_at(&row, at(now));
        assert_eq!(found, shared.map(at), "{creates} {is_busy} {due} {now}");
    }
}

/// A listing begun between intent and send says nothing about a create with a lost answer.
#[tokio::test]
async fn after_a_lost_answer_no_listing_of_before_speaks_for_the_row() {
    let message = || "no answer".to_owned();
    for (fault, looks) in [
        (CenterFault::Unreachable { message: message() }, 2),
        (CenterFault::KeyUnusable { message: message() }, 2),
        // Nothing was sent, so the observation remains valid.
        (CenterFault::Throttled { message: message() }, 1),
    ] {
        let fake = Fake::answering(at(150), (Vec::new(), &[]), fault.clone());
        let executor = fake.executor();
        executor.look(&row(), Urgency::Grant).await;
        let before = row();
        let intent = before.clone().begin(OperationKind::Create, at(149));
        let mut sent = executor.send(&before, intent, Urgency::Grant).await;
        // A second grant makes the row due since its first request.
        sent.execution.due = sent.desired.asked_at;
        executor.look(&sent, Urgency::Grant).await;
        assert_eq!(fake.calls().len(), looks, "{fault:?}");
    }
}

/// Earlier times by a fast clock, a due time by a slow one: an older listing adds nothing.
#[test]
fn a_listing_speaks_for_a_row_only_if_it_began_after_all_that_is_known_of_it() {
    type Telling = fn(&mut AssignmentRow);
    let known: [(&str, Telling); 8] = [
        ("asked for", |row| row.desired.asked_at = at(200)),
        ("created", |row| row.execution.created_at = Some(at(200))),
        ("deleted", |row| row.execution.deleted_at = Some(at(200))),
        ("seen", |row| row.execution.last_present_at = Some(at(200))),
        ("sent", |row| {
            *row = row.clone().begin(OperationKind::Delete, at(200));
        }),
        ("worked off", |row| {
            let sent = row.clone().begin(OperationKind::Delete, at(120));
            *row = sent.over(at(200), at(130));
        }),
        ("looked at", |row| {
            row.execution.observation = Observation::Present { at: at(200) };
        }),
        ("due", |row| row.execution.due = at(200)),
    ];
    for (what, tell) in known {
        let mut row = row();
        tell(&mut row);
        // For a due end, the newest time counts.
        let now = at(250);
        assert_eq!(must_see(&row, now), at(200), "{what}");
    }
}
