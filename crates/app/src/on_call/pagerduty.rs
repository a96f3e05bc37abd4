//! `PagerDuty` (REST API v2, "List all of the on-calls").

use async_trait::async_trait;
use hallpass_access::{OnCallFault, OnCallSource};
use hallpass_base::Email;
use serde_json::Value;

use super::{
    OnCallSettings, OutsideService, OutsideSettingsError, address, few, get, list, service,
    unknown_form, wrong,
};

const PAGE: usize = 100;
const PAGES_MAX: usize = 10;

/// Reads all pages of a list; `member` is its name in the answers.
pub(super) async fn all_pages(
    service: &OutsideService,
    (path, member): (&str, &str),
    filter: &[(&str, &str)],
) -> Result<Vec<Value>, OnCallFault> {
    let mut all = Vec::new();
    for page in 0..PAGES_MAX {
        let (limit, offset) = (PAGE.to_string(), (page * PAGE).to_string());
        let mut query = filter.to_vec();
        query.extend([("limit", limit.as_str()), ("offset", &offset)]);
        let answer = get(service, path, &query).await?;
        all.extend_from_slice(list(&answer, member)?);
        let more = answer.get("more").and_then(Value::as_bool);
        if !more.ok_or_else(|| unknown_form("more"))? {
            return Ok(all);
        }
    }
    Err(super::fault("the answer has too many pages"))
}

pub(super) struct Pagerduty {
    service: OutsideService,
    schedules: Vec<String>,
    escalation_policies: Vec<String>,
    levels: Vec<u32>,
}

impl Pagerduty {
    pub(super) fn new(settings: &OnCallSettings) -> Result<Self, OutsideSettingsError> {
        let default = Some("https://api.pagerduty.com");
        let service = service(settings, default, "Token token=")?.needing_token()?;
        if settings.schedules.is_empty() && settings.escalation_policies.is_empty() {
            return Err(wrong(
                "schedules",
                "is needed, or `escalation_policies`: else everyone on call counts",
            ));
        }
        Ok(Self {
            service,
            schedules: settings.schedules.clone(),
            escalation_policies: settings.escalation_policies.clone(),
            levels: settings.levels.clone(),
        })
    }

    /// The API filters by schedule and policy, not by level.
    fn is_meant(&self, entry: &Value) -> Result<bool, OnCallFault> {
        let level = entry.get("escalation_level").and_then(Value::as_u64);
        let level = level.ok_or_else(|| unknown_form("escalation_level"))?;
        Ok(self.levels.is_empty() || self.levels.iter().any(|it| u64::from(*it) == level))
    }
}

#[async_trait]
impl OnCallSource for Pagerduty {
    async fn on_call(&self) -> Result<Vec<Email>, OnCallFault> {
        // without a range of time the API answers for now
        let mut filter = vec![("earliest", "true"), ("include[]", "users")];
        let schedules = self.schedules.iter();
        filter.extend(schedules.map(|it| ("schedule_ids[]", it.as_str())));
        let policies = self.escalation_policies.iter();
        filter.extend(policies.map(|it| ("escalation_policy_ids[]", it.as_str())));
        let mut people = Vec::new();
        for entry in all_pages(&self.service, ("/oncalls", "oncalls"), &filter).await? {
            if self.is_meant(&entry)? {
                people.push(address(entry.pointer("/user/email"))?);
            }
        }
        few(people)
    }
}
