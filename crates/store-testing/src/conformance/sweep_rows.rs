//! The assignment rows of sweeps.

use hallpass_access::DesiredAssignment;
use hallpass_assignments::{Ownership, Verdict};

use super::Store;
use super::sweeps::raced;
use crate::{account_key, at, wanted, with_desired};

pub async fn adopted_access_has_a_row_that_is_ours_and_is_never_created(store: Store) {
    let key = account_key(1, 1);
    let adopt = DesiredAssignment::Adopt {
        key: key.clone(),
        until: at(500),
        seen_at: at(10),
    };
    store.commit(with_desired(adopt)).await.unwrap();
    let row = store.assignment(&key).await.unwrap().unwrap();
    assert_eq!(row.execution.ownership, Ownership::Ours);
    assert_eq!((row.desired.until, row.desired.asked_at), (at(500), at(10)));
    assert!(row.was_seen() && row.is_wanted(at(20)));
    assert_eq!(row.execution.verdict, Verdict::Working);
    let next = hallpass_assignments::next(&row, at(20));
    assert_eq!(next, hallpass_assignments::RowAction::Look);
}

pub async fn what_is_to_be_removed_has_a_row_that_is_ours(store: Store) {
    let key = account_key(1, 1);
    let remove = DesiredAssignment::Remove {
        key: key.clone(),
        since: at(10),
    };
    store.commit(with_desired(remove)).await.unwrap();
    let row = store.assignment(&key).await.unwrap().unwrap();
    assert_eq!(row.execution.ownership, Ownership::Ours);
    assert!(!row.is_wanted(at(10)) && !row.is_settled());
    let next = hallpass_assignments::next(&row, at(20));
    assert_eq!(next, hallpass_assignments::RowAction::Look);
    let due = hallpass_assignments::AssignmentStore::next_due(store.as_ref(), at(1)).await;
    assert_eq!(due.unwrap(), Some(at(10)));
}

pub async fn nothing_is_adopted_or_removed_over_a_row(store: Store) {
    let key = account_key(1, 1);
    store
        .commit(with_desired(wanted(&key, 100, 1)))
        .await
        .unwrap();
    let row = store.assignment(&key).await.unwrap();
    let adopt = DesiredAssignment::Adopt {
        key: key.clone(),
        until: at(500),
        seen_at: at(10),
    };
    let remove = DesiredAssignment::Remove {
        key: key.clone(),
        since: at(10),
    };
    for desire in [adopt, remove] {
        let outcome = store.commit(with_desired(desire)).await;
        assert!(raced(&outcome), "{outcome:?}");
    }
    assert_eq!(store.assignment(&key).await.unwrap(), row);
}
