//! Tokens and cached bytes, in memory and on each engine.

use hallpass_access::{AccessStore as _, CommitError};
use hallpass_audit::AuditStore;
use hallpass_base::Timestamp;
use hallpass_store::{MemoryStore, TokenRow};
use hallpass_store_testing::{a_draft, a_token, at, user};

use crate::Place;

/// Runs a test for each engine: these methods are not part of a port yet.
macro_rules! for_both {
    ($($name:ident($store:ident) $body:block)+) => {
        mod memory {
            use super::*;
            $(#[tokio::test] async fn $name() {
                let $store = MemoryStore::new();
                $body
            })+
        }
        $(async fn $name(place: Place) {
            let $store = place.open().await;
            $body
        })+
        crate::anywhere!($($name),+);
    };
}

for_both! {
    a_token_is_stored_with_its_record(store) {
        store.token_insert(&a_token(2), a_draft(1)).await.unwrap();
        store.token_insert(&a_token(1), a_draft(2)).await.unwrap();
        assert_eq!(store.tokens().await.unwrap(), [a_token(1), a_token(2)]);
        let found = store.token_by_hash(&a_token(1).hash).await.unwrap();
        assert_eq!(found, Some(a_token(1)));
        assert_eq!(store.token_by_hash("x").await.unwrap(), None);
        assert_eq!(store.head().await.unwrap().unwrap().seq, 2);
    }

    a_second_token_of_an_id_or_hash_is_raced(store) {
        store.token_insert(&a_token(1), a_draft(1)).await.unwrap();
        let same_hash = TokenRow { hash: a_token(1).hash, ..a_token(2) };
        let same_id = TokenRow { id: a_token(1).id, ..a_token(2) };
        for twin in [same_hash, same_id] {
            let outcome = store.token_insert(&twin, a_draft(2)).await;
            assert!(matches!(outcome, Err(CommitError::Raced(_))), "{outcome:?}");
        }
        assert_eq!(store.tokens().await.unwrap(), [a_token(1)]);
        assert_eq!(store.head().await.unwrap().unwrap().seq, 1);
    }

    who_has_a_token_that_works_has_a_credential(store) {
        let half_later = Timestamp::from_millisecond(at(100).as_millisecond() + 500).unwrap();
        for (n, of, expires_at) in [(1, 1, half_later), (2, 2, at(100)), (3, 2, at(300)), (4, 3, at(300))] {
            let token = TokenRow { user_id: Some(user(of)), expires_at, ..a_token(n) };
            store.token_insert(&token, a_draft(n)).await.unwrap();
        }
        store.token_revoke(a_token(4).id, at(9), a_draft(5)).await.unwrap();
        for (now, whose) in [
            (at(99), vec![user(1), user(2)]),
            (at(100), vec![user(1), user(2)]),
            (half_later, vec![user(2)]),
            (at(300), vec![]),
        ] {
            assert_eq!(store.with_credentials(now).await.unwrap(), whose, "{now}");
        }
    }

    a_token_without_its_record_is_not_stored(store) {
        store.token_insert(&a_token(1), a_draft(1)).await.unwrap();
        let outcome = store.token_insert(&a_token(2), a_draft(1)).await;
        assert!(matches!(outcome, Err(CommitError::Raced(_))), "{outcome:?}");
        let outcome = store.token_revoke(a_token(1).id, at(5), a_draft(1)).await;
        assert!(matches!(outcome, Err(CommitError::Raced(_))), "{outcome:?}");
        assert_eq!(store.tokens().await.unwrap(), [a_token(1)]);
    }

    a_token_is_revoked_once(store) {
        store.token_insert(&a_token(1), a_draft(1)).await.unwrap();
        let revoked = Some(TokenRow { revoked_at: Some(at(5)), ..a_token(1) });
        for (n, instant) in [(2, 5), (3, 6)] {
            let row = store.token_revoke(a_token(1).id, at(instant), a_draft(n)).await.unwrap();
            assert_eq!(row, revoked);
        }
        assert_eq!(store.token_by_hash(&a_token(1).hash).await.unwrap(), revoked);
        assert_eq!(store.head().await.unwrap().unwrap().seq, 2);
        let unknown = store.token_revoke(a_token(9).id, at(7), a_draft(4)).await.unwrap();
        assert_eq!(unknown, None);
        assert_eq!(store.head().await.unwrap().unwrap().seq, 2);
    }

    a_token_is_listed_for_its_person_and_says_when_it_was_used(store) {
        for n in [1, 2] {
            store.token_insert(&a_token(n), a_draft(n)).await.unwrap();
        }
        let others = TokenRow { user_id: Some(user(2)), ..a_token(3) };
        let nobodys = TokenRow { user_id: None, ..a_token(4) };
        store.token_insert(&others, a_draft(3)).await.unwrap();
        store.token_insert(&nobodys, a_draft(4)).await.unwrap();
        assert_eq!(store.tokens_of(&user(1)).await.unwrap(), [a_token(2), a_token(1)]);
        let revoked = store.token_revoke(a_token(1).id, at(5), a_draft(5)).await.unwrap();
        for instant in [20, 10] {
            store.token_used(&a_token(1).hash, at(instant)).await.unwrap();
        }
        store.token_used("x", at(30)).await.unwrap();
        let used = TokenRow { used_at: Some(at(20)), ..revoked.unwrap() };
        assert_eq!(store.tokens_of(&user(1)).await.unwrap(), [a_token(2), used]);
        assert_eq!(store.tokens_of(&user(9)).await.unwrap(), []);
    }

    bytes_are_kept_under_their_key(store) {
        assert_eq!(store.blob_get("a").await.unwrap(), None);
        store.blob_put("a", b"1").await.unwrap();
        store.blob_put("b", b"\0\xff").await.unwrap();
        store.blob_put("a", b"").await.unwrap();
        assert_eq!(store.blob_get("a").await.unwrap(), Some(Vec::new()));
        assert_eq!(store.blob_get("b").await.unwrap(), Some(b"\0\xff".to_vec()));
    }
}
