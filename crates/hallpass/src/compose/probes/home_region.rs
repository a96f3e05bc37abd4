//! Readiness probe of the Identity Center home Region.

use std::sync::Arc;

use async_trait::async_trait;
use hallpass_access::Access;
use hallpass_aws::Aws;
use hallpass_base::{Clock, Timestamp};
use hallpass_channels::wording::health::{self, OrganizationsMeanwhile, OverdueWhileLost};
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};

pub(crate) struct HomeRegionProbe {
    pub(crate) aws: Arc<Aws>,
    pub(crate) access: Arc<Access>,
    pub(crate) clock: Arc<dyn Clock>,
}

impl HomeRegionProbe {
    fn overdue(&self, since: Timestamp) -> OverdueWhileLost {
        let settings = self.access.settings();
        match (
            settings.armed_ends.mode.is_on(),
            settings.home_region_lost_after,
        ) {
            (false, _) => OverdueWhileLost::NothingDenied,
            (true, None) => OverdueWhileLost::ArmedOnly,
            (true, Some(after)) => OverdueWhileLost::DeniedFrom(after.after(since)),
        }
    }
}

#[async_trait]
impl ReadinessProbe for HomeRegionProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match self.access.home_region_lost_since() {
            None => {
                let others = self.aws.additional_regions().await.unwrap_or_default();
                Ok(health::home_region_answers(&others))
            }
            Some(since) => {
                let others = self.aws.additional_regions().await;
                let now = self.clock.now();
                let about = self.aws.about();
                let is_silent = self.aws.organizations_silence().lost_since(now).is_some();
                let organizations = match is_silent {
                    false => OrganizationsMeanwhile::Answers,
                    true if about.has_organizations_at_home() => {
                        OrganizationsMeanwhile::SilentThere
                    }
                    true => OrganizationsMeanwhile::Silent,
                };
                let overdue = self.overdue(since);
                Err(health::home_region_is_lost(
                    &about.region,
                    since,
                    others.as_deref(),
                    organizations,
                    overdue,
                ))
            }
        };
        ProbeResult {
            name: "home_region",
            works,
        }
    }

    /// A successor process keeps the outage start.
    fn since(&self) -> Option<Timestamp> {
        self.access.home_region_lost_since()
    }

    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}
