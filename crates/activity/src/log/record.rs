//! The used fields of a CloudTrail record.

use std::borrow::Cow;

use hallpass_base::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::names::ElementKind;

#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CloudTrailRecord {
    /// Copies have the same.
    #[serde(rename = "eventID")]
    pub event_id: String,
    pub event_time: Timestamp,
    pub event_source: String,
    pub event_name: String,
    #[serde(default)]
    pub error_code: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub user_identity: RecordIdentity,
    #[serde(default)]
    pub request_parameters: Value,
    #[serde(default)]
    pub response_elements: Value,
    #[serde(default)]
    pub additional_event_data: Value,
    #[serde(default)]
    pub service_event_details: Value,
}

/// The identity, in Identity Center's formats before and since 2025-07-14 (`inventory.md` H-1).
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordIdentity {
    /// In the older format.
    #[serde(default)]
    pub user_name: Option<String>,
    #[serde(default)]
    pub on_behalf_of: Option<OnBehalfOf>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct OnBehalfOf {
    #[serde(default)]
    pub user_id: Option<String>,
    /// Ends in the store's id.
    #[serde(default)]
    pub identity_store_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LookupEvent {
    cloud_trail_event: String,
}

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

/// Treats `null` as absent.
pub(crate) fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
