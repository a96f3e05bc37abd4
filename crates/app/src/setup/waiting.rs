//! Background loops: run, wait, and restart after a panic.

use std::time::Duration;

use hallpass_base::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Maximum sleep: limits the effect of a lost notification.
pub const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Minimum sleep: limits the cost of a permanently due row.
const BREATH: Duration = Duration::from_millis(20);
const BROKEN_PAUSE: Duration = Duration::from_secs(1);

/// Runs a loop until shutdown. Restarts it after a panic, because due ends must not wait for an
/// operator.
pub fn spawn<E, F>(
    tasks: &mut JoinSet<()>,
    name: &'static str,
    stop: &watch::Sender<bool>,
    with: &E,
    run: impl Fn(E, watch::Receiver<bool>) -> F + Send + 'static,
) where
    E: Clone + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (with, mut stop) = (with.clone(), stop.subscribe());
    // registered at start, so that monitoring sees the first increase
    let breaks = metrics::counter!("hallpass_loop_breaks_total", "loop" => name);
    breaks.increment(0);
    tasks.spawn(async move {
        loop {
            // aborted with this task, unlike detached tasks
            let mut inner = JoinSet::new();
            inner.spawn(run(with.clone(), stop.clone()));
            let ended = inner.join_next().await;
            if *stop.borrow() {
                return;
            }
            let error = match ended {
                Some(Err(error)) => error.to_string(),
                Some(Ok(())) | None => "it ended unexpectedly".to_owned(),
            };
            tracing::error!(
                name,
                error,
                "a loop broke off and begins again (this is a bug)"
            );
            breaks.increment(1);
            rest(&mut stop, BROKEN_PAUSE).await;
        }
    });
}

pub async fn rest(stop: &mut watch::Receiver<bool>, time: Duration) -> bool {
    if *stop.borrow() {
        return false;
    }
    tokio::select! {
        _ = stop.changed() => !*stop.borrow(),
        () = tokio::time::sleep(time) => true,
    }
}

pub fn until(due: Option<Timestamp>, now: Timestamp) -> Duration {
    let left = due.map(|due| due.duration_since(now));
    let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
    left.unwrap_or(LOOK_AGAIN).clamp(BREATH, LOOK_AGAIN)
}

/// Sleep after idle turns: work that stays due cannot be done now (unreadable or blocked), and must
/// not cause a busy loop.
pub fn until_after(idle_turns: u32, due: Option<Timestamp>, now: Timestamp) -> Duration {
    match due {
        Some(due) if due <= now && idle_turns > 1 => LOOK_AGAIN,
        due => until(due, now),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use hallpass_base::TimeSpan;

    use super::*;

    #[test]
    fn loops_sleep_until_something_is_due_within_bounds() {
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        for (due, wanted) in [
            (None, LOOK_AGAIN),
            (Some(TimeSpan::hours(1).after(now)), LOOK_AGAIN),
            (Some(now), BREATH),
            (Some(TimeSpan::hours(1).before(now)), BREATH),
        ] {
            assert_eq!(until(due, now), wanted, "{due:?}");
        }
        let soon = now.checked_add(jiff::SignedDuration::from_millis(300));
        assert_eq!(until(soon.ok(), now), Duration::from_millis(300));
    }

    #[test]
    fn what_is_due_and_cannot_be_done_is_not_looked_at_without_a_pause() {
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let past = Some(TimeSpan::hours(1).before(now));
        for (idle_turns, due, wanted) in [
            (0, past, BREATH),
            (1, past, BREATH),
            (2, past, LOOK_AGAIN),
            (2, None, LOOK_AGAIN),
        ] {
            assert_eq!(until_after(idle_turns, due, now), wanted, "{idle_turns}");
        }
        let soon = now.checked_add(jiff::SignedDuration::from_millis(300)).ok();
        assert_eq!(until_after(9, soon, now), Duration::from_millis(300));
    }

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_breaks_off_begins_again_and_ends_with_the_server() {
        let (stop, _) = watch::channel(false);
        let (mut tasks, runs) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
        spawn(
            &mut tasks,
            "test",
            &stop,
            &runs,
            |runs, mut stop| async move {
                assert!(
                    runs.fetch_add(1, Ordering::SeqCst) > 0,
                    "the first run panics"
                );
                rest(&mut stop, Duration::from_hours(1)).await;
            },
        );
        let second = async {
            while runs.load(Ordering::SeqCst) < 2 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let waited = tokio::time::timeout(Duration::from_mins(1), second).await;
        assert!(waited.is_ok(), "it did not begin again");
        stop.send_replace(true);
        let ended = tokio::time::timeout(Duration::from_secs(5), tasks.join_next()).await;
        assert!(matches!(ended, Ok(Some(Ok(())))), "{ended:?}");
    }
}
