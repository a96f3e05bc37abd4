//! Assignment rows: wishes, leases, fencing, lanes, the queue.

use hallpass_access::{Change, CommitError};
use hallpass_assignments::{
    Absence, AssignmentStore, Begin, Execution, Leased, OperationKind, Ownership, Row, StoreFault,
    Verdict,
};
use hallpass_model::HoldKey;

use super::Store;
use crate::testing::{
    a_lease, account_key, at, forgotten, group_key, in_flight, wanted, wanted_instead, with_desire,
};

async fn row(store: &Store, key: &HoldKey) -> Row {
    store.assignment(key).await.unwrap().unwrap()
}

/// Rows wanted until 7200, asked for at 0.
async fn rows(store: &Store, keys: &[HoldKey]) {
    let change = Change {
        desires: keys.iter().map(|key| wanted(key, 7_200, 0)).collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
}

fn keys(leased: &[Leased]) -> Vec<HoldKey> {
    leased.iter().map(|leased| leased.row.key.clone()).collect()
}

fn is_raced<T>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Raced(_)))
}

fn is_fenced<T>(outcome: &Result<T, StoreFault>) -> bool {
    matches!(outcome, Err(StoreFault::Fenced(_)))
}

pub async fn a_new_wish_makes_a_row_that_is_due_at_once(store: Store) {
    let key = account_key(1, 1);
    assert_eq!(store.assignment(&key).await.unwrap(), None);
    rows(&store, &[group_key(2, 1), key.clone()]).await;
    let made = row(&store, &key).await;
    assert_eq!(made.execution, Execution::new(at(0)));
    assert_eq!(
        (made.desired.until, made.desired.asked_at),
        (at(7_200), at(0))
    );
    assert_eq!(made.news, 0);
    let all = store.assignments().await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.contains(&made));
}

pub async fn wishes_are_guarded_by_revision(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let again = store.commit(with_desire(wanted(&key, 9_000, 1))).await;
    assert!(is_raced(&again), "a row was made over a row");
    let read = row(&store, &key).await;
    store
        .commit(with_desire(wanted_instead(&read, 9_000, 1)))
        .await
        .unwrap();
    let changed = row(&store, &key).await;
    assert_eq!(changed.desired.rev, read.desired.rev + 1);
    assert_eq!(
        (changed.desired.until, changed.desired.asked_at),
        (at(9_000), at(1))
    );
    let stale = store
        .commit(with_desire(wanted_instead(&read, 9_999, 2)))
        .await;
    assert!(is_raced(&stale));
    assert!(is_raced(&store.commit(with_desire(forgotten(&read))).await));
    let other = Row {
        key: account_key(2, 1),
        ..read
    };
    let unknown = store
        .commit(with_desire(wanted_instead(&other, 1, 1)))
        .await;
    assert!(is_raced(&unknown), "a row that is not there was changed");
    assert!(is_raced(
        &store.commit(with_desire(forgotten(&other))).await
    ));
    assert_eq!(row(&store, &key).await, changed);
}

pub async fn a_changed_wish_makes_the_row_due(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let mut learned = store.lease_due(at(1), 1, &lease).await.unwrap()[0]
        .row
        .clone();
    learned.execution.due = at(600);
    learned.execution.ownership = Ownership::Ours;
    learned.execution.verdict = Verdict::Present { at: at(1) };
    let stored = store.record(&learned, &lease, true).await.unwrap();
    store.release(&key, &lease).await.unwrap();
    assert!(store.lease_due(at(10), 1, &lease).await.unwrap().is_empty());
    store
        .commit(with_desire(wanted_instead(&stored, 10, 0)))
        .await
        .unwrap();
    let due = store
        .lease_due(at(10), 1, &a_lease("b", 100))
        .await
        .unwrap();
    assert_eq!(keys(&due), [key]);
    // all that was learned is still known
    let untouched = Execution {
        due: due[0].row.execution.due,
        ..learned.execution
    };
    assert_eq!((due[0].row.news, &due[0].row.execution), (1, &untouched));
}

pub async fn a_row_is_forgotten_only_at_rest(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let taken = store.lease_due(at(1), 1, &lease).await.unwrap()[0]
        .row
        .clone();
    let intent = in_flight(&taken, OperationKind::Create, 1);
    assert_eq!(store.begin(&intent, &lease, 10).await, Ok(Begin::Stored));
    let outcome = store.commit(with_desire(forgotten(&taken))).await;
    assert!(is_raced(&outcome), "forgotten with an operation in flight");
    store.record(&taken, &lease, false).await.unwrap();
    store.commit(with_desire(forgotten(&taken))).await.unwrap();
    assert_eq!(store.assignment(&key).await.unwrap(), None);
    assert!(store.assignments().await.unwrap().is_empty());
}

pub async fn a_forgotten_row_takes_its_lease_with_it(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let taken = store.lease_due(at(1), 1, &lease).await.unwrap()[0]
        .row
        .clone();
    store.commit(with_desire(forgotten(&taken))).await.unwrap();
    assert!(is_fenced(&store.record(&taken, &lease, false).await));
    rows(&store, std::slice::from_ref(&key)).await;
    assert!(is_fenced(&store.record(&taken, &lease, false).await));
    assert!(is_fenced(&store.begin(&taken, &lease, 10).await));
    store.release(&key, &lease).await.unwrap();
    let due = store.lease_due(at(2), 1, &a_lease("b", 90)).await.unwrap();
    assert_eq!(keys(&due), [key]);
}

pub async fn revisions_are_never_seen_twice(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let read = row(&store, &key).await;
    store.commit(with_desire(forgotten(&read))).await.unwrap();
    rows(&store, std::slice::from_ref(&key)).await;
    assert!(row(&store, &key).await.desired.rev > read.desired.rev);
    let stale = store
        .commit(with_desire(wanted_instead(&read, 9_999, 2)))
        .await;
    assert!(
        is_raced(&stale),
        "a row that went and came back was taken for the one read"
    );
}

pub async fn a_leased_row_is_not_leased_again_until_it_runs_out(store: Store) {
    rows(
        &store,
        &[account_key(1, 1), account_key(2, 1), account_key(3, 1)],
    )
    .await;
    let first = store.lease_due(at(1), 2, &a_lease("a", 90)).await.unwrap();
    assert_eq!(first.len(), 2);
    assert!(first.iter().all(|leased| leased.lease == a_lease("a", 90)));
    let second = store.lease_due(at(2), 9, &a_lease("b", 95)).await.unwrap();
    assert_eq!(keys(&second), [account_key(3, 1)]);
    assert!(
        store
            .lease_due(at(89), 9, &a_lease("c", 200))
            .await
            .unwrap()
            .is_empty()
    );
    let third = store
        .lease_due(at(90), 9, &a_lease("c", 200))
        .await
        .unwrap();
    assert_eq!(keys(&third), keys(&first));
    assert!(
        store
            .lease_due(at(95), 0, &a_lease("d", 200))
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn the_queue_is_ends_then_unsettled_then_the_rest(store: Store) {
    // (person, until, asked, verdict, due)
    let present = || Verdict::Present { at: at(1) };
    let absent = || Verdict::Absent {
        at: at(1),
        why: Absence::Removed,
    };
    let queue = [
        (5, 400, 0, Verdict::Working, 20),
        (4, 500, 0, present(), 10),
        (9, 7_200, 1, absent(), 40),
        (3, 9_000, 2, Verdict::Working, 30),
        (1, 9_000, 2, present(), 15),
        (2, 7_200, 1, present(), 16),
        (6, 7_200, 1, present(), 16),
    ];
    for (person, until, asked, verdict, due) in queue.iter().rev().cloned() {
        let key = account_key(person, 1);
        store
            .commit(with_desire(wanted(&key, until, asked)))
            .await
            .unwrap();
        let lease = a_lease("setting up", 50);
        let mut row = store.lease_due(at(3), 1, &lease).await.unwrap()[0]
            .row
            .clone();
        assert_eq!(row.key, key);
        row.execution.verdict = verdict;
        row.execution.due = at(due);
        store.record(&row, &lease, false).await.unwrap();
        store.release(&key, &lease).await.unwrap();
    }
    let ends = store
        .lease_due(at(600), 3, &a_lease("a", 900))
        .await
        .unwrap();
    let rest = store
        .lease_due(at(600), 9, &a_lease("a", 900))
        .await
        .unwrap();
    let expected: Vec<_> = queue.iter().map(|(n, ..)| account_key(*n, 1)).collect();
    assert_eq!([keys(&ends), keys(&rest)].concat(), expected);
}

pub async fn another_worker_is_fenced(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let old = a_lease("a", 90);
    let taken = store.lease_due(at(1), 1, &old).await.unwrap()[0]
        .row
        .clone();
    let never = a_lease("never given", 900);
    assert!(is_fenced(&store.record(&taken, &never, true).await));
    // nobody took the row: what was learned by an old lease is still worth keeping
    store.record(&taken, &old, false).await.unwrap();
    let new = a_lease("b", 200);
    assert_eq!(store.lease_due(at(90), 1, &new).await.unwrap().len(), 1);
    let intent = in_flight(&taken, OperationKind::Create, 91);
    assert_eq!(
        store.record(&intent, &old, true).await,
        Err(StoreFault::Fenced(key.clone()))
    );
    assert!(is_fenced(&store.begin(&intent, &old, 10).await));
    assert_eq!(row(&store, &key).await, taken);
    assert_eq!(store.begin(&intent, &new, 10).await, Ok(Begin::Stored));
    let unknown = Row {
        key: account_key(2, 2),
        ..taken
    };
    assert!(is_fenced(&store.record(&unknown, &new, true).await));
}

pub async fn a_release_by_another_changes_nothing(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    store.lease_due(at(1), 1, &lease).await.unwrap();
    store.release(&key, &a_lease("b", 90)).await.unwrap();
    store.release(&account_key(9, 9), &lease).await.unwrap();
    assert!(
        store
            .lease_due(at(2), 1, &a_lease("c", 90))
            .await
            .unwrap()
            .is_empty()
    );
    store.release(&key, &lease).await.unwrap();
    store.release(&key, &lease).await.unwrap();
    assert_eq!(
        store
            .lease_due(at(2), 1, &a_lease("c", 90))
            .await
            .unwrap()
            .len(),
        1
    );
}

pub async fn what_was_learned_leaves_the_wish_alone(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let mut learned = store.lease_due(at(1), 1, &lease).await.unwrap()[0]
        .row
        .clone();
    learned.execution.due = at(600);
    let same = store.record(&learned, &lease, false).await.unwrap();
    assert_eq!(same, learned);
    // the wish changes under the lease
    store
        .commit(with_desire(wanted_instead(&same, 5, 0)))
        .await
        .unwrap();
    learned.execution.attempts = 3;
    learned.desired.until = at(1_000_000);
    let stored = store.record(&learned, &lease, false).await.unwrap();
    assert_eq!(
        (stored.desired.until, stored.desired.rev),
        (at(5), same.desired.rev + 1)
    );
    assert_eq!(stored.execution.attempts, 3);
    assert!(
        stored.execution.due <= at(1),
        "due at once: {}",
        stored.execution.due
    );
    assert_eq!(row(&store, &key).await, stored);
    // the lease is kept
    assert!(
        store
            .lease_due(at(2), 1, &a_lease("b", 90))
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn news_are_counted(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let mut learned = store.lease_due(at(1), 1, &lease).await.unwrap()[0]
        .row
        .clone();
    learned.news = 77;
    for (news, count) in [(true, 1), (false, 1), (true, 2)] {
        let stored = store.record(&learned, &lease, news).await.unwrap();
        assert_eq!(stored.news, count, "the store counts news, nobody else");
    }
}

pub async fn one_operation_per_lane(store: Store) {
    let same_lane = [account_key(1, 1), account_key(2, 1)];
    let groups = [group_key(1, 1), group_key(2, 1)];
    rows(
        &store,
        &[same_lane.as_slice(), &groups, &[account_key(1, 2)]].concat(),
    )
    .await;
    let lease = a_lease("a", 90);
    let taken = store.lease_due(at(1), 9, &lease).await.unwrap();
    let begin = async |key: &HoldKey| {
        let row = taken.iter().find(|leased| leased.row.key == *key).unwrap();
        let intent = in_flight(&row.row, OperationKind::Delete, 1);
        store.begin(&intent, &lease, 10).await.unwrap()
    };
    assert_eq!(begin(&same_lane[0]).await, Begin::Stored);
    assert_eq!(
        begin(&same_lane[0]).await,
        Begin::Stored,
        "its own lane is free"
    );
    assert_eq!(begin(&same_lane[1]).await, Begin::Busy);
    assert_eq!(row(&store, &same_lane[1]).await.execution.operation, None);
    assert_eq!(begin(&account_key(1, 2)).await, Begin::Stored);
    // a membership is a lane of its own
    assert_eq!(begin(&groups[0]).await, Begin::Stored);
    assert_eq!(begin(&groups[1]).await, Begin::Stored);
    let done = row(&store, &same_lane[0]).await;
    let idle = Row {
        execution: Execution {
            operation: None,
            ..done.execution.clone()
        },
        ..done
    };
    store.record(&idle, &lease, false).await.unwrap();
    assert_eq!(begin(&same_lane[1]).await, Begin::Stored);
    let intruder = in_flight(&idle, OperationKind::Create, 3);
    let outcome = store.record(&intruder, &lease, false).await;
    assert!(
        matches!(outcome, Err(StoreFault::Unavailable(_))),
        "{outcome:?}"
    );
}

pub async fn outstanding_operations_are_bounded(store: Store) {
    let accounts: Vec<_> = (1..=4).map(|n| account_key(1, n)).collect();
    rows(&store, &[accounts.as_slice(), &[group_key(1, 1)]].concat()).await;
    let lease = a_lease("a", 90);
    let taken = store.lease_due(at(1), 9, &lease).await.unwrap();
    let mut outcomes = Vec::new();
    for leased in &taken {
        let intent = in_flight(&leased.row, OperationKind::Create, 1);
        outcomes.push((
            leased.row.key.clone(),
            store.begin(&intent, &lease, 2).await.unwrap(),
        ));
    }
    let stored = |(_, begin): &&(HoldKey, Begin)| *begin == Begin::Stored;
    assert_eq!(outcomes.iter().filter(stored).count(), 3, "{outcomes:?}");
    assert!(outcomes.contains(&(group_key(1, 1), Begin::Stored)));
    // a higher bound lets the next one in, and its own operation does not count against a row
    for (key, begin) in &outcomes {
        let fits = u32::from(*begin == Begin::Busy) * 2 + 2;
        let row = row(&store, key).await;
        let intent = in_flight(&row, OperationKind::Delete, 2);
        let again = store.begin(&intent, &lease, fits).await.unwrap();
        assert_eq!(again, Begin::Stored, "{key}");
    }
}

pub async fn a_plan_for_another_wish_is_not_stored(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let taken = store.lease_due(at(1), 1, &lease).await.unwrap()[0]
        .row
        .clone();
    store
        .commit(with_desire(wanted_instead(&taken, 1, 0)))
        .await
        .unwrap();
    let intent = in_flight(&taken, OperationKind::Create, 1);
    assert_eq!(store.begin(&intent, &lease, 10).await, Ok(Begin::Busy));
    assert_eq!(row(&store, &key).await.execution.operation, None);
}

pub async fn a_poke_makes_a_row_due_never_later(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let mut taken = store.lease_due(at(1), 1, &lease).await.unwrap()[0]
        .row
        .clone();
    taken.execution.due = at(600);
    store.record(&taken, &lease, false).await.unwrap();
    store.release(&key, &lease).await.unwrap();
    for (now, due) in [(700, 600), (300, 300), (400, 300)] {
        store.poke(&key, at(now)).await.unwrap();
        assert_eq!(
            row(&store, &key).await.execution.due,
            at(due),
            "poked at {now}"
        );
    }
    store.poke(&account_key(9, 9), at(1)).await.unwrap();
    assert_eq!(store.assignments().await.unwrap().len(), 1);
}

pub async fn the_next_due_row_waits_for_its_lease(store: Store) {
    let next = async || AssignmentStore::next_due(&*store).await.unwrap();
    assert_eq!(next().await, None);
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    assert_eq!(next().await, Some(at(0)));
    store
        .commit(with_desire(wanted(&account_key(2, 1), 7_200, 5)))
        .await
        .unwrap();
    let lease = a_lease("a", 90);
    store.lease_due(at(1), 1, &lease).await.unwrap();
    assert_eq!(next().await, Some(at(5)));
    store.lease_due(at(5), 1, &a_lease("b", 95)).await.unwrap();
    // a worker that died is succeeded when its lease runs out
    assert_eq!(next().await, Some(at(90)));
    store.release(&key, &lease).await.unwrap();
    assert_eq!(next().await, Some(at(0)));
}
