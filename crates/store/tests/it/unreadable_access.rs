//! Unreadable requests and grants: lists continue, no decision uses a partial key, and all stores
//! report alike.

use std::collections::BTreeMap;
use std::sync::Arc;

use hallpass_access::{
    Change, Grant, GrantFilter, GrantState, GrantStateKind, PastQuery, ReadError, Request,
    RequestFilter, RequestState, RequestStateKind, Subject, UnreadGrant, Write,
};
use hallpass_base::{GrantId, RequestId, TargetNames};
use hallpass_store::MemoryStore;
use hallpass_store_testing::conformance::Store;
use hallpass_store_testing::{
    a_grant, a_request, account, account_key, at, ended, ending, grant_id, group_key, request_id,
    user, with_grant, with_request,
};

use crate::Place;

pub(crate) enum Bench {
    At(Place),
    InMemory(MemoryStore),
}

impl Bench {
    async fn store(&self) -> Store {
        match self {
            Self::At(place) => Arc::new(place.open().await),
            Self::InMemory(store) => Arc::new(store.clone()),
        }
    }

    async fn tear_grant(&self, n: u64) {
        match self {
            Self::At(place) => tear(place, "grants", &grant_id(n).to_string()).await,
            Self::InMemory(store) => store.tear_grant(grant_id(n)),
        }
    }

    async fn tear_request(&self, n: u64) {
        match self {
            Self::At(place) => tear(place, "requests", &request_id(n).to_string()).await,
            Self::InMemory(store) => store.tear_request(request_id(n)),
        }
    }
}

async fn tear(place: &Place, table: &str, id: &str) {
    place
        .run(&format!(
            "UPDATE {table} SET body = substr(body, 1, length(body) - 5) WHERE id = '{id}'"
        ))
        .await;
}

async fn put_grant(store: &Store, grant: Grant) {
    store
        .commit(with_grant(Write::Insert(grant)))
        .await
        .unwrap();
}

async fn put_both(store: &Store, n: u64) {
    let change = Change {
        grants: vec![Write::Insert(a_grant(n))],
        ..with_request(Write::Insert(a_request(n)))
    };
    store.commit(change).await.unwrap();
}

async fn all_grants(store: &Store, filter: &GrantFilter, limit: u32) -> Vec<GrantId> {
    let (mut filter, mut ids) = (filter.clone(), Vec::new());
    for _ in 0..20 {
        let page = store.grants(&filter, limit).await.unwrap();
        ids.extend(page.rows.iter().map(|grant| grant.id));
        match page.next {
            None => return ids,
            next => filter.before = next,
        }
    }
    panic!("pages without end");
}

async fn all_requests(store: &Store, filter: &RequestFilter, limit: u32) -> Vec<RequestId> {
    let (mut filter, mut ids) = (filter.clone(), Vec::new());
    for _ in 0..20 {
        let page = store.requests(&filter, limit).await.unwrap();
        ids.extend(page.rows.iter().map(|request| request.id));
        match page.next {
            None => return ids,
            next => filter.before = next,
        }
    }
    panic!("pages without end");
}

async fn listings_go_on_behind_it(bench: Bench) {
    let store = bench.store().await;
    for n in 1..=5 {
        put_both(&store, n).await;
    }
    for (torn, left) in [
        (&[][..], &[5, 4, 3, 2, 1][..]),
        (&[3], &[5, 4, 2, 1]),
        (&[5], &[4, 2, 1]),
        (&[1], &[4, 2]),
        (&[4, 2], &[]),
    ] {
        for n in torn {
            bench.tear_grant(*n).await;
            bench.tear_request(*n).await;
        }
        let grants: Vec<GrantId> = left.iter().map(|n| grant_id(*n)).collect();
        let requests: Vec<RequestId> = left.iter().map(|n| request_id(*n)).collect();
        let of_account = Some(account(1).to_string());
        for limit in [1, 2, 3, 99] {
            for filter in [
                GrantFilter::default(),
                GrantFilter {
                    states: GrantStateKind::LIVE.to_vec(),
                    ..GrantFilter::default()
                },
                GrantFilter {
                    states: vec![GrantStateKind::Scheduled],
                    ..GrantFilter::default()
                },
                GrantFilter {
                    account: of_account.clone(),
                    ..GrantFilter::default()
                },
            ] {
                let found = all_grants(&store, &filter, limit).await;
                assert_eq!(found, grants, "{torn:?} {limit} {filter:?}");
            }
            for state in [None, Some(RequestStateKind::Pending)] {
                let filter = RequestFilter {
                    state,
                    ..RequestFilter::default()
                };
                let found = all_requests(&store, &filter, limit).await;
                assert_eq!(found, requests, "{torn:?} {limit} {filter:?}");
            }
        }
    }
}

async fn what_is_asked_for_by_its_id_or_key_is_an_error_and_nothing_else(bench: Bench) {
    let store = bench.store().await;
    for n in 1..=3 {
        put_both(&store, n).await;
    }
    put_grant(
        &store,
        Grant {
            key: account_key(2, 1),
            ..a_grant(4)
        },
    )
    .await;
    bench.tear_grant(2).await;
    bench.tear_request(3).await;
    let wrong = store.grant(grant_id(2)).await;
    assert!(matches!(wrong, Err(ReadError(_))), "{wrong:?}");
    let wrong = store.request(request_id(3)).await;
    assert!(matches!(wrong, Err(ReadError(_))), "{wrong:?}");
    // a partial key decides nothing
    let wrong = store.holds(&account_key(2, 1)).await.map(|it| it.grants);
    let ReadError(words) = wrong.unwrap_err();
    assert!(words.contains(&grant_id(2).to_string()), "{words}");
    for n in [1, 3] {
        assert_eq!(store.grant(grant_id(n)).await, Ok(Some(a_grant(n))));
        let holds = store.holds(&account_key(n, 1)).await.unwrap();
        assert_eq!(holds.grants, [a_grant(n)]);
    }
    assert_eq!(store.request(request_id(2)).await, Ok(Some(a_request(2))));
    put_given(&store, 5).await;
    bench.tear_grant(5).await;
    let holds = store.holds(&account_key(5, 1)).await.unwrap();
    assert_eq!(holds.grants, []);
}

async fn what_is_due_goes_before_it(bench: Bench) {
    let store = bench.store().await;
    for n in 1..=4 {
        put_both(&store, n).await;
    }
    for n in [1, 2] {
        bench.tear_grant(n).await;
        bench.tear_request(n).await;
    }
    let now = at(90_000);
    for (limit, expected) in [(0, &[][..]), (1, &[3]), (2, &[3, 4]), (9, &[3, 4])] {
        let grants: Vec<GrantId> = expected.iter().map(|n| grant_id(*n)).collect();
        let requests: Vec<RequestId> = expected.iter().map(|n| request_id(*n)).collect();
        let ids = |rows: Vec<Grant>| rows.iter().map(|it| it.id).collect::<Vec<_>>();
        let due = ids(store.grants_due(now, limit).await.unwrap());
        let late = ids(store.grants_late(now, limit).await.unwrap());
        assert_eq!((&due, &late), (&grants, &grants), "{limit}");
        let due = store.requests_due(now, limit).await.unwrap();
        let due: Vec<RequestId> = due.iter().map(|it: &Request| it.id).collect();
        assert_eq!(due, requests, "{limit}");
    }
}

fn given(n: u64) -> Grant {
    Grant {
        granted_at: Some(at(n)),
        state: ended(n + 1),
        ..a_grant(n)
    }
}

async fn put_given(store: &Store, n: u64) {
    put_grant(store, a_grant(n)).await;
    let steps = [
        GrantState::Granting,
        GrantState::Active,
        ending(n),
        ended(n + 1),
    ];
    for state in steps {
        let grant = store.grant(grant_id(n)).await.unwrap().unwrap();
        let grant = Grant {
            granted_at: Some(at(n)),
            state,
            ..grant
        };
        store
            .commit(with_grant(Write::Update(grant)))
            .await
            .unwrap();
    }
}

async fn the_past_counts_it_and_tells_of_the_next(bench: Bench) {
    let store = bench.store().await;
    for n in 1..=3 {
        put_given(&store, n).await;
    }
    let query = PastQuery {
        subject: Subject::of(&a_grant(1).key.target, &a_grant(1).names).unwrap(),
        holder: None,
        from: grant_id(1),
        before: grant_id(9),
    };
    for (torn, newest) in [(3, Some(2)), (1, Some(2)), (2, None)] {
        bench.tear_grant(torn).await;
        let past = store.past(&query).await.unwrap();
        assert_eq!(past.count, 3);
        let expected = newest.map(|n| Grant {
            version: 4,
            ..given(n)
        });
        assert_eq!(past.newest, expected, "{torn}");
    }
}

async fn whose_it_is_is_known_by_its_columns(bench: Bench) {
    let store = bench.store().await;
    for n in [1, 2, 3] {
        put_given(&store, n).await;
    }
    put_grant(&store, a_grant(4)).await;
    put_grant(&store, a_grant(5)).await;
    let group = group_key(6, 1);
    put_grant(
        &store,
        Grant {
            key: group.clone(),
            names: TargetNames::Group {
                group: "oncall".to_owned(),
            },
            ..a_grant(6)
        },
    )
    .await;
    assert_eq!(store.grants_unread(grant_id(1)).await, Ok(vec![]));
    for n in [1, 3, 4, 6] {
        bench.tear_grant(n).await;
    }
    let mut found = store.grants_unread(grant_id(2)).await.unwrap();
    found.sort_by_key(|grant| grant.id);
    let unread = |n: u64, key| UnreadGrant {
        id: grant_id(n),
        key,
        holder: user(n),
        account: Some(account(1).to_string()),
    };
    let expected = [
        unread(3, None),
        unread(4, Some(account_key(4, 1))),
        UnreadGrant {
            account: None,
            ..unread(6, Some(group))
        },
    ];
    assert_eq!(found, expected);
}

macro_rules! everywhere {
    ($($name:ident),+ $(,)?) => {
        pub(crate) mod in_a_database {
            $(async fn $name(place: crate::Place) {
                super::$name(super::Bench::At(place)).await;
            })+
            crate::anywhere!($($name),+);
        }
        mod in_memory {
            $(#[tokio::test]
            async fn $name() {
                super::$name(super::Bench::InMemory(hallpass_store::MemoryStore::new())).await;
            })+
        }
    };
}

everywhere!(
    listings_go_on_behind_it,
    what_is_asked_for_by_its_id_or_key_is_an_error_and_nothing_else,
    what_is_due_goes_before_it,
    the_past_counts_it_and_tells_of_the_next,
    whose_it_is_is_known_by_its_columns,
);

async fn an_armed_end_that_cannot_be_read_hides_no_other(place: Place) {
    let store: Store = Arc::new(place.open().await);
    let keys: Vec<_> = (1..=9).map(|n| account_key(n, 1)).collect();
    place
        .run(&format!(
            "INSERT INTO armed_ends (hold_key, version, due, body) VALUES ('{}', 0, 'now', '{{')",
            keys[0]
        ))
        .await;
    for keys in [&keys[..1], &keys[..]] {
        assert_eq!(store.armed_ends(keys).await, Ok(BTreeMap::new()));
    }
}

/// Health does not read the whole past: it learns from lists, and drops repaired rows.
async fn health_names_what_lists_came_upon(place: Place) {
    let store = place.open().await;
    let kept: Store = Arc::new(store.clone());
    let asked = with_request(Write::Insert(a_request(1)));
    kept.commit(asked).await.unwrap();
    let request = Request {
        state: RequestState::Expired { at: at(3) },
        ..kept.request(request_id(1)).await.unwrap().unwrap()
    };
    let over = with_request(Write::Update(request));
    kept.commit(over).await.unwrap();
    put_given(&kept, 1).await;
    put_grant(&kept, a_grant(2)).await;
    for n in [1, 2] {
        tear(&place, "grants", &grant_id(n).to_string()).await;
    }
    tear(&place, "requests", &request_id(1).to_string()).await;
    let live = format!("grants: {}", grant_id(2));
    assert!(store.unreadable_rows().await.unwrap().contains(&live));
    assert_eq!(all_grants(&kept, &GrantFilter::default(), 9).await, []);
    assert_eq!(all_requests(&kept, &RequestFilter::default(), 9).await, []);
    let named = [
        format!("grants: {}", grant_id(1)),
        live,
        format!("requests: {}", request_id(1)),
    ];
    assert_eq!(store.unreadable_rows().await.unwrap(), named);
    let problems = store.check().await.unwrap().problems;
    for name in &named {
        let of_it = |problem: &String| problem.starts_with(name);
        assert!(problems.iter().any(of_it), "{name}: {problems:?}");
    }
    place.run("DELETE FROM grants").await;
    let left = store.unreadable_rows().await.unwrap();
    assert_eq!(left, named[2..]);
}

pub(crate) mod of_health {
    use super::{
        an_armed_end_that_cannot_be_read_hides_no_other, health_names_what_lists_came_upon,
    };

    crate::anywhere!(
        an_armed_end_that_cannot_be_read_hides_no_other,
        health_names_what_lists_came_upon,
    );
}
