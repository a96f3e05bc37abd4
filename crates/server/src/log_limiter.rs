//! Words for the log that a stranger can cause: said at most every ten seconds, with how often
//! they were left out, so that nobody can fill a disk with them.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The shortest time between two.
const EVERY: Duration = Duration::from_secs(10);

/// When each of these words was last said, and how often it was left out since.
#[derive(Debug, Default)]
pub(crate) struct Seldom(Mutex<SeldomState>);

#[derive(Debug, Default)]
struct SeldomState {
    said_at: Option<Instant>,
    left_out: u64,
}

impl Seldom {
    /// Whether it may be said now; how often it was left out since it was last said.
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
