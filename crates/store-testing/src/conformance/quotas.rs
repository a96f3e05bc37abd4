//! Quotas: stored items per person are counted in the store.

use hallpass_access::{
    Change, CommitError, Grant, OverQuota, Quota, QuotaUse, Request, RequestState, Write,
};

use super::Store;
use crate::{
    a_draft, a_grant, a_request, account_key, an_answer, at, grant_id, person, request_id, user,
};

const MOST: u32 = 2;
const DAY: u64 = 86_400;

fn of(quota: Quota, over: OverQuota, change: Change) -> (Change, OverQuota) {
    let quotas = vec![QuotaUse {
        quota,
        adds: 1,
        most: MOST,
    }];
    (Change { quotas, ..change }, over)
}

fn granting(grant: Grant) -> Change {
    Change {
        grants: vec![Write::Insert(grant)],
        ..Change::default()
    }
}

fn changes(n: u64, whose: u64) -> Vec<(Change, OverQuota)> {
    let request = |state| Request {
        requester: person(whose),
        state,
        ..a_request(n)
    };
    let rejected = RequestState::Rejected {
        at: at(n),
        code: "invalid".to_owned(),
        detail: "no such account".to_owned(),
    };
    let grant = Grant {
        key: account_key(whose, 1),
        ..a_grant(n)
    };
    // each of another target
    let another = Grant {
        holder: person(whose + 10),
        key: account_key(whose + 10, n),
        ..a_grant(n)
    };
    let mut answer = an_answer(n, &format!("key {n}"));
    answer.actor = user(whose);
    vec![
        of(
            Quota::WaitingRequests(user(whose)),
            OverQuota::WaitingRequests(MOST),
            Change {
                requests: vec![Write::Insert(request(RequestState::Pending))],
                ..Change::default()
            },
        ),
        of(
            Quota::RefusedRequests(user(whose)),
            OverQuota::RefusedRequests(MOST),
            Change {
                requests: vec![Write::Insert(request(rejected))],
                audit: vec![a_draft(n)],
                ..Change::default()
            },
        ),
        of(
            Quota::RefusedPresses(user(whose)),
            OverQuota::RefusedPresses(MOST),
            Change {
                audit: vec![a_draft(n)],
                ..Change::default()
            },
        ),
        of(
            Quota::Holds(account_key(whose, 1)),
            OverQuota::Holds(MOST),
            granting(grant),
        ),
        of(
            Quota::LiveGrants(user(whose + 10)),
            OverQuota::LiveGrants(MOST),
            granting(another),
        ),
        of(
            Quota::IdempotencyKeys(user(whose)),
            OverQuota::IdempotencyKeys(MOST),
            Change {
                answer: Some(answer),
                ..Change::default()
            },
        ),
    ]
}

pub async fn what_is_over_a_quota_is_not_stored(store: Store) {
    let kinds = changes(1, 1).len();
    let nth = |kind: usize, turn: u64| turn * 10 + kind as u64;
    for kind in 0..kinds {
        let change = |turn, whose| changes(nth(kind, turn), whose).swap_remove(kind);
        for turn in 1..=u64::from(MOST) {
            let (change, what) = change(turn, 1);
            let stored = store.commit(change).await;
            assert!(stored.is_ok(), "{what} {turn}: {stored:?}");
        }
        let head = store.head().await.unwrap();
        let (over, what) = change(3, 1);
        let refused = store.commit(over).await;
        assert!(
            matches!(&refused, Err(CommitError::OverQuota(found)) if *found == what),
            "{what}: {refused:?}"
        );
        let n = nth(kind, 3);
        assert_eq!(store.head().await.unwrap(), head, "{what}");
        assert_eq!(store.request(request_id(n)).await.unwrap(), None, "{what}");
        assert_eq!(store.grant(grant_id(n)).await.unwrap(), None, "{what}");
        let answer = store.answer(&user(1), &format!("key {n}")).await.unwrap();
        assert_eq!(answer, None, "{what}");
        let (others, what) = change(4, 2);
        store
            .commit(others)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let mut later = an_answer(1, "key of another day");
    later.actor = user(1);
    later.request = None;
    later.until = at(3 * DAY);
    let key = Change {
        answer: Some(later),
        ..Change::default()
    };
    let (key, _) = of(
        Quota::IdempotencyKeys(user(1)),
        OverQuota::IdempotencyKeys(MOST),
        key,
    );
    store.commit(key).await.unwrap();
    for kind in [1, 2] {
        let n = DAY + nth(kind, 5);
        let (change, what) = changes(n, 1).swap_remove(kind);
        store
            .commit(change)
            .await
            .unwrap_or_else(|error| panic!("{what}: {error}"));
    }
    let waited = a_request(nth(0, 1));
    let denied = Request {
        requester: person(1),
        state: RequestState::Expired { at: at(9) },
        ..waited
    };
    let decided = Change {
        requests: vec![Write::Update(denied)],
        ..Change::default()
    };
    store.commit(decided).await.unwrap();
    let (change, _) = changes(nth(0, 6), 1).swap_remove(0);
    store.commit(change).await.unwrap();
}
