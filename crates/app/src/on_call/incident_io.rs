//! incident.io (API v2, "List schedule entries").

use async_trait::async_trait;
use hallpass_access::{OnCallFault, OnCallSource};
use hallpass_base::{Email, TimeSpan, Timestamp};
use serde_json::Value;

use super::{
    OnCallSettings, OutsideService, OutsideSettingsError, address, few, get, list, service,
    unknown_form, wrong,
};

/// Around now, since the service and this machine may differ by seconds.
const WINDOW: TimeSpan = TimeSpan::minutes(1);

pub(super) struct IncidentIo {
    service: OutsideService,
    schedules: Vec<String>,
}

impl IncidentIo {
    pub(super) fn new(settings: &OnCallSettings) -> Result<Self, OutsideSettingsError> {
        let default = Some("https://api.incident.io");
        let service = service(settings, default, "Bearer ")?.needing_token()?;
        if settings.schedules.is_empty() {
            return Err(wrong("schedules", "is needed"));
        }
        Ok(Self {
            service,
            schedules: settings.schedules.clone(),
        })
    }
}

#[async_trait]
impl OnCallSource for IncidentIo {
    async fn on_call(&self) -> Result<Vec<Email>, OnCallFault> {
        let now = hallpass_base::clock::now();
        let (from, to) = (
            WINDOW.before(now).to_string(),
            WINDOW.after(now).to_string(),
        );
        let mut people = Vec::new();
        for schedule in &self.schedules {
            let query = [
                ("schedule_id", schedule.as_str()),
                ("entry_window_start", &from),
                ("entry_window_end", &to),
            ];
            let answer = get(&self.service, "/v2/schedule_entries", &query).await?;
            let entries = answer.get("schedule_entries");
            let entries = entries.ok_or_else(|| unknown_form("schedule_entries"))?;
            // with overrides
            for entry in list(entries, "final")? {
                if is_at(entry, now)? {
                    // a gap in the schedule has no user
                    if let Some(user) = entry.get("user").filter(|user| !user.is_null()) {
                        people.push(address(user.get("email"))?);
                    }
                }
            }
        }
        few(people)
    }
}

fn is_at(entry: &Value, now: Timestamp) -> Result<bool, OnCallFault> {
    let at = |name: &str| {
        let text = entry.get(name).and_then(Value::as_str);
        let at = text.and_then(|text| text.parse::<Timestamp>().ok());
        at.ok_or_else(|| unknown_form(name))
    };
    Ok(at("start_at")? <= now && now < at("end_at")?)
}
