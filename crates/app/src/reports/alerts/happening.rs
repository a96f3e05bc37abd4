//! Writing what events tell beside what other writers store of the same rule.

use std::sync::Arc;

use hallpass_alerts::{
    AlertCommitError, AlertRuleId, AlertState, AlertStore, AlertWrite, HappeningRule,
};
use hallpass_base::Clock;
use hallpass_findings::events::HandledEvent;

/// How often an event is tried that another writer was first with.
const TRIES: usize = 8;

/// What tells of one rule as things happen.
pub(super) struct HappeningTeller {
    pub(super) rule: HappeningRule,
    pub(super) store: Arc<dyn AlertStore>,
    pub(super) clock: Arc<dyn Clock>,
}

impl HappeningTeller {
    /// As [`write`].
    pub(super) async fn write(
        &self,
        step: impl Fn(Option<AlertState>) -> Option<AlertWrite>,
        done: impl Fn(&AlertWrite) -> &'static str,
    ) -> HandledEvent {
        write(self.store.as_ref(), &self.rule.id, step, done).await
    }
}

/// Stores what `step` makes of the rule's state as it is stored, again while another writer is first; `None` of the step
/// is what was told already. `done` are the words for what was stored.
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
            return HandledEvent::Done("it was told already".to_owned());
        };
        let words = done(&write).to_owned();
        // CRASH: before this line it comes again; after it the message is delivered, and its row is known
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
