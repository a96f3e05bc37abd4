//! Group membership by attributes. One loop compares, because reading the directory may take
//! minutes; another completes pending changes. Both run on the leader.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use crate::setup::waiting::{LOOK_AGAIN, rest};
use async_trait::async_trait;
use hallpass_access::{
    Access, AccessError, GroupReport, GroupSyncOutcome, GroupSyncStatus, Settings,
};
use hallpass_base::clock::ProcessClock;
use hallpass_base::{Clock, TimeSpan, Timestamp};
use hallpass_channels::wording::group_sync;
use hallpass_rules::{GroupRef, PersonAttribute};
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use tokio::sync::watch;
use tokio::time::Instant;

const STATUS_EVERY: Duration = Duration::from_secs(15);
/// A comparison overdue by this much counts as missed.
const LATE: TimeSpan = TimeSpan::minutes(30);

#[derive(Clone)]
pub struct GroupSyncer {
    pub access: Arc<Access>,
    pub clock: Arc<dyn Clock>,
}

/// Compares when due and at start, as the configuration may have changed.
pub async fn compare(syncer: GroupSyncer, mut stop: watch::Receiver<bool>) {
    let mut begins = Begins::AtOnce;
    while !*stop.borrow() {
        let ran = tokio::select! {
            ran = syncer.compare_once(begins) => ran,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        if ran.is_ok() {
            begins = Begins::WhenDue;
        }
        let pause = ran.unwrap_or_else(|error| {
            tracing::error!(error = %error, "memberships could not be compared with attributes");
            STATUS_EVERY
        });
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Begins {
    AtOnce,
    WhenDue,
}

impl GroupSyncer {
    async fn compare_once(&self, begins: Begins) -> Result<Duration, AccessError> {
        let due = self.access.next_group_sync().await?;
        let Some(due) = due else {
            return Ok(STATUS_EVERY);
        };
        let left = Duration::try_from(due.duration_since(self.clock.now())).unwrap_or_default();
        if begins == Begins::WhenDue && !left.is_zero() {
            return Ok(left.min(STATUS_EVERY));
        }
        let Some(run) = self.access.run_group_sync().await? else {
            return Ok(STATUS_EVERY);
        };
        let outcome = match &run.outcome {
            GroupSyncOutcome::Failed { .. } => "failed",
            GroupSyncOutcome::Looked { groups } => {
                tracing::info!(
                    groups = groups.len(),
                    "compared memberships with attributes"
                );
                "looked"
            }
        };
        metrics::counter!("hallpass_group_sync_runs_total", "outcome" => outcome).increment(1);
        for trouble in group_sync::troubles(&run) {
            tracing::warn!("{trouble}");
        }
        Ok(Duration::ZERO)
    }
}

/// Completes pending changes and reports status, also if no group follows attributes any more.
pub async fn act(syncer: GroupSyncer, mut stop: watch::Receiver<bool>) {
    let access = syncer.access;
    let mut shown: Option<Instant> = None;
    loop {
        match access.tend_group_sync().await {
            Ok(tended) if tended.failed > 0 => {
                tracing::warn!(failed = tended.failed, "memberships wait for another try");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(error = %error, "memberships could not be updated"),
        }
        if shown.is_none_or(|at| at.elapsed() >= STATUS_EVERY) {
            shown = Some(Instant::now());
            match access.group_sync_status().await {
                Ok(status) => show(status.as_ref()),
                Err(error) => tracing::warn!(error = %error, "how memberships are is not known"),
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
fn show(status: Option<&GroupSyncStatus>) {
    let run = status.and_then(|status| status.run.as_ref());
    let groups: &[GroupReport] = match run.map(|run| &run.outcome) {
        Some(GroupSyncOutcome::Looked { groups }) => groups,
        Some(GroupSyncOutcome::Failed { .. }) | None => &[],
    };
    let sum = |of: fn(&GroupReport) -> u64| groups.iter().map(of).sum::<u64>() as f64;
    metrics::gauge!("hallpass_group_sync_members").set(sum(|group| group.members));
    metrics::gauge!("hallpass_group_sync_manual").set(sum(|group| group.manual.count));
    metrics::gauge!("hallpass_group_sync_unknown").set(sum(|group| group.unknown));
    metrics::gauge!("hallpass_group_sync_at_work").set(status.map_or(0, |it| it.working) as f64);
    metrics::gauge!("hallpass_group_sync_refused").set(status.map_or(0, |it| it.refused) as f64);
    let looked_at = run.map_or(0, |run| run.began.as_second());
    metrics::gauge!("hallpass_group_sync_looked_at_seconds").set(looked_at as f64);
}

pub fn named(settings: &Settings) -> (BTreeSet<GroupRef>, BTreeSet<PersonAttribute>) {
    let sync = settings.group_sync.as_ref();
    sync.map(|it| (it.group_refs(), it.attributes()))
        .unwrap_or_default()
}

pub fn probe(access: &Arc<Access>, time: &Arc<ProcessClock>) -> Option<GroupSyncProbe> {
    access.settings().group_sync.as_ref()?;
    Some(GroupSyncProbe {
        access: Arc::clone(access),
        clock: Arc::clone(time) as Arc<dyn Clock>,
    })
}

/// Reports overdue comparisons and memberships that need attention.
pub struct GroupSyncProbe {
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl ReadinessProbe for GroupSyncProbe {
    async fn probe(&self) -> ProbeResult {
        let now = self.clock.now();
        let works = match self.access.group_sync_status().await {
            Ok(Some(status)) => said(&status, now),
            // a store failure is reported by its own probe
            Ok(None) | Err(_) => Ok(group_sync::NOT_YET.to_owned()),
        };
        ProbeResult {
            name: "group_sync",
            works,
        }
    }

    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

fn said(status: &GroupSyncStatus, now: Timestamp) -> Result<String, String> {
    let late = TimeSpan::between(status.next_at, now);
    if late > LATE {
        return Err(group_sync::overdue(late));
    }
    let Some(run) = &status.run else {
        return Ok(group_sync::NOT_YET.to_owned());
    };
    let troubles = group_sync::troubles(run);
    if troubles.is_empty() {
        Ok(group_sync::compared(run, TimeSpan::between(run.began, now)))
    } else {
        Err(troubles.join("; "))
    }
}
