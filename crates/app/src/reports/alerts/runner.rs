//! Runs rules: reads states, queries, and stores each result with its messages, unless another
//! process was first.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::host::snapshots_at::{SnapshotsAt, bucket, bucket_failure};
use hallpass_alerts::{
    AlertCommitError, AlertJob, AlertMessage, AlertRule, AlertRuleId, AlertState, AlertStore,
    AskedRule, RuleStep, RunAnswer, RunRows, advance, is_due,
};
use hallpass_base::Timestamp;
use hallpass_store::{Existing, write_private};
use hallpass_terminal::exit::Failure;
use serde_json::json;

use super::evaluate;
use super::rule_file::RuleFileOfAlerts;

#[derive(Clone)]
pub struct AlertRunner {
    pub store: Arc<dyn AlertStore>,
    pub folder: SnapshotsAt,
}

#[derive(Clone, Debug)]
pub struct RanRule {
    pub state: AlertState,
    pub message: Option<AlertMessage>,
}

pub fn asked(rule: &AlertRule, unless: Option<String>) -> AskedRule {
    AskedRule {
        id: rule.id.clone(),
        question: rule.question.clone(),
        parameters: rule.parameters.clone(),
        unless,
        every: Some(rule.every),
    }
}

fn unanswered(
    file: &RuleFileOfAlerts,
    states: &[AlertState],
    failure: &Failure,
    now: Timestamp,
) -> BTreeMap<AlertRuleId, RunAnswer> {
    let state = |rule: &AlertRule| states.iter().find(|it| it.rule == rule.id);
    let due = file.rules.iter().filter(|it| is_due(it, state(it), now));
    let answer = RunAnswer {
        snapshot: None,
        tables: Vec::new(),
        members: None,
        result: RunRows::Failed {
            message: failure.words(),
        },
    };
    due.map(|it| (it.id.clone(), answer.clone())).collect()
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhichRules {
    All,
    Due,
}

impl AlertRunner {
    pub async fn states(&self) -> Result<Vec<AlertState>, Failure> {
        let states = self.store.alert_states().await;
        states.map_err(|error| unstored(&error))
    }

    /// Runs rules. Skips rules that another process runs.
    ///
    /// # Errors
    /// The companion or store failed. Earlier results stay stored; due rules record the failure.
    pub async fn run(
        &self,
        file: &RuleFileOfAlerts,
        which: WhichRules,
        now: Timestamp,
    ) -> Result<Vec<RanRule>, Failure> {
        let states = self.states().await?;
        let enabled = file.rules.iter().filter(|rule| rule.enabled);
        let rules = enabled.map(|rule| {
            let state = states.iter().find(|it| it.rule == rule.id);
            let is_asked = which == WhichRules::All || is_due(rule, state, now);
            let unless = state
                .filter(|_| !is_asked)
                .and_then(|it| it.snapshot.clone());
            asked(rule, unless)
        });
        let job = AlertJob {
            as_of: Some(now),
            snapshots: None,
            rules: rules.collect(),
        };
        let answers = if job.rules.is_empty() {
            Ok(BTreeMap::new())
        } else {
            evaluate(&self.folder, &job).await
        };
        let answers = match (answers, which) {
            (Ok(answers), _) => answers,
            (Err(failure), WhichRules::All) => return Err(failure),
            (Err(failure), WhichRules::Due) => {
                let unanswered = unanswered(file, &states, &failure, now);
                self.store_steps(file, &states, &unanswered, now).await?;
                return Err(failure);
            }
        };
        self.store_steps(file, &states, &answers, now).await
    }

    /// Stores results. Skips rules that another process ran. After a store error, earlier results
    /// stay stored.
    pub async fn store_steps(
        &self,
        file: &RuleFileOfAlerts,
        states: &[AlertState],
        answers: &BTreeMap<AlertRuleId, RunAnswer>,
        now: Timestamp,
    ) -> Result<Vec<RanRule>, Failure> {
        let mut ran = Vec::new();
        for step in advance(&file.name, &file.rules, states, answers, now) {
            ran.extend(self.commit(step).await?);
        }
        Ok(ran)
    }

    async fn commit(&self, step: RuleStep) -> Result<Option<RanRule>, Failure> {
        self.write_listed(&step).await?;
        let RuleStep { write, .. } = step;
        let ran = RanRule {
            state: write.state.clone(),
            message: write.message.clone(),
        };
        // CRASH: before this line the run repeats; after it the message is delivered
        match self.store.commit_alert(write).await {
            Ok(()) => Ok(Some(ran)),
            Err(AlertCommitError::Raced(why)) => {
                tracing::info!(why, "another process ran a rule of alerts first");
                Ok(None)
            }
            Err(error @ AlertCommitError::Unavailable(_)) => Err(unstored(&error)),
        }
    }

    /// Writes rows beyond the message limit to the file that the message names.
    async fn write_listed(&self, step: &RuleStep) -> Result<(), Failure> {
        use hallpass_alerts::AlertNews::Rows;
        let news = step.write.message.as_ref().map(|it| &it.news);
        let Some(Rows(news)) = news else {
            return Ok(());
        };
        let Some(file) = &news.file else {
            return Ok(());
        };
        let lines = step.listed.iter().map(|(change, row)| {
            json!({"change": change, "since": row.since, "flap_count": row.flap_count, "row": row.values})
                .to_string()
                + "\n"
        });
        let text: String = lines.collect();
        match &self.folder {
            SnapshotsAt::Folder(folder) => {
                let path = folder.join(file);
                let written = write_private(&path, text.as_bytes(), Existing::Replaced);
                written.map_err(|error| Failure::unwritable(path.display(), &error))
            }
            SnapshotsAt::Bucket(place) => {
                let files = bucket(place).await.map_err(Failure::failed)?;
                let put = files.put(file, text.into_bytes()).await;
                put.map_err(|error| bucket_failure(&error))
            }
        }
    }
}

pub fn unstored(error: &AlertCommitError) -> Failure {
    Failure::failed(format!("states of alerts: {error}"))
}

#[cfg(test)]
mod tests {
    use hallpass_alerts::{BlockedBy, RulePhase};
    use hallpass_store::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn rules_that_cannot_be_asked_are_blocked_and_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let text = "rules:\n- {id: a, query: SELECT 1 AS x, every: 1h}\n- {id: b, query: SELECT 1 AS x, enabled: false}\n";
        let path = folder.path().join("alerts.yaml");
        std::fs::write(&path, text).unwrap();
        let file = RuleFileOfAlerts::read(&path, None).unwrap();
        let runner = AlertRunner {
            store: Arc::new(MemoryStore::new()),
            folder: SnapshotsAt::Folder(folder.path().to_owned()),
        };
        let at = |hour: i64| -> Timestamp {
            let midnight: Timestamp = "2026-11-20T00:00:00Z".parse().unwrap();
            midnight + jiff::SignedDuration::from_hours(hour)
        };
        let by_hand = runner.run(&file, WhichRules::All, at(0)).await;
        assert!(by_hand.is_err());
        assert_eq!(runner.states().await.unwrap(), []);
        for (hour, is_told) in [(0, false), (1, false), (2, true)] {
            assert!(runner.run(&file, WhichRules::Due, at(hour)).await.is_err());
            let states = runner.states().await.unwrap();
            let [state] = states.as_slice() else {
                panic!("{states:?}")
            };
            let RulePhase::Blocked { since, why, told } = &state.phase else {
                panic!("{:?}", state.phase)
            };
            assert_eq!((*since, *told), (at(0), is_told), "{hour}");
            let BlockedBy::QueryFailed { message } = why else {
                panic!("{why:?}")
            };
            assert!(message.contains("hallpass-query"), "{message}");
        }
    }
}
