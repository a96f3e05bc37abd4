//! Insights of DevOps Guru across an organization (`organization.md` D-7 to D-9): asked Region by Region, unit by unit
//! or account by account, and joined. What could not be asked is kept as that. Channels are what it tells topics of SNS.

mod ask;
mod channel_steps;
mod channels;
mod range;
mod told;
mod units;

pub use ask::{Insight, InsightsFound, OrganizationHealth, insights, organization_health};
pub use channel_steps::ChannelStepExecutor;
pub use channels::{
    CHANNELS_KIND, CHANNELS_REMOVE_KIND, ChannelRow, ChannelState, ChannelWish, ChannelsFound,
    check_channels, compare_channels, draft_channel_removal, draft_channels, is_channel_step,
};
pub use range::{InsightRange, InsightRangeError};
pub use told::{INSIGHT_SOURCE, InsightTurn, ToldInsight};
pub use units::{UnitsNotFound, unit_ids};

use hallpass_base::AccountId;

/// How urgent an insight is; in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InsightSeverity {
    /// `LOW`
    Low,
    /// `MEDIUM`
    Medium,
    /// `HIGH`
    High,
}

impl InsightSeverity {
    /// Its name at AWS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

/// What an insight is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InsightKind {
    /// What happens.
    Reactive,
    /// What is going to.
    Proactive,
}

impl InsightKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Reactive, Self::Proactive];

    /// Its name at AWS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reactive => "REACTIVE",
            Self::Proactive => "PROACTIVE",
        }
    }

    /// The member of answers that has insights of this kind.
    const fn member(self) -> &'static str {
        match self {
            Self::Reactive => "ReactiveInsights",
            Self::Proactive => "ProactiveInsights",
        }
    }
}

/// Whether an insight goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsightStatus {
    /// It does.
    Ongoing,
    /// It is over.
    Closed,
}

impl InsightStatus {
    /// Its name at AWS.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ongoing => "ONGOING",
            Self::Closed => "CLOSED",
        }
    }
}

/// Which accounts are meant; with neither the whole organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsightScope {
    /// Regions: each is asked by itself.
    pub regions: Vec<String>,
    /// These accounts.
    pub accounts: Vec<AccountId>,
    /// And those of these units, by id.
    pub units: Vec<String>,
    /// Without the units below them.
    pub is_direct: bool,
}

/// Which insights are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsightFilter {
    /// Of these kinds.
    pub kinds: Vec<InsightKind>,
    /// In this state; in any where none is named.
    pub status: Option<InsightStatus>,
    /// Of these; of any where none is named.
    pub severities: Vec<InsightSeverity>,
    /// About this stack.
    pub stack: Option<String>,
    /// About a resource or service with this in its name, in any case of letters.
    pub resource: Option<String>,
    /// That began in this time.
    pub range: InsightRange,
}
