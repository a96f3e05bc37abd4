//! Pending notices, and answers to repeated requests.

use hallpass_access::{
    Change, CommitError, DigestNews, Message, News, Notice, Request, StoredAnswer, WaitingMessage,
    Write,
};
use hallpass_base::TimeSpan;

use super::Store;
use crate::{a_notice, a_request, account_key, an_answer, at, person, user, with_request};

const MAIL: &str = "mail";
const SLACK: &str = "slack";

async fn take(store: &Store, now: u64, again_at: u64, limit: u32) -> Vec<(u64, u32, String)> {
    take_for(store, MAIL, now, again_at, limit).await
}

async fn take_for(
    store: &Store,
    channel: &str,
    now: u64,
    again_at: u64,
    limit: u32,
) -> Vec<(u64, u32, String)> {
    let taken = store
        .take_notices(channel, at(now), at(again_at), limit)
        .await
        .unwrap();
    taken
        .into_iter()
        .map(
            |WaitingMessage {
                 number,
                 attempts,
                 message,
             }| match message {
                Message::Notice(notice) => (number, attempts, name_of(&notice)),
                Message::Digest(digest) => {
                    let DigestNews::Text(text) = digest.news else {
                        panic!("no digest with facts was stored")
                    };
                    (number, attempts, text)
                }
                Message::Alarm(alarm) => (number, attempts, alarm.text),
                Message::Alert(alert) => (number, attempts, alert.alert.to_string()),
            },
        )
        .collect()
}

fn name_of(notice: &Notice) -> String {
    let second = TimeSpan::between(at(0), notice.at).as_seconds();
    format!("notice {second}")
}

async fn open(store: &Store, channels: &[&str]) {
    for channel in channels {
        store.open_channel(channel, at(0)).await.unwrap();
    }
}

async fn delivered(store: &Store, channel: &str, taken: &[(u64, u32, String)]) {
    for (number, _, _) in taken {
        store.notice_delivered(channel, *number).await.unwrap();
    }
}

async fn waiting(store: &Store) -> Vec<(String, u64)> {
    let counts = store.counts(at(0)).await.unwrap();
    counts.notices.into_iter().collect()
}

fn by_channel(counts: &[(&str, u64)]) -> Vec<(String, u64)> {
    let own = |(name, count): &(&str, u64)| ((*name).to_owned(), *count);
    counts.iter().map(own).collect()
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

async fn remember(store: &Store, answer: StoredAnswer) -> Result<(), CommitError> {
    let change = Change {
        answer: Some(answer),
        ..Change::default()
    };
    store.commit(change).await.map(drop)
}

pub async fn notices_are_taken_in_order_and_hidden(store: Store) {
    open(&store, &[MAIL]).await;
    tell(&store, &[30, 20]).await;
    tell(&store, &[10]).await;
    let first = take(&store, 0, 100, 2).await;
    assert_eq!(texts(&first), ["notice 30", "notice 20"]);
    let second = take(&store, 0, 100, 9).await;
    assert_eq!(texts(&second), ["notice 10"]);
    assert!(first[0].0 < first[1].0 && first[1].0 < second[0].0);
    assert!(take(&store, 99, 100, 9).await.is_empty());
    assert!(take(&store, 100, 200, 0).await.is_empty());
    let again = take(&store, 100, 200, 9).await;
    assert_eq!(texts(&again), ["notice 30", "notice 20", "notice 10"]);
}

/// A process that stops between sending and acknowledging sends again.
pub async fn a_notice_comes_again_until_it_is_delivered(store: Store) {
    open(&store, &[MAIL]).await;
    tell(&store, &[1, 2]).await;
    let first = take(&store, 10, 20, 9).await;
    store.notice_delivered(MAIL, first[0].0).await.unwrap();
    store.notice_delivered(MAIL, first[0].0).await.unwrap();
    store.notice_delivered(MAIL, 9_999).await.unwrap();
    let again = take(&store, 20, 40, 9).await;
    assert_eq!(again, [(first[1].0, 1, "notice 2".to_owned())]);
    assert_eq!(waiting(&store).await, by_channel(&[(MAIL, 1)]));
    store.notice_delivered(MAIL, again[0].0).await.unwrap();
    assert!(take(&store, 99, 100, 9).await.is_empty());
    tell(&store, &[3]).await;
    assert!(take(&store, 99, 100, 9).await[0].0 > again[0].0);
}

pub async fn a_notice_of_a_refused_change_is_never_sent(store: Store) {
    open(&store, &[MAIL]).await;
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

pub async fn channels_are_independent(store: Store) {
    open(&store, &[MAIL, SLACK]).await;
    tell(&store, &[1, 2]).await;
    let mailed = take_for(&store, MAIL, 1, 50, 9).await;
    delivered(&store, MAIL, &mailed).await;
    assert_eq!(waiting(&store).await, by_channel(&[(MAIL, 0), (SLACK, 2)]));
    let slacked = take_for(&store, SLACK, 1, 50, 1).await;
    assert_eq!(slacked, mailed[..1]);
    // channels postpone and acknowledge independently
    store
        .notice_postponed(MAIL, slacked[0].0, at(1))
        .await
        .unwrap();
    store.notice_delivered(MAIL, slacked[0].0).await.unwrap();
    assert!(take_for(&store, MAIL, 9, 50, 9).await.is_empty());
    let rest = take_for(&store, SLACK, 1, 50, 9).await;
    assert_eq!(texts(&rest), ["notice 2"]);
    let again = take_for(&store, SLACK, 50, 90, 9).await;
    assert_eq!(texts(&again), ["notice 1", "notice 2"]);
    assert_eq!(again[0].1, 1);
}

pub async fn a_postponed_notice_comes_at_its_time_and_lets_others_pass(store: Store) {
    open(&store, &[MAIL]).await;
    assert_eq!(store.next_notice(MAIL).await.unwrap(), None);
    tell(&store, &[1, 2]).await;
    assert!(store.next_notice(MAIL).await.unwrap() <= Some(at(0)));
    let taken = take(&store, 0, 90, 2).await;
    assert_eq!(store.next_notice(MAIL).await.unwrap(), Some(at(90)));
    let (first, second) = (taken[0].0, taken[1].0);
    store.notice_postponed(MAIL, first, at(300)).await.unwrap();
    store.notice_postponed(MAIL, second, at(5)).await.unwrap();
    assert_eq!(store.next_notice(MAIL).await.unwrap(), Some(at(5)));
    let passed = take(&store, 5, 300, 9).await;
    assert_eq!(passed, [(second, 1, "notice 2".to_owned())]);
    delivered(&store, MAIL, &passed).await;
    assert_eq!(store.next_notice(MAIL).await.unwrap(), Some(at(300)));
    assert!(take(&store, 299, 400, 9).await.is_empty());
    assert_eq!(take(&store, 300, 400, 9).await[0].0, first);
    store.notice_delivered(MAIL, first).await.unwrap();
    store.notice_postponed(MAIL, first, at(1)).await.unwrap();
    assert_eq!(store.next_notice(MAIL).await.unwrap(), None);
    assert!(take(&store, 9_999, 10_000, 9).await.is_empty());
}

/// Such as one taken while the clock was ahead.
pub async fn a_notice_that_waits_for_too_long_is_released(store: Store) {
    open(&store, &[MAIL, SLACK]).await;
    tell(&store, &[1, 2]).await;
    let taken = take(&store, 0, 90, 2).await;
    store
        .notice_postponed(MAIL, taken[1].0, at(86_400))
        .await
        .unwrap();
    assert_eq!(store.release_notices(at(86_400)).await.unwrap(), 0);
    assert_eq!(store.release_notices(at(3_600)).await.unwrap(), 1);
    assert_eq!(
        store.release_notices(at(3_600)).await.unwrap(),
        0,
        "a second time"
    );
    let again = take(&store, 1, 90, 9).await;
    assert_eq!(again, [(taken[1].0, 1, "notice 2".to_owned())]);
    assert_eq!(take(&store, 90, 180, 9).await[0].0, taken[0].0);
    assert_eq!(take_for(&store, SLACK, 0, 9, 9).await.len(), 2);
}

pub async fn a_new_channel_begins_with_what_comes_next(store: Store) {
    tell(&store, &[1]).await;
    open(&store, &[MAIL]).await;
    tell(&store, &[2]).await;
    open(&store, &[SLACK]).await;
    tell(&store, &[3]).await;
    let mailed = take_for(&store, MAIL, 1, 9, 9).await;
    assert_eq!(texts(&mailed), ["notice 2", "notice 3"]);
    let slacked = take_for(&store, SLACK, 1, 9, 9).await;
    assert_eq!(texts(&slacked), ["notice 3"]);
    assert!(take_for(&store, "never", 1, 9, 9).await.is_empty());
    assert_eq!(store.next_notice("never").await.unwrap(), None);
}

/// A reopened channel continues after its last notice, as after a restart.
pub async fn a_channel_that_is_opened_again_goes_on(store: Store) {
    open(&store, &[MAIL]).await;
    tell(&store, &[1, 2, 3]).await;
    let taken = take(&store, 0, 90, 2).await;
    delivered(&store, MAIL, &taken[..1]).await;
    store.open_channel(MAIL, at(50)).await.unwrap();
    store.open_channel(MAIL, at(10)).await.unwrap();
    assert_eq!(waiting(&store).await, by_channel(&[(MAIL, 2)]));
    assert_eq!(texts(&take(&store, 50, 140, 9).await), ["notice 3"]);
    assert_eq!(texts(&take(&store, 90, 180, 9).await), ["notice 2"]);
    // last opened at 50, despite later calls with earlier times
    assert_eq!(store.prune_notices(at(0)).await.unwrap(), 0);
}

pub async fn notices_are_dropped_when_they_are_too_old(store: Store) {
    open(&store, &[MAIL, SLACK]).await;
    tell(&store, &[10, 20, 30]).await;
    let mailed = take_for(&store, MAIL, 1, 9, 1).await;
    delivered(&store, MAIL, &mailed).await;
    for channel in [MAIL, SLACK] {
        store.open_channel(channel, at(100)).await.unwrap();
    }
    assert_eq!(store.prune_notices(at(10)).await.unwrap(), 0);
    assert_eq!(store.prune_notices(at(20)).await.unwrap(), 1);
    assert_eq!(store.prune_notices(at(21)).await.unwrap(), 2);
    assert_eq!(waiting(&store).await, by_channel(&[(MAIL, 1), (SLACK, 1)]));
    let left = take_for(&store, SLACK, 99, 100, 9).await;
    assert_eq!(texts(&left), ["notice 30"]);
}

pub async fn a_channel_that_is_gone_keeps_nothing(store: Store) {
    open(&store, &[MAIL, SLACK]).await;
    tell(&store, &[10, 800]).await;
    store.open_channel(MAIL, at(700)).await.unwrap();
    // slack was not reopened: it is removed with its recent notices, and holds back nothing
    let told = take(&store, 1, 9, 1).await;
    delivered(&store, MAIL, &told).await;
    assert_eq!(store.prune_notices(at(600)).await.unwrap(), 2);
    assert_eq!(waiting(&store).await, by_channel(&[(MAIL, 1)]));
    tell(&store, &[900]).await;
    assert!(take_for(&store, SLACK, 999, 1_000, 9).await.is_empty());
    // a reopened channel is new
    store.open_channel(SLACK, at(950)).await.unwrap();
    tell(&store, &[960]).await;
    let taken = take_for(&store, SLACK, 999, 1_000, 9).await;
    assert_eq!(texts(&taken), ["notice 960"]);
    assert_eq!(waiting(&store).await, by_channel(&[(MAIL, 3), (SLACK, 1)]));
}

/// Two concurrent takers never get the same notice.
pub async fn a_notice_is_taken_by_one_of_many(store: Store) {
    open(&store, &[MAIL]).await;
    let all: Vec<u64> = (1..=20).collect();
    tell(&store, &all).await;
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let store = Store::clone(&store);
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let taken = take(&store, 1, 90, 1).await;
                    if taken.is_empty() {
                        return mine;
                    }
                    mine.extend(taken);
                }
            })
        })
        .collect();
    let mut taken = Vec::new();
    for task in tasks {
        taken.extend(task.await.unwrap());
    }
    taken.sort();
    let wanted: Vec<_> = all.iter().map(|n| format!("notice {n}")).collect();
    assert_eq!(texts(&taken), wanted);
}

async fn asked(store: &Store, numbers: &[u64]) {
    let requests = numbers.iter().map(|n| {
        Write::Insert(Request {
            requester: person(n % 100),
            key: Some(account_key(n % 100, *n)),
            ..a_request(*n)
        })
    });
    let change = Change {
        requests: requests.collect(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
}

pub async fn requesters_take_turns_behind_what_is_urgent(store: Store) {
    open(&store, &[MAIL, SLACK]).await;
    let all = [101, 201, 301, 401, 102, 202, 103];
    asked(&store, &all).await;
    tell(&store, &all).await;
    let urgent = |n| Notice {
        news: News::BreakGlass,
        ..a_notice(n)
    };
    // person 1's fourth is urgent too, and does not delay person 3's
    let change = Change {
        notices: [301, 401, 103].map(urgent).to_vec(),
        ..Change::default()
    };
    store.commit(change).await.unwrap();
    let of = |n: u64| format!("notice {n}");
    let wanted = [301, 103, 401, 101, 102, 103, 201, 202, 301, 401].map(of);
    assert_eq!(texts(&take(&store, 0, 90, 99).await), wanted);
    for wanted in &wanted {
        assert_eq!(texts(&take_for(&store, SLACK, 0, 90, 1).await), [wanted]);
    }
}

/// Regardless of deliveries and retries in the backlog.
pub async fn a_backlog_does_not_delay_a_later_requester(store: Store) {
    open(&store, &[MAIL]).await;
    let backlog: Vec<u64> = (1..=50).map(|n| n * 100 + 1).collect();
    asked(&store, &backlog).await;
    asked(&store, &[2, 102, 3]).await;
    tell(&store, &backlog).await;
    let first = take(&store, 0, 500, 10).await;
    delivered(&store, MAIL, &first[1..]).await;
    store
        .notice_postponed(MAIL, first[0].0, at(5))
        .await
        .unwrap();
    tell(&store, &[2, 102]).await;
    let second = take(&store, 1, 500, 3).await;
    assert_eq!(texts(&second), ["notice 2", "notice 1101", "notice 102"]);
    // person 3 does not wait for person 1's remaining notices, nor the retry for any
    tell(&store, &[3]).await;
    let third = take(&store, 5, 500, 3).await;
    assert_eq!(texts(&third), ["notice 101", "notice 3", "notice 1201"]);
}

pub async fn an_answer_is_remembered_per_person(store: Store) {
    assert_eq!(store.answer(&user(1), "k").await.unwrap(), None);
    let mine = an_answer(1, "k");
    let theirs = StoredAnswer {
        actor: user(2),
        ..an_answer(2, "k")
    };
    remember(&store, mine.clone()).await.unwrap();
    remember(&store, theirs.clone()).await.unwrap();
    remember(&store, mine.clone()).await.unwrap();
    assert_eq!(store.answer(&user(1), "k").await.unwrap(), Some(mine));
    assert_eq!(store.answer(&user(2), "k").await.unwrap(), Some(theirs));
    assert_eq!(store.answer(&user(1), "K").await.unwrap(), None);
}

pub async fn another_answer_to_a_key_is_raced(store: Store) {
    remember(&store, an_answer(1, "k")).await.unwrap();
    let outcome = remember(&store, an_answer(2, "k")).await;
    assert!(matches!(outcome, Err(CommitError::Raced(_))), "{outcome:?}");
    let kept = store.answer(&user(1), "k").await.unwrap();
    assert_eq!(kept, Some(an_answer(1, "k")));
}

pub async fn a_forgotten_answer_makes_room(store: Store) {
    remember(&store, an_answer(1, "k")).await.unwrap();
    remember(&store, an_answer(2, "other")).await.unwrap();
    // the first is stored until a day after its request, exactly this instant
    let later = an_answer(1 + 86_400, "k");
    remember(&store, later.clone()).await.unwrap();
    assert_eq!(store.answer(&user(1), "k").await.unwrap(), Some(later));
    let other = store.answer(&user(1), "other").await.unwrap();
    assert_eq!(other, Some(an_answer(2, "other")));
    // an answer without request is identified by its retention
    let unrequested = |n: u64| StoredAnswer {
        request: None,
        ..an_answer(n, "none")
    };
    remember(&store, unrequested(1)).await.unwrap();
    let raced = remember(&store, unrequested(86_400)).await;
    assert!(matches!(raced, Err(CommitError::Raced(_))), "{raced:?}");
    remember(&store, unrequested(1 + 86_400)).await.unwrap();
}
