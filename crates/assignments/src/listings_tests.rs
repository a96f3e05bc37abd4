use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use hallpass_base::{Target, UserId};

use super::*;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_780_000_000 + seconds).unwrap()
}

fn target(n: u32) -> Target {
    Target::Group {
        group: format!("{n:08x}-0000-4000-8000-000000000000")
            .parse()
            .unwrap(),
    }
}

fn ana() -> UserId {
    "11111111-0000-4000-8000-000000000000".parse().unwrap()
}

#[derive(Default)]
struct Stage {
    listings: Listings<Target, UserId>,
    now: AtomicI64,
    calls: AtomicU32,
}

impl Stage {
    async fn look(&self, n: u32, after: i64) -> Result<Listing<UserId>, CenterFault> {
        let now = || at(self.now.load(Ordering::SeqCst));
        let read = || async {
            self.calls.fetch_add(1, Ordering::SeqCst);
            tokio::task::yield_now().await;
            Ok(vec![ana()])
        };
        self.listings.after(&target(n), at(after), now, read).await
    }

    fn calls(&self) -> u32 {
        self.calls.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_listing_serves_whoever_needs_one_that_began_later_than_what_they_did() {
    let stage = Stage::default();
    stage.now.store(10, Ordering::SeqCst);
    // (now, must have begun after, calls so far, began at)
    for (now, after, calls, began) in [
        (10, 5, 1, 10),
        (20, 9, 1, 10),
        (20, 10, 2, 20),
        (30, 15, 2, 20),
        (79, 15, 2, 20),
        (80, 15, 3, 80),
    ] {
        stage.now.store(now, Ordering::SeqCst);
        let listing = stage.look(1, after).await.unwrap();
        assert_eq!(
            (stage.calls(), listing.at),
            (calls, at(began)),
            "at {now} after {after}"
        );
        assert!(listing.shows(&ana()));
    }
}

#[tokio::test]
async fn two_hundred_who_come_at_once_cost_one_call() {
    let stage = Stage::default();
    stage.now.store(10, Ordering::SeqCst);
    let looks = (0..200).map(|_| stage.look(1, 5));
    let found = futures_util::future::join_all(looks).await;
    assert!(found.iter().all(Result::is_ok));
    assert_eq!(stage.calls(), 1);
    stage.look(2, 5).await.unwrap();
    assert_eq!(stage.calls(), 2, "another target is another listing");
}

#[tokio::test]
async fn a_failure_is_kept_for_nobody() {
    let stage = Stage::default();
    let now = || at(10);
    let fails = || async {
        Err::<Vec<UserId>, _>(CenterFault::Unreachable {
            message: "no".to_owned(),
        })
    };
    let failed = stage.listings.after(&target(1), at(5), now, fails).await;
    assert!(failed.is_err());
    stage.now.store(10, Ordering::SeqCst);
    assert!(stage.look(1, 5).await.is_ok());
}

#[tokio::test]
async fn a_listing_from_a_clock_that_was_ahead_is_not_used() {
    let stage = Stage::default();
    stage.now.store(86_400, Ordering::SeqCst);
    stage.look(1, 5).await.unwrap();
    stage.now.store(10, Ordering::SeqCst);
    assert_eq!(stage.look(1, 5).await.unwrap().at, at(10));
}

#[tokio::test]
async fn what_is_kept_is_bounded() {
    let stage = Stage::default();
    stage.now.store(10, Ordering::SeqCst);
    for n in 0..2_000 {
        stage.look(n, 5).await.unwrap();
    }
    assert!(lock(&stage.listings.places).len() <= KEPT_MAX);
}

/// An unrecorded write at 20, known at 25, invalidates earlier listings.
#[tokio::test]
async fn a_listing_that_is_doubted_serves_nobody() {
    let stage = Stage::default();
    for (now, after, calls, began) in [(15, 10, 1, 15), (22, 16, 2, 22), (24, 21, 2, 22)] {
        stage.now.store(now, Ordering::SeqCst);
        let listing = stage.look(1, after).await.unwrap();
        assert_eq!((stage.calls(), listing.at), (calls, at(began)), "at {now}");
    }
    stage.listings.doubt(&target(1), at(25));
    stage.now.store(26, Ordering::SeqCst);
    assert_eq!(stage.look(1, 21).await.unwrap().at, at(26));
    assert_eq!(stage.look(1, 21).await.unwrap().at, at(26));
    assert_eq!(stage.calls(), 3, "one that began since serves again");
}

#[tokio::test]
async fn a_listing_that_is_being_read_is_doubted_too() {
    let stage = Stage::default();
    stage.now.store(22, Ordering::SeqCst);
    let sent = async {
        stage.now.store(25, Ordering::SeqCst);
        stage.listings.doubt(&target(1), at(25));
    };
    let (read, ()) = tokio::join!(stage.look(1, 10), sent);
    assert_eq!(read.unwrap().at, at(22), "the earlier caller has it");
    stage.now.store(26, Ordering::SeqCst);
    assert_eq!(stage.look(1, 21).await.unwrap().at, at(26));
}

#[tokio::test]
async fn a_doubt_is_of_one_and_dies_with_the_clock_that_was_ahead() {
    let stage = Stage::default();
    stage.listings.doubt(&target(1), at(86_400));
    stage.now.store(30, Ordering::SeqCst);
    for (n, calls) in [(1, 1), (1, 1), (2, 2)] {
        stage.look(n, 10).await.unwrap();
        assert_eq!(stage.calls(), calls, "of {n}");
    }
    stage.listings.doubt(&target(1), at(30));
    stage.now.store(31, Ordering::SeqCst);
    assert_eq!(stage.look(1, 10).await.unwrap().at, at(31));
    assert_eq!(stage.look(2, 10).await.unwrap().at, at(30));
}
