//! Sweep loops: one lists, possibly for minutes; one acts.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{Access, AccessError, SweepState, SweepStatus};
use hallpass_app::setup::waiting::{LOOK_AGAIN, rest};
use hallpass_base::{Clock, Timestamp};
use tokio::sync::watch;
use tokio::time::Instant;

/// Status interval, and maximum sleep.
const STATUS_EVERY: Duration = Duration::from_secs(15);

#[derive(Clone)]
pub(super) struct Sweeper {
    pub(super) access: Arc<Access>,
    pub(super) clock: Arc<dyn Clock>,
}

pub(super) async fn look(sweeper: Sweeper, mut stop: watch::Receiver<bool>) {
    let notify = sweeper.access.sweeper_notify();
    while !*stop.borrow() {
        // a stop does not wait: the next process restarts unstored work
        let ran = tokio::select! {
            ran = sweeper.look_once() => ran,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        let pause = match ran {
            Ok(due) => due,
            Err(error) => {
                tracing::error!(error = %error, "standing access could not be checked");
                LOOK_AGAIN
            }
        };
        tokio::select! {
            () = notify.notified() => {}
            _ = stop.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

impl Sweeper {
    /// Runs the current or due sweep; returns the pause.
    async fn look_once(&self) -> Result<Duration, AccessError> {
        let access = &self.access;
        let run = match access.sweep_to_run().await? {
            Some(run) => run,
            None => match access.next_sweep().await? {
                Some((at, trigger)) if at <= self.clock.now() => {
                    access.begin_sweep(trigger).await?
                }
                due => return Ok(self.until(due.map(|(at, _)| at))),
            },
        };
        if run.state != SweepState::Running {
            return Ok(Duration::ZERO);
        }
        let run = access.run_sweep(&run).await?;
        // After a listing, so that the next campaign of a series is about today's access.
        access.begin_due_campaigns().await?;
        metrics::counter!("hallpass_sweep_runs_total", "state" => run.state.name()).increment(1);
        tracing::info!(sweep.id = %run.id, state = run.state.name(), "checked standing access");
        Ok(Duration::ZERO)
    }

    fn until(&self, due: Option<Timestamp>) -> Duration {
        let left = due.map(|due| due.duration_since(self.clock.now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
        left.unwrap_or(STATUS_EVERY).min(STATUS_EVERY)
    }
}

pub(super) async fn act(sweeper: Sweeper, mut stop: watch::Receiver<bool>) {
    let access = sweeper.access;
    let mut shown: Option<Instant> = None;
    loop {
        match access.tend_sweeps().await {
            Ok(tended) if tended.failed > 0 => {
                tracing::warn!(
                    failed = tended.failed,
                    "items of a sweep wait for another try"
                );
            }
            Ok(_) => {}
            Err(error) => tracing::error!(error = %error, "sweeps could not be processed"),
        }
        if shown.is_none_or(|at| at.elapsed() >= STATUS_EVERY) {
            shown = Some(Instant::now());
            match access.sweep_status().await {
                Ok(status) => show(&status),
                Err(error) => tracing::warn!(error = %error, "how sweeps are is not known"),
            }
        }
        if !rest(&mut stop, LOOK_AGAIN).await {
            return;
        }
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and seconds, far below 2^52"
)]
fn show(status: &SweepStatus) {
    for (kind, count) in status.items {
        metrics::gauge!("hallpass_sweep_items", "kind" => kind).set(count as f64);
    }
    metrics::gauge!("hallpass_sweep_unread").set(status.unread as f64);
    metrics::gauge!("hallpass_sweep_items_at_work").set(status.at_work as f64);
    metrics::gauge!("hallpass_sweep_items_stuck").set(status.stuck as f64);
    metrics::gauge!("hallpass_sweep_waiting").set(f64::from(u8::from(status.waiting.is_some())));
    let looked_at = status.looked_at.map_or(0, Timestamp::as_second);
    metrics::gauge!("hallpass_sweep_looked_at_seconds").set(looked_at as f64);
}
