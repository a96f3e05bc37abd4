//! Sessions that outlive grants: added with the end, settled together.

use hallpass_access::{Change, NoticeKind, OutlivingSessions};
use hallpass_audit::{Draft, Event, Origin};
use hallpass_base::{AuditId, Timestamp};
use hallpass_enforcement::session_revocation::{
    SessionRevocation, SessionRevocationChange, SessionRevocationNews, SessionRevocationState,
};
use uuid::Uuid;

use super::Store;
use crate::{a_grant, at};

fn sessions(n: u64, now: Timestamp) -> OutlivingSessions {
    let grant = a_grant(n);
    OutlivingSessions {
        grant: grant.id,
        request: grant.request,
        holder: grant.holder.email,
        key: grant.key,
        names: grant.names,
        at: now,
        issued_before: now,
        until: at(9_000),
    }
}

fn record(n: u128) -> Draft {
    let id = AuditId::new(Uuid::from_u128(n));
    Draft::new(id, Event::SessionsCut, at(20), "hallpass", Origin::System)
}

pub async fn cuts_are_added_with_a_change_and_open_until_they_are_gone(store: Store) {
    let change = Change {
        sessions_to_revoke: vec![sessions(2, at(10)), sessions(1, at(10))],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let open = store.open_session_revocations().await.unwrap();
    let grants: Vec<_> = open.iter().map(|revocation| revocation.grant).collect();
    assert_eq!(grants, [a_grant(1).id, a_grant(2).id]);
    let first = open[0].clone();
    assert_eq!(
        (first.state, first.due),
        (SessionRevocationState::Wanted, at(10))
    );
    let gone = SessionRevocation {
        state: SessionRevocationState::Gone { at: at(30) },
        ..first.clone()
    };
    store
        .settle_session_revocations(SessionRevocationChange {
            revocations: vec![gone],
            ..SessionRevocationChange::default()
        })
        .await
        .unwrap();
    assert_eq!(store.open_session_revocations().await.unwrap().len(), 1);
    let read = store
        .session_revocation(first.grant)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(read.state, SessionRevocationState::Gone { at: at(30) });
    assert_eq!(read.version, first.version + 1);
}

pub async fn cuts_are_settled_whole_over_the_version_that_was_read(store: Store) {
    store.open_channel("test", at(1)).await.unwrap();
    let change = Change {
        sessions_to_revoke: vec![sessions(1, at(10)), sessions(2, at(10))],
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let open = store.open_session_revocations().await.unwrap();
    let told = SessionRevocationNews {
        grant: open[0].grant,
        request: open[0].request,
        at: at(20),
        why: "they go on".to_owned(),
        until: at(90),
    };
    let applied = |revocation: &SessionRevocation| SessionRevocation {
        state: SessionRevocationState::Applied { at: at(20) },
        ..revocation.clone()
    };
    let revocations = vec![applied(&open[0]), applied(&open[1])];
    let settled = store.settle_session_revocations(SessionRevocationChange {
        revocations,
        records: vec![record(1)],
        news: vec![told.clone()],
    });
    settled.await.unwrap();
    // the second was settled since it was read: this change is refused whole
    let newest = store
        .session_revocation(open[0].grant)
        .await
        .unwrap()
        .unwrap();
    let stale = vec![newest.clone(), open[1].clone()];
    let refused = store
        .settle_session_revocations(SessionRevocationChange {
            revocations: stale,
            records: vec![record(2)],
            news: vec![told],
        })
        .await;
    assert!(refused.is_err());
    assert_eq!(
        store
            .session_revocation(newest.grant)
            .await
            .unwrap()
            .unwrap(),
        newest
    );
    assert_eq!(store.records_from(1, 9).await.unwrap().len(), 1);
    let waiting = store.take_notices("test", at(30), at(40), 9).await.unwrap();
    let news: Vec<NoticeKind> = waiting
        .iter()
        .filter_map(|it| Some(it.notice()?.kind()))
        .collect();
    assert_eq!(news, [NoticeKind::SessionsLive]);
}
