//! Runs alert rules on new snapshots and on their own intervals. With several servers, a
//! conditional write of the rule's state lets only one notify.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::host::access_snapshots::MANIFESTS;
use crate::host::snapshots_at::OpenSnapshots;
use crate::reports::alerts::{AlertRunner, RanRule, RuleFileOfAlerts, WhichRules};
use crate::setup::waiting::rest;
use hallpass_alerts::{RulePhase, is_due};
use hallpass_base::{Clock, Look};
use hallpass_terminal::exit::Failure;
use tokio::sync::watch;

const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Poll interval for newer snapshots in a bucket.
const BUCKET_EVERY: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub struct Alerting {
    pub runner: AlertRunner,
    pub file: PathBuf,
    pub channels: Vec<String>,
}

#[derive(Default)]
struct Seen {
    stamp: Option<(SystemTime, u64)>,
    file: Option<RuleFileOfAlerts>,
    newest: Option<String>,
    looked: Option<Instant>,
    failure: Option<String>,
}

pub async fn watch((alerting, clock): (Alerting, Arc<dyn Clock>), mut stop: watch::Receiver<bool>) {
    let mut seen = Seen::default();
    loop {
        // stop immediately: the next process repeats unsaved queries
        let looked = tokio::select! {
            looked = alerting.look(&mut seen, clock.as_ref()) => looked,
            _ = stop.wait_for(|stopping| *stopping) => return,
        };
        match looked {
            Ok(()) => seen.failure = None,
            Err(failure) => {
                let words = failure.words();
                if seen.failure.as_ref() != Some(&words) {
                    tracing::error!(error = words, "alerts cannot be run; it is tried again");
                    seen.failure = Some(words);
                }
            }
        }
        if !rest(&mut stop, LOOK_EVERY).await {
            return;
        }
    }
}

impl Alerting {
    async fn look(&self, seen: &mut Seen, clock: &dyn Clock) -> Result<(), Failure> {
        let Look {
            now, disagreement, ..
        } = clock.look();
        if disagreement.is_some() {
            return Ok(());
        }
        let stamp = stamp(&self.file);
        let (mut is_new_file, mut unread) = (false, None);
        if seen.file.is_none() || stamp != seen.stamp {
            match RuleFileOfAlerts::read(&self.file, Some(&self.channels)) {
                Ok(file) => {
                    (seen.file, seen.stamp) = (Some(file), stamp);
                    is_new_file = true;
                }
                // the previous rules stay active until the file is valid
                Err(failure) => unread = Some(failure),
            }
        }
        let newest = match self.newest_snapshot(seen).await {
            Ok(newest) => newest,
            Err(error) => {
                let why = format!("{} cannot be listed: {error}", self.runner.folder);
                unread.get_or_insert(Failure::failed(why));
                seen.newest.clone()
            }
        };
        if let Some(file) = &seen.file {
            let is_new = is_new_file || newest != seen.newest;
            if is_new || self.has_due(file, now).await? {
                let ran = self.runner.run(file, WhichRules::Due, now).await;
                // retry at the next look, as for a new file
                let ran = ran.inspect_err(|_| seen.stamp = None)?;
                ran.iter().for_each(note);
                seen.newest = newest;
            }
        }
        unread.map_or(Ok(()), Err)
    }

    /// The newest manifest's name; names sort by time.
    async fn newest_snapshot(&self, seen: &mut Seen) -> io::Result<Option<String>> {
        let at = &self.runner.folder;
        let is_fresh = |looked: Instant| at.is_remote() && looked.elapsed() < BUCKET_EVERY;
        if seen.looked.is_some_and(is_fresh) {
            return Ok(seen.newest.clone());
        }
        seen.looked = Some(Instant::now());
        let open = OpenSnapshots::at(at).await?;
        let names = open.names(MANIFESTS).await?;
        Ok(names.into_iter().max())
    }

    async fn has_due(
        &self,
        file: &RuleFileOfAlerts,
        now: hallpass_base::Timestamp,
    ) -> Result<bool, Failure> {
        let states = self.runner.states().await?;
        let mut rules = file.rules.iter();
        Ok(rules.any(|rule| is_due(rule, states.iter().find(|it| it.rule == rule.id), now)))
    }
}

fn note(ran: &RanRule) {
    let (rule, state) = (ran.state.rule.as_str(), &ran.state);
    metrics::counter!("hallpass_alert_runs_total", "state" => state.phase.name()).increment(1);
    match &state.phase {
        RulePhase::Blocked { why, .. } => {
            let why = hallpass_channels::wording::alert::blocked_by(why);
            tracing::warn!(rule, why, "a rule of alerts does not run");
        }
        RulePhase::Running | RulePhase::Retired { .. } => {
            let told = ran.message.is_some();
            tracing::info!(
                rule,
                active = state.active(),
                told,
                "a rule of alerts was run"
            );
        }
    }
}

fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let about = std::fs::metadata(path).ok()?;
    Some((about.modified().ok()?, about.len()))
}

#[cfg(test)]
mod tests {
    use crate::host::snapshots_at::SnapshotsAt;
    use hallpass_base::clock::SystemClock;
    use hallpass_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn rules_go_on_as_they_were_while_their_file_cannot_be_used() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let alerting = Alerting {
            runner: AlertRunner {
                store: Arc::new(MemoryStore::new()),
                folder: SnapshotsAt::Folder(folder.path().to_owned()),
            },
            file: at("alerts.yaml"),
            channels: Vec::new(),
        };
        let (mut seen, clock) = (Seen::default(), SystemClock);
        // a disabled rule is not queried
        let text = "rules:\n- {id: a, query: SELECT 1 AS x, enabled: false}\n";
        std::fs::write(at("alerts.yaml"), text).unwrap();
        alerting.look(&mut seen, &clock).await.unwrap();
        assert_eq!(seen.newest, None);
        std::fs::create_dir(at(MANIFESTS)).unwrap();
        std::fs::write(at(MANIFESTS).join("20261120T000000Z-00000001.json"), "").unwrap();
        std::fs::write(at("alerts.yaml"), "rules: nothing that is a list\n").unwrap();
        for _ in 0..2 {
            let refused = alerting.look(&mut seen, &clock).await.unwrap_err();
            assert!(
                refused.words().contains("cannot be used"),
                "{}",
                refused.words()
            );
        }
        let newest = seen.newest.as_deref();
        assert_eq!(newest, Some("20261120T000000Z-00000001.json"), "it was run");
        std::fs::write(at("alerts.yaml"), text).unwrap();
        alerting.look(&mut seen, &clock).await.unwrap();
        std::fs::remove_dir_all(at(MANIFESTS)).unwrap();
        std::fs::write(at(MANIFESTS), "").unwrap();
        let unread = alerting.look(&mut seen, &clock).await.unwrap_err();
        assert!(unread.words().contains("cannot be listed"), "{unread:?}");
        assert!(seen.newest.is_some(), "as before");
    }
}
