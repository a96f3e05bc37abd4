//! Reports remediations that need users or approval once, by alert channels (`organization.md` R-3,
//!

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_access::Access;
use hallpass_alerts::{
    AlertCommitError, AlertRuleIdError, AlertSeverity, AlertStore, HappeningRule, happened,
};
use hallpass_base::Clock;
use hallpass_channels::wording::remediation::{ALERT_COLUMN, WAITING_ALERT};
use hallpass_findings::remediation::{
    Remediation, RemediationFilter, RemediationId, RemediationPhase, RemediationStore,
};
use serde_json::{Map, Value, json};

const MANUAL: &str = "remediate/manual";
const KEY: [&str; 1] = ["what"];
const MANUAL_MESSAGE: &str =
    "{action} of {resource} in account {account} is for people: {reason} ({see})";
const WAITING_MESSAGE: &str =
    "{action} of {resource} in account {account} waits for a yes: {reason} ({see})";
const LOOKED_AT: usize = 500;
const TRIES: usize = 8;

pub struct BacklogTeller {
    store: Arc<dyn RemediationStore>,
    alerts: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
    manual: HappeningRule,
    waiting: HappeningRule,
    pages: String,
    told: Mutex<BTreeSet<(RemediationId, &'static str, u32)>>,
}

fn rule(
    name: &str,
    severity: AlertSeverity,
    message: &str,
) -> Result<HappeningRule, AlertRuleIdError> {
    Ok(HappeningRule {
        id: name.parse()?,
        severity,
        key: KEY.map(str::to_owned).to_vec(),
        message: message.to_owned(),
        mail_to: Vec::new(),
    })
}

impl BacklogTeller {
    pub fn new(
        store: Arc<dyn RemediationStore>,
        alerts: Arc<dyn AlertStore>,
        clock: Arc<dyn Clock>,
        pages: &str,
    ) -> Result<Self, AlertRuleIdError> {
        Ok(Self {
            store,
            alerts,
            clock,
            manual: rule(MANUAL, AlertSeverity::High, MANUAL_MESSAGE)?,
            waiting: rule(WAITING_ALERT, AlertSeverity::Medium, WAITING_MESSAGE)?,
            pages: pages.trim_end_matches('/').to_owned(),
            told: Mutex::default(),
        })
    }

    /// Sends new reports; `access` knows the approvers.
    ///
    /// # Errors
    /// The store; the next call retries.
    pub async fn tell(&self, access: &Access) -> Result<(), String> {
        let found = self
            .store
            .remediations(RemediationFilter::Backlog, LOOKED_AT)
            .await;
        let mut failed = None;
        for it in found.map_err(|fault| fault.to_string())? {
            let key = (it.id.clone(), it.phase.name(), asked_again(&it));
            let is_told = {
                let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                told.contains(&key)
            };
            if is_told {
                continue;
            }
            let one = match &it.phase {
                RemediationPhase::Manual { reason } => {
                    self.tell_one(&self.manual, &it, reason).await
                }
                RemediationPhase::Waiting { why, .. } => {
                    let asked = access.asked_about(&it).await;
                    let mail_to = asked.iter().map(ToString::to_string).collect();
                    let rule = HappeningRule {
                        mail_to,
                        ..self.waiting.clone()
                    };
                    self.tell_one(&rule, &it, why).await
                }
                RemediationPhase::Observed
                | RemediationPhase::Pending { .. }
                | RemediationPhase::Finished { .. }
                | RemediationPhase::Drifted { .. }
                | RemediationPhase::Undone { .. } => continue,
            };
            // one alert's unreadable state must not block the other's messages
            if let Err(why) = one {
                failed = Some(why);
                continue;
            }
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            told.insert(key);
        }
        failed.map_or(Ok(()), Err)
    }

    fn see(&self, it: &Remediation) -> String {
        format!("{}/remediations/{}", self.pages, it.id)
    }

    async fn tell_one(
        &self,
        rule: &HappeningRule,
        it: &Remediation,
        reason: &str,
    ) -> Result<(), String> {
        let row = row(it, reason, &self.see(it));
        for _ in 0..TRIES {
            let state = self.alerts.alert_state(&rule.id).await;
            let state = state.map_err(|error| error.to_string())?;
            let Some(write) = happened(rule, state, &row, self.clock.now()) else {
                return Ok(());
            };
            match self.alerts.commit_alert(write).await {
                Ok(()) => return Ok(()),
                Err(AlertCommitError::Raced(_)) => {}
                Err(error @ AlertCommitError::Unavailable(_)) => return Err(error.to_string()),
            }
        }
        Err("others write of remediations, too".to_owned())
    }
}

/// How often one drifted and reopened: each time users are notified again. Manual work after failed
/// attempts is reported once (`organization.md` R-9).
fn asked_again(it: &Remediation) -> u32 {
    match it.phase {
        RemediationPhase::Waiting { .. } => it.generation,
        RemediationPhase::Observed
        | RemediationPhase::Manual { .. }
        | RemediationPhase::Pending { .. }
        | RemediationPhase::Finished { .. }
        | RemediationPhase::Drifted { .. }
        | RemediationPhase::Undone { .. } => 0,
    }
}

fn row(it: &Remediation, reason: &str, see: &str) -> Map<String, Value> {
    let account = it.deviation.account.as_str();
    let what = if reason.starts_with("NotEntered") {
        let day = it.decided_at.strftime("%Y-%m-%d");
        format!("{account} cannot be entered, {day}")
    } else {
        match asked_again(it) {
            0 => it.id.to_string(),
            again => format!("{}, {again}", it.id),
        }
    };
    let row = json!({
        "what": what, ALERT_COLUMN: it.id, "action": it.action.name(), "rule": it.rule, "account": account,
        "resource": it.deviation.resource, "reason": reason, "see": see,
    });
    row.as_object().cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use hallpass_base::Timestamp;
    use hallpass_findings::remediation::{ActionKind, RemediationMode};

    use super::*;

    fn remediation(phase: RemediationPhase, generation: u32) -> Remediation {
        let deviation = serde_json::from_value(json!({
            "source": "aws.securityhub", "account": "111111111111", "region": "eu-west-1",
            "resource": "arn:aws:s3:::logs", "resource_type": "AwsS3Bucket", "tags": {}, "control": "S3.8",
            "standards": [], "types": [], "severity": "HIGH", "config_rule": "", "updated_at": "2026-05-28T20:26:40Z",
        }));
        let now = Timestamp::from_second(1_780_000_000).unwrap();
        let (mode, action) = (RemediationMode::Approve, ActionKind::Notify);
        let deviation = deviation.unwrap();
        Remediation {
            phase,
            generation,
            ..Remediation::observed("buckets", mode, action, json!({}), deviation, now)
        }
    }

    fn known_by(phase: RemediationPhase, generation: u32) -> Value {
        row(&remediation(phase, generation), "because", "")["what"].clone()
    }

    #[test]
    fn whoever_is_asked_again_is_told_again_and_what_fails_again_is_not() {
        let waiting = || RemediationPhase::Waiting {
            until: Timestamp::from_second(1_780_000_060).unwrap(),
            why: String::new(),
        };
        let manual = || RemediationPhase::Manual {
            reason: String::new(),
        };
        assert_eq!(known_by(waiting(), 0), known_by(manual(), 0));
        assert_ne!(known_by(waiting(), 0), known_by(waiting(), 1));
        assert_ne!(known_by(waiting(), 1), known_by(waiting(), 2));
        assert_eq!(known_by(manual(), 0), known_by(manual(), 3));
    }
}
