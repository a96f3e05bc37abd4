//! Ends of Hallpass's access and guard actions.

use hallpass_access::{Change, DesiredAssignment, Grant, Write};
use hallpass_assignments::{Absence, Ownership, Verdict};
use hallpass_base::HoldKey;

use super::Store;
use super::assignments::{is_raced, row, rows, taken};
use crate::{
    a_grant, a_lease, account_key, at, ended, ending, grant_id, wanted_instead, with_desired,
};

pub async fn a_removal_by_a_guard_is_part_of_what_is_desired(store: Store) {
    let key = account_key(1, 1);
    rows(&store, std::slice::from_ref(&key)).await;
    let removed = |rev: u64, removed: u64| DesiredAssignment::RemovedByGuard {
        key: key.clone(),
        rev,
        until: at(7_200),
        asked_at: at(50),
        removed_at: at(removed),
    };
    let read = row(&store, &key).await;
    let raced = store
        .commit(with_desired(removed(read.desired.rev + 1, 40)))
        .await;
    assert!(is_raced(&raced));
    store
        .commit(with_desired(removed(read.desired.rev, 40)))
        .await
        .unwrap();
    let told = row(&store, &key).await;
    assert_eq!(told.desired.removed_at, Some(at(40)));
    assert_eq!(told.desired.asked_at, at(50));
    assert_eq!(told.desired.rev, read.desired.rev + 1);
    assert!(told.execution.due <= at(50));
    // another kind of desire leaves it known
    store
        .commit(with_desired(wanted_instead(&told, 9_000, 60)))
        .await
        .unwrap();
    assert_eq!(row(&store, &key).await.desired.removed_at, Some(at(40)));
    let of_none = DesiredAssignment::RemovedByGuard {
        key: account_key(9, 9),
        rev: 1,
        until: at(1),
        asked_at: at(1),
        removed_at: at(1),
    };
    assert!(is_raced(&store.commit(with_desired(of_none)).await));
}

pub async fn owned_ends_are_ours_and_not_over(store: Store) {
    let keys: Vec<HoldKey> = (1..=4).map(|n| account_key(n, 1)).collect();
    rows(&store, &keys).await;
    assert_eq!(store.owned_ends().await.unwrap(), [], "nothing was sent");
    for n in 1..=4 {
        let lease = a_lease(&format!("a{n}"), 90);
        let task = taken(&store, 1, &lease).await.unwrap();
        let mut learned = task.row().clone();
        learned.execution.due = at(600);
        learned.execution.ownership = match learned.key {
            ref key if *key == keys[2] => Ownership::Standing,
            _ => Ownership::Ours,
        };
        if learned.key == keys[3] {
            let why = Absence::Removed;
            learned.execution.verdict = Verdict::Absent { at: at(1), why };
        }
        store.record(&learned, &lease, true).await.unwrap();
    }
    // of the first key one grant lives, one is ending, one is over
    let mut grants = [a_grant(1), a_grant(5), a_grant(6)];
    grants[1].state = ending(9);
    grants[2].state = ended(9);
    let change = Change {
        grants: grants
            .into_iter()
            .map(|grant| {
                Write::Insert(Grant {
                    key: keys[0].clone(),
                    ..grant
                })
            })
            .collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let ends = store.owned_ends().await.unwrap();
    let found: Vec<_> = ends.iter().map(|end| (&end.key, end.until)).collect();
    assert_eq!(found, [(&keys[0], at(7_200)), (&keys[1], at(7_200))]);
    assert_eq!(ends[0].grants, [grant_id(1), grant_id(5)]);
    assert_eq!(ends[1].grants, []);
    assert_eq!(ends[0].rev, row(&store, &keys[0]).await.desired.rev);
}
