//! Evaluates passwords and activity on a schedule. The next run comes from stored state, so a
//! restart neither repeats nor misses one; a failed run changes neither report nor state.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::PciSchedule;
use crate::host::named_calls::NamedCalls;
use crate::log_files::{DigestArgs, Fingerprints};
use crate::reports::alerts::AlertRunner;
use crate::reports::pci::{
    OtherRegions, PciReading, PciReported, RanReport, Telling, alert_rules, all_clear, evidence,
    listed_people, read, tell,
};
use crate::setup::waiting::rest;
use hallpass_activity::{
    FailedPciRun, KeptPci, KeptReport, PasswordSource, PciFold, PciRules, PciStore, PciStoreFault,
    WholePciRun,
};
use hallpass_aws::{Aws, AwsClientSettings};
use hallpass_base::{Clock, Look, TimeSpan, Timestamp};
use hallpass_channels::wording::alert::alert_text;
use hallpass_terminal::exit::Failure;
use tokio::sync::{oneshot, watch};

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Retry delay; doubles per failure, up to the regular interval.
const TRY_AGAIN: TimeSpan = TimeSpan::minutes(1);
const DOUBLED_MAX: u32 = 8;
/// A file unreadable in this many consecutive runs is skipped permanently, after a minimum time. An
/// outage of the whole place does not count.
const GIVEN_UP_AFTER: u32 = 3;
const GIVEN_UP_WITHIN: TimeSpan = TimeSpan::hours(1);
const SOURCES_MAX: usize = 20_000;

#[derive(Clone)]
pub struct PciWatching {
    pub schedule: PciSchedule,
    /// Identity store whose events count.
    pub rules: PciRules,
    pub home: String,
    pub client: AwsClientSettings,
    pub people: Arc<NamedCalls>,
    /// Used to find the instance's Regions.
    pub aws: Arc<Aws>,
    /// Sends alerts about exceeded limits; `None`: no alerts.
    pub runner: Option<AlertRunner>,
    pub store: Arc<dyn PciStore>,
}

pub async fn watch(
    (watching, clock): (PciWatching, Arc<dyn Clock>),
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let looked = tokio::select! {
            looked = watching.look(clock.as_ref()) => looked,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        if let Err(error) = looked {
            tracing::error!(error, "runs about people cannot be kept; it is tried again");
        }
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

fn due(kept: &KeptPci, every: TimeSpan) -> Option<Timestamp> {
    match (&kept.failed, &kept.report) {
        (Some(failed), _) => {
            let doubled = 1_u64 << failed.times.saturating_sub(1).min(DOUBLED_MAX);
            let pause = TimeSpan::minutes(doubled * TRY_AGAIN.as_seconds() / 60);
            Some(pause.min(every).after(failed.at))
        }
        (None, Some(report)) => Some(every.after(report.as_of)),
        (None, None) => None,
    }
}

/// A failed run: reason and unreadable files; `None` if it did not reach the files.
struct NoRun {
    why: Failure,
    unread: Option<Vec<String>>,
}

impl From<Failure> for NoRun {
    fn from(why: Failure) -> Self {
        Self { why, unread: None }
    }
}

fn is_given_up(
    kept: &KeptPci,
    unread: &[String],
    (read, skipped): (u64, u64),
    now: Timestamp,
) -> bool {
    let before = kept.report.as_ref().map(|it| &it.not_read);
    let failed = kept.failed.as_ref();
    let failed = failed.filter(|it| GIVEN_UP_WITHIN.after(it.since) <= now);
    let stays = |path: &String| {
        let times = failed.and_then(|it| it.unread.get(path)).copied();
        times.is_some_and(|times| times.saturating_add(1) >= GIVEN_UP_AFTER)
            || before.is_some_and(|it| it.contains(path))
    };
    read > 0 && unread.len() as u64 == skipped && unread.iter().all(stays)
}

/// Consecutive failed runs per file. A run that did not reach the files keeps the counts; a run
/// that read all resets them.
fn unread_since(
    before: Option<&FailedPciRun>,
    unread: Option<Vec<String>>,
) -> BTreeMap<String, u32> {
    let before = before.map(|it| &it.unread);
    let Some(unread) = unread else {
        return before.cloned().unwrap_or_default();
    };
    let times = |path: &String| before.and_then(|it| it.get(path)).copied().unwrap_or(0);
    let counted = unread.into_iter().map(|path| {
        let times = times(&path).saturating_add(1);
        (path, times)
    });
    counted.collect()
}

impl PciWatching {
    async fn look(&self, clock: &dyn Clock) -> Result<(), String> {
        let Look {
            now, disagreement, ..
        } = clock.look();
        if disagreement.is_some() {
            // ages are unknown
            return Ok(());
        }
        let kept = self.store.kept_pci().await.map_err(|it| it.to_string())?;
        if due(&kept, self.schedule.every).is_some_and(|at| at > now) {
            return Ok(());
        }
        let outcome = match self.run(&kept, now).await {
            Ok(()) => "ok",
            Err(failure) => {
                self.failed(&kept, failure, now).await?;
                "failed"
            }
        };
        metrics::counter!("hallpass_pci_runs_total", "outcome" => outcome).increment(1);
        Ok(())
    }

    async fn run(&self, kept: &KeptPci, now: Timestamp) -> Result<(), NoRun> {
        let mut ran = self.read(now).await?;
        let (files, broken) = (ran.logs.files, ran.logs.broken);
        if broken > 0 {
            ran.has_given_up = is_given_up(kept, &ran.unread, (files, broken), now);
        }
        if broken > 0 && !ran.has_given_up {
            let why = Failure::failed(format!(
                "{broken} files or names of events could not be read; the log of the server names them"
            ));
            let unread = Some(ran.unread);
            return Err(NoRun { why, unread });
        }
        self.tell(PciReported::Report(&ran)).await?;
        if let Some(runner) = &self.runner {
            let (every, notify) = (self.schedule.all_clear, &self.schedule.notify);
            all_clear(runner.store.as_ref(), &ran, every, notify).await?;
        }
        let run = self.whole(&ran)?;
        // CRASH: before this line the run is repeated without new alerts: these are identified by
        // user and start time
        match self.store.keep_pci_run(kept.version, run).await {
            Ok(()) => {
                let (people, alerts) = (ran.report.users.len(), ran.report.alerts.len());
                tracing::info!(
                    people,
                    alerts,
                    "passwords and activity of people were judged"
                );
                Ok(())
            }
            Err(PciStoreFault::Raced) => Ok(()),
            Err(fault) => Err(Failure::failed(fault.to_string()).into()),
        }
    }

    /// Reads users and logs on a separate thread, so that a stop does not wait.
    async fn read(&self, now: Timestamp) -> Result<RanReport, Failure> {
        let earlier = self.store.pci_state().await;
        let earlier = earlier.map_err(|fault| Failure::failed(fault.to_string()))?;
        let store = &self.rules.identity_store_id;
        let listed = listed_people(self.people.as_ref(), &self.home, store).await?;
        let fold = match earlier {
            None => PciFold::new(self.rules.clone(), now),
            Some(state) => PciFold::resume(self.rules.clone(), now, state).map_err(|error| {
                Failure::failed(format!("the state of the previous run: {error}"))
            })?,
        };
        let others = OtherRegions::of(self.aws.instance_regions().await)?;
        let reading = self.reading(others);
        let (done, ran) = oneshot::channel();
        let work = move || {
            let passwords = |_: &_| Ok(PasswordSource::Directory);
            let read = read(&reading, fold, Some(&listed), now, passwords);
            let _ = done.send(read);
        };
        std::thread::Builder::new()
            .name("pci".to_owned())
            .spawn(work)
            .map_err(|error| Failure::failed(format!("no thread for a run: {error}")))?;
        ran.await
            .map_err(|_| Failure::bug("a run about people ended without an answer"))?
    }

    fn reading(&self, additional_regions: OtherRegions) -> PciReading {
        let schedule = &self.schedule;
        PciReading {
            source: Some(schedule.source.clone()),
            events: Vec::new(),
            accounts: schedule.accounts.clone(),
            regions: schedule.regions.clone(),
            additional_regions,
            lookup_regions: schedule.regions.iter().cloned().collect(),
            days: schedule.days,
            coverage_from: None,
            policy: schedule.policy,
            limits: schedule.limits,
            fingerprints: Fingerprints::Sha256,
            telling: Telling::ServerLog,
            client: Some(self.client.clone()),
            digests: DigestArgs::default(),
        }
    }

    fn whole(&self, ran: &RanReport) -> Result<WholePciRun, Failure> {
        let store = ran.people.identity_store_id.clone();
        Ok(WholePciRun {
            report: KeptReport {
                not_read: ran.unread.clone(),
                ..KeptReport::new(
                    &ran.report,
                    ran.limits,
                    ran.as_of,
                    ran.coverage_from,
                    store,
                    ran.logs.files,
                    ran.logs.count.records,
                )
            },
            evidence: evidence(ran, &self.schedule.words(), SOURCES_MAX)?,
            state: ran.state.clone(),
        })
    }

    async fn tell(&self, told: PciReported<'_>) -> Result<(), Failure> {
        let Some(runner) = &self.runner else {
            return Ok(());
        };
        let schedule = &self.schedule;
        let rules = alert_rules(schedule.every, schedule.remind, &schedule.notify)?;
        for ran in tell(runner, &rules, told).await? {
            if let Some(message) = &ran.message {
                let text = alert_text(message);
                tracing::info!(text, "people over a limit are notified");
            }
        }
        Ok(())
    }

    /// Stores a failed run. Existing alerts remain; a long failure raises an alert.
    async fn failed(&self, kept: &KeptPci, run: NoRun, now: Timestamp) -> Result<(), String> {
        let why = run.why.words();
        tracing::error!(error = why, "people could not be judged; it is tried again");
        let told = self.tell(PciReported::Failed(&why, now)).await;
        told.map_err(|failure| failure.words())?;
        let before = kept.failed.as_ref();
        let failed = FailedPciRun {
            at: now,
            since: before.map_or(now, |it| it.since),
            times: before.map_or(0, |it| it.times).saturating_add(1),
            why,
            unread: unread_since(before, run.unread),
        };
        match self.store.keep_pci_failure(kept.version, failed).await {
            Ok(()) | Err(PciStoreFault::Raced) => Ok(()),
            Err(fault) => Err(fault.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_due_a_day_after_a_whole_one_and_soon_after_one_that_failed() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let day = TimeSpan::hours(24);
        let mut kept = KeptPci::default();
        assert_eq!(due(&kept, day), None);
        let failed = |times| FailedPciRun {
            at: at("2026-01-02T00:00:00Z"),
            since: at("2026-01-01T00:00:00Z"),
            times,
            why: String::new(),
            unread: BTreeMap::new(),
        };
        for (times, again) in [
            (1, "2026-01-02T00:01:00Z"),
            (3, "2026-01-02T00:04:00Z"),
            (9, "2026-01-02T04:16:00Z"),
            (u32::MAX, "2026-01-02T04:16:00Z"),
        ] {
            kept.failed = Some(failed(times));
            assert_eq!(due(&kept, day), Some(at(again)), "{times}");
        }
        let hour = TimeSpan::hours(1);
        assert_eq!(due(&kept, hour), Some(at("2026-01-02T01:00:00Z")));
    }

    #[test]
    fn a_file_that_three_runs_on_end_could_not_read_is_given_up_and_nothing_else_is() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let [one, two] = ["AWSLogs/one.json.gz", "AWSLogs/two.json.gz"].map(str::to_owned);
        let (since, now) = (at("2026-01-01T00:00:00Z"), at("2026-01-01T01:00:00Z"));
        let mut failed = FailedPciRun {
            at: since,
            since,
            times: 2,
            why: String::new(),
            unread: unread_since(None, Some(vec![one.clone()])),
        };
        failed.unread = unread_since(Some(&failed), Some(vec![one.clone(), two.clone()]));
        assert_eq!(failed.unread, [(one.clone(), 2), (two.clone(), 1)].into());
        assert_eq!(unread_since(Some(&failed), None), failed.unread);
        let read = unread_since(Some(&failed), Some(vec![two.clone()]));
        assert_eq!(read, [(two.clone(), 2)].into());
        assert_eq!(unread_since(Some(&failed), Some(Vec::new())), [].into());
        let mut kept = KeptPci {
            failed: Some(failed),
            ..KeptPci::default()
        };
        let only = [one.clone()];
        assert!(is_given_up(&kept, &only, (5, 1), now));
        let early = at("2026-01-01T00:59:59Z");
        assert!(!is_given_up(&kept, &only, (5, 1), early), "an outage");
        assert!(!is_given_up(&kept, &only, (0, 1), now), "nothing was read");
        assert!(!is_given_up(&kept, &only, (5, 2), now), "a name of events");
        let both = [one.clone(), two.clone()];
        assert!(!is_given_up(&kept, &both, (5, 2), now));
        kept.failed = None;
        assert!(!is_given_up(&kept, &only, (5, 1), now));
        kept.report = Some(KeptReport {
            as_of: since,
            coverage_from: None,
            identity_store_id: "d-1".to_owned(),
            password_days: (86, 90),
            inactive_days: (86, 90),
            activity_policy: "any-use".to_owned(),
            files_read: 5,
            records_read: 40,
            not_read: vec![one],
            people: Vec::new(),
        });
        assert!(is_given_up(&kept, &only, (5, 1), now));
        assert!(!is_given_up(&kept, &both, (5, 2), now));
    }
}
