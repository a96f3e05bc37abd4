//! What was changed beside the files of permission sets and assignments, looked for on a schedule and told as alerts
//! are: once, and once more when it is over. Only reads. What a grant holds is no drift (promise P3). When the next
//! comparison is due is known from the stored state of its rule, so that a restart makes none twice and misses none.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hallpass_access_files::{DriftedItem, LiveGrants, PermissionSetAdmin, drift};
use hallpass_alerts::{
    AlertQuestion, AlertRule, AlertRuleId, AlertSeverity, RunAnswer, RunRows, is_due,
};
use hallpass_aws::{Aws, PermissionSets};
use hallpass_model::{Clock, Look, TimeSpan, Timestamp};
use hallpass_store::SqliteStore;
use hallpass_wording::alert::alert_text;
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::pci::PciWatching;
use super::waiting::rest;
use crate::access_look::{AccessLook, compared, usable};
use crate::alerts::{AlertRunner, RuleFileOfAlerts};
use crate::config::DriftSchedule;
use crate::exit::Failure;
use crate::live_grants::StoredGrants;
use crate::standards_follow::StandardsFollowing;

/// How often is looked whether a comparison is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After how long one that failed is made again; doubled with each, up to the time between two.
const TRY_AGAIN: TimeSpan = TimeSpan::minutes(1);
/// Doublings of that at most.
const DOUBLED_MAX: u32 = 8;
/// The name by which the state knows the rule's file; no file can be called so.
const RULES: &str = "access/watch";
/// The rule.
const RULE: &str = "access/drift";
/// Rows of a message; more are counted, and listed in a file.
const TOLD_MAX: usize = 50;
const COLUMNS: [&str; 4] = ["drift", "permission_set", "place", "what"];

/// What is looked at on a schedule and told as alerts are.
#[derive(Clone)]
pub(crate) struct Watches {
    /// What judges passwords and activity, where a source is configured.
    pub(crate) pci: Option<PciWatching>,
    /// What makes new accounts follow a file of standards, where one is configured.
    pub(crate) standards: Option<StandardsFollowing>,
    /// What compares files of access with what stands, where some are configured.
    pub(crate) drift: Option<DriftWatching>,
}

/// What the loop works with.
#[derive(Clone)]
pub(crate) struct DriftWatching {
    schedule: DriftSchedule,
    aws: Arc<Aws>,
    center: Arc<dyn PermissionSetAdmin>,
    grants: Arc<dyn LiveGrants>,
    runner: AlertRunner,
}

/// Closes what stands of an earlier configuration, where files are not compared any more; nothing is told of it
/// (`inventory.md` R-4).
///
/// # Errors
/// The store does not answer.
pub(crate) async fn retire_drift(runner: &AlertRunner, now: Timestamp) -> Result<(), Failure> {
    let none = RuleFileOfAlerts {
        name: RULES.to_owned(),
        rules: Vec::new(),
    };
    let (states, nothing) = (runner.states().await?, BTreeMap::new());
    let retired = runner.store_steps(&none, &states, &nothing, now).await?;
    if !retired.is_empty() {
        tracing::info!("files of access are not compared any more; what stood of them is closed");
    }
    Ok(())
}

/// Comparisons that failed one after the other: the last, and how many.
type FailedLooks = Option<(Timestamp, u32)>;

/// Makes comparisons until the server stops.
pub(super) async fn watch(
    (watching, clock): (DriftWatching, Arc<dyn Clock>),
    mut stop: watch::Receiver<bool>,
) {
    let mut failed = None;
    loop {
        // a stop does not wait: what is not stored is compared again by the next process
        let looked = tokio::select! {
            looked = watching.look(&mut failed, clock.as_ref()) => looked,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        if let Err(failure) = looked {
            let error = failure.words();
            tracing::error!(error, "what drifted cannot be kept; it is tried again");
        }
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

impl DriftWatching {
    pub(crate) fn new(
        schedule: DriftSchedule,
        aws: &Arc<Aws>,
        store: &SqliteStore,
        runner: AlertRunner,
    ) -> Self {
        Self {
            schedule,
            center: Arc::new(PermissionSets::new(Arc::clone(aws))),
            grants: Arc::new(StoredGrants(Arc::new(store.clone()))),
            aws: Arc::clone(aws),
            runner,
        }
    }

    async fn look(&self, failed: &mut FailedLooks, clock: &dyn Clock) -> Result<(), Failure> {
        let Look {
            now, disagreement, ..
        } = clock.look();
        if disagreement.is_some() {
            // since when anything is, is not known
            return Ok(());
        }
        let rule = rule(&self.schedule)?;
        let states = self.runner.states().await?;
        let state = states.iter().find(|it| it.rule == rule.id);
        let is_due = match *failed {
            Some(looks) => again(looks, self.schedule.every) <= now,
            None => is_due(&rule, state, now),
        };
        if !is_due {
            return Ok(());
        }
        let found = self.drifted().await;
        let outcome = if found.is_ok() { "ok" } else { "failed" };
        metrics::counter!("hallpass_drift_looks_total", "outcome" => outcome).increment(1);
        *failed = match &found {
            Ok(_) => None,
            Err(why) => {
                let error = why.words();
                tracing::error!(error, "what drifted is not known; it is tried again");
                Some((now, failed.map_or(0, |it| it.1).saturating_add(1)))
            }
        };
        self.tell(rule, answer(found), now).await
    }

    /// What is not as the files say.
    async fn drifted(&self) -> Result<Vec<DriftedItem>, Failure> {
        let file = usable(&self.schedule.files, |warning| {
            tracing::debug!(warning, "a file of access");
        })?;
        let at = AccessLook {
            aws: &self.aws,
            center: self.center.as_ref(),
            grants: self.grants.as_ref(),
        };
        let compared = compared(&at, &file).await?;
        let (wanted, seen) = (&compared.wanted, &compared.seen);
        Ok(drift(&compared.diff, wanted, seen, &compared.directory))
    }

    async fn tell(&self, rule: AlertRule, run: RunAnswer, now: Timestamp) -> Result<(), Failure> {
        let states = self.runner.states().await?;
        let answers = BTreeMap::from([(rule.id.clone(), run)]);
        let rules = RuleFileOfAlerts {
            name: RULES.to_owned(),
            rules: vec![rule],
        };
        // CRASH: before a step is stored the comparison is made again; after it the message is delivered
        for ran in self
            .runner
            .store_steps(&rules, &states, &answers, now)
            .await?
        {
            let items = ran.state.active();
            tracing::info!(items, "what stands was compared with the files of access");
            if let Some(message) = &ran.message {
                let text = alert_text(message);
                tracing::info!(text, "what drifted is told");
            }
        }
        Ok(())
    }
}

/// When a comparison that failed is made again: never later than one that did not.
fn again((at, times): (Timestamp, u32), every: TimeSpan) -> Timestamp {
    let doubled = 1_u64 << times.saturating_sub(1).min(DOUBLED_MAX);
    let pause = TimeSpan::seconds(doubled * TRY_AGAIN.as_seconds());
    pause.min(every).after(at)
}

/// The rule by which items are told.
fn rule(schedule: &DriftSchedule) -> Result<AlertRule, Failure> {
    let id: AlertRuleId = RULE.parse().map_err(Failure::bug)?;
    Ok(AlertRule {
        question: AlertQuestion::Shipped(RULE.to_owned()),
        id,
        parameters: BTreeMap::new(),
        every: schedule.every,
        severity: AlertSeverity::High,
        key: COLUMNS.map(str::to_owned).to_vec(),
        message: Some("{permission_set}, {place}: {what}: {drift}".to_owned()),
        snapshots_needed: schedule.looks,
        notify: schedule.notify.clone(),
        recover: true,
        remind: Some(schedule.remind).filter(|it| !it.is_zero()),
        max_new: TOLD_MAX,
        enabled: true,
    })
}

/// What was found, or that nothing is known: then nothing counts as recovered (`inventory.md` R-1).
fn answer(found: Result<Vec<DriftedItem>, Failure>) -> RunAnswer {
    let result = match found {
        Ok(items) => RunRows::Rows {
            columns: COLUMNS.map(str::to_owned).to_vec(),
            rows: items.iter().map(row).collect(),
        },
        Err(failure) => RunRows::Failed {
            message: failure.words(),
        },
    };
    RunAnswer {
        snapshot: None,
        tables: Vec::new(),
        members: None,
        result,
    }
}

fn row(item: &DriftedItem) -> Map<String, Value> {
    let place = match &item.account {
        Some(account) => format!("account {account}"),
        None => "the set itself".to_owned(),
    };
    let values = [
        json!(item.drift.name()),
        json!(item.permission_set),
        json!(place),
        json!(item.what),
    ];
    let names = COLUMNS.iter().map(|it| (*it).to_owned());
    names.zip(values).collect()
}

#[cfg(test)]
mod tests {
    use hallpass_access_files::{DriftAuthor, DriftKind, DriftSubject};
    use hallpass_model::{AccountId, PermissionSetName};

    use super::*;

    fn schedule() -> DriftSchedule {
        DriftSchedule {
            files: Vec::new(),
            every: TimeSpan::hours(1),
            looks: 2,
            remind: TimeSpan::ZERO,
            notify: Vec::new(),
        }
    }

    #[test]
    fn a_comparison_that_failed_is_made_again_soon_and_never_later_than_another() {
        let at: Timestamp = "2026-01-02T00:00:00Z".parse().unwrap();
        for (times, every, minutes) in [(1, 60, 1), (3, 60, 4), (9, 60, 60), (u32::MAX, 600, 256)] {
            let found = again((at, times), TimeSpan::minutes(every));
            assert_eq!(found, TimeSpan::minutes(minutes).after(at), "{times}");
        }
    }

    #[test]
    fn every_column_that_the_rule_names_is_in_every_row() {
        let rule = rule(&schedule()).unwrap();
        assert_eq!((rule.snapshots_needed, rule.remind), (2, None));
        let mut item = DriftedItem {
            drift: DriftKind::AddedOutside,
            permission_set: PermissionSetName::new("Audit").unwrap(),
            account: Some(AccountId::new("100000000001").unwrap()),
            what: "user ana".to_owned(),
            subject: DriftSubject::Existence,
            last_change: DriftAuthor::NotAsked,
        };
        let assigned = row(&item);
        assert!(rule.key.iter().all(|it| assigned.contains_key(it)));
        assert_eq!(assigned["place"], "account 100000000001");
        item.account = None;
        assert_eq!(row(&item)["place"], "the set itself");
    }
}
