//! Access review campaigns (`access.md` §28): reviewers answer for each line of standing access,
//! an administrator signs off, and a sweep plan applies the answers.
//!
//! ```text
//!   newest sweep ──► lines ──► open ──► closed ──► signed off ──► plan of a sweep
//!                    reviewers answer    no more   hash in the    an administrator
//!                                        answers   audit log      confirms it
//! ```
//!
//! `campaign_steps` has the steps.

mod evidence;
mod line;
mod refused;
mod reviewer;

use hallpass_base::{CampaignId, SweepId, TimeSpan, Timestamp};
use serde::{Deserialize, Serialize};

use crate::Person;

pub use evidence::{evidence, evidence_sha256};
pub use line::{
    AnswerFilter, AnswerKind, CampaignLine, LineAnswer, LineChange, LineCount, LineFilter, LineUse,
    USE_DAYS,
};
pub use refused::CampaignRefused;
pub use reviewer::{ReviewerError, ReviewerSource};

pub(crate) use reviewer::reviewer;

pub const LINES_MAX: usize = 20_000;

/// What happens to lines without an answer. Written when the campaign begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unanswered {
    Keep,
    Remove,
}

impl Unanswered {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Keep => "keep",
            Self::Remove => "remove",
        }
    }
}

/// What an administrator begins a campaign with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CampaignForm {
    pub name: String,
    pub scope: Vec<String>,
    pub reviewers: Vec<ReviewerSource>,
    pub unanswered: Unanswered,
    pub due_at: Timestamp,
    pub repeat_every: Option<TimeSpan>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    pub by: Person,
    pub at: Timestamp,
    /// Of the evidence: its terms and lines, in hexadecimal.
    pub sha256: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum CampaignState {
    Open,
    /// The lines are final, but not signed off: a stop in between. Signing off again completes it.
    Closed {
        at: Timestamp,
    },
    SignedOff {
        signature: Signature,
        /// The newest plan that applies the answers.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        plan: Option<SweepId>,
    },
}

impl CampaignState {
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed { .. } => "closed",
            Self::SignedOff { .. } => "signed_off",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Campaign {
    pub id: CampaignId,
    pub name: String,
    pub owner: Person,
    /// Patterns as in `access.standing`; empty is everything that the sweep listed.
    pub scope: Vec<String>,
    /// The first that names an enabled person other than the holder reviews a line; else the owner.
    pub reviewers: Vec<ReviewerSource>,
    pub unanswered: Unanswered,
    pub begun_at: Timestamp,
    pub due_at: Timestamp,
    /// The next campaign begins so long after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repeat_every: Option<TimeSpan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<CampaignId>,
    /// The sweep whose findings the lines are, and when it listed them.
    pub sweep: SweepId,
    pub listed_at: Timestamp,
    /// Places that the sweep could not read: lines may be missing.
    pub unread: u64,
    pub lines: u32,
    #[serde(flatten)]
    pub state: CampaignState,
    /// Grows with every change; guards concurrent writers.
    pub version: u64,
}

impl Campaign {
    pub const fn is_open(&self) -> bool {
        matches!(self.state, CampaignState::Open)
    }

    pub fn is_due(&self, now: Timestamp) -> bool {
        self.due_at <= now
    }

    pub const fn signature(&self) -> Option<&Signature> {
        match &self.state {
            CampaignState::SignedOff { signature, .. } => Some(signature),
            CampaignState::Open | CampaignState::Closed { .. } => None,
        }
    }

    pub const fn plan(&self) -> Option<SweepId> {
        match &self.state {
            CampaignState::SignedOff { plan, .. } => *plan,
            CampaignState::Open | CampaignState::Closed { .. } => None,
        }
    }
}
