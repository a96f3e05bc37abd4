//! Alert rule states in memory.

use async_trait::async_trait;
use hallpass_access::Message;
use hallpass_alerts::{
    AlertCommitError, AlertRuleId, AlertState, AlertStore, AlertWrite, MuteStep,
};

use super::{MemoryState, MemoryStore};
use crate::fault::StorageFault;
use crate::steps::wrong_version;

fn check(state: &MemoryState, next: &AlertState) -> Result<(), StorageFault> {
    let stored = state.alert_states.get(&next.rule);
    if stored.map_or(0, |it| it.version) == next.version {
        Ok(())
    } else {
        Err(wrong_version(&format!("the state of `{}`", next.rule)))
    }
}

fn put(state: &mut MemoryState, mut next: AlertState) {
    next.version += 1;
    state.alert_states.insert(next.rule.clone(), next);
}

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
        check(&state, &write.state)?;
        put(&mut state, write.state);
        if let Some(message) = write.message {
            state.post(Message::Alert(Box::new(message)));
        }
        Ok(())
    }

    async fn commit_mute(&self, step: MuteStep) -> Result<(), AlertCommitError> {
        let mut state = self.state();
        check(&state, &step.state)?;
        state.append(vec![step.record])?;
        put(&mut state, step.state);
        Ok(())
    }
}
