//! Loops: each reads the store, does due work, and waits for a wake-up or the next due time. None
//! loses state in a restart.

mod policies;
mod reloading;

use std::sync::Arc;
use std::time::Duration;

use hallpass_access::identity::Identity;
use hallpass_access::{Access, AccessStore, DirectorySource, SweepStore};
use hallpass_app::chores::plans::UnaskedPlans;
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::loops::exporting::{self, Exporter};
use hallpass_app::loops::group_sync::{self, GroupSyncer};
use hallpass_app::loops::notices::{self, OutboxKeeper, Teller};
use hallpass_app::loops::{alerts, clocks, comparisons, log_watch, pci, traced_rows};
use hallpass_app::setup::sources;
use hallpass_app::setup::waiting::{LOOK_AGAIN, rest, spawn, until, until_after};
use hallpass_assignments::{Executor, StoreFault, Worked};
use hallpass_audit::AuditStore;
use hallpass_aws::Inventory;
use hallpass_base::{Clock, Look, TimeSpan};
use hallpass_server::ServerStatus;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tracing::Instrument as _;

use super::Composed;
use super::alarms::{self, Watched};
use super::entitlements;
use super::events;
use super::follower_tasks::{self, Follower};
use super::leader_tasks::{PolicyKeepers, Workshop};
use super::people;
use super::probes::Pulse;
use super::region;
use super::remediations;
use super::standards;
use super::sweeping::{self, Sweeper};
use super::timekeeper::Timekeeper;
use super::{absences, conflicts, on_call};
use reloading::{Reloader, reload};

/// Interval to compare live grants with the directory and rules (`access.md` §10.6).
const RECONCILE_EVERY: Duration = Duration::from_mins(10);
const READ_AGAIN: Duration = Duration::from_secs(10);
const CHECK_EVERY: Duration = Duration::from_secs(30);
const CHECK_WHOLE_EVERY: TimeSpan = TimeSpan::hours(1);
const SESSIONS_EVERY: Duration = Duration::from_mins(10);

#[derive(Clone)]
struct Engine {
    access: Arc<Access>,
    directory: Arc<Inventory>,
    executor: Arc<Executor>,
    keepers: PolicyKeepers,
    store: ServerStore,
    clock: Arc<dyn Clock>,
    pulse: Arc<Pulse>,
    /// Notified when a verdict changes that a grant waits for.
    news: Arc<Notify>,
    max_age: TimeSpan,
    identity: Arc<Identity>,
    /// One idle worker sleeps until the next due row and wakes the others.
    timekeeper: Arc<Timekeeper>,
}

impl Composed {
    pub(super) fn spawn_serving(&self, tasks: &mut JoinSet<()>) {
        let stop = &self.stop;
        let follower = Follower {
            access: Arc::clone(&self.access),
            audit: Arc::clone(&self.app.audit),
            directory: Arc::clone(&self.shared_directory),
            lead: Arc::clone(&self.lead),
        };
        spawn(tasks, "follow", stop, &follower, follower_tasks::follow);
        spawn(tasks, "log", stop, &self.log, log_watch::watch);
        spawn(tasks, "clock", stop, &self.watch, clocks::watch);
        let aws = &self.workshop.aws;
        spawn(tasks, "region", stop, aws, region::ask_while_lost);
        let checker = Checker {
            status: Arc::clone(&self.app.status),
            audit: Arc::clone(&self.app.audit),
            clock: Arc::clone(&self.clock),
        };
        spawn(tasks, "check", stop, &checker, check);
        spawn(
            tasks,
            "absences",
            stop,
            &self.polled.absences,
            absences::poll,
        );
        if let Some(on_call) = &self.polled.on_call {
            spawn(tasks, "on_call", stop, on_call, on_call::poll);
        }
        if let Some(remediating) = &self.remediating {
            remediations::spawn_reading(tasks, stop, remediating);
        }
        if let Some(path) = self.rules_file.clone() {
            let reloader = Reloader {
                access: Arc::clone(&self.access),
                work: Arc::clone(&self.work),
                directory: Arc::clone(&self.directory),
                store: (*self.workshop.store).clone(),
                clock: Arc::clone(&self.clock),
                status: Arc::clone(&self.app.status),
                lead: Arc::clone(&self.lead),
                path,
            };
            spawn(tasks, "reload", stop, &reloader, reload);
        }
    }

    /// Starts group sync; always settles started changes.
    fn spawn_group_sync(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        let syncer = GroupSyncer {
            access: Arc::clone(&self.work),
            clock: Arc::clone(&self.clock),
        };
        if self.access.settings().group_sync.is_some() {
            spawn(tasks, "group_sync", stop, &syncer, group_sync::compare);
        }
        spawn(tasks, "memberships", stop, &syncer, group_sync::act);
    }

    /// Starts all loops of a term except the export, which runs after them.
    pub(super) fn spawn_loops(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        let executor = self.workshop.executor(&self.work);
        let engine = self.engine(&self.workshop, &self.work, executor);
        spawn_executor(tasks, stop, &engine);
        spawn(tasks, "cut", stop, &engine, policies::revoke_sessions);
        spawn(tasks, "arm", stop, &engine, policies::arm_ends);
        spawn(tasks, "reconcile", stop, &engine, reconcile);
        spawn(tasks, "refresh", stop, &engine, refresh);
        spawn(tasks, "tags", stop, &engine, read_tags);
        if let Some(every) = self.access.settings().people_every {
            let looking = (Arc::clone(&self.work), every);
            spawn(tasks, "people", stop, &looking, people::watch);
            spawn(tasks, "signed_in", stop, &looking, people::watch_signed_in);
        }
        if self.access.settings().entitlements {
            spawn(tasks, "entitlements", stop, &self.work, entitlements::watch);
        }
        let sweeper = Sweeper {
            access: Arc::clone(&self.work),
            clock: Arc::clone(&self.clock),
        };
        spawn(tasks, "sweep", stop, &sweeper, sweeping::look);
        let pages = self.app.sign_in.public_url().to_owned();
        let telling = (Arc::clone(&self.work), pages);
        spawn(tasks, "conflicts", stop, &telling, conflicts::tell);
        spawn(tasks, "sweep_items", stop, &sweeper, sweeping::act);
        self.spawn_group_sync(tasks, stop);
        self.spawn_telling(tasks, stop);
        self.spawn_for_guards(tasks, stop);
        spawn(tasks, "sessions", stop, &engine, forget_sessions);
    }

    /// Starts work allowed while log records are missing: ends, and the alarm.
    pub(super) fn spawn_ends(
        &self,
        tasks: &mut JoinSet<()>,
        stop: &watch::Sender<bool>,
        workshop: &Workshop,
        journey: &Arc<Access>,
    ) {
        let executor = workshop.executor(journey).ends_only();
        let engine = self.engine(workshop, journey, executor);
        spawn_executor(tasks, stop, &engine);
        self.spawn_channels(tasks, stop, &workshop.store);
        self.spawn_alarms(tasks, stop, &workshop.store);
    }

    fn engine(&self, workshop: &Workshop, journey: &Arc<Access>, executor: Executor) -> Engine {
        Engine {
            access: Arc::clone(journey),
            directory: Arc::clone(&self.directory),
            executor: Arc::new(executor),
            keepers: workshop.policy_keepers(journey),
            store: (*workshop.store).clone(),
            clock: Arc::clone(&self.clock),
            pulse: Arc::clone(&self.pulse),
            news: Arc::new(Notify::new()),
            max_age: self.max_age,
            identity: Arc::clone(&self.app.identity),
            timekeeper: Arc::default(),
        }
    }

    fn spawn_channels(
        &self,
        tasks: &mut JoinSet<()>,
        stop: &watch::Sender<bool>,
        of: &Arc<ServerStore>,
    ) {
        let store = Arc::clone(of) as Arc<dyn AccessStore>;
        let keeper = OutboxKeeper {
            channels: self.channels.clone(),
            store: Arc::clone(&store),
            clock: Arc::clone(&self.clock),
        };
        spawn(tasks, "outbox", stop, &keeper, notices::keep);
        for channel in &self.channels {
            let teller = Teller {
                channel: Arc::clone(channel),
                store: Arc::clone(&store),
                sweeps: Arc::clone(of) as Arc<dyn SweepStore>,
                clock: Arc::clone(&self.clock),
                news: self.access.newest_record(),
                access: Some(Arc::clone(&self.access)),
                logs: self.app.activity.clone(),
            };
            spawn(tasks, "notify", stop, &teller, notices::deliver_notices);
        }
    }

    fn spawn_alarms(
        &self,
        tasks: &mut JoinSet<()>,
        stop: &watch::Sender<bool>,
        of: &Arc<ServerStore>,
    ) {
        let watched = Watched {
            probes: self.alarming.clone(),
            desk: Arc::clone(&self.app.status),
            exports: self.export.is_some(),
            store: Arc::clone(of) as Arc<dyn AccessStore>,
            clock: Arc::clone(&self.clock),
        };
        spawn(tasks, "alarms", stop, &watched, alarms::watch);
    }

    fn spawn_telling(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        self.spawn_channels(tasks, stop, &self.workshop.store);
        for channel in &self.interactive {
            (channel.spawn_tasks)(tasks, stop);
        }
        self.spawn_watching(tasks, stop);
    }

    fn spawn_watching(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        self.spawn_alarms(tasks, stop, &self.workshop.store);
        if let Some(alerting) = self.alerts.clone() {
            let with = (alerting, Arc::clone(&self.clock));
            spawn(tasks, "alerts", stop, &with, alerts::watch);
        }
        if let Some(watching) = self.watches.pci.clone() {
            let with = (watching, Arc::clone(&self.clock));
            spawn(tasks, "pci", stop, &with, pci::watch);
        }
        for comparing in &self.watches.compared {
            let with = (comparing.clone(), Arc::clone(&self.clock));
            spawn(tasks, "drift", stop, &with, comparisons::watch);
        }
        if let Some(following) = &self.watches.standards {
            spawn(tasks, "standards", stop, following, standards::watch);
        }
        if let Some(unasked) = &self.watches.unasked {
            spawn(tasks, "plans", stop, unasked, UnaskedPlans::watch);
        }
        if let Some(intake) = &self.events {
            spawn(tasks, "events", stop, intake, events::watch);
        }
        if let Some(remediating) = &self.remediating {
            remediations::spawn_all(tasks, stop, remediating, &self.work);
        }
    }

    /// Starts the export; has a separate `stop`, to export the others' last records.
    pub(super) fn spawn_export(&self, tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>) {
        if let Some(exporting) = self.export.clone() {
            let exporter = Exporter {
                store: (*self.workshop.store).clone(),
                exporting,
                clock: Arc::clone(&self.clock),
                status: Arc::clone(&self.app.status),
            };
            spawn(tasks, "export", stop, &exporter, exporting::export);
        }
    }
}

fn spawn_executor(tasks: &mut JoinSet<()>, stop: &watch::Sender<bool>, engine: &Engine) {
    // a slow AWS response blocks only its row
    for _ in 0..engine.executor.workers() {
        spawn(tasks, "execute", stop, engine, execute);
    }
    spawn(tasks, "tend", stop, engine, tend);
}

async fn execute(engine: Engine, mut stop: watch::Receiver<bool>) {
    let (notify, wake) = (
        engine.access.executor_notify(),
        engine.executor.wake_next_worker(),
    );
    let mut has_worked = false;
    while !*stop.borrow() {
        let work = engine.executor.work_next();
        match work.instrument(traced_rows::work()).await {
            Ok(Worked::Done { steps }) => {
                if steps > 0 {
                    engine.news.notify_one();
                }
                engine.pulse.beat();
                has_worked = true;
                continue;
            }
            Ok(Worked::Idle) => {
                engine.pulse.beat();
                if std::mem::take(&mut has_worked) {
                    engine.timekeeper.has_worked();
                }
            }
            Err(fault @ StoreFault::Fenced(_)) => {
                tracing::warn!(error = %fault, "an assignment could not be recorded and is tried again");
                continue;
            }
            Err(error @ StoreFault::Unavailable(_)) => {
                tracing::error!(error = %error, "assignments could not be processed");
                // an immediate retry would fail again
                rest(&mut stop, LOOK_AGAIN).await;
                continue;
            }
        }
        tokio::select! {
            () = notify.notified() => {}
            () = wake.notified() => {}
            _ = stop.changed() => {}
            () = keep_time(&engine) => {}
        }
    }
}

/// Sleeps until the next due row, for all idle workers.
async fn keep_time(engine: &Engine) {
    let pause = async || match engine.executor.next_due().await {
        Ok(due) => until(due, engine.clock.now()),
        Err(_) => LOOK_AGAIN,
    };
    engine.timekeeper.sleep(pause).await;
}

async fn tend(engine: Engine, mut stop: watch::Receiver<bool>) {
    let notify = engine.access.executor_notify();
    // a new request or grant may be due earlier
    let mut changes = engine.access.newest_record();
    let mut idle_turns = 0_u32;
    while !*stop.borrow() {
        changes.mark_unchanged();
        let worked = match engine.access.tick().await {
            Ok(tended) => {
                for lag in &tended.lags {
                    #[expect(clippy::cast_precision_loss, reason = "seconds, far below 2^52")]
                    let seconds = lag.as_seconds() as f64;
                    metrics::histogram!("hallpass_revocation_lag_seconds").record(seconds);
                }
                if tended.by_guards > 0 {
                    let count = u64::from(tended.by_guards);
                    metrics::counter!("hallpass_ends_by_guards_total").increment(count);
                }
                if tended.grants > 0 {
                    notify.notify_one();
                }
                let is_idle = tended.requests == 0 && tended.grants == 0;
                idle_turns = if is_idle {
                    idle_turns.saturating_add(1)
                } else {
                    0
                };
                tended.failed == 0
            }
            Err(error) => {
                tracing::error!(error = %error, "requests and grants could not be processed");
                false
            }
        };
        let due = AccessStore::next_due(&engine.store).await;
        let pause = match due {
            Ok(due) if worked => until_after(idle_turns, due, engine.clock.now()),
            Ok(_) | Err(_) => LOOK_AGAIN,
        };
        tokio::select! {
            () = engine.news.notified() => {}
            _ = changes.changed() => {}
            _ = stop.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

async fn reconcile(engine: Engine, mut stop: watch::Receiver<bool>) {
    loop {
        // uncommitted work never happened
        tokio::select! {
            () = compare(&engine.access) => {}
            _ = stop.wait_for(|stopping| *stopping) => return,
        }
        if !rest(&mut stop, RECONCILE_EVERY).await {
            return;
        }
    }
}

async fn compare(access: &Access) {
    match access.reconcile().await {
        Ok(report) => {
            if !report.against_rules.is_empty() {
                tracing::warn!(
                    grants = report.against_rules.len(),
                    "today's rules would refuse live grants"
                );
            }
            tracing::debug!(
                seen = report.seen,
                left = report.left,
                failed = report.failed,
                "reconciled"
            );
        }
        Err(error) => tracing::error!(error = %error, "grants could not be reconciled"),
    }
}

async fn refresh(engine: Engine, mut stop: watch::Receiver<bool>) {
    let every = Duration::from_secs((engine.max_age.as_seconds() / 3).max(1));
    let mut missing = Vec::new();
    loop {
        let again = every.min(READ_AGAIN);
        let read = tokio::select! {
            read = read_again(&engine.directory, &engine.store, &engine.access) => read,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        let pause = if read { every } else { again };
        let found = engine.identity.missing_groups(&engine.access.directory());
        if found != missing && !found.is_empty() {
            tracing::warn!(
                groups = found.join(", "),
                "the directory lacks groups that `[identity]` names: their members have no role; `hallpass server doctor` says more"
            );
        }
        missing = found;
        let read = Instant::now();
        // a corrected clock leaves a snapshot of unknown age
        while read.elapsed() < pause
            && (read.elapsed() < again || engine.access.directory_is_fresh())
        {
            let left = pause.saturating_sub(read.elapsed());
            if !rest(&mut stop, left.min(LOOK_AGAIN)).await {
                return;
            }
        }
    }
}

/// Reads account tags if rules use any, separately from the organization; stored with the next
/// read.
async fn read_tags(engine: Engine, mut stop: watch::Receiver<bool>) {
    loop {
        let pause = engine.directory.read_tags().await;
        if !rest(&mut stop, pause.unwrap_or(LOOK_AGAIN)).await {
            return;
        }
    }
}

async fn read_again(directory: &Inventory, store: &ServerStore, access: &Access) -> bool {
    match directory.refresh().await {
        Ok(read) => {
            sources::cache_snapshot(store, read.snapshot()).await;
            // departed users lose access without waiting for the next round
            compare(access).await;
            true
        }
        Err(fault) => {
            tracing::warn!(error = %fault, "the organization could not be read");
            false
        }
    }
}

async fn forget_sessions(engine: Engine, mut stop: watch::Receiver<bool>) {
    loop {
        let Look {
            now, disagreement, ..
        } = engine.clock.look();
        // checked again on use; never deleted by a possibly wrong clock
        if disagreement.is_none()
            && let Err(error) = engine.store.sessions_prune(now).await
        {
            tracing::warn!(error = %error, "sessions that are over could not be forgotten");
        }
        if !rest(&mut stop, SESSIONS_EVERY).await {
            return;
        }
    }
}

#[derive(Clone)]
struct Checker {
    status: Arc<ServerStatus>,
    audit: Arc<dyn AuditStore>,
    clock: Arc<dyn Clock>,
}

/// Verifies the log's chain incrementally, and completely every hour.
async fn check(engine: Checker, mut stop: watch::Receiver<bool>) {
    loop {
        let now = engine.clock.now();
        let before = engine.status.chain();
        let whole = before
            .whole_at
            .is_none_or(|at| !CHECK_WHOLE_EVERY.covers(at, now));
        engine
            .status
            .check_chain(engine.audit.as_ref(), now, whole)
            .await;
        if let Some(fault) = engine.status.chain().fault
            && before.fault.as_ref() != Some(&fault)
        {
            tracing::error!(
                seq = fault.seq,
                kind = %fault.kind,
                "the audit log is broken: {}",
                fault.detail
            );
        }
        if !rest(&mut stop, CHECK_EVERY).await {
            return;
        }
    }
}
