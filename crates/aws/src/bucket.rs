//! Rations requests: a token bucket that serves ends before grants before looks.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_assignments::Urgency;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The slowest rate a bucket accepts, in requests per second; below it nothing would ever move.
const RATE_MIN: f64 = 0.1;

/// A token bucket. Waiters are served by urgency, then in the order they came.
#[derive(Debug)]
pub(crate) struct Bucket {
    state: Mutex<State>,
    changed: Notify,
    per_second: f64,
    burst: f64,
}

#[derive(Debug)]
struct State {
    tokens: f64,
    as_of: Instant,
    closed_until: Instant,
    waiting: BTreeSet<Place>,
    next_ticket: u64,
}

type Place = (Urgency, u64);

enum Turn {
    Taken,
    /// First in line; a token is there at this instant.
    At(Instant),
    /// Somebody goes first.
    Behind,
}

/// A place in line, given up when dropped, also when the wait is cancelled.
struct Ticket<'a> {
    bucket: &'a Bucket,
    place: Place,
}

impl Bucket {
    /// A full bucket of `burst` tokens, refilled at `per_second`.
    pub(crate) fn new(per_second: f64, burst: u32) -> Self {
        let now = Instant::now();
        let burst = f64::from(burst.max(1));
        let per_second = if per_second.is_finite() {
            per_second.max(RATE_MIN)
        } else {
            RATE_MIN
        };
        Self {
            state: Mutex::new(State {
                tokens: burst,
                as_of: now,
                closed_until: now,
                waiting: BTreeSet::new(),
                next_ticket: 0,
            }),
            changed: Notify::new(),
            per_second,
            burst,
        }
    }

    /// Waits for a token and takes it. Cancelling the wait takes none.
    pub(crate) async fn take(&self, urgency: Urgency) {
        let ticket = self.line_up(urgency);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // from here on no change is missed, even before the first poll
            changed.as_mut().enable();
            match self.turn(&ticket.place) {
                Turn::Taken => return,
                Turn::At(instant) => {
                    tokio::select! {
                        () = sleep_until(instant) => {}
                        () = changed => {}
                    }
                }
                Turn::Behind => changed.await,
            }
        }
    }

    /// AWS said that we are too fast: empties the bucket and keeps it closed for `pause`.
    pub(crate) fn slow_down(&self, pause: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        state.tokens = 0.0;
        state.as_of = now;
        state.closed_until = state.closed_until.max(now + pause);
    }

    fn line_up(&self, urgency: Urgency) -> Ticket<'_> {
        let mut state = self.lock();
        let place = (urgency, state.next_ticket);
        state.next_ticket += 1;
        state.waiting.insert(place);
        Ticket {
            bucket: self,
            place,
        }
    }

    fn turn(&self, place: &Place) -> Turn {
        let now = Instant::now();
        let mut state = self.lock();
        if state.waiting.first() != Some(place) {
            return Turn::Behind;
        }
        if now < state.closed_until {
            return Turn::At(state.closed_until);
        }
        let gained = (now - state.as_of).as_secs_f64() * self.per_second;
        state.tokens = (state.tokens + gained).min(self.burst);
        state.as_of = now;
        if state.tokens < 1.0 {
            // a little more than needed, so that rounding never wakes us without a token
            let lacking = (1.0 - state.tokens) / self.per_second + 1e-6;
            return Turn::At(now + Duration::from_secs_f64(lacking));
        }
        state.tokens -= 1.0;
        state.waiting.remove(place);
        Turn::Taken
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // every change of the state is whole: a panic elsewhere leaves it usable
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.bucket.lock().waiting.remove(&self.place);
        self.bucket.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    async fn take_many(bucket: &Bucket, count: usize) -> Duration {
        let start = Instant::now();
        for _ in 0..count {
            bucket.take(Urgency::Background).await;
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_the_rest_comes_at_the_rate() {
        let bucket = Bucket::new(18.0, 18);
        assert_eq!(take_many(&bucket, 18).await, Duration::ZERO);
        let next = take_many(&bucket, 180).await;
        assert!(
            (10.0..10.5).contains(&next.as_secs_f64()),
            "180 requests took {next:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn never_more_than_burst_and_rate_allow_in_any_window() {
        let bucket = Bucket::new(10.0, 5);
        let start = Instant::now();
        let mut at = Vec::new();
        for n in 0..60_u32 {
            if n == 20 {
                tokio::time::sleep(Duration::from_secs(3)).await;
            }
            bucket.take(Urgency::Grant).await;
            at.push(start.elapsed().as_secs_f64());
        }
        for (i, from) in at.iter().enumerate() {
            for (j, to) in at.iter().enumerate().skip(i) {
                let taken = f64::from(u32::try_from(j - i + 1).unwrap());
                assert!(taken <= 5.0 + (to - from) * 10.0 + 1e-6, "{i}..{j}");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn ends_go_before_grants_before_looks() {
        let bucket = Arc::new(Bucket::new(1.0, 1));
        bucket.take(Urgency::Background).await;
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (name, urgency) in [
            ("look 1", Urgency::Background),
            ("look 2", Urgency::Background),
            ("grant 1", Urgency::Grant),
            ("end 1", Urgency::End),
            ("grant 2", Urgency::Grant),
            ("end 2", Urgency::End),
        ] {
            let (bucket, served) = (Arc::clone(&bucket), Arc::clone(&served));
            tasks.push(tokio::spawn(async move {
                bucket.take(urgency).await;
                served.lock().unwrap().push(name);
            }));
            tokio::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(
            *served.lock().unwrap(),
            ["end 1", "end 2", "grant 1", "grant 2", "look 1", "look 2"]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn one_who_gives_up_holds_nobody_up_and_takes_nothing() {
        let bucket = Arc::new(Bucket::new(1.0, 1));
        bucket.take(Urgency::End).await;
        let start = Instant::now();
        let quitter = {
            let bucket = Arc::clone(&bucket);
            tokio::spawn(async move {
                let patience = Duration::from_millis(500);
                tokio::time::timeout(patience, bucket.take(Urgency::End)).await
            })
        };
        tokio::task::yield_now().await;
        bucket.take(Urgency::Background).await;
        assert!(quitter.await.unwrap().is_err());
        assert!(start.elapsed() < Duration::from_millis(1100));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttle_closes_the_bucket_for_everybody() {
        let bucket = Bucket::new(10.0, 10);
        bucket.slow_down(Duration::from_secs(2));
        let start = Instant::now();
        bucket.take(Urgency::End).await;
        assert!(start.elapsed() >= Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn senseless_rates_still_move() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            let bucket = Bucket::new(rate, 0);
            assert!(take_many(&bucket, 2).await <= Duration::from_secs(11));
        }
    }
}
