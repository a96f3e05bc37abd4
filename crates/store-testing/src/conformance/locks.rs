//! Locks of people: stored with their change, and guarding others.

use std::collections::BTreeSet;

use hallpass_access::{Change, Lifted, Lock, LocksSeen, Write};
use hallpass_base::UserId;

use super::Store;
use super::changes::raced;
use crate::{a_lock, a_request, at, person, request_id, user};

async fn write(store: &Store, write: Write<Lock>) -> bool {
    let change = Change {
        locks: vec![write],
        ..Change::default()
    };
    store.commit(change).await.is_ok()
}

pub async fn a_lock_is_written_over_what_was_read_and_no_other(store: Store) {
    assert_eq!(store.lock_of(&user(1)).await.unwrap(), None);
    assert!(write(&store, Write::Insert(a_lock(1))).await);
    assert!(!write(&store, Write::Insert(a_lock(1))).await, "twice");
    assert!(write(&store, Write::Insert(a_lock(2))).await);
    let stored = store.lock_of(&user(1)).await.unwrap().unwrap();
    assert_eq!(stored, a_lock(1));
    assert_eq!(store.locks().await.unwrap(), [a_lock(1), a_lock(2)]);
    let lifted = Lock {
        lifted: Some(Lifted {
            by: person(900),
            at: at(9),
            reason: "found".to_owned(),
        }),
        ..stored
    };
    assert!(write(&store, Write::Update(lifted.clone())).await);
    assert!(!write(&store, Write::Update(lifted.clone())).await, "stale");
    let stored = store.lock_of(&user(1)).await.unwrap().unwrap();
    assert_eq!(
        stored,
        Lock {
            version: 1,
            ..lifted
        }
    );
    assert_eq!(store.locks().await.unwrap(), [a_lock(2)]);
}

/// Returns existing locks, lifted or not.
pub async fn locks_of_some_are_read_together(store: Store) {
    assert!(store.locks_of(&[]).await.unwrap().is_empty());
    for n in 1..=300 {
        let lock = Lock {
            lifted: (n == 2).then(|| Lifted {
                by: person(900),
                at: at(9),
                reason: "found".to_owned(),
            }),
            ..a_lock(n)
        };
        assert!(write(&store, Write::Insert(lock)).await);
    }
    let some = [user(2), user(4), user(901)];
    let found = store.locks_of(&some).await.unwrap();
    let whose = |found: &[Lock]| -> BTreeSet<UserId> {
        found.iter().map(|it| it.person.user.clone()).collect()
    };
    assert_eq!(whose(&found), BTreeSet::from([user(2), user(4)]));
    assert_eq!(found.iter().filter(|it| it.lifted.is_some()).count(), 1);
    let many: Vec<UserId> = (1..=300).map(user).collect();
    let found = store.locks_of(&many).await.unwrap();
    assert_eq!(whose(&found), many.into_iter().collect());
}

/// A change decided before a lock is not committed after it.
pub async fn a_change_is_refused_when_a_lock_is_not_as_it_was_seen(store: Store) {
    let change = |seen: Option<Lock>| {
        let mut locks_seen = LocksSeen::default();
        locks_seen.add(user(1), seen);
        Change {
            requests: vec![Write::Insert(a_request(1))],
            locks_seen,
            ..Change::default()
        }
    };
    assert!(write(&store, Write::Insert(a_lock(1))).await);
    assert!(raced(&store.commit(change(None)).await));
    assert_eq!(store.request(request_id(1)).await.unwrap(), None);
    let stored = store.lock_of(&user(1)).await.unwrap();
    assert!(write(&store, Write::Update(stored.clone().unwrap())).await);
    assert!(raced(&store.commit(change(stored)).await));
    let newest = store.lock_of(&user(1)).await.unwrap();
    store.commit(change(newest)).await.unwrap();
    assert!(store.request(request_id(1)).await.unwrap().is_some());
}
