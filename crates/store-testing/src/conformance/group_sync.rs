//! Memberships that follow attributes.

use hallpass_access::{
    Change, GroupSyncItem, GroupSyncOutcome, GroupSyncRun, GroupSyncState, GroupSyncWrite,
    MembershipChange,
};
use hallpass_base::TargetNames;

use super::Store;
use super::sweeps::raced;
use crate::{account_key, at};

pub(super) fn an_item(user: u64) -> GroupSyncItem {
    GroupSyncItem {
        key: account_key(user, 1),
        names: TargetNames::Group {
            group: "oncall".to_owned(),
        },
        who: "ana@acme.example".to_owned(),
        email: "ana@acme.example".parse().ok(),
        change: MembershipChange::Add,
        why: "rule 1: department payments".to_owned(),
        state: GroupSyncState::Working { since: at(10) },
        version: 0,
    }
}

pub(super) fn a_run(seconds: u64, version: u64) -> GroupSyncRun {
    GroupSyncRun {
        began: at(seconds),
        ended: at(seconds + 1),
        outcome: GroupSyncOutcome::Failed {
            error: "AWS does not answer".to_owned(),
        },
        version,
    }
}

fn change(write: GroupSyncWrite) -> Change {
    Change {
        group_sync_items: vec![write],
        ..Change::default()
    }
}

pub async fn a_membership_under_way_is_guarded_by_version(store: Store) {
    let (first, second) = (an_item(2), an_item(1));
    for item in [&first, &second] {
        let insert = change(GroupSyncWrite::Insert(item.clone()));
        store.commit(insert).await.unwrap();
    }
    let items = store.group_sync_items().await.unwrap();
    assert_eq!(items, [second.clone(), first.clone()]);
    let again = store
        .commit(change(GroupSyncWrite::Insert(first.clone())))
        .await;
    assert!(raced(&again), "{again:?}");
    let refused = GroupSyncItem {
        state: GroupSyncState::Refused {
            at: at(20),
            reason: "it is provisioned".to_owned(),
        },
        ..first.clone()
    };
    store
        .commit(change(GroupSyncWrite::Update(refused.clone())))
        .await
        .unwrap();
    for late in [
        GroupSyncWrite::Update(refused.clone()),
        GroupSyncWrite::Remove(first),
    ] {
        let late = store.commit(change(late)).await;
        assert!(raced(&late), "{late:?}");
    }
    let kept = GroupSyncItem {
        version: 1,
        ..refused
    };
    let items = store.group_sync_items().await.unwrap();
    assert_eq!(items, [second.clone(), kept.clone()]);
    for gone in [kept, second] {
        let remove = change(GroupSyncWrite::Remove(gone));
        store.commit(remove).await.unwrap();
    }
    assert_eq!(store.group_sync_items().await.unwrap(), []);
}

pub async fn the_newest_comparison_is_kept_over_the_one_that_was_read(store: Store) {
    assert_eq!(store.group_sync_run().await.unwrap(), None);
    let keep = |run: GroupSyncRun| Change {
        group_sync_run: Some(run),
        ..Change::default()
    };
    store.commit(keep(a_run(10, 0))).await.unwrap();
    for late in [a_run(20, 0), a_run(20, 2)] {
        let late = store.commit(keep(late)).await;
        assert!(raced(&late), "{late:?}");
    }
    assert_eq!(store.group_sync_run().await.unwrap(), Some(a_run(10, 1)));
    store.commit(keep(a_run(30, 1))).await.unwrap();
    assert_eq!(store.group_sync_run().await.unwrap(), Some(a_run(30, 2)));
}
