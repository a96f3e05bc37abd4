//! A term's loops, as in the binary: each reads the store, does due work and waits.

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{Access, AccessStore, SweepState};
use hallpass_assignments::{Executor, StoreFault, Worked};
use hallpass_base::clock::Releases;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_enforcement::armed_ends::EndArmer;
use hallpass_store::SqlStore;
use tokio::sync::{Notify, watch};
use tokio::time::sleep;

use super::cluster::Cluster;
use super::tasks::Task;
use crate::ProcessTime;
use crate::gate::Gated;
use crate::hazard::Hazard;
use crate::landmarks::Landmark;

pub(super) const CHANNEL: &str = "post";
/// Executor workers: enough to work on two rows concurrently.
const WORKERS: usize = 3;
/// Reservation of a taken notice by its process.
const TELL_AGAIN: TimeSpan = TimeSpan::seconds(10);

pub(super) struct TermWork {
    pub(super) access: Arc<Access>,
    pub(super) executor: Arc<Executor>,
    pub(super) armer: Option<EndArmer>,
    pub(super) store: Arc<Gated<SqlStore>>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) hazard: Arc<Hazard>,
    pub(super) cluster: Arc<Cluster>,
    pub(super) time: Arc<ProcessTime>,
    /// Notified when a verdict changes that a grant waits for.
    pub(super) news: Arc<Notify>,
}

pub(super) fn loops(work: &Arc<TermWork>, stop: &watch::Sender<bool>) -> Vec<Task> {
    let mut tasks: Vec<Task> = Vec::new();
    for _ in 0..WORKERS {
        tasks.push(Box::pin(execute(Arc::clone(work), stop.subscribe())));
    }
    tasks.push(Box::pin(tend(Arc::clone(work), stop.subscribe())));
    tasks.push(Box::pin(mend(Arc::clone(work), stop.subscribe())));
    tasks.push(Box::pin(reconcile(Arc::clone(work), stop.subscribe())));
    tasks.push(Box::pin(tell(Arc::clone(work), stop.subscribe())));
    tasks.push(Box::pin(sweep(Arc::clone(work), stop.subscribe())));
    if work.armer.is_some() {
        tasks.push(Box::pin(arm(Arc::clone(work), stop.subscribe())));
    }
    tasks
}

async fn rest(stop: &mut watch::Receiver<bool>, span: Duration) {
    tokio::select! {
        biased;
        _ = stop.changed() => {}
        () = sleep(span) => {}
    }
}

impl TermWork {
    fn look_again(&self) -> Duration {
        self.cluster.look_again()
    }

    /// Returns the time until the next due work, at most the loops' sleep.
    fn until(&self, due: Option<Timestamp>) -> Duration {
        let now = self.clock.now().as_microsecond();
        let left = due.map(|due| u64::try_from(due.as_microsecond() - now).unwrap_or(0));
        let span = left.map(Duration::from_micros);
        let most = self.look_again();
        // never zero: time has to pass
        span.map_or(most, |span| span.min(most))
            .max(Duration::from_millis(10))
    }
}

async fn execute(work: Arc<TermWork>, mut stop: watch::Receiver<bool>) {
    let notify = work.access.executor_notify();
    let wake = work.executor.wake_next_worker();
    while !*stop.borrow() {
        match work.executor.work_next().await {
            Ok(Worked::Done { steps }) => {
                if steps > 0 {
                    work.news.notify_one();
                }
                continue;
            }
            Ok(Worked::Idle) => {}
            Err(StoreFault::Fenced(_)) => continue,
            Err(StoreFault::Unavailable(_)) => {
                rest(&mut stop, work.look_again()).await;
                continue;
            }
        }
        let due = work.executor.next_due().await;
        let pause = due.map_or(work.look_again(), |due| work.until(due));
        tokio::select! {
            biased;
            _ = stop.changed() => {}
            () = notify.notified() => {}
            () = wake.notified() => {}
            () = sleep(pause) => {}
        }
    }
}

async fn tend(work: Arc<TermWork>, mut stop: watch::Receiver<bool>) {
    let notify = work.access.executor_notify();
    let mut changes = work.access.newest_record();
    while !*stop.borrow() {
        changes.mark_unchanged();
        let worked = match work.access.tick().await {
            Ok(tended) => {
                if tended.grants > 0 {
                    notify.notify_one();
                }
                tended.failed == 0
            }
            Err(_) => false,
        };
        let pause = match AccessStore::next_due(work.store.as_ref()).await {
            Ok(due) if worked => work.until(due),
            Ok(_) | Err(_) => work.look_again(),
        };
        tokio::select! {
            biased;
            _ = stop.changed() => {}
            () = work.news.notified() => {}
            _ = changes.changed() => {}
            () = sleep(pause) => {}
        }
    }
}

/// Corrects waits on instants stored by a clock that was ahead, once time is correct again.
async fn mend(work: Arc<TermWork>, mut stop: watch::Receiver<bool>) {
    let mut releases = Releases::after(&work.time.read());
    while !*stop.borrow() {
        let reading = work.time.read();
        releases.has_returned(&reading);
        if releases.are_due(&reading) && work.access.release_future_waits().await.is_ok() {
            releases.done(&reading);
        }
        rest(&mut stop, work.look_again()).await;
    }
}

async fn arm(work: Arc<TermWork>, mut stop: watch::Receiver<bool>) {
    let notify = work.access.armed_ends_notify();
    let Some(armer) = &work.armer else { return };
    while !*stop.borrow() {
        let _: Result<_, _> = armer.tick().await;
        tokio::select! {
            biased;
            () = notify.notified() => {}
            _ = stop.changed() => {}
            () = sleep(work.look_again()) => {}
        }
    }
}

async fn reconcile(work: Arc<TermWork>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let _: Result<_, _> = work.access.reconcile().await;
        rest(&mut stop, Duration::from_mins(10)).await;
    }
}

/// Sends notices, each at least once.
async fn tell(work: Arc<TermWork>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let now = work.clock.now();
        let again = TELL_AGAIN.after(now);
        let taken = work.store.take_notices(CHANNEL, now, again, 10).await;
        for waiting in taken.unwrap_or_default() {
            // sending takes a moment in which the process may be killed
            sleep(Duration::from_millis(30)).await;
            work.hazard.going_on().await;
            if waiting.attempts > 0 {
                work.cluster.ledger.reached.note(Landmark::ToldAfterAKill);
            }
            work.cluster.ledger.note_told(waiting.number);
            let _: Result<_, _> = work.store.notice_delivered(CHANNEL, waiting.number).await;
        }
        rest(&mut stop, work.look_again()).await;
    }
}

/// Scans on request or schedule, and executes confirmed findings.
async fn sweep(work: Arc<TermWork>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let run = work.access.sweep_to_run().await;
        if let Ok(Some(run)) = &run
            && run.state == SweepState::Running
        {
            let _: Result<_, _> = work.access.run_sweep(run).await;
        }
        let _: Result<_, _> = work.access.tend_sweeps().await;
        rest(&mut stop, work.look_again()).await;
    }
}
