//! Ending the sessions that outlive a grant (`access.md` §16.7): a service control policy of our own
//! on the account denies them everything, and goes away when the last of them has ended.
//!
//! ```text
//!   wanted ──► applied ──► gone
//!      └──────────────────────┘   (its time passed before AWS let us)
//! ```
//!
//! A [`SessionRevocation`] is stored with the end of its grant, before anything is sent; [`SessionRevoker`] makes policies
//! say what is stored. It is level-triggered: it looks, does one thing, looks again, and may be stopped
//! anywhere.

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

/// Where a revocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SessionRevocationState {
    /// To be made.
    Wanted,
    /// Seen in the policy of its account.
    Applied {
        /// When it was seen first.
        at: Timestamp,
    },
    /// Over: no session it is about is left, and the policy no longer has it.
    Gone {
        /// When that was seen.
        at: Timestamp,
    },
}

/// The sessions that somebody holds on a permission set of an account, issued before an instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SessionRevocation {
    /// The grant that ended.
    pub grant: GrantId,
    /// Its request.
    pub request: RequestId,
    /// Who held it.
    pub holder: Email,
    /// The person, the account and the permission set.
    pub key: HoldKey,
    /// What people call them.
    pub names: TargetNames,
    /// Sessions issued at this instant or later are let through. A whole second.
    pub issued_before: Timestamp,
    /// When the last of them has ended.
    pub until: Timestamp,
    /// Where it is.
    #[serde(flatten)]
    pub state: SessionRevocationState,
    /// Why it could not be made, as it was told last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// Tries since the last that went well.
    pub attempts: u32,
    /// When it is looked at again.
    pub due: Timestamp,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl SessionRevocation {
    /// Whether something is still to be done for it.
    pub fn is_open(&self) -> bool {
        match self.state {
            SessionRevocationState::Wanted | SessionRevocationState::Applied { .. } => true,
            SessionRevocationState::Gone { .. } => false,
        }
    }
}

/// Something people should hear about a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRevocationNews {
    /// The grant.
    pub grant: GrantId,
    /// Its request.
    pub request: RequestId,
    /// When it happened.
    pub at: Timestamp,
    /// Why its sessions cannot be ended.
    pub why: String,
    /// When the last of them has ended.
    pub until: Timestamp,
}

/// Revocations that are to be stored, with what goes with them.
#[derive(Clone, Debug, Default)]
pub struct SessionRevocationChange {
    /// In place of those of the same version.
    pub revocations: Vec<SessionRevocation>,
    /// Their records.
    pub records: Vec<Draft>,
    /// What people should hear.
    pub news: Vec<SessionRevocationNews>,
}

/// Where revocations are kept. A commit of the journey adds them.
#[async_trait]
pub trait SessionRevocationStore: Send + Sync {
    /// Revocations that are not over, by grant.
    async fn open_session_revocations(&self) -> Result<Vec<SessionRevocation>, StoreFault>;
    /// One revocation.
    async fn session_revocation(
        &self,
        grant: GrantId,
    ) -> Result<Option<SessionRevocation>, StoreFault>;
    /// Stores all of a change, or nothing.
    async fn settle_session_revocations(
        &self,
        change: SessionRevocationChange,
    ) -> Result<(), StoreFault>;
}
