//! A token bucket that serves urgent revokes first, then ends, then grants, then reads. Lower
//! urgencies keep a share, to avoid starvation.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hallpass_assignments::Urgency;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// The slowest rate, in requests per second; a lower one would block forever.
const RATE_MIN: f64 = 0.1;
/// Tokens per token guaranteed to waiting grants.
const GRANTS_ONE_IN: u32 = 10;
/// Tokens per token guaranteed to waiting reads.
const LOOKS_ONE_IN: u32 = 20;
const CLOSED_AT_ONCE_MAX: Duration = Duration::from_secs(1);

/// Serves waiters by urgency, then in order of arrival.
#[derive(Debug)]
pub(crate) struct Bucket {
    state: Mutex<BucketState>,
    changed: Notify,
    per_second: f64,
    burst: f64,
}

#[derive(Debug)]
struct BucketState {
    tokens: f64,
    as_of: Instant,
    closed_at: Instant,
    closed_until: Instant,
    waiting: BTreeSet<WaitTicket>,
    next_ticket: u64,
    grants: Share,
    looks: Share,
}

type WaitTicket = (Urgency, u64);

#[derive(Debug)]
struct Share {
    whose: Urgency,
    one_in: u32,
    passed: u32,
}

impl Share {
    fn new(whose: Urgency, one_in: u32) -> Self {
        Self {
            whose,
            one_in,
            passed: 0,
        }
    }

    fn is_due(&self) -> bool {
        self.passed + 1 >= self.one_in
    }

    fn note(&mut self, taker: Urgency, waits: bool) {
        self.passed = if waits && taker != self.whose {
            self.passed + 1
        } else {
            0
        };
    }
}

impl BucketState {
    fn first_of(&self, urgency: Urgency) -> Option<WaitTicket> {
        let first = self.waiting.range((urgency, 0)..).next();
        first.filter(|place| place.0 == urgency).copied()
    }

    fn first(&self) -> Option<WaitTicket> {
        let shares = [&self.grants, &self.looks].into_iter();
        let with_share = shares
            .filter(|share| share.is_due())
            .find_map(|share| self.first_of(share.whose));
        self.first_of(Urgency::AtOnce)
            .or(with_share)
            .or_else(|| self.waiting.first().copied())
    }

    fn closed_for(&self, urgency: Urgency) -> Instant {
        match urgency {
            Urgency::AtOnce => self.closed_until.min(self.closed_at + CLOSED_AT_ONCE_MAX),
            Urgency::End | Urgency::Grant | Urgency::Background => self.closed_until,
        }
    }

    fn take(&mut self, place: &WaitTicket) {
        self.tokens -= 1.0;
        self.waiting.remove(place);
        let (grants, looks) = (
            self.first_of(Urgency::Grant).is_some(),
            self.first_of(Urgency::Background).is_some(),
        );
        self.grants.note(place.0, grants);
        self.looks.note(place.0, looks);
    }
}

enum BucketTurn {
    Taken,
    At(Instant),
    Behind,
}

struct Ticket<'a> {
    bucket: &'a Bucket,
    place: WaitTicket,
}

impl Bucket {
    pub(crate) fn new(per_second: f64, burst: u32) -> Self {
        let now = Instant::now();
        let burst = f64::from(burst.max(1));
        let per_second = if per_second.is_finite() {
            per_second.max(RATE_MIN)
        } else {
            RATE_MIN
        };
        Self {
            state: Mutex::new(BucketState {
                tokens: burst,
                as_of: now,
                closed_at: now,
                closed_until: now,
                waiting: BTreeSet::new(),
                next_ticket: 0,
                grants: Share::new(Urgency::Grant, GRANTS_ONE_IN),
                looks: Share::new(Urgency::Background, LOOKS_ONE_IN),
            }),
            changed: Notify::new(),
            per_second,
            burst,
        }
    }

    /// Waits for a token and takes it. A cancelled wait takes none.
    pub(crate) async fn take(&self, urgency: Urgency) {
        let ticket = self.line_up(urgency);
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // from here on no change is missed, even before the first poll
            changed.as_mut().enable();
            match self.turn(&ticket.place) {
                BucketTurn::Taken => return,
                BucketTurn::At(instant) => {
                    tokio::select! {
                        () = sleep_until(instant) => {}
                        () = changed => {}
                    }
                }
                BucketTurn::Behind => changed.await,
            }
        }
    }

    /// After a throttle: empties the bucket and closes it for `pause`.
    pub(crate) fn slow_down(&self, pause: Duration) {
        let now = Instant::now();
        let mut state = self.lock();
        state.tokens = 0.0;
        state.as_of = now;
        state.closed_at = now;
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

    fn turn(&self, place: &WaitTicket) -> BucketTurn {
        let now = Instant::now();
        let mut state = self.lock();
        if state.first() != Some(*place) {
            return BucketTurn::Behind;
        }
        let closed_until = state.closed_for(place.0);
        if now < closed_until {
            return BucketTurn::At(closed_until);
        }
        let gained = (now - state.as_of).as_secs_f64() * self.per_second;
        state.tokens = (state.tokens + gained).min(self.burst);
        state.as_of = now;
        if state.tokens < 1.0 {
            // a margin, so that rounding never causes a wake-up without a token
            let lacking = (1.0 - state.tokens) / self.per_second + 1e-6;
            return BucketTurn::At(now + Duration::from_secs_f64(lacking));
        }
        state.take(place);
        BucketTurn::Taken
    }

    fn lock(&self) -> MutexGuard<'_, BucketState> {
        // every state change is complete: a panic elsewhere leaves it usable
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

    async fn served(waiting: &[Urgency]) -> Vec<(Urgency, usize)> {
        let bucket = Arc::new(Bucket::new(1.0, 1));
        bucket.take(Urgency::Background).await;
        let served = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for (n, urgency) in waiting.iter().copied().enumerate() {
            let (bucket, served) = (Arc::clone(&bucket), Arc::clone(&served));
            tasks.push(tokio::spawn(async move {
                bucket.take(urgency).await;
                served.lock().unwrap().push((urgency, n));
            }));
            tokio::task::yield_now().await;
        }
        for task in tasks {
            task.await.unwrap();
        }
        let served = served.lock().unwrap();
        served.clone()
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_person_takes_away_goes_before_ends_before_grants_before_looks() {
        use Urgency::{AtOnce, Background, End, Grant};
        let waiting = [
            Background, Grant, End, AtOnce, Background, Grant, End, AtOnce,
        ];
        let order = [
            (AtOnce, 3),
            (AtOnce, 7),
            (End, 2),
            (End, 6),
            (Grant, 1),
            (Grant, 5),
            (Background, 0),
            (Background, 4),
        ];
        assert_eq!(served(&waiting).await, order);
    }

    #[tokio::test(start_paused = true)]
    async fn ends_leave_one_token_of_ten_to_grants_and_one_of_twenty_to_looks() {
        use Urgency::{Background, End, Grant};
        let waiting = [vec![End; 200], vec![Grant; 50], vec![Background; 50]].concat();
        let served = served(&waiting).await;
        let count = |urgency| served[..101].iter().filter(|it| it.0 == urgency).count();
        assert_eq!((count(Grant), count(Background)), (10, 5));
        for urgency in [End, Grant, Background] {
            let of: Vec<_> = served.iter().filter(|it| it.0 == urgency).collect();
            assert!(of.is_sorted(), "{of:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_person_takes_away_is_sent_although_others_have_shares() {
        use Urgency::{AtOnce, Background, End, Grant};
        let waiting = [
            vec![End; 30],
            vec![Grant; 30],
            vec![Background; 30],
            vec![AtOnce; 3],
        ];
        let served = served(&waiting.concat()).await;
        let first: Vec<_> = served[..3].iter().map(|it| it.0).collect();
        assert_eq!(first, [AtOnce; 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_throttle_holds_up_what_a_person_takes_away_for_a_second() {
        let bucket = Arc::new(Bucket::new(10.0, 10));
        bucket.slow_down(Duration::from_secs(20));
        let start = Instant::now();
        let other = Arc::clone(&bucket);
        let end = tokio::spawn(async move { other.take(Urgency::End).await });
        tokio::task::yield_now().await;
        bucket.take(Urgency::AtOnce).await;
        let waited = start.elapsed();
        assert!(
            (Duration::from_secs(1)..Duration::from_millis(1500)).contains(&waited),
            "{waited:?}"
        );
        end.await.unwrap();
        assert!(start.elapsed() >= Duration::from_secs(20));
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
