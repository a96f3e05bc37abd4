//! What is known of rules of alerts, in memory.

use async_trait::async_trait;
use hallpass_access::Message;
use hallpass_alerts::{AlertCommitError, AlertRuleId, AlertState, AlertStore, AlertWrite};

use super::MemoryStore;
use crate::steps::wrong_version;

#[async_trait]
impl AlertStore for MemoryStore {
    async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError> {
        Ok(self.state().alert_states.values().cloned().collect())
    }

    async fn alert_state(
        &self,
        rule: &AlertRuleId,
    ) -> Result<Option<AlertState>, AlertCommitError> {
        Ok(self.state().alert_states.get(rule).cloned())
    }

    async fn commit_alert(&self, write: AlertWrite) -> Result<(), AlertCommitError> {
        let mut state = self.state();
        let AlertWrite {
            state: mut next,
            message,
        } = write;
        let stored = state
            .alert_states
            .get(&next.rule)
            .map_or(0, |it| it.version);
        if stored != next.version {
            return Err(wrong_version(&format!("the state of `{}`", next.rule)).into());
        }
        next.version += 1;
        state.alert_states.insert(next.rule.clone(), next);
        if let Some(message) = message {
            state.outbox.post(Message::Alert(Box::new(message)));
        }
        Ok(())
    }
}
