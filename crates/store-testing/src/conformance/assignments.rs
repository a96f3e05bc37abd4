//! Assignment rows: desires, leases, fencing, future instants.

use hallpass_access::{Change, CommitError};
use hallpass_assignments::queue::Room;
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, Execution, Haste, Lease, Observation, OperationKind, Ownership,
    StoreFault, Task, Verdict,
};
use hallpass_base::{HoldKey, TimeSpan};

use super::Store;
use crate::{
    a_lease, account_key, at, forgotten, group_key, in_flight, wanted, wanted_at_once,
    wanted_instead, with_desired,
};

pub(super) const ROOM: Room = Room::whole(10);

pub(super) async fn row(store: &Store, key: &HoldKey) -> AssignmentRow {
    store.assignment(key).await.unwrap().unwrap()
}

pub(super) async fn rows(store: &Store, keys: &[HoldKey]) {
    let change = Change {
        desired: keys.iter().map(|key| wanted(key, 7_200, 0)).collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
}

pub(super) async fn taken(store: &Store, now: u64, lease: &Lease) -> Option<Task> {
    store.take(at(now), &ROOM, lease).await.unwrap().task
}

async fn taken_key(store: &Store, now: u64, token: &str, until: u64) -> Option<HoldKey> {
    let task = taken(store, now, &a_lease(token, until)).await;
    task.map(|task| task.row().key.clone())
}

pub(super) fn is_raced<T>(outcome: &Result<T, CommitError>) -> bool {
    matches!(outcome, Err(CommitError::Raced(_)))
}

pub(super) fn is_fenced<T>(outcome: &Result<T, StoreFault>) -> bool {
    matches!(outcome, Err(StoreFault::Fenced(_)))
}

async fn one_taken(store: &Store) -> (HoldKey, Lease, AssignmentRow) {
    let key = account_key(1, 1);
    rows(store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let row = taken(store, 1, &lease).await.unwrap().row().clone();
    (key, lease, row)
}

pub async fn a_new_desire_makes_a_row_that_is_due_at_once(store: Store) {
    let key = account_key(1, 1);
    assert_eq!(store.assignment(&key).await.unwrap(), None);
    rows(&store, &[group_key(2, 1), key.clone()]).await;
    let made = row(&store, &key).await;
    assert_eq!(made.execution, Execution::new(at(0)));
    assert_eq!(
        (made.desired.until, made.desired.asked_at),
        (at(7_200), at(0))
    );
    assert_eq!(made.verdict_rev, 0);
    let all = store.assignments().await.unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.contains(&made));
}

pub async fn what_is_desired_is_guarded_by_revision(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let again = store.commit(with_desired(wanted(&key, 9_000, 1))).await;
    assert!(is_raced(&again), "a row was made over a row");
    let read = row(&store, &key).await;
    store
        .commit(with_desired(wanted_instead(&read, 9_000, 1)))
        .await
        .unwrap();
    let changed = row(&store, &key).await;
    assert_eq!(changed.desired.rev, read.desired.rev + 1);
    assert_eq!(
        (changed.desired.until, changed.desired.asked_at),
        (at(9_000), at(1))
    );
    let stale = store
        .commit(with_desired(wanted_instead(&read, 9_999, 2)))
        .await;
    assert!(is_raced(&stale));
    assert!(is_raced(
        &store.commit(with_desired(forgotten(&read))).await
    ));
    let other = AssignmentRow {
        key: account_key(2, 1),
        ..read
    };
    let unknown = store
        .commit(with_desired(wanted_instead(&other, 1, 1)))
        .await;
    assert!(is_raced(&unknown), "a row that is not there was changed");
    assert!(is_raced(
        &store.commit(with_desired(forgotten(&other))).await
    ));
    assert_eq!(row(&store, &key).await, changed);
}

pub async fn a_changed_desire_makes_the_row_due(store: Store) {
    let (key, lease, mut learned) = one_taken(&store).await;
    learned.execution.due = at(600);
    learned.execution.ownership = Ownership::Ours;
    learned.execution.observation = Observation::Present { at: at(1) };
    learned.execution.verdict = Verdict::Present { at: at(1) };
    store.record(&learned, &lease, true).await.unwrap();
    assert_eq!(taken_key(&store, 10, "b", 100).await, None);
    let stored = row(&store, &key).await;
    store
        .commit(with_desired(wanted_instead(&stored, 10, 0)))
        .await
        .unwrap();
    let changed = row(&store, &key).await;
    let untouched = Execution {
        due: changed.execution.due,
        ..learned.execution
    };
    assert_eq!((changed.verdict_rev, &changed.execution), (1, &untouched));
    assert_eq!(taken_key(&store, 10, "b", 100).await, Some(key));
}

pub async fn what_was_seen_to_be_as_desired_is_not_looked_at_for_a_later_end(store: Store) {
    for (number, (seen, until, asked, is_due)) in [
        (1, 7_200, 0, false),
        (1, 9_000, 0, false),
        (1, 7_100, 0, true),
        (1, 9_000, 2, true),
        (1, 10, 0, true),
    ]
    .into_iter()
    .enumerate()
    {
        let key = account_key(1, u64::try_from(number).unwrap() + 1);
        rows(&store, std::slice::from_ref(&key)).await;
        let lease = a_lease("a", 90);
        let mut learned = taken(&store, 1, &lease).await.unwrap().row().clone();
        learned.execution.due = at(600);
        learned.execution.ownership = Ownership::Ours;
        learned.execution.observation = Observation::Present { at: at(seen) };
        learned.execution.verdict = Verdict::Present { at: at(seen) };
        store.record(&learned, &lease, true).await.unwrap();
        let stored = row(&store, &key).await;
        store
            .commit(with_desired(wanted_instead(&stored, until, asked)))
            .await
            .unwrap();
        let found = row(&store, &key).await;
        assert_eq!(found.desired.until, at(until));
        let case = (seen, until, asked);
        assert_eq!(found.execution.due < at(600), is_due, "{case:?}");
        let given = taken_key(&store, 10, "b", 100).await;
        assert_eq!(given.is_some(), is_due, "{case:?}");
    }
}

pub async fn what_is_desired_says_how_long_its_end_may_wait(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let first = row(&store, &key).await;
    assert_eq!(first.desired.haste, Haste::Ordinary);
    store
        .commit(with_desired(wanted_at_once(&first, 5)))
        .await
        .unwrap();
    let hurried = row(&store, &key).await;
    assert_eq!(hurried.desired.haste, Haste::AtOnce);
    store
        .commit(with_desired(wanted_instead(&hurried, 9_000, 6)))
        .await
        .unwrap();
    assert_eq!(row(&store, &key).await.desired.haste, Haste::Ordinary);
}

pub async fn a_row_is_forgotten_only_at_rest(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let idle = taken(&store, 1, &lease).await.unwrap().row().clone();
    let busy = in_flight(&idle, OperationKind::Create, 1);
    store.record(&busy, &lease, false).await.unwrap();
    let outcome = store.commit(with_desired(forgotten(&idle))).await;
    assert!(is_raced(&outcome), "forgotten with an operation in flight");
    taken(&store, 2, &lease).await.unwrap();
    store.record(&idle, &lease, false).await.unwrap();
    store.commit(with_desired(forgotten(&idle))).await.unwrap();
    assert_eq!(store.assignment(&key).await.unwrap(), None);
    assert!(store.assignments().await.unwrap().is_empty());
}

pub async fn a_forgotten_row_takes_its_lease_with_it(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    let held = taken(&store, 1, &lease).await.unwrap().row().clone();
    store.commit(with_desired(forgotten(&held))).await.unwrap();
    assert!(is_fenced(&store.record(&held, &lease, false).await));
    rows(&store, std::slice::from_ref(&key)).await;
    assert!(is_fenced(&store.record(&held, &lease, false).await));
    assert_eq!(taken_key(&store, 2, "b", 90).await, Some(key));
}

pub async fn revisions_are_never_seen_twice(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let read = row(&store, &key).await;
    store.commit(with_desired(forgotten(&read))).await.unwrap();
    rows(&store, std::slice::from_ref(&key)).await;
    assert!(row(&store, &key).await.desired.rev > read.desired.rev);
    let stale = store
        .commit(with_desired(wanted_instead(&read, 9_999, 2)))
        .await;
    assert!(
        is_raced(&stale),
        "a row that went and came back was taken for the one read"
    );
}

pub async fn a_row_is_not_taken_again_until_its_lease_runs_out(store: Store) {
    let keys = [account_key(1, 1), account_key(2, 1), account_key(3, 1)];
    rows(&store, &keys).await;
    let mut first = Vec::new();
    for (now, token, until) in [(1, "a", 90), (1, "b", 95), (2, "c", 95)] {
        first.extend(taken_key(&store, now, token, until).await);
    }
    assert_eq!(first, keys);
    assert_eq!(taken_key(&store, 89, "d", 200).await, None);
    assert_eq!(
        taken_key(&store, 90, "d", 200).await.as_ref(),
        Some(&keys[0])
    );
    assert_eq!(taken_key(&store, 90, "e", 200).await, None);
    assert_eq!(
        taken_key(&store, 95, "e", 200).await.as_ref(),
        Some(&keys[1])
    );
}

/// No worker holds it: the answer to its lease or its record was lost.
pub async fn a_row_is_taken_again_once_its_lease_is_freed(store: Store) {
    let keys = [account_key(1, 1), account_key(2, 1)];
    rows(&store, &keys).await;
    for (token, key) in ["a", "b"].into_iter().zip(&keys) {
        assert_eq!(taken_key(&store, 1, token, 90).await.as_ref(), Some(key));
    }
    store.free("never given").await.unwrap();
    assert_eq!(taken_key(&store, 2, "c", 90).await, None);
    store.free("a").await.unwrap();
    let again = taken_key(&store, 2, "c", 90).await;
    assert_eq!(again.as_ref(), Some(&keys[0]));
    assert_eq!(taken_key(&store, 2, "d", 90).await, None, "b is kept");
}

/// Taking a row replaces future instants by now; later sightings refer to its newest hold.
pub async fn what_was_asked_for_by_a_clock_that_was_ahead_counts_from_its_sight(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let asked_at = row(&store, &key).await.desired.asked_at;
    let lease = a_lease("a", 90);
    let mut learned = taken(&store, 1, &lease).await.unwrap().row().clone();
    let sooner = TimeSpan::seconds(1).before(asked_at);
    learned.desired.asked_at = sooner;
    store.record(&learned, &lease, false).await.unwrap();
    assert_eq!(row(&store, &key).await.desired.asked_at, sooner);
    // never later, and never another desire's
    let lease = a_lease("b", 200);
    let mut learned = taken(&store, 100, &lease).await.unwrap().row().clone();
    learned.desired.asked_at = asked_at;
    store.record(&learned, &lease, false).await.unwrap();
    assert_eq!(row(&store, &key).await.desired.asked_at, sooner);
}

/// A grant counts sightings from its request on: a row resting for minutes would delay it as long.
pub async fn what_was_seen_before_it_was_asked_for_is_looked_at_again_from_then_on(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let first = row(&store, &key).await;
    // a second hold, by a clock that is ahead
    store
        .commit(with_desired(wanted_instead(&first, 9_000, 30)))
        .await
        .unwrap();
    for (now, due) in [(20, 30), (30, 630)] {
        let lease = a_lease("a", now + 90);
        let mut learned = taken(&store, now, &lease).await.unwrap().row().clone();
        learned.execution.observation = Observation::Present { at: at(now) };
        learned.execution.verdict = Verdict::Present { at: at(now) };
        learned.execution.due = at(now + 600);
        store.record(&learned, &lease, false).await.unwrap();
        let stored = row(&store, &key).await;
        assert_eq!(stored.execution.due, at(due), "seen at {now}");
    }
}

pub async fn another_worker_is_fenced(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let old = a_lease("a", 90);
    let held = taken(&store, 1, &old).await.unwrap().row().clone();
    let never = a_lease("never given", 900);
    assert!(is_fenced(&store.record(&held, &never, true).await));
    let new = a_lease("b", 200);
    taken(&store, 90, &new).await.unwrap();
    let other = in_flight(&held, OperationKind::Create, 91);
    assert_eq!(
        store.record(&other, &old, true).await,
        Err(StoreFault::Fenced(key.clone()))
    );
    assert_eq!(row(&store, &key).await, held);
    store.record(&other, &new, true).await.unwrap();
    assert!(
        is_fenced(&store.record(&other, &new, true).await),
        "the row was released"
    );
    let unknown = AssignmentRow {
        key: account_key(2, 2),
        ..held
    };
    assert!(is_fenced(&store.record(&unknown, &new, true).await));
}

pub async fn what_a_late_worker_learned_counts_while_nobody_else_has_the_row(store: Store) {
    let (key, lease, mut learned) = one_taken(&store).await;
    learned.execution.due = at(600);
    store.record(&learned, &lease, false).await.unwrap();
    assert_eq!(row(&store, &key).await, learned);
}

pub async fn what_was_learned_leaves_what_is_desired_alone(store: Store) {
    let (key, lease, mut learned) = one_taken(&store).await;
    learned.execution.due = at(600);
    store.record(&learned, &lease, false).await.unwrap();
    assert_eq!(row(&store, &key).await, learned);
    taken(&store, 600, &lease).await.unwrap();
    // the desire changes under the lease
    store
        .commit(with_desired(wanted_instead(&learned, 700, 0)))
        .await
        .unwrap();
    let before = row(&store, &key).await;
    learned.execution.attempts = 3;
    learned.execution.due = at(5_000);
    learned.desired.until = at(1_000_000);
    store.record(&learned, &lease, false).await.unwrap();
    let stored = row(&store, &key).await;
    assert_eq!(stored.desired, before.desired);
    assert_eq!(stored.execution.attempts, 3);
    assert!(
        stored.execution.due <= at(1),
        "due immediately: {}",
        stored.execution.due
    );
    assert_eq!(taken_key(&store, 700, "b", 790).await, Some(key));
}

pub async fn news_are_counted(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let lease = a_lease("a", 90);
    for (news, count) in [(true, 1), (false, 1), (true, 2)] {
        let mut learned = taken(&store, 1, &lease).await.unwrap().row().clone();
        learned.verdict_rev = 77;
        store.record(&learned, &lease, news).await.unwrap();
        let stored = row(&store, &key).await;
        assert_eq!(stored.verdict_rev, count, "only the store counts news");
    }
}

pub async fn the_next_moment_is_the_first_that_lies_ahead(store: Store) {
    let next = async |now| AssignmentStore::next_due(&*store, at(now)).await.unwrap();
    assert_eq!(next(0).await, None);
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    assert_eq!(next(0).await, Some(at(7_200)));
    let lease = a_lease("a", 90);
    let mut held = taken(&store, 1, &lease).await.unwrap().row().clone();
    // a dead worker is replaced when its lease expires
    assert_eq!(next(1).await, Some(at(90)));
    held.execution.due = at(30);
    store.record(&held, &lease, false).await.unwrap();
    assert_eq!(next(1).await, Some(at(30)));
    assert_eq!(next(30).await, Some(at(7_200)));
    assert_eq!(next(7_200).await, None);
}

pub async fn what_a_clock_that_was_ahead_put_off_is_due_again(store: Store) {
    let day = 86_400;
    let keys = [account_key(1, 1), account_key(2, 1), account_key(3, 1)];
    rows(&store, &keys).await;
    let lease = a_lease("a", 90);
    for due in [day, 30, 600] {
        let mut row = taken(&store, 1, &lease).await.unwrap().row().clone();
        row.execution.due = at(due);
        if due == 600 {
            row.execution.verdict = Verdict::Present { at: at(1) };
        }
        store.record(&row, &lease, false).await.unwrap();
    }
    let before = row(&store, &keys[1]).await;
    assert_eq!(store.forget_future(at(2)).await, Ok(1));
    assert_eq!(store.forget_future(at(2)).await, Ok(0));
    assert_eq!(row(&store, &keys[0]).await.execution.due, at(2));
    assert_eq!(row(&store, &keys[1]).await, before, "an ordinary pause");
    assert_eq!(row(&store, &keys[2]).await.execution.due, at(600));
    // a future lease is void; facts learned under it are refused after the next take
    let ahead = a_lease("ahead", day + 90);
    assert_eq!(
        taken(&store, 3, &ahead).await.unwrap().row().key,
        keys[0].clone()
    );
    assert_eq!(taken_key(&store, 4, "b", 94).await, None);
    assert_eq!(store.forget_future(at(5)).await, Ok(1));
    assert_eq!(taken_key(&store, 5, "b", 95).await.as_ref(), Some(&keys[0]));
    let held = row(&store, &keys[0]).await;
    assert!(is_fenced(&store.record(&held, &ahead, false).await));
}

pub async fn a_row_is_handed_out_without_what_lies_in_the_future(store: Store) {
    let (_, lease, mut learned) = one_taken(&store).await;
    learned.execution.last_present_at = Some(at(86_400));
    learned.execution.observation = Observation::Present { at: at(86_400) };
    learned.execution.due = at(2);
    store.record(&learned, &lease, false).await.unwrap();
    let task = taken(&store, 3, &lease).await.unwrap();
    assert_eq!(task.row().execution.last_present_at, Some(at(3)));
    assert_eq!(task.row().execution.observation, Observation::Unseen);
}
