//! Open incidents of `PagerDuty` (REST API v2, "List incidents"): the people they are assigned to.

use async_trait::async_trait;
use hallpass_access::{OnCallFault, OnCallSource};
use hallpass_base::Email;

use super::pagerduty::all_pages;
use super::{
    OnCallSettings, OutsideService, OutsideSettingsError, address, few, list, service, wrong,
};

pub(super) struct PagerdutyIncidents {
    service: OutsideService,
    services: Vec<String>,
}

impl PagerdutyIncidents {
    pub(super) fn new(settings: &OnCallSettings) -> Result<Self, OutsideSettingsError> {
        let default = Some("https://api.pagerduty.com");
        let service = service(settings, default, "Token token=")?.needing_token()?;
        if settings.services.is_empty() {
            return Err(wrong("services", "is needed: else every incident counts"));
        }
        Ok(Self {
            service,
            services: settings.services.clone(),
        })
    }
}

#[async_trait]
impl OnCallSource for PagerdutyIncidents {
    async fn on_call(&self) -> Result<Vec<Email>, OnCallFault> {
        let mut filter = vec![
            ("statuses[]", "triggered"),
            ("statuses[]", "acknowledged"),
            ("include[]", "assignees"),
            // the default leaves out incidents that opened before
            ("date_range", "all"),
        ];
        let services = self.services.iter();
        filter.extend(services.map(|it| ("service_ids[]", it.as_str())));
        let mut people = Vec::new();
        for incident in all_pages(&self.service, ("/incidents", "incidents"), &filter).await? {
            for assignment in list(&incident, "assignments")? {
                people.push(address(assignment.pointer("/assignee/email"))?);
            }
        }
        // one person may have many
        people.sort();
        people.dedup();
        few(people)
    }
}
