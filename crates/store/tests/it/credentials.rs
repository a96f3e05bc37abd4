//! Stored sessions and sign-ins, and step notifications by stored rows. The server's further
//! assumptions are tested beside `identity/`.

use hallpass_access::AccessStore as _;
use hallpass_access::identity::{Browsing, SignedIn, WebSession, WhichSessions};
use hallpass_audit::AuditStore as _;
use hallpass_base::{Email, TimeSpan, UserId};
use hallpass_plans::{StepId, StepNews as _};
use hallpass_store::SignInRow;
use hallpass_store_testing::{a_draft, at, user};

use crate::Place;

fn session(hash: &str, whose: UserId, second: u64) -> WebSession {
    WebSession {
        hash: hash.to_owned(),
        user: Email::new("Ana@corp.example").unwrap(),
        user_id: Some(whose),
        secondary_domain: false,
        signed_in: SignedIn::Oidc {
            issuer: "https://id".to_owned(),
            subject: "s".to_owned(),
            sid: None,
            id_token: None,
            auth_time: None,
            acr: None,
        },
        began_at: at(second),
        seen_at: at(second),
        renewed_at: at(second),
        ends_at: TimeSpan::hours(1).after(at(second)),
        browsing: Browsing::default(),
        csrf: format!("csrf of {hash}"),
        previous: None,
        next: None,
    }
}

async fn a_session_is_replaced_over_what_was_read_and_ended(place: Place) {
    let store = place.open().await;
    let first = session("1", user(1), 1);
    store.session_insert(&first, None).await.unwrap();
    let again = store.session_insert(&first, None).await;
    assert!(again.is_err(), "a hash is taken once");
    let seen = WebSession {
        seen_at: at(30),
        ..first.clone()
    };
    let beside = session("2", user(1), 30);
    let replaced = store.session_replace(&first, &seen, Some(&beside)).await;
    assert!(replaced.unwrap());
    let raced = store.session_replace(&first, &seen, None).await;
    assert!(!raced.unwrap(), "it changed since the read");
    store
        .session_insert(&session("3", user(2), 1), None)
        .await
        .unwrap();
    let later_end_first = [beside.clone(), seen.clone()];
    assert_eq!(store.sessions_of(&user(1)).await.unwrap(), later_end_first);
    assert_eq!(store.session_by_hash("2").await.unwrap(), Some(beside));
    assert_eq!(store.sessions().await.unwrap().len(), 3);
    // `beside` ends last, and past ones do not count
    for (now, whose) in [
        (at(1), vec![user(1), user(2)]),
        (TimeSpan::hours(1).after(at(1)), vec![user(1)]),
        (TimeSpan::hours(1).after(at(30)), vec![]),
    ] {
        assert_eq!(store.with_credentials(now).await.unwrap(), whose, "{now}");
    }
    let one = WhichSessions::One(seen.id());
    let ended = store.sessions_end(&user(1), one, a_draft(1)).await;
    assert_eq!(ended.unwrap(), 1);
    assert_eq!(store.session_by_hash("1").await.unwrap(), None);
    assert_eq!(store.head().await.unwrap().unwrap().seq, 1);
    store
        .sessions_prune(TimeSpan::hours(2).after(at(1)))
        .await
        .unwrap();
    assert_eq!(store.sessions().await.unwrap(), []);
}

fn sign_in(subject: &str, whose: UserId) -> SignInRow {
    SignInRow {
        issuer: "https://id".to_owned(),
        subject: subject.to_owned(),
        user: whose,
        bound_at: at(1),
    }
}

async fn a_sign_in_is_one_person_s(place: Place) {
    let store = place.open().await;
    let (ana, ben) = (sign_in("a", user(1)), sign_in("b", user(2)));
    assert!(store.sign_in_bind(&ana, None, a_draft(1)).await.unwrap());
    assert!(store.sign_in_bind(&ben, None, a_draft(2)).await.unwrap());
    let taken = store
        .sign_in_bind(&sign_in("a", user(2)), None, a_draft(3))
        .await;
    assert!(!taken.unwrap(), "another came first");
    let near = store
        .sign_ins_near("https://id", "a", &user(2))
        .await
        .unwrap();
    assert_eq!(near, [ana.clone(), ben.clone()]);
    let moved = sign_in("c", user(1));
    assert!(
        store
            .sign_in_bind(&moved, Some(&ana), a_draft(4))
            .await
            .unwrap()
    );
    assert_eq!(store.sign_ins().await.unwrap(), [ben.clone(), moved]);
    assert!(store.sign_in_forget(&ben, a_draft(5)).await.unwrap());
    assert!(!store.sign_in_forget(&ben, a_draft(6)).await.unwrap());
    assert_eq!(store.head().await.unwrap().unwrap().seq, 4);
}

async fn what_steps_are_told_is_counted(place: Place) {
    let store = place.open().await;
    let [one, other] = ["a", "b"].map(StepId::named);
    store.tell(std::slice::from_ref(&one), at(1)).await.unwrap();
    store
        .tell(&[one.clone(), other.clone()], at(2))
        .await
        .unwrap();
    let told = (
        store.told(&one).await.unwrap(),
        store.told(&other).await.unwrap(),
    );
    assert_eq!(told, (2, 1));
    let much_later = TimeSpan::hours(31 * 24).after(at(2));
    store.tell(&[other], much_later).await.unwrap();
    assert_eq!(store.told(&one).await.unwrap(), 0, "no step waits so long");
}

crate::anywhere!(
    a_session_is_replaced_over_what_was_read_and_ended,
    a_sign_in_is_one_person_s,
    what_steps_are_told_is_counted,
);
