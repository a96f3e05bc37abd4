//! Lists, cursors, due work, and the numbers for Health.

use std::collections::BTreeMap;

use hallpass_access::{
    AccessStore, Change, Counts, Grant, GrantFilter, GrantState, GrantStateKind, Reminders,
    Request, RequestFilter, RequestState, RequestStateKind, Stuck, Write,
};
use hallpass_assignments::queue::Room;
use hallpass_base::{GrantId, HoldKey, RequestId};

use super::Store;
use crate::{
    a_grant, a_lease, a_notice, a_request, account, account_key, approved, at, ended, ending,
    forgotten, grant_id, group_key, request_id, user, wanted, with_desired, with_grant,
};

pub(super) async fn put(store: &Store, requests: Vec<Request>, grants: Vec<Grant>) {
    let change = Change {
        requests: requests.into_iter().map(Write::Insert).collect(),
        grants: grants.into_iter().map(Write::Insert).collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
}

pub(super) async fn requests(store: &Store, filter: RequestFilter, limit: u32) -> Vec<RequestId> {
    let found = store.requests(&filter, limit).await.unwrap();
    found.rows.into_iter().map(|request| request.id).collect()
}

pub(super) async fn grants(store: &Store, filter: GrantFilter, limit: u32) -> Vec<GrantId> {
    let found = store.grants(&filter, limit).await.unwrap();
    found.rows.into_iter().map(|grant| grant.id).collect()
}

pub(super) fn request_ids(numbers: &[u64]) -> Vec<RequestId> {
    numbers.iter().copied().map(request_id).collect()
}

pub(super) fn grant_ids(numbers: &[u64]) -> Vec<GrantId> {
    numbers.iter().copied().map(grant_id).collect()
}

pub(super) async fn grants_due(store: &Store, now: u64, limit: u32) -> Vec<GrantId> {
    let found = store.grants_due(at(now), limit).await.unwrap();
    found.into_iter().map(|grant| grant.id).collect()
}

async fn tell_news(store: &Store, key: &HoldKey) {
    let mut found = Vec::new();
    for n in 0..99 {
        let lease = a_lease(&format!("news {n}"), 10);
        let taken = store.take(at(5), &Room::whole(10), &lease).await.unwrap();
        let Some(task) = taken.task else { break };
        found.push((task.row().clone(), lease));
    }
    for (row, lease) in found {
        let is_it = row.key == *key;
        store.record(&row, &lease, is_it).await.unwrap();
    }
}

pub async fn lists_are_newest_first_with_a_cursor(store: Store) {
    let (asked, given) = ([3, 1, 2, 5, 4], [2, 5, 3, 4, 1]);
    put(
        &store,
        asked.map(a_request).to_vec(),
        given.map(a_grant).to_vec(),
    )
    .await;
    let all = RequestFilter::default();
    assert_eq!(
        requests(&store, all.clone(), 9).await,
        request_ids(&[5, 4, 3, 2, 1])
    );
    assert_eq!(requests(&store, all.clone(), 2).await, request_ids(&[5, 4]));
    assert_eq!(requests(&store, all, 0).await, []);
    let older = RequestFilter {
        before: Some(request_id(4)),
        ..RequestFilter::default()
    };
    assert_eq!(requests(&store, older, 2).await, request_ids(&[3, 2]));
    let all = GrantFilter::default();
    assert_eq!(
        grants(&store, all.clone(), 9).await,
        grant_ids(&[5, 4, 3, 2, 1])
    );
    assert_eq!(grants(&store, all, 1).await, grant_ids(&[5]));
    let older = GrantFilter {
        before: Some(grant_id(2)),
        ..GrantFilter::default()
    };
    assert_eq!(grants(&store, older, 9).await, grant_ids(&[1]));
}

pub async fn requests_are_filtered(store: Store) {
    let decided = Request {
        state: approved(9),
        requester: a_request(1).requester,
        key: a_request(1).key,
        ..a_request(3)
    };
    let unresolved = Request {
        key: None,
        state: RequestState::Expired { at: at(9) },
        ..a_request(4)
    };
    put(
        &store,
        vec![a_request(1), a_request(2), decided, unresolved],
        vec![],
    )
    .await;
    let none = RequestFilter::default;
    let state = |state| RequestFilter {
        state: Some(state),
        ..none()
    };
    assert_eq!(
        requests(&store, state(RequestStateKind::Pending), 9).await,
        request_ids(&[2, 1])
    );
    assert_eq!(
        requests(&store, state(RequestStateKind::Approved), 9).await,
        request_ids(&[3])
    );
    assert_eq!(
        requests(&store, state(RequestStateKind::Denied), 9).await,
        []
    );
    assert_eq!(
        requests(&store, state(RequestStateKind::Expired), 9).await,
        request_ids(&[4])
    );
    let mine = RequestFilter {
        requester: Some(user(1)),
        ..none()
    };
    assert_eq!(
        requests(&store, mine.clone(), 9).await,
        request_ids(&[3, 1])
    );
    let mine_pending = RequestFilter {
        state: Some(RequestStateKind::Pending),
        ..mine
    };
    assert_eq!(requests(&store, mine_pending, 9).await, request_ids(&[1]));
    let keyed = RequestFilter {
        key: Some(account_key(1, 1)),
        ..none()
    };
    assert_eq!(requests(&store, keyed, 9).await, request_ids(&[3, 1]));
    let elsewhere = RequestFilter {
        key: Some(account_key(1, 2)),
        ..none()
    };
    assert_eq!(requests(&store, elsewhere, 9).await, []);
}

pub async fn grants_are_filtered(store: Store) {
    let elsewhere = Grant {
        key: account_key(2, 7),
        state: GrantState::Active,
        ..a_grant(2)
    };
    let membership = Grant {
        key: group_key(1, 1),
        holder: a_grant(1).holder,
        state: ended(9),
        ..a_grant(3)
    };
    put(&store, vec![], vec![a_grant(1), elsewhere, membership]).await;
    let none = GrantFilter::default;
    let states = |states: &[GrantStateKind]| GrantFilter {
        states: states.to_vec(),
        ..none()
    };
    assert_eq!(
        grants(
            &store,
            states(&[GrantStateKind::Active, GrantStateKind::Ended]),
            9
        )
        .await,
        grant_ids(&[3, 2])
    );
    assert_eq!(
        grants(&store, states(&[GrantStateKind::Failed]), 9).await,
        []
    );
    let held = GrantFilter {
        holder: Some(user(1)),
        ..none()
    };
    assert_eq!(grants(&store, held, 9).await, grant_ids(&[3, 1]));
    for (number, found) in [(1, vec![1]), (7, vec![2]), (8, vec![])] {
        let there = GrantFilter {
            account: Some(account(number).to_string()),
            ..none()
        };
        assert_eq!(
            grants(&store, there, 9).await,
            grant_ids(&found),
            "account {number}"
        );
    }
}

pub async fn holds_are_live_grants_and_the_row(store: Store) {
    let key = account_key(1, 1);
    let on_key = |n, state| Grant {
        key: key.clone(),
        state,
        ..a_grant(n)
    };
    let failed = GrantState::Failed {
        at: at(1),
        error: "denied".to_owned(),
    };
    let all = vec![
        on_key(1, ended(9)),
        on_key(2, GrantState::Active),
        on_key(3, GrantState::Scheduled),
        on_key(4, failed),
        on_key(5, ending(9)),
        a_grant(6),
    ];
    put(&store, vec![], all).await;
    let holds = store.holds(&key).await.unwrap();
    let ids: Vec<_> = holds.grants.iter().map(|grant| grant.id).collect();
    assert_eq!(ids, grant_ids(&[2, 3, 5]));
    assert_eq!(holds.row, None);
    store
        .commit(with_desired(wanted(&key, 7_200, 1)))
        .await
        .unwrap();
    let holds = store.holds(&key).await.unwrap();
    assert_eq!(holds.row, store.assignment(&key).await.unwrap());
    assert!(holds.row.is_some());
}

pub async fn requests_are_due_by_lapse_or_reminder(store: Store) {
    let with = |n, expires, reminder: Option<u64>, state| Request {
        expires_at: expires,
        reminders: Reminders {
            sent: 0,
            next_at: reminder.map(at),
        },
        state,
        ..a_request(n)
    };
    put(
        &store,
        vec![
            with(1, Some(at(500)), Some(300), RequestState::Pending),
            with(2, Some(at(200)), None, RequestState::Pending),
            with(3, None, Some(300), RequestState::Pending),
            with(4, None, None, RequestState::Pending),
            with(5, Some(at(100)), Some(100), approved(1)),
        ],
        vec![],
    )
    .await;
    for (now, limit, due) in [
        (199, 9, vec![]),
        (200, 9, vec![2]),
        (300, 9, vec![2, 1, 3]),
        (9_999, 2, vec![2, 1]),
    ] {
        let found = store.requests_due(at(now), limit).await.unwrap();
        let ids: Vec<_> = found.into_iter().map(|request| request.id).collect();
        assert_eq!(ids, request_ids(&due), "at {now}");
    }
}

pub async fn grants_are_due_earliest_end_first(store: Store) {
    let until = |n, end, state| Grant {
        ends_at: at(end),
        state,
        warned: true,
        ..a_grant(n)
    };
    let to_be_warned = Grant {
        warned: false,
        granted_at: Some(at(0)),
        ..until(4, 7_200, GrantState::Active)
    };
    put(
        &store,
        vec![],
        vec![
            until(1, 300, GrantState::Active),
            until(2, 200, GrantState::Scheduled),
            until(3, 300, GrantState::Granting),
            to_be_warned,
            until(5, 100, ending(1)),
        ],
    )
    .await;
    assert_eq!(grants_due(&store, 199, 9).await, []);
    assert_eq!(grants_due(&store, 200, 9).await, grant_ids(&[2]));
    assert_eq!(grants_due(&store, 300, 9).await, grant_ids(&[2, 1, 3]));
    // its holder is notified a quarter of an hour before the end
    assert_eq!(grants_due(&store, 6_299, 9).await, grant_ids(&[2, 1, 3]));
    assert_eq!(grants_due(&store, 6_300, 9).await, grant_ids(&[2, 1, 3, 4]));
    assert_eq!(grants_due(&store, 6_300, 2).await, grant_ids(&[2, 1]));
}

pub async fn news_make_a_grant_due_until_it_has_seen_them(store: Store) {
    let grant = Grant {
        state: ending(1),
        ..a_grant(1)
    };
    put(&store, vec![], vec![grant.clone(), a_grant(2)]).await;
    for key in [&grant.key, &a_grant(2).key] {
        store
            .commit(with_desired(wanted(key, 7_200, 1)))
            .await
            .unwrap();
    }
    assert_eq!(grants_due(&store, 6, 9).await, []);
    tell_news(&store, &grant.key).await;
    assert_eq!(grants_due(&store, 6, 9).await, grant_ids(&[1]));
    let heard = Grant {
        seen_news: 1,
        ..grant.clone()
    };
    store
        .commit(with_grant(Write::Update(heard.clone())))
        .await
        .unwrap();
    assert_eq!(grants_due(&store, 6, 9).await, []);
    tell_news(&store, &grant.key).await;
    assert_eq!(grants_due(&store, 6, 9).await, grant_ids(&[1]));
    let over = Grant {
        version: 1,
        state: ended(7),
        ..heard
    };
    store.commit(with_grant(Write::Update(over))).await.unwrap();
    assert_eq!(grants_due(&store, 6, 9).await, []);
}

pub async fn what_is_over_is_never_due(store: Store) {
    let over = Grant {
        state: ended(3),
        ..a_grant(1)
    };
    let closed = Request {
        state: approved(3),
        ..a_request(1)
    };
    put(&store, vec![closed], vec![over]).await;
    assert_eq!(grants_due(&store, 99_999_999, 9).await, []);
    assert!(
        store
            .requests_due(at(99_999_999), 9)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(AccessStore::next_due(&*store).await.unwrap(), None);
}

pub async fn the_next_due_is_the_earliest_by_time_alone(store: Store) {
    let next = async || AccessStore::next_due(&*store).await.unwrap();
    assert_eq!(next().await, None);
    put(&store, vec![], vec![a_grant(1000)]).await;
    assert_eq!(next().await, Some(at(8_200)));
    put(&store, vec![a_request(1000)], vec![]).await;
    assert_eq!(next().await, Some(at(1_900)));
    let soon = Grant {
        ends_at: at(10),
        ..a_grant(1)
    };
    put(&store, vec![], vec![soon.clone()]).await;
    assert_eq!(next().await, Some(at(10)));
    let waits_for_news = Grant {
        state: ending(1),
        ..soon
    };
    store
        .commit(with_grant(Write::Update(waits_for_news)))
        .await
        .unwrap();
    assert_eq!(next().await, Some(at(1_900)));
}

pub async fn counts_tell_overdue_from_stuck(store: Store) {
    assert_eq!(store.counts(at(0)).await.unwrap(), Counts::default());
    let ending_at = |n, end, state| Grant {
        ends_at: at(end),
        state,
        ..a_grant(n)
    };
    let parked = Stuck {
        since: at(1),
        reason: "denied".to_owned(),
    };
    let stuck = |grant: Grant| Grant {
        stuck: Some(parked.clone()),
        ..grant
    };
    let change = Change {
        requests: vec![
            Write::Insert(a_request(1)),
            Write::Insert(a_request(2)),
            Write::Insert(Request {
                state: approved(4),
                ..a_request(3)
            }),
        ],
        grants: [
            ending_at(1, 100, GrantState::Active),
            ending_at(2, 99, ending(99)),
            stuck(ending_at(3, 99, ending(99))),
            ending_at(4, 98, ended(99)),
            stuck(ending_at(5, 98, ended(99))),
            ending_at(6, 50, GrantState::Scheduled),
        ]
        .map(Write::Insert)
        .to_vec(),
        notices: vec![a_notice(1), a_notice(2)],
        ..Change::default()
    };
    for channel in ["idle", "log"] {
        store.open_channel(channel, at(0)).await.unwrap();
    }
    store.commit(change).await.unwrap();
    let taken = store.take_notices("log", at(1), at(2), 1).await.unwrap();
    for told in taken {
        store.notice_delivered("log", told.number).await.unwrap();
    }
    let by_name = |counts: &[(&str, u64)]| -> BTreeMap<String, u64> {
        counts
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect()
    };
    let expected = Counts {
        requests: BTreeMap::from([
            (RequestStateKind::Approved, 1),
            (RequestStateKind::Pending, 2),
        ]),
        grants: BTreeMap::from([
            (GrantStateKind::Active, 1),
            (GrantStateKind::Ended, 2),
            (GrantStateKind::Ending, 2),
            (GrantStateKind::Scheduled, 1),
        ]),
        overdue: 2,
        stuck: 1,
        notices: by_name(&[("idle", 2), ("log", 1)]),
        ..Counts::default()
    };
    assert_eq!(store.counts(at(100)).await.unwrap(), expected);
    assert_eq!(store.counts(at(101)).await.unwrap().overdue, 3);
}

/// A spent row deleted and recreated in one change keeps none of its old state.
pub async fn a_row_may_go_and_come_back_in_one_change(store: Store) {
    let key = a_grant(1).key;
    store
        .commit(with_desired(wanted(&key, 50, 1)))
        .await
        .unwrap();
    tell_news(&store, &key).await;
    let old = store.assignment(&key).await.unwrap().unwrap();
    let mut change = with_desired(forgotten(&old));
    change.desired.push(wanted(&key, 900, 60));
    store.commit(change).await.unwrap();
    let fresh = store.assignment(&key).await.unwrap().unwrap();
    assert_eq!((fresh.verdict_rev, fresh.desired.until), (0, at(900)));
    assert_eq!(fresh.execution.verdict.name(), "working");
    assert!(
        fresh.desired.rev > old.desired.rev,
        "it does not pass for the old one"
    );
}

/// A hanging early end is late from its own start, not from the planned end.
pub async fn an_early_end_that_hangs_is_overdue(store: Store) {
    let grant = Grant {
        state: ending(5),
        ends_at: at(10_000),
        ..a_grant(1)
    };
    put(&store, vec![], vec![grant]).await;
    assert_eq!(store.counts(at(5)).await.unwrap().overdue, 0);
    assert_eq!(store.counts(at(6)).await.unwrap().overdue, 1);
}

/// Notices are counted per row: a recreated row starts over.
pub async fn news_of_a_forgotten_row_are_forgotten(store: Store) {
    let grant = Grant {
        state: ending(1),
        ..a_grant(1)
    };
    put(&store, vec![], vec![grant.clone()]).await;
    store
        .commit(with_desired(wanted(&grant.key, 7_200, 1)))
        .await
        .unwrap();
    assert_eq!(store.counts(at(0)).await.unwrap().unsettled, 1);
    tell_news(&store, &grant.key).await;
    assert_eq!(grants_due(&store, 6, 9).await, grant_ids(&[1]));
    let later = Grant {
        id: grant_id(2),
        ends_at: at(0),
        ..grant.clone()
    };
    put(&store, vec![], vec![later]).await;
    assert_eq!(grants_due(&store, 6, 9).await, grant_ids(&[2, 1]));
    let row = store.assignment(&grant.key).await.unwrap().unwrap();
    store.commit(with_desired(forgotten(&row))).await.unwrap();
    assert_eq!(grants_due(&store, 6, 9).await, []);
    store
        .commit(with_desired(wanted(&grant.key, 7_200, 1)))
        .await
        .unwrap();
    assert_eq!(grants_due(&store, 6, 9).await, []);
}
