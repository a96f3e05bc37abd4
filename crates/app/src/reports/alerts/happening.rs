//! Stores alerts of events while other processes write the same rule.

use std::sync::Arc;

use hallpass_alerts::{
    AlertCommitError, AlertRuleId, AlertState, AlertStore, AlertWrite, HappeningRule,
};
use hallpass_base::Clock;
use hallpass_findings::events::HandledEvent;

const TRIES: usize = 8;

pub(super) struct HappeningTeller {
    pub(super) rule: HappeningRule,
    pub(super) store: Arc<dyn AlertStore>,
    pub(super) clock: Arc<dyn Clock>,
}

impl HappeningTeller {
    pub(super) async fn write(
        &self,
        step: impl Fn(Option<AlertState>) -> Option<AlertWrite>,
        done: impl Fn(&AlertWrite) -> &'static str,
    ) -> HandledEvent {
        write(self.store.as_ref(), &self.rule.id, step, done).await
    }
}

/// Applies `step` to the stored state of the rule, with retries after lost races. `None` means
/// already reported. `done` is the log text.
pub async fn write(
    store: &dyn AlertStore,
    rule: &AlertRuleId,
    step: impl Fn(Option<AlertState>) -> Option<AlertWrite>,
    done: impl Fn(&AlertWrite) -> &'static str,
) -> HandledEvent {
    for _ in 0..TRIES {
        let state = match store.alert_state(rule).await {
            Ok(state) => state,
            Err(error) => return HandledEvent::Again(error.to_string()),
        };
        let Some(write) = step(state) else {
            return HandledEvent::Done("it was already reported".to_owned());
        };
        let words = done(&write).to_owned();
        // CRASH: before this line the event is redelivered; after it the message is delivered, and
        // the row is a known duplicate
        match store.commit_alert(write).await {
            Ok(()) => return HandledEvent::Done(words),
            Err(AlertCommitError::Raced(_)) => {}
            Err(error @ AlertCommitError::Unavailable(_)) => {
                return HandledEvent::Again(error.to_string());
            }
        }
    }
    HandledEvent::Again(format!("others write of `{rule}`, too"))
}
