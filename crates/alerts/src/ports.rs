//! What alerts need: a store that keeps a rule's state together with what is to be told.

use async_trait::async_trait;

use crate::message::AlertMessage;
use crate::muting::MuteStep;
use crate::rule::AlertRuleId;
use crate::state::AlertState;

/// A state that was not stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlertCommitError {
    /// Another writer was first: read again.
    #[error("another run came first: {0}")]
    Raced(String),
    /// The store did not answer. Worth another try.
    #[error("store: {0}")]
    Unavailable(String),
}

/// A new state of a rule with what it tells.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a state that is not committed has not happened"]
pub struct AlertWrite {
    /// The state; its `version` is the one that was read, 0 where there was none.
    pub state: AlertState,
    /// What it tells.
    pub message: Option<AlertMessage>,
}

/// The states of rules.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Every state, by rule. May be repeated.
    async fn alert_states(&self) -> Result<Vec<AlertState>, AlertCommitError>;
    /// The state of a rule. May be repeated.
    async fn alert_state(&self, rule: &AlertRuleId)
    -> Result<Option<AlertState>, AlertCommitError>;
    /// Stores a state with `version` grown by one, and its message for every channel in use, in one transaction:
    /// a stop leaves both or neither. Refused as raced where the stored version is another than that of the state.
    async fn commit_alert(&self, write: AlertWrite) -> Result<(), AlertCommitError>;
    /// Stores a state with another mute, `version` grown by one, and the record of it, in one transaction: a stop
    /// leaves both or neither. Refused as [`commit_alert`](AlertStore::commit_alert) is.
    async fn commit_mute(&self, step: MuteStep) -> Result<(), AlertCommitError>;
}
