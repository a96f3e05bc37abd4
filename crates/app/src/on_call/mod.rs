//! Services that say who is on call: one file each. All are asked by one bounded GET.

mod incident_io;
mod json;
mod pagerduty;
mod pagerduty_incidents;
mod slack_group;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use hallpass_access::{OnCallFault, OnCallSource};
use hallpass_base::Email;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::Value;

pub use crate::outside_service::OutsideSettingsError;
use crate::outside_service::{OutsideService, ServiceAnswer, ServiceFault, wrong};

/// More people on call at once are an error: probably another list than meant.
const PEOPLE_MAX: usize = 100;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnCallKind {
    Pagerduty,
    PagerdutyIncidents,
    IncidentIo,
    SlackUserGroup,
    Json,
}

/// A list, as configured.
#[derive(Clone, Debug)]
pub struct OnCallSettings {
    pub kind: OnCallKind,
    pub url: Option<String>,
    pub token: Option<SecretString>,
    pub schedules: Vec<String>,
    pub escalation_policies: Vec<String>,
    /// Escalation levels, from 1; empty for all.
    pub levels: Vec<u32>,
    /// Whose open incidents count.
    pub services: Vec<String>,
    pub user_group: Option<String>,
}

/// Makes a source without a call. `slack` is the address of Slack's API with the app's token.
///
/// # Errors
/// The first invalid setting.
pub fn source(
    settings: &OnCallSettings,
    slack: Option<(&str, &SecretString)>,
) -> Result<Arc<dyn OnCallSource>, OutsideSettingsError> {
    let of_pagerduty = [
        ("levels", settings.levels.is_empty()),
        (
            "escalation_policies",
            settings.escalation_policies.is_empty(),
        ),
    ];
    let mut given = of_pagerduty.into_iter().filter(|(_, is_empty)| !is_empty);
    if settings.kind != OnCallKind::Pagerduty
        && let Some((key, _)) = given.next()
    {
        return Err(wrong(key, "is only possible with `kind = \"pagerduty\"`"));
    }
    if settings.kind != OnCallKind::PagerdutyIncidents && !settings.services.is_empty() {
        let message = "is only possible with `kind = \"pagerduty_incidents\"`";
        return Err(wrong("services", message));
    }
    if settings.levels.contains(&0) {
        return Err(wrong("levels", "count from 1"));
    }
    Ok(match settings.kind {
        OnCallKind::Pagerduty => Arc::new(pagerduty::Pagerduty::new(settings)?),
        OnCallKind::PagerdutyIncidents => {
            Arc::new(pagerduty_incidents::PagerdutyIncidents::new(settings)?)
        }
        OnCallKind::IncidentIo => Arc::new(incident_io::IncidentIo::new(settings)?),
        OnCallKind::SlackUserGroup => Arc::new(slack_group::SlackGroup::new(settings, slack)?),
        OnCallKind::Json => Arc::new(json::JsonAddress::new(settings)?),
    })
}

/// `scheme` is written before the token, with its space.
fn service(
    settings: &OnCallSettings,
    default: Option<&str>,
    scheme: &str,
) -> Result<OutsideService, OutsideSettingsError> {
    let url = settings.url.as_deref().or(default);
    OutsideService::new(url)?.with_token(scheme, settings.token.as_ref())
}

impl From<ServiceFault> for OnCallFault {
    fn from(fault: ServiceFault) -> Self {
        Self(fault.words())
    }
}

/// The caller bounds the time.
async fn get(
    service: &OutsideService,
    path: &str,
    query: &[(&str, &str)],
) -> Result<Value, OnCallFault> {
    let mut call = service.get(path);
    if !query.is_empty() {
        call = call.query(query);
    }
    Ok(ServiceAnswer::to(call).await?.success()?.json()?)
}

fn fault(why: &str) -> OnCallFault {
    OnCallFault(why.to_owned())
}

fn unknown_form(what: &str) -> OnCallFault {
    OnCallFault(format!(
        "the answer has no `{what}`, as its documented form has"
    ))
}

fn list<'a>(answer: &'a Value, name: &str) -> Result<&'a [Value], OnCallFault> {
    let list = answer.get(name).and_then(Value::as_array);
    list.map(Vec::as_slice).ok_or_else(|| unknown_form(name))
}

/// A person without a usable address is a fault: else someone on call would be left out silently.
fn address(text: Option<&Value>) -> Result<Email, OnCallFault> {
    let text = text.and_then(Value::as_str);
    let text = text.ok_or_else(|| unknown_form("email"))?;
    Email::new(text).map_err(|_| fault("a person on call has no valid e-mail address"))
}

fn few(people: Vec<Email>) -> Result<Vec<Email>, OnCallFault> {
    if people.len() > PEOPLE_MAX {
        return Err(OnCallFault(format!(
            "more than {PEOPLE_MAX} people are on call"
        )));
    }
    Ok(people)
}
