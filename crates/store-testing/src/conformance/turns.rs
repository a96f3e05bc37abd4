//! One person's backlog neither delays others nor makes requests read more.

use hallpass_access::{Grant, GrantState, PlannedStart, Request};
use hallpass_base::RequestId;

use super::Store;
use super::queries::{grant_ids, grants_due, put, request_ids};
use crate::{a_grant, a_request, account_key, approved, at, grant_id, person, request_id};

pub async fn one_person_s_load_does_not_come_before_what_others_have_due(store: Store) {
    let load: Vec<u64> = (1..=40).collect();
    let waits = |n: u64, who: u64, expires| Request {
        requester: person(who),
        key: Some(account_key(who, n)),
        expires_at: Some(at(expires)),
        ..a_request(n)
    };
    let holds = |n: u64, who: u64, end| Grant {
        key: account_key(who, n),
        holder: person(who),
        ends_at: at(end),
        state: GrantState::Active,
        warned: true,
        ..a_grant(n)
    };
    let others = [(50, 2, 300), (51, 3, 200), (52, 2, 400)];
    let requests = load.iter().map(|n| waits(*n, 1, 100 + n));
    let requests = requests.chain(others.map(|(n, who, at)| waits(n, who, at)));
    let grants = load.iter().map(|n| Grant {
        key: account_key(1, 1),
        ..holds(*n, 1, 100 + n)
    });
    let grants = grants.chain(others.map(|(n, who, at)| holds(n, who, at)));
    put(&store, requests.collect(), grants.collect()).await;
    let first = [1, 51, 50, 2, 52, 3, 4];
    let due = store.requests_due(at(500), 7).await.unwrap();
    let due: Vec<RequestId> = due.iter().map(|request| request.id).collect();
    assert_eq!(due, request_ids(&first));
    assert_eq!(grants_due(&store, 500, 7).await, grant_ids(&first));
}

pub async fn a_pending_request_is_found_by_its_dedupe_key(store: Store) {
    let later = Request {
        start: Some(PlannedStart {
            at: at(900),
            agreed: None,
        }),
        ..a_request(1)
    };
    let extension = Request {
        id: request_id(2),
        extends: Some(grant_id(7)),
        ..a_request(1)
    };
    let decided = Request {
        state: approved(3),
        ..a_request(3)
    };
    put(&store, vec![later, extension, decided], vec![]).await;
    let (key, other) = (account_key(1, 1), account_key(3, 1));
    for (key, extends, starts_at, found) in [
        (&key, None, Some(at(900)), Some(1)),
        (&key, Some(grant_id(7)), None, Some(2)),
        (&key, None, None, None),
        (&key, None, Some(at(901)), None),
        (&key, Some(grant_id(8)), None, None),
        (&other, None, None, None),
    ] {
        let wanted = Request::dedupe_key_of(key, extends, starts_at);
        let pending = store.pending_request(&wanted).await.unwrap();
        assert_eq!(pending.map(|it| it.id), found.map(request_id), "{wanted}");
    }
}
