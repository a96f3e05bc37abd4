//! The queue of assignment rows: order of tasks, and whose intent is stored.

use hallpass_assignments::queue::{ExtraSlot, InFlight, QueueLengths, Room, Writes};
use hallpass_assignments::{
    AssignmentRow, Observation, Operation, OperationKind, Over, Ownership, StoreFault, Task,
    Urgency, Verdict,
};
use hallpass_base::HoldKey;

use super::Store;
use super::assignments::{ROOM, row, taken};
use crate::{a_lease, account_key, at, group_key, in_flight, wanted, wanted_at_once, with_desired};

#[derive(Clone, Copy, Debug)]
enum Known {
    Nothing,
    /// Missing in a listing: queued for its create.
    Absent,
    /// Exists and managed by Hallpass: compared periodically, queued for its delete once unwanted.
    Present,
}

async fn known(store: &Store, key: &HoldKey, asked: u64, until: u64, due: u64, known: Known) {
    store
        .commit(with_desired(wanted(key, until, asked)))
        .await
        .unwrap();
    let lease = a_lease(&format!("setting up {key}"), due + 90);
    let only = Room {
        least: Urgency::Background,
        ..ROOM
    };
    let task = store.take(at(asked), &only, &lease).await.unwrap().task;
    let mut row = task.unwrap().row().clone();
    assert_eq!(row.key, *key, "rows are made one after the other");
    match known {
        Known::Nothing => {}
        Known::Absent => {
            let (since, now) = (at(due), at(due));
            row.execution.observation = Observation::Absent { since, at: now };
        }
        Known::Present => {
            row.execution.ownership = Ownership::Ours;
            row.execution.observation = Observation::Present { at: at(due) };
            row.execution.last_present_at = Some(at(due));
            row.execution.verdict = Verdict::Present { at: at(due) };
        }
    }
    row.execution.due = at(due);
    store.record(&row, &lease, false).await.unwrap();
}

async fn revoked(store: &Store, key: &HoldKey, until: u64) {
    let read = row(store, key).await;
    store
        .commit(with_desired(wanted_at_once(&read, until)))
        .await
        .unwrap();
}

async fn sent(store: &Store, now: u64, room: &Room) -> Vec<HoldKey> {
    let mut keys = Vec::new();
    for n in 0..100 {
        let lease = a_lease(&format!("sender {now} {n}"), now + 90);
        match store.take(at(now), room, &lease).await.unwrap().task {
            Some(Task::Send { intent, .. }) => keys.push(intent.key),
            Some(Task::Step(row)) => panic!("{} is only looked at", row.key),
            None => break,
        }
    }
    keys
}

async fn accepted(store: &Store, now: u64, key: &HoldKey, request: &str) {
    let lease = a_lease(&format!("accepting {request}"), now + 90);
    let mut row = row(store, key).await;
    let operation = row.execution.operation.as_mut().unwrap();
    operation.operation_id = Some(request.to_owned());
    let task = store.take(at(now), &ROOM, &lease).await.unwrap().task;
    assert_eq!(task.unwrap().row().key, *key);
    row.execution.due = at(now + 60);
    store.record(&row, &lease, false).await.unwrap();
}

pub async fn rows_are_taken_by_line(store: Store) {
    let rows = [
        (9, 5, 590, 20, Known::Present),
        (5, 4, 400, 20, Known::Present),
        (4, 3, 500, 10, Known::Nothing),
        (3, 1, 9_000, 30, Known::Nothing),
        (7, 2, 9_000, 540, Known::Absent),
        (1, 7, 9_000, 15, Known::Present),
        (2, 6, 7_200, 16, Known::Present),
    ];
    for (person, asked, until, due, what) in rows.into_iter().rev() {
        let key = account_key(person, person);
        known(&store, &key, asked, until, due, what).await;
    }
    revoked(&store, &account_key(9, 9), 590).await;
    let mut found = Vec::new();
    for n in 0..rows.len() {
        let lease = a_lease(&format!("worker {n}"), 690);
        let task = taken(&store, 600, &lease).await.unwrap();
        let is_sent = matches!(task, Task::Send { .. });
        let person = task.row().key.user.to_string();
        found.push((person, is_sent));
    }
    let expected = rows.map(|(person, _, until, _, what)| {
        let is_sent = match what {
            Known::Nothing => false,
            Known::Absent => true,
            Known::Present => until < 600,
        };
        (account_key(person, 1).user.to_string(), is_sent)
    });
    assert_eq!(found, expected);
    assert_eq!(taken(&store, 600, &a_lease("last", 690)).await, None);
}

pub async fn an_intent_is_stored_with_the_lease(store: Store) {
    let key = account_key(1, 1);
    known(&store, &key, 0, 7_200, 1, Known::Absent).await;
    let before = row(&store, &key).await;
    let lease = a_lease("a", 90);
    let taken = store.take(at(2), &ROOM, &lease).await.unwrap();
    let Some(Task::Send {
        before: told,
        intent,
    }) = taken.task
    else {
        panic!("nothing is sent");
    };
    assert_eq!(*told, before);
    let stored = row(&store, &key).await;
    assert_eq!(stored, *intent);
    let operation = stored.execution.operation.unwrap();
    assert_eq!(
        (operation.kind, operation.operation_id, operation.started_at),
        (OperationKind::Create, None, at(2))
    );
    let in_flight = InFlight {
        creates: 1,
        ..InFlight::default()
    };
    assert_eq!(taken.in_flight, in_flight);
    // a stop here: the next worker looks before it repeats
    let again = store.take(at(90), &ROOM, &a_lease("b", 180)).await.unwrap();
    assert_eq!(again.task, Some(Task::Step(intent)));
}

pub async fn an_old_listing_is_no_ground_for_a_first_create(store: Store) {
    let key = account_key(1, 1);
    known(&store, &key, 0, 7_200, 1, Known::Absent).await;
    let task = taken(&store, 300, &a_lease("a", 390)).await.unwrap();
    let Task::Step(looked_at) = task else {
        panic!("a create was begun on a listing of five minutes ago");
    };
    assert_eq!(looked_at.execution.observation, Observation::Unseen);
    assert_eq!(row(&store, &key).await.execution.operation, None);
}

pub async fn one_operation_per_lane(store: Store) {
    let same = [account_key(1, 1), account_key(2, 1)];
    let others = [account_key(1, 2), group_key(1, 1), group_key(2, 1)];
    for key in same.iter().chain(&others) {
        known(&store, key, 0, 100, 1, Known::Present).await;
    }
    // a membership is a separate lane
    let expected: Vec<_> = [&same[..1], &others[..]].concat();
    let mut found = sent(&store, 100, &ROOM).await;
    found.sort();
    let mut wanted = expected.clone();
    wanted.sort();
    assert_eq!(found, wanted);
    assert_eq!(row(&store, &same[1]).await.execution.operation, None);
    let lease = a_lease("a", 290);
    let task = taken(&store, 200, &lease).await.unwrap();
    let mut done = task.row().clone();
    assert_eq!(done.key, same[0]);
    done.execution.operation = None;
    done.execution.due = at(900);
    store.record(&done, &lease, false).await.unwrap();
    let next = sent_by(&store, 200, &a_lease("b", 290)).await;
    assert_eq!(next, Some(same[1].clone()));
    let lease = a_lease("c", 990);
    let intruder = taken(&store, 900, &lease).await.unwrap().row().clone();
    assert_eq!(intruder.key, same[0]);
    let intruder = in_flight(&intruder, OperationKind::Create, 900);
    let outcome = store.record(&intruder, &lease, false).await;
    assert!(
        matches!(outcome, Err(StoreFault::Unavailable(_))),
        "{outcome:?}"
    );
}

async fn sent_by(store: &Store, now: u64, lease: &hallpass_assignments::Lease) -> Option<HoldKey> {
    for _ in 0..9 {
        match taken(store, now, lease).await? {
            Task::Send { intent, .. } => return Some(intent.key),
            Task::Step(_) => {}
        }
    }
    None
}

pub async fn no_more_operations_than_slots(store: Store) {
    for n in 1..=5 {
        known(&store, &account_key(n, n), 0, 90 + n, 1, Known::Present).await;
    }
    known(&store, &group_key(9, 1), 0, 100, 1, Known::Present).await;
    let first = sent(&store, 100, &Room::whole(3)).await;
    // a membership takes no slot
    let expected = [
        account_key(1, 1),
        account_key(2, 2),
        account_key(3, 3),
        group_key(9, 1),
    ];
    assert_eq!(first, expected);
    let more = store
        .take(at(100), &Room::whole(3), &a_lease("more", 190))
        .await
        .unwrap();
    assert!(more.task.is_none() && more.waits_for_slot, "{more:?}");
    assert_eq!(more.in_flight.deletes, 3);
    assert_eq!(
        sent(&store, 100, &Room::whole(5)).await,
        [account_key(4, 4), account_key(5, 5)]
    );
    let none = store
        .take(at(100), &Room::whole(5), &a_lease("none", 190))
        .await
        .unwrap();
    assert!(!none.waits_for_slot);
}

pub async fn grants_keep_one_slot_while_ends_wait_and_leave_one(store: Store) {
    for n in 1..=6 {
        known(&store, &account_key(n, n), 0, 90 + n, 1, Known::Present).await;
    }
    for n in 11..=16 {
        known(&store, &account_key(n, n), n, 7_200, 95, Known::Absent).await;
    }
    let first = sent(&store, 100, &Room::whole(4)).await;
    let mut expected: Vec<_> = (1..=3).map(|n| account_key(n, n)).collect();
    expected.push(account_key(11, 11));
    assert_eq!(first, expected);
    // no end waits: creates take all but one slot
    for n in 1..=6 {
        let read = row(&store, &account_key(n, n)).await;
        let again = crate::wanted_instead(&read, 9_000, 0);
        store.commit(with_desired(again)).await.unwrap();
    }
    let room = Room {
        least: Urgency::Grant,
        ..Room::whole(8)
    };
    let second = sent(&store, 100, &room).await;
    let expected: Vec<_> = (12..=15).map(|n| account_key(n, n)).collect();
    assert_eq!(second, expected, "three deletes and five creates of eight");
}

pub async fn a_create_waits_for_removals_of_its_lane(store: Store) {
    known(&store, &account_key(1, 1), 0, 90, 1, Known::Present).await;
    known(&store, &account_key(2, 2), 0, 95, 1, Known::Present).await;
    known(&store, &account_key(3, 2), 2, 7_200, 85, Known::Absent).await;
    // the slot reserved for grants does not help this one: a removal of its account goes first
    let expected = [account_key(1, 1), account_key(2, 2)];
    assert_eq!(sent(&store, 100, &Room::whole(2)).await, expected);
}

pub async fn a_create_goes_before_removals_of_its_lane_that_are_far_down_the_line(store: Store) {
    for n in 1..=5 {
        known(&store, &account_key(n, n), 0, 90 + n, 1, Known::Present).await;
    }
    known(&store, &account_key(6, 2), 2, 7_200, 97, Known::Absent).await;
    known(&store, &account_key(7, 5), 2, 7_200, 98, Known::Absent).await;
    // with two slots the removal of account 2 is one of the next; that of account 5 is not
    let expected = [account_key(1, 1), account_key(7, 5)];
    assert_eq!(sent(&store, 100, &Room::whole(2)).await, expected);
}

pub async fn what_a_person_takes_away_goes_first_and_beyond_the_slots(store: Store) {
    for n in 1..=4 {
        known(&store, &account_key(n, n), 0, 90 + n, 1, Known::Present).await;
    }
    for n in 5..=6 {
        known(&store, &account_key(n, n), n, 7_200, 90, Known::Present).await;
    }
    let room = Room {
        least: Urgency::Grant,
        ..Room::whole(3)
    };
    assert_eq!(sent(&store, 100, &room).await.len(), 3);
    for n in 5..=6 {
        revoked(&store, &account_key(n, n), 95 + n).await;
    }
    let never = Room {
        extra_slot: ExtraSlot::Never,
        ..room
    };
    assert_eq!(sent(&store, 101, &never).await, []);
    // one at a time: AWS may refuse it
    assert_eq!(sent(&store, 101, &room).await, [account_key(5, 5)]);
    let in_flight = store
        .take(at(101), &room, &a_lease("none", 190))
        .await
        .unwrap()
        .in_flight;
    assert_eq!(
        in_flight,
        InFlight {
            creates: 0,
            deletes: 4,
            at_once: 1,
            at_once_unanswered: 1
        }
    );
    // during its pause, a free slot does not go to an ordinary end
    let lease = a_lease("full", 290);
    let task = store
        .take(
            at(195),
            &Room {
                least: Urgency::AtOnce,
                ..room
            },
            &lease,
        )
        .await
        .unwrap()
        .task;
    let mut refused = task.unwrap().row().clone();
    assert_eq!(refused.key, account_key(5, 5));
    refused.execution.operation = None;
    refused.execution.observation = Observation::Present { at: at(90) };
    refused.execution.due = at(196);
    store.record(&refused, &lease, false).await.unwrap();
    let roomier = Room {
        extra_slot: ExtraSlot::Never,
        least: Urgency::AtOnce,
        ..Room::whole(5)
    };
    let order = sent(&store, 195, &roomier).await;
    assert_eq!(order.first(), Some(&account_key(6, 6)), "{order:?}");
    assert!(!order.contains(&account_key(4, 4)), "{order:?}");
}

pub async fn what_may_begin_is_bounded_by_the_room(store: Store) {
    known(&store, &account_key(1, 1), 0, 90, 1, Known::Present).await;
    known(&store, &account_key(2, 2), 1, 7_200, 95, Known::Absent).await;
    known(&store, &group_key(3, 1), 2, 90, 1, Known::Present).await;
    known(&store, &account_key(4, 4), 3, 7_200, 90, Known::Present).await;
    revoked(&store, &account_key(4, 4), 95).await;
    for (writes, expected) in [
        (Writes::None, vec![]),
        (Writes::AtOnce, vec![account_key(4, 4), group_key(3, 1)]),
        (Writes::All, vec![account_key(1, 1), account_key(2, 2)]),
    ] {
        let room = Room { writes, ..ROOM };
        assert_eq!(sent(&store, 100, &room).await, expected, "{writes:?}");
    }
}

pub async fn the_least_urgent_are_left_to_other_workers(store: Store) {
    known(&store, &account_key(1, 1), 0, 90, 80, Known::Nothing).await;
    known(&store, &account_key(2, 2), 1, 7_200, 90, Known::Nothing).await;
    known(&store, &account_key(3, 3), 2, 7_200, 90, Known::Present).await;
    for (least, person) in [
        (Urgency::AtOnce, None),
        (Urgency::End, Some(1)),
        (Urgency::End, None),
        (Urgency::Grant, Some(2)),
        (Urgency::Grant, None),
        (Urgency::Background, Some(3)),
    ] {
        let room = Room { least, ..ROOM };
        let lease = a_lease(&format!("{least:?} {person:?}"), 190);
        let task = store.take(at(100), &room, &lease).await.unwrap().task;
        let found = task.map(|task| task.row().key.clone());
        assert_eq!(found, person.map(|n| account_key(n, n)), "{least:?}");
    }
}

pub async fn operations_that_are_over_give_slot_and_lane_back(store: Store) {
    for n in 1..=3 {
        known(
            &store,
            &account_key(n, 1 + n / 3),
            0,
            90 + n,
            1,
            Known::Present,
        )
        .await;
    }
    let room = Room::whole(1);
    assert_eq!(sent(&store, 100, &room).await, [account_key(1, 1)]);
    assert_eq!(store.in_flight(OperationKind::Delete).await, Ok(vec![]));
    accepted(&store, 190, &account_key(1, 1), "op-1").await;
    let asked = store.in_flight(OperationKind::Delete).await.unwrap();
    assert_eq!(asked.len(), 1);
    assert_eq!(store.in_flight(OperationKind::Create).await, Ok(vec![]));
    assert_eq!(sent(&store, 200, &room).await, []);
    let over = |key, request: &str| Over {
        key,
        operation_id: request.to_owned(),
    };
    let none = [
        over(account_key(1, 1), "op-9"),
        over(account_key(2, 1), "op-1"),
        over(account_key(9, 9), "op-1"),
    ];
    assert_eq!(store.note_over(&none, at(200), at(201)).await, Ok(0));
    let one = [over(account_key(1, 1), "op-1")];
    assert_eq!(store.note_over(&one, at(200), at(201)).await, Ok(1));
    assert_eq!(store.note_over(&one, at(200), at(201)).await, Ok(0));
    let noted = row(&store, &account_key(1, 1)).await;
    assert_eq!(noted.execution.due, at(201));
    let operation: Operation = noted.execution.operation.clone().unwrap();
    assert_eq!(operation.over_at, Some(at(200)));
    assert_eq!(sent(&store, 200, &room).await, [account_key(2, 1)]);
    let task = taken(&store, 201, &a_lease("looks", 290)).await;
    assert_eq!(task, Some(Task::Step(Box::new(noted))));
}

pub async fn a_row_at_work_is_not_noted_as_over(store: Store) {
    let key = account_key(1, 1);
    known(&store, &key, 0, 90, 1, Known::Present).await;
    sent(&store, 100, &ROOM).await;
    accepted(&store, 190, &key, "op-1").await;
    let lease = a_lease("polls", 390);
    let polled = taken(&store, 250, &lease).await.unwrap().row().clone();
    let over = [Over {
        key: key.clone(),
        operation_id: "op-1".to_owned(),
    }];
    assert_eq!(store.note_over(&over, at(251), at(252)).await, Ok(0));
    store.record(&polled, &lease, false).await.unwrap();
    assert_eq!(store.note_over(&over, at(251), at(252)).await, Ok(1));
}

pub async fn accepted_operations_wait_to_be_asked_about_all_together(store: Store) {
    let key = account_key(1, 1);
    known(&store, &key, 0, 90, 1, Known::Present).await;
    sent(&store, 100, &ROOM).await;
    accepted(&store, 190, &key, "op-1").await;
    for (due_by, found) in [(249, false), (250, true)] {
        let room = Room {
            polls_due_by: at(due_by),
            ..ROOM
        };
        let lease = a_lease(&format!("due by {due_by}"), 390);
        let task = store.take(at(300), &room, &lease).await.unwrap().task;
        assert_eq!(task.is_some(), found, "due by {due_by}");
    }
}

pub async fn the_first_of_all_is_named_and_not_taken(store: Store) {
    assert_eq!(store.first(at(0)).await, Ok(None));
    known(&store, &account_key(1, 1), 0, 7_200, 30, Known::Nothing).await;
    known(&store, &account_key(2, 2), 2, 95, 31, Known::Present).await;
    known(&store, &account_key(3, 3), 3, 90, 32, Known::Present).await;
    let first = async |now| store.first(at(now)).await.unwrap().map(|row| row.key);
    assert_eq!(first(50).await, Some(account_key(1, 1)));
    assert_eq!(first(92).await, Some(account_key(3, 3)));
    let lease = a_lease("a", 190);
    let task = taken(&store, 100, &lease).await.unwrap();
    assert_eq!(task.row().key, account_key(3, 3));
    assert_eq!(first(100).await, Some(account_key(3, 3)));
    revoked(&store, &account_key(1, 1), 100).await;
    assert_eq!(first(100).await, Some(account_key(1, 1)));
}

pub async fn those_in_line_are_counted(store: Store) {
    for n in 1..=3 {
        known(&store, &account_key(n, n), n, 7_200, 10 + n, Known::Absent).await;
    }
    known(&store, &account_key(4, 4), 4, 7_200, 14, Known::Nothing).await;
    known(&store, &group_key(5, 1), 5, 7_200, 15, Known::Nothing).await;
    for n in 6..=8 {
        known(&store, &account_key(n, n), n, 90 + n, 20, Known::Present).await;
    }
    revoked(&store, &account_key(8, 8), 50).await;
    let waiting = async |now| store.waiting(at(now)).await.unwrap();
    assert_eq!(
        waiting(60).await,
        QueueLengths {
            at_once: 1,
            ends: 0,
            grants: 5,
            oldest_end: Some(at(50)),
        }
    );
    let later = waiting(97).await;
    assert_eq!((later.ends, later.oldest_end), (2, Some(at(50))));
    for (person, before) in [(1, 0), (3, 2), (4, 3)] {
        let found = store
            .grants_before(&account_key(person, person), at(60))
            .await;
        assert_eq!(found, Ok(Some(before)), "{person}");
    }
    // a membership waits for no account
    assert_eq!(
        store.grants_before(&group_key(5, 1), at(60)).await,
        Ok(Some(0))
    );
    // sent, existing or unknown rows do not wait
    sent_by(&store, 60, &a_lease("a", 150)).await.unwrap();
    for key in [account_key(6, 6), account_key(8, 8), account_key(9, 9)] {
        assert_eq!(store.grants_before(&key, at(60)).await, Ok(None), "{key}");
    }
}

pub async fn a_line_is_left_with_what_is_wanted(store: Store) {
    // requested, seen missing, and over before its turn
    let key = account_key(1, 1);
    known(&store, &key, 0, 50, 10, Known::Absent).await;
    let task = taken(&store, 60, &a_lease("a", 150)).await.unwrap();
    let Task::Step(row) = task else {
        panic!("a create was begun for an unwanted row");
    };
    assert_eq!(row.key, key);
    let still: AssignmentRow = super::assignments::row(&store, &key).await;
    assert_eq!(still.execution.operation, None);
}
