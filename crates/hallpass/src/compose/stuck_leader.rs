//! Detects a leader that cannot write: its lease session survives while the database refuses new
//! ones. Other nodes would wait forever.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

const TRY_EVERY: Duration = Duration::from_secs(10);
/// Write outage before giving up the lead: longer than other transactions, locks or a database
/// restart, which affect all nodes.
const UNABLE_AFTER: Duration = Duration::from_mins(1);

/// Returns the last error once every attempt failed for [`UNABLE_AFTER`]. An equally slow attempt
/// also fails.
pub(super) async fn to_write<F, E>(attempt: impl Fn() -> F) -> String
where
    F: Future<Output = Result<(), E>>,
    E: std::fmt::Display,
{
    let mut worked = Instant::now();
    let mut why = "the database did not answer".to_owned();
    loop {
        match timeout_at(worked + UNABLE_AFTER, attempt()).await {
            Ok(Ok(())) => worked = Instant::now(),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => return why,
        }
        if worked.elapsed() >= UNABLE_AFTER {
            return why;
        }
        sleep(TRY_EVERY).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::pending;

    use tokio::time::timeout;

    use super::*;

    /// Simulates an hour of leading with failures in a range: returns the reason and time of giving
    /// up.
    async fn judged(fails: std::ops::Range<u64>) -> Option<(String, u64)> {
        let began = Instant::now();
        let attempt = || async {
            if fails.contains(&began.elapsed().as_secs()) {
                Err("too many connections")
            } else {
                Ok(())
            }
        };
        let unable = timeout(Duration::from_hours(1), to_write(attempt)).await;
        unable.ok().map(|why| (why, began.elapsed().as_secs()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_is_unable_only_when_nothing_was_written_for_a_minute() {
        let refused = "too many connections".to_owned();
        for (fails, expected) in [
            (0..0, None),
            (0..3_600, Some((refused.clone(), 60))),
            // the last success was at 100
            (101..3_600, Some((refused, 160))),
            (101..155, None),
        ] {
            assert_eq!(judged(fails.clone()).await, expected, "{fails:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_attempt_that_never_ends_fails() {
        let (began, tried) = (Instant::now(), Cell::new(0));
        let attempt = || {
            tried.set(tried.get() + 1);
            pending::<Result<(), String>>()
        };
        assert_eq!(to_write(attempt).await, "the database did not answer");
        assert_eq!((began.elapsed(), tried.get()), (UNABLE_AFTER, 1));
    }
}
