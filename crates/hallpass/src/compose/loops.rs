//! The loops: each looks at what is stored, does what is due, and waits to be woken or for the
//! next due moment. None keeps anything in memory that a restart would miss.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hallpass_access::{Access, AccessStore, DirectorySource};
use hallpass_assignments::AssignmentStore;
use hallpass_audit::{ExportTarget, export_pending, publish_head};
use hallpass_model::{Clock, Span, Timestamp};
use hallpass_store::SqliteStore;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::{Composed, read_rules, sources};

/// The longest a loop sleeps: bounds the cost of a lost ring.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// The shortest: bounds the cost of a row that is always due.
const BREATH: Duration = Duration::from_millis(20);
/// How often live grants are compared with the directory and the rules (`access.md` §10.6).
const RECONCILE_EVERY: Duration = Duration::from_mins(10);
/// How often the log is exported.
const EXPORT_EVERY: Duration = Duration::from_secs(2);
/// How often a head is published (`access.md` §14.2).
const HEAD_EVERY: Span = Span::hours(1);
/// How often the rule file is looked at for changes.
const RULES_EVERY: Duration = Duration::from_secs(2);
/// A notice that was taken and not acknowledged is taken again after this.
const NOTICE_AGAIN: Span = Span::minutes(1);
/// Notices taken at once.
const NOTICES: u32 = 50;

impl Composed {
    pub(super) fn spawn_loops(&self, tasks: &mut JoinSet<()>) {
        let news = Arc::new(Notify::new());
        let stop = || self.stop.subscribe();
        tasks.spawn(execute(self, Arc::clone(&news), stop()));
        tasks.spawn(tend(self, news, stop()));
        tasks.spawn(reconcile(Arc::clone(&self.access), stop()));
        tasks.spawn(refresh(self, stop()));
        tasks.spawn(notify(self.store.clone(), Arc::clone(&self.clock), stop()));
        if let Some((target, prefix)) = self.export.clone() {
            tasks.spawn(export(
                self.store.clone(),
                target,
                prefix,
                Arc::clone(&self.clock),
                stop(),
            ));
        }
        if let Some(path) = self.rules_file.clone() {
            tasks.spawn(reload(Arc::clone(&self.access), path, stop()));
        }
    }
}

/// Sleeps; `false` when the server stops.
async fn rest(stop: &mut watch::Receiver<bool>, time: Duration) -> bool {
    if *stop.borrow() {
        return false;
    }
    tokio::select! {
        _ = stop.changed() => !*stop.borrow(),
        () = tokio::time::sleep(time) => true,
    }
}

fn until(due: Option<Timestamp>, now: Timestamp) -> Duration {
    let left = due.map(|due| due.duration_since(now));
    let left = left.map(|left| Duration::try_from(left).unwrap_or_default());
    left.unwrap_or(LOOK_AGAIN).clamp(BREATH, LOOK_AGAIN)
}

/// Works on assignments.
fn execute(
    composed: &Composed,
    news: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let (executor, store) = (Arc::clone(&composed.executor), composed.store.clone());
    let (clock, pulse) = (Arc::clone(&composed.clock), Arc::clone(&composed.pulse));
    let bell = composed.access.executor_bell();
    async move {
        while !*stop.borrow() {
            match executor.tick().await {
                Ok(report) if report.steps > 0 => news.notify_one(),
                Ok(_) => {}
                Err(error) => tracing::error!(error = %error, "assignments could not be tended"),
            }
            pulse.beat();
            let due = AssignmentStore::next_due(&store).await.ok().flatten();
            tokio::select! {
                () = bell.notified() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(until(due, clock.now())) => {}
            }
        }
    }
}

/// Tends requests and grants.
fn tend(
    composed: &Composed,
    news: Arc<Notify>,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let (access, store) = (Arc::clone(&composed.access), composed.store.clone());
    let clock = Arc::clone(&composed.clock);
    let bell = composed.access.executor_bell();
    async move {
        while !*stop.borrow() {
            match access.tick().await {
                Ok(tended) => {
                    for lag in &tended.lags {
                        #[expect(clippy::cast_precision_loss, reason = "seconds, far below 2^52")]
                        let seconds = lag.as_seconds() as f64;
                        metrics::histogram!("hallpass_revocation_lag_seconds").record(seconds);
                    }
                    if tended.grants > 0 {
                        bell.notify_one();
                    }
                }
                Err(error) => {
                    tracing::error!(error = %error, "requests and grants could not be tended");
                }
            }
            let due = AccessStore::next_due(&store).await.ok().flatten();
            tokio::select! {
                () = news.notified() => {}
                _ = stop.changed() => {}
                () = tokio::time::sleep(until(due, clock.now())) => {}
            }
        }
    }
}

/// Compares live grants with the directory and the rules.
async fn reconcile(access: Arc<Access>, mut stop: watch::Receiver<bool>) {
    loop {
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
        if !rest(&mut stop, RECONCILE_EVERY).await {
            return;
        }
    }
}

/// Reads the organization, well before what is known of it is too old.
fn refresh(
    composed: &Composed,
    mut stop: watch::Receiver<bool>,
) -> impl Future<Output = ()> + use<> {
    let (directory, access) = (
        Arc::clone(&composed.directory),
        Arc::clone(&composed.access),
    );
    let store = composed.store.clone();
    let every = Duration::from_secs((composed.max_age.as_seconds() / 3).max(1));
    async move {
        loop {
            match directory.refresh().await {
                Ok(read) => {
                    sources::cache_snapshot(&store, read.snapshot()).await;
                    // whoever left loses what they hold without waiting for the next round
                    if let Err(error) = access.reconcile().await {
                        tracing::error!(error = %error, "grants could not be reconciled");
                    }
                }
                Err(fault) => tracing::warn!(error = %fault, "the organization could not be read"),
            }
            if !rest(&mut stop, every).await {
                return;
            }
        }
    }
}

/// Delivers notices. Until channels exist they go to the server's own log, without the requester's
/// words: reasons may hold secrets.
async fn notify(store: SqliteStore, clock: Arc<dyn Clock>, mut stop: watch::Receiver<bool>) {
    loop {
        let now = clock.now();
        match store
            .take_notices(now, NOTICE_AGAIN.after(now), NOTICES)
            .await
        {
            Ok(waiting) => {
                for item in waiting {
                    let news = serde_json::to_value(item.notice.news).unwrap_or_default();
                    tracing::info!(
                        news = news.as_str().unwrap_or_default(),
                        request.id = %item.notice.request,
                        to = item.notice.to.len(),
                        "notice"
                    );
                    if let Err(error) = store.notice_delivered(item.number).await {
                        tracing::warn!(error = %error, "a notice could not be acknowledged");
                    }
                }
            }
            Err(error) => tracing::warn!(error = %error, "notices could not be read"),
        }
        if !rest(&mut stop, LOOK_AGAIN).await {
            return;
        }
    }
}

/// Exports the log and publishes heads: at start, each hour, and when the server stops.
async fn export(
    store: SqliteStore,
    target: Arc<dyn ExportTarget>,
    prefix: String,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) {
    let mut published: Option<Timestamp> = None;
    loop {
        if let Err(error) = export_pending(&store, target.as_ref(), &prefix).await {
            let cause = std::error::Error::source(&error)
                .map(ToString::to_string)
                .unwrap_or_default();
            tracing::error!(error = %error, cause, "the audit log could not be exported; it is tried again");
        }
        let now = clock.now();
        let stopping = *stop.borrow();
        let hour = |at: Timestamp| at.as_second() / 3600;
        let due = published.is_none_or(|at| now >= HEAD_EVERY.after(at) || hour(now) != hour(at));
        if due || stopping {
            match publish_head(&store, target.as_ref(), now).await {
                Ok(Some(_)) => published = Some(now),
                Ok(None) => {}
                Err(error) => {
                    tracing::error!(error = %error, "the audit log's head could not be published");
                }
            }
        }
        if stopping {
            return;
        }
        rest(&mut stop, EXPORT_EVERY).await;
    }
}

/// Reads the rules again when their file changes or on SIGHUP. A file with errors changes nothing.
async fn reload(access: Arc<Access>, path: PathBuf, mut stop: watch::Receiver<bool>) {
    let stamp = |path: &PathBuf| {
        std::fs::metadata(path)
            .and_then(|meta| meta.modified())
            .ok()
    };
    let mut known = stamp(&path);
    #[cfg(unix)]
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok();
    loop {
        let mut asked = false;
        #[cfg(unix)]
        let hung_up = async {
            match &mut hangup {
                Some(signal) => {
                    signal.recv().await;
                }
                None => std::future::pending().await,
            }
        };
        #[cfg(not(unix))]
        let hung_up = std::future::pending::<()>();
        tokio::select! {
            () = hung_up => asked = true,
            going_on = rest(&mut stop, RULES_EVERY) => if !going_on { return },
        }
        let found = stamp(&path);
        if found == known && !asked {
            continue;
        }
        known = found;
        match read_rules(&path) {
            Ok(rules) if rules.hash() == access.rules().hash() => {}
            Ok(rules) => match access.set_rules(rules, &path.display().to_string()).await {
                Ok(()) => tracing::info!(file = %path.display(), "new rules are in force"),
                Err(error) => tracing::error!(error = %error, "new rules could not be recorded"),
            },
            Err(failure) => {
                tracing::error!(file = %path.display(), "the rules were refused; those before stay in force");
                failure.report();
            }
        }
    }
}
