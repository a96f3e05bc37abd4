//! A store that commits a rule's state with its message.

use async_trait::async_trait;

use crate::message::AlertMessage;
use crate::muting::MuteStep;
use crate::rule::AlertRuleId;
use crate::state::AlertState;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertCommitError {
    /// A concurrent write: read again.
    #[error("another run came first: {0}")]
    Raced(String),
    /// The store did not answer. May be retried.
    #[error("store: {0}")]
    Unavailable(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a state that is not committed has not happened"]
pub struct AlertWrite {
    /// Its `version` is as read, 0 for a new one.
    pub state: AlertState,
    pub message: Option<AlertMessage>,
}

#[async_trait]
pub trait AlertStore: Send + Sync {
    async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError>;
    async fn alert_state(&self, rule: &AlertRuleId)
    -> Result<Option<AlertState>, AlertCommitError>;
    /// Stores a state with `version` incremented, and its message for every active channel, in one
    /// transaction. Raced if the stored version differs.
    async fn commit_alert(&self, write: AlertWrite) -> Result<(), AlertCommitError>;
    /// Stores a mute with `version` incremented, and its record, in one transaction. Refused like
    /// [`commit_alert`](AlertStore::commit_alert).
    async fn commit_mute(&self, step: MuteStep) -> Result<(), AlertCommitError>;
}
