//! Reports expired exceptions once, by alert channels (`organization.md` R-8), before remediation
//! resumes for what they covered.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_alerts::{
    AlertCommitError, AlertRuleIdError, AlertSeverity, AlertStore, HappeningRule, listed,
};
use hallpass_base::Clock;
use hallpass_findings::remediation::{RemediationException, RuleFile};
use serde_json::{Map, Value, json};

const OVER: &str = "remediate/exception-over";
/// The key of one: not its place in the file, which changes when another is removed.
const KEY: [&str; 3] = ["about", "until", "reason"];
const MESSAGE: &str = "the exception for {about} is over since {until}: its findings are remediated again (exception {number} of the \
     rules: {reason})";
const TRIES: usize = 8;

pub struct ExceptionTeller {
    alerts: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
    rule: HappeningRule,
    /// Known as reported, so that the store is read only after changes.
    told: Mutex<BTreeSet<String>>,
}

impl ExceptionTeller {
    pub fn new(
        alerts: Arc<dyn AlertStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AlertRuleIdError> {
        Ok(Self {
            alerts,
            clock,
            rule: HappeningRule {
                id: OVER.parse()?,
                severity: AlertSeverity::Medium,
                key: KEY.map(str::to_owned).to_vec(),
                message: MESSAGE.to_owned(),
                mail_to: Vec::new(),
            },
            told: Mutex::default(),
        })
    }

    /// Reports new ones of a file, all in one message.
    ///
    /// # Errors
    /// The store; the next call retries.
    pub async fn tell(&self, file: &RuleFile) -> Result<(), String> {
        let now = self.clock.now();
        let rows: Vec<Map<String, Value>> = file.expired(now).into_iter().map(row).collect();
        let over: BTreeSet<String> = rows.iter().map(|it| json!(it).to_string()).collect();
        let is_told = {
            let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            over.is_subset(&told)
        };
        if is_told {
            return Ok(());
        }
        for _ in 0..TRIES {
            let state = self.alerts.alert_state(&self.rule.id).await;
            let state = state.map_err(|error| error.to_string())?;
            let write = listed(&self.rule, state, &rows, now);
            // CRASH: before the commit the next call reports it; after it the message is queued and
            // the row is known
            let done = match write {
                None => Ok(()),
                Some(write) => self.alerts.commit_alert(write).await,
            };
            match done {
                Ok(()) => {
                    *self.told.lock().unwrap_or_else(PoisonError::into_inner) = over;
                    return Ok(());
                }
                Err(AlertCommitError::Raced(_)) => {}
                Err(error @ AlertCommitError::Unavailable(_)) => return Err(error.to_string()),
            }
        }
        Err("others write of exceptions, too".to_owned())
    }
}

fn row(it: &RemediationException) -> Map<String, Value> {
    let until = it.until.map(|at| at.to_string());
    let row = json!({
        "about": it.about(), "until": until, "reason": it.reason, "number": it.number,
    });
    row.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use async_trait::async_trait;
    use hallpass_alerts::{AlertRuleId, AlertState, AlertWrite, MuteStep};
    use hallpass_base::Timestamp;
    use hallpass_store::MemoryStore;

    use super::*;

    #[derive(Default)]
    struct Counting(MemoryStore, AtomicUsize);

    #[async_trait]
    impl AlertStore for Counting {
        async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError> {
            self.0.alert_states().await
        }

        async fn alert_state(
            &self,
            rule: &AlertRuleId,
        ) -> Result<Option<AlertState>, AlertCommitError> {
            self.0.alert_state(rule).await
        }

        async fn commit_alert(&self, write: AlertWrite) -> Result<(), AlertCommitError> {
            let messages = usize::from(write.message.is_some());
            self.0.commit_alert(write).await?;
            self.1.fetch_add(messages, Ordering::Relaxed);
            Ok(())
        }

        async fn commit_mute(&self, step: MuteStep) -> Result<(), AlertCommitError> {
            self.0.commit_mute(step).await
        }
    }

    struct Instant(Timestamp);

    impl Clock for Instant {
        fn now(&self) -> Timestamp {
            self.0
        }
    }

    const FILE: &str = "rules: [{id: r, match: {controls: [EC2.19]}, action: suppress}]
exceptions:
  - {account: '111111111111', controls: [EC2.19], reason: bastion, until: 2026-03-01, then: suppress}
  - {resource: 'arn:aws:s3:::site', reason: public site, until: 2026-03-02, then: ignore}
  - {ou: Sandbox, reason: for good, then: ignore}
";

    fn teller(store: &Arc<Counting>, at: &str) -> ExceptionTeller {
        let alerts = Arc::clone(store) as Arc<dyn AlertStore>;
        ExceptionTeller::new(alerts, Arc::new(Instant(at.parse().unwrap()))).unwrap()
    }

    async fn known(store: &Arc<Counting>) -> Vec<String> {
        let state = store.alert_state(&OVER.parse().unwrap()).await.unwrap();
        let rows = state.map(|it| it.rows).unwrap_or_default();
        let about = rows.into_values().map(|it| it.values["about"].to_string());
        about.collect()
    }

    #[tokio::test]
    async fn each_is_told_once_by_whichever_node_over_restarts() {
        let store = Arc::new(Counting::default());
        let file = RuleFile::read(FILE).unwrap();
        let before = teller(&store, "2026-03-01T23:59:59Z");
        before.tell(&file).await.unwrap();
        assert_eq!(known(&store).await, Vec::<String>::new());
        let (one, other) = (
            teller(&store, "2026-03-02T00:00:00Z"),
            teller(&store, "2026-03-02T00:00:00Z"),
        );
        let (first, second) = tokio::join!(one.tell(&file), other.tell(&file));
        assert_eq!((first, second), (Ok(()), Ok(())));
        assert_eq!(
            known(&store).await,
            ["\"account 111111111111, controls EC2.19\""]
        );
        assert_eq!(store.1.load(Ordering::Relaxed), 1, "two nodes, one message");
        let later = teller(&store, "2026-03-03T00:00:00Z");
        later.tell(&file).await.unwrap();
        later.tell(&file).await.unwrap();
        assert_eq!(known(&store).await.len(), 2);
        assert_eq!(store.1.load(Ordering::Relaxed), 2);
        // its place in the file is not its identity
        let (head, rest) = FILE.split_once("  - {ou").unwrap();
        let moved = head.replace("exceptions:\n", &format!("exceptions:\n  - {{ou{rest}"));
        let moved = RuleFile::read(&moved).unwrap();
        let another = teller(&store, "2026-06-03T00:00:00Z");
        another.tell(&moved).await.unwrap();
        assert_eq!(store.1.load(Ordering::Relaxed), 2);
    }
}
