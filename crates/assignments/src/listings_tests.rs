//! One listing for many rows.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use hallpass_model::{Target, UserId};

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

/// Listings, a clock, and how often AWS was asked.
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
        // a minute old: it speaks for nobody any more
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
