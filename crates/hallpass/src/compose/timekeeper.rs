//! One idle worker sleeps until work is due, for all.

use std::time::Duration;

use tokio::sync::{Mutex, Notify};

#[derive(Debug, Default)]
pub(super) struct Timekeeper {
    /// Held by the sleeper; the others wait.
    turn: Mutex<()>,
    sooner: Notify,
}

impl Timekeeper {
    /// A worker found no more work: its results may be due earlier than the sleeper knows.
    pub(super) fn has_worked(&self) {
        self.sooner.notify_one();
    }

    /// Sleeps for `pause` on its turn, or until a worker finishes.
    pub(super) async fn sleep(&self, pause: impl AsyncFnOnce() -> Duration) {
        let _turn = self.turn.lock().await;
        let pause = pause().await;
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.sooner.notified() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_becomes_due_sooner_than_the_sleeper_knows_is_not_waited_for_twice() {
        let (keeper, began) = (Arc::new(Timekeeper::default()), Instant::now());
        let sleeper = Arc::clone(&keeper);
        let sleeper = tokio::spawn(async move {
            sleeper.sleep(async || Duration::from_secs(1)).await;
            began.elapsed()
        });
        tokio::time::sleep(Duration::from_millis(100)).await;
        // its work is due again in 200 ms
        keeper.has_worked();
        keeper.sleep(async || Duration::from_millis(200)).await;
        assert_eq!(began.elapsed(), Duration::from_millis(300));
        assert_eq!(sleeper.await.unwrap(), Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_done_while_the_sleeper_reads_what_is_due_wakes_it() {
        let (keeper, began) = (Timekeeper::default(), Instant::now());
        keeper
            .sleep(async || {
                keeper.has_worked();
                Duration::from_secs(1)
            })
            .await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
