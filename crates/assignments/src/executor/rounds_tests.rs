#![allow(clippy::unwrap_used, reason = "tests")]

use std::sync::atomic::Ordering;

use super::*;
use crate::executor::fake::Fake;
use crate::row::tests::{at, row};

fn accepted(kind: OperationKind, id: &str, started: Timestamp) -> AssignmentRow {
    let mut row = row().begin(kind, started);
    row.execution.operation.as_mut().unwrap().operation_id = Some(id.to_owned());
    row
}

#[tokio::test]
async fn what_is_listed_no_more_is_over_unless_it_was_accepted_a_moment_ago() {
    for (nanos, listed, is_over) in [
        (1_000_000_000, &[][..], true),
        (1_000_000_000, &["op"], false),
        (166_666_666, &[], true),
        (166_666_665, &[], false),
        (150_000_000, &[], false),
    ] {
        let started = at(50).checked_sub(Duration::from_nanos(nanos)).unwrap();
        let create = accepted(OperationKind::Create, "op", started);
        let fake = Fake::new(at(50), vec![create], listed);
        let done = fake.executor().round(OperationKind::Create).await.unwrap();
        assert_eq!(done, Worked::Done { steps: 1 });
        assert_eq!(fake.over().len(), usize::from(is_over), "{nanos}");
    }
}

#[tokio::test]
async fn what_is_over_is_looked_at_at_once_where_a_person_wants_it_gone() {
    for (haste, due) in [(EndPriority::AtOnce, 151), (EndPriority::Ordinary, 152)] {
        let mut hurried = accepted(OperationKind::Delete, "a", at(120));
        hurried.desired.haste = haste;
        let other = accepted(OperationKind::Delete, "b", at(120));
        let fake = Fake::new(at(150), vec![hurried, other], &["b"]);
        fake.executor().round(OperationKind::Delete).await.unwrap();
        assert_eq!(fake.over(), [("a".to_owned(), at(due))], "{haste:?}");
    }
}

#[tokio::test]
async fn a_question_for_all_is_as_urgent_as_the_most_urgent_of_them() {
    let mut hurried = accepted(OperationKind::Delete, "a", at(120));
    hurried.desired.haste = EndPriority::AtOnce;
    let other = accepted(OperationKind::Delete, "b", at(120));
    for (rows, steps, calls) in [
        (vec![], 0, vec![]),
        (vec![other.clone()], 1, vec![("in_progress", Urgency::End)]),
        (
            vec![other, hurried],
            1,
            vec![("in_progress", Urgency::AtOnce)],
        ),
    ] {
        let fake = Fake::new(at(150), rows, &[]);
        let done = fake.executor().round(OperationKind::Delete).await.unwrap();
        assert_eq!(done, Worked::Done { steps });
        assert_eq!(fake.calls(), calls);
    }
}

#[tokio::test]
async fn only_removals_say_whose_access_is_asked_for_together() {
    for (kind, expected) in [
        (OperationKind::Delete, true),
        (OperationKind::Create, false),
    ] {
        let rows = ["a", "b"].map(|id| accepted(kind, id, at(120)));
        let fake = Fake::new(at(150), rows.to_vec(), &[]);
        let executor = fake.executor();
        executor.round(kind).await.unwrap();
        let asks = executor.memory.asks_for_person(&row().key.user, at(150));
        assert_eq!(asks, expected, "{kind:?}");
    }
}

#[tokio::test]
async fn what_is_over_is_not_counted_as_in_flight() {
    for (listed, is_crowd) in [(&["a", "b", "c"][..], true), (&["a", "b"], false)] {
        let rows = ["a", "b", "c"].map(|id| accepted(OperationKind::Create, id, at(20)));
        let fake = Fake::new(at(50), rows.to_vec(), listed);
        let executor = fake.executor();
        executor.round(OperationKind::Create).await.unwrap();
        assert_eq!(executor.memory.has_crowd_of_creates(), is_crowd);
    }
}

/// Otherwise the next worker would sleep until something else is due.
#[tokio::test]
async fn behind_what_was_put_off_there_may_be_more() {
    let fake = Fake::new(at(50), Vec::new(), &[]);
    let executor = fake.executor();
    executor.tick().await.unwrap();
    assert_eq!(executor.work_next().await.unwrap(), Worked::Idle);
    fake.is_cut_short.store(true, Ordering::Relaxed);
    let done = executor.work_next().await.unwrap();
    assert_eq!(done, Worked::Done { steps: 0 });
}
