//! A row that cannot be read stops no other, and is told of.

use hallpass_access::{AccessStore as _, Change, GrantState, Write};
use hallpass_assignments::queue::Room;
use hallpass_assignments::{AssignmentRow, AssignmentStore, OwnedEnd, Task};
use hallpass_model::HoldKey;
use hallpass_store::SqlStore;
use hallpass_store_testing::{
    a_grant, a_lease, account_key, at, grant_id, own_one, wanted, with_desired, with_grant,
};

use crate::Place;

/// Cuts the bodies of a person's assignments, as a torn page or an edit by hand does.
async fn tear(place: &Place, key: &HoldKey) {
    place
        .run(&format!(
            "UPDATE assignments SET body = substr(body, 1, length(body) - 20) WHERE hold_key = '{key}'"
        ))
        .await;
}

/// A row of ours that has to be gone by 7200, with its grant, which was given.
async fn give_one(store: &SqlStore) {
    let mut grant = a_grant(1);
    grant.granted_at = Some(at(2));
    grant.state = GrantState::Active;
    let change = Change {
        grants: vec![Write::Insert(grant)],
        ..Change::default()
    };
    own_one(store, change).await;
}

async fn next_key(store: &SqlStore, now: u64, by: &str) -> Option<HoldKey> {
    let lease = a_lease(by, now + 90);
    let taken = store.take(at(now), &Room::whole(10), &lease).await;
    let task = taken.unwrap().task;
    task.map(|task| Task::row(&task).key.clone())
}

fn keys(rows: &[AssignmentRow]) -> Vec<HoldKey> {
    rows.iter().map(|row| row.key.clone()).collect()
}

async fn the_next_in_line_goes(place: Place) {
    let store = place.open().await;
    let (torn, whole) = (account_key(1, 1), account_key(2, 1));
    for (key, asked) in [(&torn, 0), (&whole, 1)] {
        store
            .commit(with_desired(wanted(key, 7_200, asked)))
            .await
            .unwrap();
    }
    assert_eq!(store.unreadable_rows().await.unwrap(), [""; 0]);
    tear(&place, &torn).await;
    let first = store.first(at(5)).await.unwrap().map(|row| row.key);
    assert_eq!(first, Some(whole.clone()));
    assert_eq!(next_key(&store, 5, "a").await, Some(whole.clone()));
    // put off, and asked for again in a while
    assert_eq!(next_key(&store, 6, "b").await, None);
    let again = AssignmentStore::next_due(&store, at(100)).await;
    assert_eq!(again.unwrap(), Some(at(305)));
    assert_eq!(keys(&store.assignments().await.unwrap()), [whole]);
    let told = store.unreadable_rows().await.unwrap();
    assert_eq!(told, [format!("assignments: {torn}")]);
    store.forget_future(at(5)).await.unwrap();
}

async fn what_is_ours_is_still_known_by_its_columns(place: Place) {
    let store = place.open().await;
    give_one(&store).await;
    let key = account_key(1, 1);
    let ours = vec![OwnedEnd {
        key: key.clone(),
        until: at(7_200),
        rev: 1,
        grants: vec![grant_id(1)],
    }];
    assert_eq!(store.owned_ends().await.unwrap(), ours);
    tear(&place, &key).await;
    assert_eq!(store.owned_ends().await.unwrap(), ours);
    // what stood before, and what was not given yet, may not be ours
    let mut grant = store.grant(grant_id(1)).await.unwrap().unwrap();
    grant.granted_at = None;
    store
        .commit(with_grant(Write::Update(grant)))
        .await
        .unwrap();
    assert_eq!(store.owned_ends().await.unwrap(), []);
}

crate::anywhere!(
    the_next_in_line_goes,
    what_is_ours_is_still_known_by_its_columns,
);
