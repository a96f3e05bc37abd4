//! A record of CloudTrail, as far as anybody here asks.

use std::borrow::Cow;

use hallpass_base::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::names::ElementKind;

/// An event that CloudTrail wrote down.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudTrailRecord {
    /// Its id; copies of a record have the same.
    #[serde(rename = "eventID")]
    pub event_id: String,
    /// When it happened.
    pub event_time: Timestamp,
    /// The service that wrote it.
    pub event_source: String,
    /// What happened.
    pub event_name: String,
    /// Why it did not.
    #[serde(default)]
    pub error_code: Option<String>,
    /// Who did it.
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_identity: RecordIdentity,
    /// What was asked.
    #[serde(default)]
    pub request_parameters: Value,
    /// What was answered.
    #[serde(default)]
    pub response_elements: Value,
    /// What a service has to say besides.
    #[serde(default)]
    pub additional_event_data: Value,
    /// What a service that is no API has to say.
    #[serde(default)]
    pub service_event_details: Value,
}

/// Who did something, in the two shapes that Identity Center wrote before and since 2025-07-14 (`inventory.md` H-1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordIdentity {
    /// The name, in records of before.
    #[serde(default)]
    pub user_name: Option<String>,
    /// The user of an identity store on whose behalf it was done.
    #[serde(default)]
    pub on_behalf_of: Option<OnBehalfOf>,
}

/// A user of an identity store.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnBehalfOf {
    /// The user's id.
    #[serde(default)]
    pub user_id: Option<String>,
    /// The ARN of their store, which ends in its id.
    #[serde(default)]
    pub identity_store_arn: Option<String>,
}

/// An event as `LookupEvents` answers it.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookupEvent {
    cloud_trail_event: String,
}

/// The text of a record, wherever it stands.
pub(crate) fn record_text(
    element: &str,
    kind: ElementKind,
) -> Result<Cow<'_, str>, serde_json::Error> {
    match kind {
        ElementKind::Record => Ok(Cow::Borrowed(element)),
        ElementKind::LookupEvent => {
            let event: LookupEvent = serde_json::from_str(element)?;
            Ok(Cow::Owned(event.cloud_trail_event))
        }
    }
}

impl CloudTrailRecord {
    pub(crate) fn parse(element: &str, kind: ElementKind) -> Result<Self, serde_json::Error> {
        serde_json::from_str(&record_text(element, kind)?)
    }
}

/// What is `null` is as if it were not there.
pub(crate) fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
