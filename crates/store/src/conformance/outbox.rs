//! Notices on their way, and answers to repeated requests.

use hallpass_access::{Answer, Change, CommitError, Waiting, Write};

use super::Store;
use crate::testing::{a_notice, a_request, an_answer, at, email, with_request};

async fn take(store: &Store, now: u64, again_at: u64, limit: u32) -> Vec<(u64, u32, String)> {
    let taken = store
        .take_notices(at(now), at(again_at), limit)
        .await
        .unwrap();
    taken
        .into_iter()
        .map(
            |Waiting {
                 number,
                 attempts,
                 notice,
             }| (number, attempts, notice.text),
        )
        .collect()
}

async fn tell(store: &Store, numbers: &[u64]) {
    let change = Change {
        notices: numbers.iter().copied().map(a_notice).collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
}

fn texts(taken: &[(u64, u32, String)]) -> Vec<&str> {
    taken.iter().map(|(_, _, text)| text.as_str()).collect()
}

async fn remember(store: &Store, answer: Answer) -> Result<(), CommitError> {
    let change = Change {
        answer: Some(answer),
        ..Change::default()
    };
    store.commit(change).await.map(drop)
}

pub async fn notices_are_taken_in_order_and_hidden(store: Store) {
    tell(&store, &[30, 20]).await;
    tell(&store, &[10]).await;
    // due at once, also by a clock that stepped back
    let first = take(&store, 0, 100, 2).await;
    assert_eq!(texts(&first), ["notice 30", "notice 20"]);
    let second = take(&store, 0, 100, 9).await;
    assert_eq!(texts(&second), ["notice 10"]);
    assert!(first[0].0 < first[1].0 && first[1].0 < second[0].0);
    assert!(take(&store, 99, 100, 9).await.is_empty());
    assert!(take(&store, 100, 200, 0).await.is_empty());
}

pub async fn a_notice_comes_again_until_it_is_delivered(store: Store) {
    tell(&store, &[1, 2]).await;
    let first = take(&store, 10, 20, 9).await;
    store.notice_delivered(first[0].0).await.unwrap();
    store.notice_delivered(first[0].0).await.unwrap();
    store.notice_delivered(9_999).await.unwrap();
    let again = take(&store, 20, 40, 9).await;
    assert_eq!(again, [(first[1].0, 1, "notice 2".to_owned())]);
    assert_eq!(store.counts(at(0)).await.unwrap().notices, 1);
    store.notice_delivered(again[0].0).await.unwrap();
    assert!(take(&store, 99, 100, 9).await.is_empty());
    // numbers are not used again
    tell(&store, &[3]).await;
    assert!(take(&store, 99, 100, 9).await[0].0 > again[0].0);
}

pub async fn a_notice_of_a_refused_change_is_never_sent(store: Store) {
    let change = Change {
        requests: vec![Write::Update(a_request(1))],
        notices: vec![a_notice(1)],
        ..Change::default()
    };
    assert!(store.commit(change).await.is_err());
    assert!(take(&store, 99, 100, 9).await.is_empty());
    store
        .commit(with_request(Write::Insert(a_request(1))))
        .await
        .unwrap();
    assert!(take(&store, 99, 100, 9).await.is_empty());
}

pub async fn an_answer_is_remembered_per_person(store: Store) {
    assert_eq!(store.answer(&email(1), "k").await.unwrap(), None);
    let mine = an_answer(1, "k");
    let theirs = Answer {
        actor: email(2),
        ..an_answer(2, "k")
    };
    remember(&store, mine.clone()).await.unwrap();
    remember(&store, theirs.clone()).await.unwrap();
    remember(&store, mine.clone()).await.unwrap();
    assert_eq!(store.answer(&email(1), "k").await.unwrap(), Some(mine));
    assert_eq!(store.answer(&email(2), "k").await.unwrap(), Some(theirs));
    assert_eq!(store.answer(&email(1), "K").await.unwrap(), None);
}

pub async fn another_answer_to_a_key_is_raced(store: Store) {
    remember(&store, an_answer(1, "k")).await.unwrap();
    let outcome = remember(&store, an_answer(2, "k")).await;
    assert!(matches!(outcome, Err(CommitError::Raced(_))), "{outcome:?}");
    let kept = store.answer(&email(1), "k").await.unwrap();
    assert_eq!(kept, Some(an_answer(1, "k")));
}

pub async fn a_forgotten_answer_makes_room(store: Store) {
    remember(&store, an_answer(1, "k")).await.unwrap();
    remember(&store, an_answer(2, "other")).await.unwrap();
    // the first is kept until a day after its request; this one is of that very instant
    let later = an_answer(1 + 86_400, "k");
    remember(&store, later.clone()).await.unwrap();
    assert_eq!(store.answer(&email(1), "k").await.unwrap(), Some(later));
    let other = store.answer(&email(1), "other").await.unwrap();
    assert_eq!(other, Some(an_answer(2, "other")));
}
