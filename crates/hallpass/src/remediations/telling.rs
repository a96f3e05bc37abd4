//! What people have to see to is told once, by the channels of alerts (`organization.md` R-9).

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use hallpass_alerts::{
    AlertCommitError, AlertRuleIdError, AlertSeverity, AlertStore, HappeningRule, happened,
};
use hallpass_model::Clock;
use hallpass_remediation::{
    Remediation, RemediationFilter, RemediationId, RemediationPhase, RemediationStore,
};
use serde_json::{Map, Value, json};

/// The name that these are known by among alerts.
const MANUAL: &str = "remediate/manual";
const KEY: [&str; 1] = ["what"];
const MESSAGE: &str = "{action} of {resource} in account {account} is for people: {reason} (hallpass remediate show {remediation})";
/// Items that are looked at.
const LOOKED_AT: usize = 500;
/// How often one is tried that another writer was first with.
const TRIES: usize = 8;

/// Tells what is for people.
pub(crate) struct ManualTeller {
    store: Arc<dyn RemediationStore>,
    alerts: Arc<dyn AlertStore>,
    clock: Arc<dyn Clock>,
    rule: HappeningRule,
    /// What this process told or saw told.
    told: Mutex<BTreeSet<RemediationId>>,
}

impl ManualTeller {
    /// Nothing is told yet.
    pub(crate) fn new(
        store: Arc<dyn RemediationStore>,
        alerts: Arc<dyn AlertStore>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, AlertRuleIdError> {
        Ok(Self {
            store,
            alerts,
            clock,
            rule: HappeningRule {
                id: MANUAL.parse()?,
                severity: AlertSeverity::High,
                key: KEY.map(str::to_owned).to_vec(),
                message: MESSAGE.to_owned(),
                mail_to: Vec::new(),
            },
            told: Mutex::default(),
        })
    }

    /// Tells what nobody was told of.
    ///
    /// # Errors
    /// The store; it is told by the next call.
    pub(crate) async fn tell(&self) -> Result<(), String> {
        let found = self
            .store
            .remediations(RemediationFilter::Backlog, LOOKED_AT)
            .await;
        for it in found.map_err(|fault| fault.to_string())? {
            let is_told = |it: &Remediation| {
                let told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                told.contains(&it.id)
            };
            let RemediationPhase::Manual { reason } = &it.phase else {
                continue;
            };
            if !is_told(&it) {
                self.tell_one(&it, reason).await?;
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                told.insert(it.id);
            }
        }
        Ok(())
    }

    async fn tell_one(&self, it: &Remediation, reason: &str) -> Result<(), String> {
        let row = row(it, reason);
        for _ in 0..TRIES {
            let state = self.alerts.alert_state(&self.rule.id).await;
            let state = state.map_err(|error| error.to_string())?;
            let Some(write) = happened(&self.rule, state, &row, self.clock.now()) else {
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

/// The columns of one. An account that cannot be entered is told once a day, however many findings it has.
fn row(it: &Remediation, reason: &str) -> Map<String, Value> {
    let account = it.deviation.account.as_str();
    let what = if reason.starts_with("NotEntered") {
        let day = it.decided_at.strftime("%Y-%m-%d");
        format!("{account} cannot be entered, {day}")
    } else {
        it.id.to_string()
    };
    let row = json!({
        "what": what, "remediation": it.id, "action": it.action.name(), "rule": it.rule, "account": account,
        "resource": it.deviation.resource, "reason": reason,
    });
    row.as_object().cloned().unwrap_or_default()
}
