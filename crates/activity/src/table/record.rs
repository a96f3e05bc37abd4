//! A record of CloudTrail as the activity table reads it: every member that may be missing is missing in some record.

use hallpass_model::Timestamp;
use serde::Deserialize;

use crate::log::null_is_default;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityRecord {
    #[serde(rename = "eventID")]
    pub(super) event_id: String,
    pub(crate) event_time: Timestamp,
    pub(super) event_source: String,
    pub(super) event_name: String,
    #[serde(default)]
    pub(super) event_category: Option<String>,
    #[serde(default)]
    pub(super) aws_region: Option<String>,
    #[serde(default)]
    pub(super) recipient_account_id: Option<String>,
    #[serde(default)]
    pub(super) error_code: Option<String>,
    #[serde(default)]
    pub(super) read_only: Option<bool>,
    #[serde(default, rename = "sourceIPAddress")]
    pub(super) source_address: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) user_identity: ActivityIdentity,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(crate) resources: Vec<RecordResource>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RecordResource {
    #[serde(default, rename = "ARN")]
    pub(crate) arn: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityIdentity {
    #[serde(default, rename = "type")]
    pub(super) kind: Option<String>,
    #[serde(default)]
    pub(super) principal_id: Option<String>,
    #[serde(default)]
    pub(super) arn: Option<String>,
    #[serde(default)]
    pub(super) account_id: Option<String>,
    #[serde(default)]
    pub(super) user_name: Option<String>,
    #[serde(default)]
    pub(super) invoked_by: Option<String>,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) session_context: SessionContext,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) on_behalf_of: BehalfOf,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionContext {
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) session_issuer: SessionIssuer,
    #[serde(default, deserialize_with = "null_is_default")]
    pub(super) attributes: SessionAttributes,
    #[serde(default)]
    pub(super) source_identity: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionIssuer {
    #[serde(default)]
    pub(super) arn: Option<String>,
    #[serde(default)]
    pub(super) user_name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionAttributes {
    #[serde(default)]
    pub(super) creation_date: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BehalfOf {
    #[serde(default)]
    pub(super) user_id: Option<String>,
}
