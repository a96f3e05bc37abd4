//! DevOps Guru insights of an organization (`organization.md` D-7 to D-9), queried by Region, unit
//! or account, and merged. Failed queries are stored. Channels send insights to SNS topics.

mod channel_steps;
mod channels;
mod notified;
mod range;
mod request;
mod units;

pub use channel_steps::ChannelStepExecutor;
pub use channels::{
    CHANNELS_KIND, CHANNELS_REMOVE_KIND, ChannelRow, ChannelState, ChannelsFound, DesiredChannel,
    check_channels, compare_channels, draft_channel_removal, draft_channels, is_channel_step,
};
pub use notified::{INSIGHT_SOURCE, InsightTurn, ReportedInsight};
pub use range::{InsightRange, InsightRangeError};
pub use request::{Insight, InsightsFound, OrganizationHealth, insights, organization_health};
pub use units::{UnitsNotFound, unit_ids};

use hallpass_base::AccountId;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InsightSeverity {
    Low,
    Medium,
    High,
}

impl InsightSeverity {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "LOW",
            Self::Medium => "MEDIUM",
            Self::High => "HIGH",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum InsightKind {
    Reactive,
    Proactive,
}

impl InsightKind {
    pub const ALL: [Self; 2] = [Self::Reactive, Self::Proactive];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Reactive => "REACTIVE",
            Self::Proactive => "PROACTIVE",
        }
    }

    const fn member(self) -> &'static str {
        match self {
            Self::Reactive => "ReactiveInsights",
            Self::Proactive => "ProactiveInsights",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsightStatus {
    Ongoing,
    Closed,
}

impl InsightStatus {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ongoing => "ONGOING",
            Self::Closed => "CLOSED",
        }
    }
}

/// Both lists empty: the whole organization.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InsightScope {
    pub regions: Vec<String>,
    pub accounts: Vec<AccountId>,
    pub units: Vec<String>,
    pub is_direct: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InsightFilter {
    pub kinds: Vec<InsightKind>,
    pub status: Option<InsightStatus>,
    pub severities: Vec<InsightSeverity>,
    pub stack: Option<String>,
    /// Part of a resource or service name, case-insensitive.
    pub resource: Option<String>,
    pub range: InsightRange,
}
