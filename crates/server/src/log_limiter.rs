//! Rate-limits log messages that anonymous clients can cause: at most one every ten seconds, with
//! the number of suppressed ones, so that they cannot fill a disk.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

const EVERY: Duration = Duration::from_secs(10);

#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<SeldomState>);

#[derive(Debug, Default)]
struct SeldomState {
    said_at: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    /// Returns the number of suppressed messages if one may be logged now.
    pub(crate) fn may_say(&self) -> Option<u64> {
        let now = Instant::now();
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_soon = |at: Instant| now.saturating_duration_since(at) < EVERY;
        if state.said_at.is_some_and(is_soon) {
            state.left_out += 1;
            return None;
        }
        state.said_at = Some(now);
        Some(std::mem::take(&mut state.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_said_often_is_said_every_ten_seconds_and_counted() {
        let seldom = Seldom::default();
        assert_eq!(seldom.may_say(), Some(0));
        for _ in 0..3 {
            assert_eq!(seldom.may_say(), None);
        }
        tokio::time::advance(EVERY).await;
        assert_eq!(seldom.may_say(), Some(3));
        assert_eq!(seldom.may_say(), None);
    }
}
