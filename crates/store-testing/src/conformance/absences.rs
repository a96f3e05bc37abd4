//! Absences: stored over what was read, and listed while they last.

use hallpass_access::{Absence, Change, Write};

use super::Store;
use crate::{an_absence, at, user};

async fn write(store: &Store, write: Write<Absence>) -> bool {
    let change = Change {
        absences: vec![write],
        ..Change::default()
    };
    store.commit(change).await.is_ok()
}

pub async fn an_absence_is_written_over_what_was_read(store: Store) {
    assert_eq!(store.absence_of(&user(1)).await.unwrap(), None);
    assert!(write(&store, Write::Insert(an_absence(1))).await);
    assert!(!write(&store, Write::Insert(an_absence(1))).await, "twice");
    let stored = store.absence_of(&user(1)).await.unwrap().unwrap();
    assert_eq!(stored, an_absence(1));
    let longer = Absence {
        until: at(9_000),
        ..stored
    };
    assert!(write(&store, Write::Update(longer.clone())).await);
    assert!(!write(&store, Write::Update(longer.clone())).await, "stale");
    let expected = Absence {
        version: 1,
        ..longer
    };
    assert_eq!(store.absence_of(&user(1)).await.unwrap(), Some(expected));
}

pub async fn absences_are_listed_while_they_last(store: Store) {
    for n in 1..=3 {
        assert!(write(&store, Write::Insert(an_absence(n))).await);
    }
    let listed = async |now| store.absences(at(now)).await.unwrap();
    assert_eq!(
        listed(1_001).await,
        [an_absence(2), an_absence(3)],
        "the first is over at that instant"
    );
    assert_eq!(listed(0).await.len(), 3);
    assert!(listed(1_003).await.is_empty());
}
