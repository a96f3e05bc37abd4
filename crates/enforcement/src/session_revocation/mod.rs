//! Ends sessions that outlive a grant (`access.md` §16.7): a Hallpass service control policy on the
//! account denies them everything, and is removed after the last has ended.
//!
//! ```text
//!   wanted ──► applied ──► gone
//!      └──────────────────────┘   (its time passed before AWS let us)
//! ```
//!
//! A [`SessionRevocation`] is stored with the end of its grant, before any write;
//! [`SessionRevoker`] applies the stored revocations. It is level-triggered: it reads, makes one
//! change, reads again, and may stop anywhere.

mod plan;
mod policy;
mod revoker;
#[cfg(test)]
mod tests;

use async_trait::async_trait;
use hallpass_audit::Draft;
use hallpass_base::{Email, GrantId, HoldKey, RequestId, TargetNames, Timestamp};
use hallpass_plans::StoreFault;
use serde::{Deserialize, Serialize};

pub use policy::{policy_name, statement_id};
pub use revoker::{SessionRevocationReport, SessionRevoker};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SessionRevocationState {
    Wanted,
    Applied {
        at: Timestamp,
    },
    /// No affected session remains, and the policy no longer has it.
    Gone {
        at: Timestamp,
    },
}

/// A user's sessions of a permission set in an account, issued before an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRevocation {
    pub grant: GrantId,
    pub request: RequestId,
    pub holder: Email,
    pub key: HoldKey,
    pub names: TargetNames,
    /// Later sessions are allowed. A whole second.
    pub issued_before: Timestamp,
    /// End of the last affected session.
    pub until: Timestamp,
    #[serde(flatten)]
    pub state: SessionRevocationState,
    /// Last reported failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    pub attempts: u32,
    pub due: Timestamp,
    /// Optimistic lock.
    pub version: u64,
}

impl SessionRevocation {
    pub fn is_open(&self) -> bool {
        match self.state {
            SessionRevocationState::Wanted | SessionRevocationState::Applied { .. } => true,
            SessionRevocationState::Gone { .. } => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRevocationNews {
    pub grant: GrantId,
    pub request: RequestId,
    pub at: Timestamp,
    pub why: String,
    pub until: Timestamp,
}

#[derive(Clone, Debug, Default)]
pub struct SessionRevocationChange {
    /// Replace those with the same version.
    pub revocations: Vec<SessionRevocation>,
    pub records: Vec<Draft>,
    pub news: Vec<SessionRevocationNews>,
}

/// Storage of revocations. Journey commits add them.
#[async_trait]
pub trait SessionRevocationStore: Send + Sync {
    async fn open_session_revocations(&self) -> Result<Vec<SessionRevocation>, StoreFault>;
    async fn session_revocation(
        &self,
        grant: GrantId,
    ) -> Result<Option<SessionRevocation>, StoreFault>;
    /// Stores a change atomically.
    async fn settle_session_revocations(
        &self,
        change: SessionRevocationChange,
    ) -> Result<(), StoreFault>;
}
