//! Both session stores against the same cases, and records about tokens.

use std::collections::BTreeSet;

use hallpass_access::Origin;
use hallpass_access::identity::{
    Browsing, NewToken, Owner, SessionStore, SignedIn, TokenScope, TokenStore, WebSession,
    WhichSessions,
};
use hallpass_base::{Email, TimeSpan, UserId};
use uuid::Uuid;

use super::*;
use crate::{MemorySessions, SqlStore};

struct CountedIds(std::sync::atomic::AtomicU64);

impl IdSource for CountedIds {
    fn next(&self, now: Timestamp) -> Uuid {
        let n = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let mut random = [0_u8; 10];
        random[2..].copy_from_slice(&n.to_be_bytes());
        let millisecond = u64::try_from(now.as_millisecond()).unwrap();
        uuid::Builder::from_unix_timestamp_millis(millisecond, &random).into_uuid()
    }
}

fn ids(first: u64) -> Arc<dyn IdSource> {
    Arc::new(CountedIds(first.into()))
}

fn ana() -> UserId {
    "00000001-0000-4000-8000-000000000000".parse().unwrap()
}

fn session(hash: &str, subject: &str) -> WebSession {
    let at = |second: i64| Timestamp::from_second(1_780_000_000 + second).unwrap();
    WebSession {
        hash: hash.to_owned(),
        user: Email::new("Ana@corp.example").unwrap(),
        user_id: Some(ana()),
        secondary_domain: false,
        signed_in: SignedIn::Oidc {
            issuer: "https://id".to_owned(),
            subject: subject.to_owned(),
            sid: None,
            id_token: Some("a.b.c".to_owned()),
            auth_time: None,
            acr: None,
        },
        began_at: at(0),
        seen_at: at(0),
        renewed_at: at(0),
        ends_at: at(3600),
        browsing: Browsing::default(),
        csrf: "c".to_owned(),
        previous: None,
        next: None,
    }
}

async fn keeps_sessions(store: &dyn SessionStore) {
    let first = session("1", "u1");
    store.begin(&first).await.unwrap();
    assert_eq!(store.by_hash("1").await.unwrap(), Some(first.clone()));
    let seen = WebSession {
        seen_at: first.ends_at,
        ..first.clone()
    };
    assert!(store.replace(&first, &seen).await.unwrap());
    assert!(
        !store.replace(&first, &first).await.unwrap(),
        "not as it was"
    );
    let (mut old, mut new) = (seen.clone(), session("2", "u1"));
    old.next = Some("2".to_owned());
    new.previous = Some("1".to_owned());
    assert!(!store.renew(&first, &old, &new).await.unwrap());
    assert_eq!(store.by_hash("2").await.unwrap(), None, "both or none");
    assert!(store.renew(&seen, &old, &new).await.unwrap());
    assert!(
        !store.renew(&seen, &old, &session("3", "u1")).await.unwrap(),
        "once"
    );
    assert_eq!(store.by_hash("1").await.unwrap(), Some(old));
    assert_eq!(store.by_hash("2").await.unwrap(), Some(new));
    assert_eq!(store.by_hash("3").await.unwrap(), None);
    store.begin(&session("4", "u2")).await.unwrap();
    let now = first.began_at;
    let ended = store.end_at_provider("https://id", Some("u1"), None, now);
    assert_eq!(ended.await.unwrap(), 2);
    assert!(store.by_hash("4").await.unwrap().is_some());
    let all = WhichSessions::All;
    let ended = store.end_own(&owner(), all, Origin::Web, now).await;
    assert_eq!(ended.unwrap(), 1);
    let (fifth, now) = (session("5", "u2"), session("7", "u2"));
    store.begin(&fifth).await.unwrap();
    let replaced = WebSession {
        next: Some("7".to_owned()),
        ..fifth.clone()
    };
    assert!(store.renew(&fifth, &replaced, &now).await.unwrap());
    store.end(&fifth).await.unwrap();
    for hash in ["5", "7"] {
        assert_eq!(store.by_hash(hash).await.unwrap(), None, "{hash}");
    }
    store.begin(&session("6", "u2")).await.unwrap();
    store
        .prune(TimeSpan::hours(1).after(first.began_at))
        .await
        .unwrap();
    assert!(store.by_hash("6").await.unwrap().is_some(), "ends now");
    store
        .prune(TimeSpan::hours(2).after(first.began_at))
        .await
        .unwrap();
    assert_eq!(store.by_hash("6").await.unwrap(), None);
}

fn owner() -> Owner {
    Owner {
        user: ana(),
        email: Email::new("ana@corp.example").unwrap(),
        secondary_domain: false,
    }
}

/// Users list their sessions and end them by name under each secret, never another user's.
async fn ends_ones_own(store: &dyn SessionStore) {
    let named = |hash: &str, csrf: &str| WebSession {
        csrf: csrf.to_owned(),
        ..session(hash, "u1")
    };
    let (first, second) = (named("11", "one"), named("12", "two"));
    let beside = WebSession {
        hash: "13".to_owned(),
        ..second.clone()
    };
    let others = WebSession {
        user_id: Some("00000002-0000-4000-8000-000000000000".parse().unwrap()),
        ..named("14", "two")
    };
    let now = first.began_at;
    for session in [&first, &second, &beside, &others] {
        store.begin(session).await.unwrap();
    }
    assert_eq!(store.of_user(&ana()).await.unwrap().len(), 3);
    let end = async |which| {
        store
            .end_own(&owner(), which, Origin::Web, now)
            .await
            .unwrap()
    };
    assert_eq!(end(WhichSessions::One(others.id())).await, 0, "another's");
    assert_eq!(end(WhichSessions::One("ses_0".to_owned())).await, 0);
    assert_eq!(
        end(WhichSessions::AllBut(first.id())).await,
        2,
        "each secret"
    );
    let left = store.of_user(&ana()).await.unwrap();
    assert_eq!(left, std::slice::from_ref(&first));
    assert_eq!(end(WhichSessions::One(first.id())).await, 1);
    assert_eq!(end(WhichSessions::All).await, 0);
    assert!(store.by_hash("14").await.unwrap().is_some());
}

fn with_store(test: impl AsyncFnOnce(SqlStore)) {
    let folder = tempfile::tempdir().unwrap();
    let store = SqlStore::open(folder.path().join("hallpass.db")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(test(store));
}

#[test]
fn what_somebody_ends_of_their_own_is_on_record_once() {
    with_store(async |store| {
        ends_ones_own(&MemorySessions::default()).await;
        ends_ones_own(&StoredSessions::new(store.clone(), ids(200))).await;
        let (tokens, now) = (
            StoredTokens::new(store.clone(), ids(300)),
            session("1", "u1").began_at,
        );
        let token = NewToken {
            hash: "ab".repeat(32),
            owner: owner(),
            scopes: BTreeSet::from(TokenScope::ALL),
            created_at: now,
            expires_at: TimeSpan::hours(1).after(now),
            name: "a script".to_owned(),
        };
        tokens.keep(&token).await.unwrap();
        let id = tokens.of_user(&ana(), now).await.unwrap()[0].id;
        let stranger = Owner {
            user: "00000002-0000-4000-8000-000000000000".parse().unwrap(),
            ..owner()
        };
        for (whose, done) in [(&stranger, false), (&owner(), true), (&owner(), true)] {
            let revoked = tokens.revoke_own(whose, id, Origin::Web, now).await;
            assert_eq!(revoked.unwrap(), done);
        }
        assert_eq!(tokens.of_user(&ana(), now).await.unwrap(), []);
        let records = hallpass_audit::AuditStore::records_from(&store, 1, 100)
            .await
            .unwrap();
        let events: Vec<String> = records
            .iter()
            .map(|record| record.event().to_owned())
            .collect();
        assert_eq!(
            events,
            [
                "session.revoked",
                "session.revoked",
                "token.created",
                "token.revoked"
            ]
        );
    });
}

/// One record per person, in the transaction that ends the sessions; none without ended sessions.
#[test]
fn what_a_provider_ends_is_on_record() {
    with_store(async |store| {
        let keeper = StoredSessions::new(store.clone(), ids(600));
        let ben = "00000002-0000-4000-8000-000000000000";
        let bens = WebSession {
            user_id: Some(ben.parse().unwrap()),
            ..session("3", "u1")
        };
        for it in [session("1", "u1"), session("2", "u1"), bens] {
            keeper.begin(&it).await.unwrap();
        }
        let now = session("", "").began_at;
        for (subject, expected) in [("u2", 0), ("u1", 3), ("u1", 0)] {
            let ended = keeper.end_at_provider("https://id", Some(subject), None, now);
            assert_eq!(ended.await.unwrap(), expected, "{subject}");
        }
        let records = hallpass_audit::AuditStore::records_from(&store, 1, 100)
            .await
            .unwrap();
        let told: Vec<_> = records
            .iter()
            .map(|it| {
                ["event", "actor", "sso_user_principal_id", "why"]
                    .map(|name| it.text(name).unwrap_or_default().to_owned())
            })
            .collect();
        let of = |user: &str| {
            [
                "session.revoked",
                "hallpass",
                user,
                "signed out at https://id",
            ]
            .map(str::to_owned)
        };
        assert_eq!(told, [of(ana().as_str()), of(ben)]);
    });
}

#[test]
fn a_sign_in_by_a_link_is_on_record() {
    with_store(async |store| {
        let keeper = StoredSessions::new(store.clone(), ids(600));
        let by = |hash: &str, signed_in| WebSession {
            signed_in,
            ..session(hash, "u1")
        };
        keeper.begin(&session("1", "u1")).await.unwrap();
        keeper.begin(&by("2", SignedIn::Link)).await.unwrap();
        let records = hallpass_audit::AuditStore::records_from(&store, 1, 100).await;
        let records = records.unwrap();
        let told: Vec<_> = records
            .iter()
            .map(|it| ["event", "actor_user_id"].map(|name| it.text(name).unwrap_or_default()))
            .collect();
        assert_eq!(told, [["sign_in.link", ana().as_str()]]);
    });
}

#[test]
fn a_row_that_cannot_be_read_keeps_nobody_signed_in() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hallpass.db");
    let store = SqlStore::open(&path).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        let keeper = StoredSessions::new(store, ids(500));
        let others = |hash: &str, issuer: &str| {
            let mut it = session(hash, "u1");
            if let SignedIn::Oidc { issuer: at, .. } = &mut it.signed_in {
                issuer.clone_into(at);
            }
            it
        };
        for it in [
            session("1", "u1"),
            others("2", "https://id"),
            others("3", "https://other"),
        ] {
            keeper.begin(&it).await.unwrap();
        }
        let spoil = "UPDATE sessions SET body = replace(body, '\"began_at\"', '\"begun_at\"')
                     WHERE hash <> '1'";
        let connection = rusqlite::Connection::open(&path).unwrap();
        assert_eq!(connection.execute(spoil, []).unwrap(), 2);
        drop(connection);
        let (subject, sid) = (Some("u1"), Some("s1"));
        let ended = keeper.end_at_provider("https://id", subject, sid, session("", "").began_at);
        assert_eq!(ended.await.unwrap(), 2);
        assert!(
            keeper.by_hash("3").await.is_err(),
            "it is another provider's"
        );
    });
}

#[test]
fn both_keepers_of_sessions_do_the_same() {
    with_store(async |store| {
        keeps_sessions(&MemorySessions::default()).await;
        keeps_sessions(&StoredSessions::new(store, ids(400))).await;
    });
}
