//! An unreadable row blocks no other, and is reported.

use hallpass_access::{AccessStore as _, Change, GrantState, Write};
use hallpass_assignments::queue::Room;
use hallpass_assignments::{
    AssignmentRow, AssignmentStore, Observation, Over, OwnedEnd, Ownership, Task,
};
use hallpass_base::HoldKey;
use hallpass_store::{EndsReader, SqlStore, TokenRow};
use hallpass_store_testing::{
    a_draft, a_grant, a_lease, a_lock, a_token, account_key, at, grant_id, own_one, user, wanted,
    with_desired, with_grant,
};

use crate::Place;

async fn tear(place: &Place, key: &HoldKey) {
    place
        .run(&format!(
            "UPDATE assignments SET body = substr(body, 1, length(body) - 20) WHERE hold_key = '{key}'"
        ))
        .await;
}

async fn garble(place: &Place, key: &HoldKey) {
    place
        .run(&format!(
            "UPDATE assignments SET body = CAST(X'7bff' AS TEXT) WHERE hold_key = '{key}'"
        ))
        .await;
}

async fn want(store: &SqlStore, key: &HoldKey, until: u64, asked: u64) {
    let change = with_desired(wanted(key, until, asked));
    store.commit(change).await.unwrap();
}

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
    // existing or not yet given access may not be Hallpass's
    let mut grant = store.grant(grant_id(1)).await.unwrap().unwrap();
    grant.granted_at = None;
    store
        .commit(with_grant(Write::Update(grant)))
        .await
        .unwrap();
    assert_eq!(store.owned_ends().await.unwrap(), []);
}

async fn what_is_ours_is_known_where_its_grant_cannot_be_read_either(place: Place) {
    let store = place.open().await;
    give_one(&store).await;
    let key = account_key(1, 1);
    let ours = store.owned_ends().await.unwrap();
    assert_eq!(ours.len(), 1);
    tear(&place, &key).await;
    place
        .run("UPDATE grants SET body = substr(body, 1, length(body) - 5)")
        .await;
    assert_eq!(store.owned_ends().await.unwrap(), []);
    let follows = |what: &str| format!("UPDATE assignments SET once_unwanted = '{what}'");
    place.run(&follows("delete")).await;
    assert_eq!(store.owned_ends().await.unwrap(), ours);
    place.run("UPDATE grants SET granted = 0").await;
    assert_eq!(store.owned_ends().await.unwrap(), []);
}

/// Otherwise its operation would hold the lane forever, because its end is unknowable.
async fn what_cannot_be_read_keeps_no_lane(place: Place) {
    let store = place.open().await;
    let (torn, due) = (account_key(1, 1), account_key(2, 1));
    want(&store, &due, 7_200, 0).await;
    let lease = a_lease("a", 90);
    let taken = store.take(at(1), &Room::whole(10), &lease).await.unwrap();
    let mut row = taken.task.unwrap().row().clone();
    row.execution.ownership = Ownership::Ours;
    row.execution.observation = Observation::Present { at: at(1) };
    store.record(&row, &lease, false).await.unwrap();
    want(&store, &torn, 99_000, 2).await;
    tear(&place, &torn).await;
    place
        .run(&format!(
            "UPDATE assignments SET operation = 'create' WHERE hold_key = '{torn}'"
        ))
        .await;
    let lease = a_lease("b", 8_090);
    let room = Room::whole(10);
    let taken = store.take(at(8_000), &room, &lease).await.unwrap();
    let Some(Task::Send { intent, .. }) = taken.task else {
        panic!("{taken:?}");
    };
    assert_eq!(intent.key, due);
    assert_eq!((taken.in_flight.creates, taken.in_flight.deletes), (0, 1));
}

/// During an outage none is postponed: all are first in line.
async fn an_outage_ends_behind_any_number_of_them(place: Place) {
    let store = place.open().await;
    for number in 1..=9 {
        let key = account_key(number, number);
        want(&store, &key, 7_200, number).await;
        tear(&place, &key).await;
    }
    assert_eq!(store.first(at(50)).await.unwrap(), None);
    let whole = account_key(10, 10);
    want(&store, &whole, 7_200, 10).await;
    let first = store.first(at(50)).await.unwrap().map(|row| row.key);
    assert_eq!(first, Some(whole));
}

async fn one_write_puts_off_a_few(place: Place) {
    let store = place.open().await;
    for number in 1..=21 {
        want(&store, &account_key(number, number), 7_200, number).await;
    }
    place.run("UPDATE assignments SET body = '{'").await;
    let whole = account_key(22, 22);
    want(&store, &whole, 7_200, 22).await;
    let lease = a_lease("a", 140);
    let taken = store.take(at(50), &Room::whole(10), &lease).await.unwrap();
    assert_eq!((taken.task, taken.is_cut_short), (None, true));
    let taken = store.take(at(50), &Room::whole(10), &lease).await.unwrap();
    assert!(!taken.is_cut_short);
    assert_eq!(taken.task.map(|task| task.row().key.clone()), Some(whole));
}

#[tokio::test]
async fn a_body_that_is_no_text_stops_no_other() {
    let place = Place::file();
    let store = place.open().await;
    give_one(&store).await;
    let (torn, whole) = (account_key(1, 1), account_key(2, 1));
    want(&store, &whole, 7_200, 5).await;
    let ours = store.owned_ends().await.unwrap();
    garble(&place, &torn).await;
    let path = match &place {
        Place::File(folder) => folder.path().join("hallpass.db"),
        #[cfg(unix)]
        Place::Postgres(_) => unreachable!(),
    };
    assert_eq!(store.owned_ends().await.unwrap(), ours);
    let (_, read) = EndsReader::new(&path).read().unwrap();
    assert_eq!(read, ours);
    let (_, read) = EndsReader::new(&path).one(&torn).unwrap();
    assert_eq!(read.as_ref(), ours.first());
    let first = store.first(at(95)).await.unwrap().map(|row| row.key);
    assert_eq!(first, Some(whole.clone()));
    let over = Over {
        key: torn.clone(),
        operation_id: "op".to_owned(),
    };
    let noted = store.note_over(&[over], at(95), at(95)).await;
    assert_eq!(noted.unwrap(), 0);
    assert_eq!(next_key(&store, 95, "b").await, Some(whole.clone()));
    assert_eq!(keys(&store.assignments().await.unwrap()), [whole]);
    let told = store.unreadable_rows().await.unwrap();
    assert_eq!(told, [format!("assignments: {torn}")]);
    let problems = store.check().await.unwrap().problems;
    let name = format!("assignments: {torn}: ");
    assert!(
        problems.iter().any(|it| it.starts_with(&name)),
        "{problems:?}"
    );
    store.forget_future(at(5)).await.unwrap();
}

#[tokio::test]
async fn what_health_counts_a_check_names() {
    let place = Place::file();
    let store = place.open().await;
    place
        .run(
            "INSERT INTO armed_ends (hold_key, version, due, body) VALUES ('a', 0, 'now', '{');
             INSERT INTO session_cuts (grant_id, version, account, due, body) VALUES ('b', 0, '', 'now', '{')",
        )
        .await;
    let counted = store.unreadable_rows().await.unwrap();
    assert_eq!(counted, ["armed_ends: a", "session_cuts: b"]);
    let problems = store.check().await.unwrap().problems;
    for name in counted {
        assert!(
            problems.iter().any(|it| it.starts_with(&name)),
            "{problems:?}"
        );
    }
}

async fn a_lock_that_cannot_be_read_keeps_no_other(place: Place) {
    let store = place.open().await;
    let change = Change {
        locks: vec![Write::Insert(a_lock(1)), Write::Insert(a_lock(2))],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let (torn, whole) = (user(1), user(2));
    place
        .run(&format!(
            "UPDATE locks SET body = '{{}}' WHERE user_id = '{torn}'"
        ))
        .await;
    assert_eq!(store.locks().await.unwrap(), [a_lock(2)]);
    assert!(store.lock_of(&torn).await.is_err());
    assert_eq!(store.lock_of(&whole).await.unwrap(), Some(a_lock(2)));
    let told = store.unreadable_rows().await.unwrap();
    assert_eq!(told, [format!("locks: {torn}")]);
    let problems = store.check().await.unwrap().problems;
    let name = format!("locks: {torn}: ");
    let is_named = problems.iter().any(|it| it.starts_with(&name));
    assert!(is_named, "{problems:?}");
}

/// A locked or departed person loses unreadable credentials too.
async fn a_token_that_cannot_be_read_ends_with_the_others(place: Place) {
    let store = place.open().await;
    for n in 1..=2 {
        store.token_insert(&a_token(n), a_draft(n)).await.unwrap();
    }
    let torn = a_token(1).id;
    let alone = TokenRow {
        user_id: Some(user(2)),
        ..a_token(3)
    };
    store.token_insert(&alone, a_draft(3)).await.unwrap();
    place
        .run(&format!(
            "UPDATE tokens SET body = '{{\"body_version\": 99}}' WHERE id = '{torn}';
             UPDATE tokens SET body = 'x' WHERE id = '{}'",
            alone.id
        ))
        .await;
    let with = store.with_credentials(at(5)).await.unwrap();
    assert_eq!(with, [user(1), user(2)]);
    let problems = store.check().await.unwrap().problems;
    let name = format!("tokens: {torn}: ");
    let is_named = problems.iter().any(|it| it.starts_with(&name));
    assert!(is_named, "{problems:?}");
    let change = Change {
        credentials_ended: vec![(user(1), at(9)), (user(2), at(9))],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    assert_eq!(store.with_credentials(at(10)).await.unwrap(), []);
    let revoked = TokenRow {
        revoked_at: Some(at(9)),
        ..a_token(2)
    };
    assert_eq!(store.tokens().await.unwrap(), [revoked]);
}

crate::anywhere!(
    a_lock_that_cannot_be_read_keeps_no_other,
    a_token_that_cannot_be_read_ends_with_the_others,
    the_next_in_line_goes,
    what_is_ours_is_known_where_its_grant_cannot_be_read_either,
    what_cannot_be_read_keeps_no_lane,
    an_outage_ends_behind_any_number_of_them,
    one_write_puts_off_a_few,
    what_is_ours_is_still_known_by_its_columns,
);
