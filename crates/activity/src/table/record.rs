//! A CloudTrail record for the activity table. Every optional member is missing in some record.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use hallpass_base::Timestamp;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use crate::log::null_is_default;

/// Borrowed from the log unless escaped, so most records copy only the text of new rows.
#[derive(Clone, Debug)]
pub(crate) struct RecordText<'a>(Cow<'a, str>);

impl Deref for RecordText<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for RecordText<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Self)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityRecord<'a> {
    #[serde(borrow, rename = "eventID")]
    pub(super) event_id: RecordText<'a>,
    pub(crate) event_time: Timestamp,
    #[serde(borrow)]
    pub(super) event_source: RecordText<'a>,
    #[serde(borrow)]
    pub(super) event_name: RecordText<'a>,
    #[serde(default, borrow)]
    pub(super) event_category: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) aws_region: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) recipient_account_id: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) error_code: Option<RecordText<'a>>,
    #[serde(default)]
    pub(super) read_only: Option<bool>,
    #[serde(default, borrow, rename = "sourceIPAddress")]
    pub(super) source_address: Option<RecordText<'a>>,
    #[serde(default, borrow, deserialize_with = "null_is_default")]
    pub(super) user_identity: ActivityIdentity<'a>,
    #[serde(default, borrow, deserialize_with = "null_is_default")]
    pub(crate) resources: Vec<RecordResource<'a>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct RecordResource<'a> {
    #[serde(default, borrow, rename = "ARN")]
    pub(crate) arn: Option<RecordText<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ActivityIdentity<'a> {
    #[serde(default, borrow, rename = "type")]
    pub(super) kind: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) principal_id: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) arn: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) account_id: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) user_name: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) invoked_by: Option<RecordText<'a>>,
    #[serde(default, borrow, deserialize_with = "null_is_default")]
    pub(super) session_context: SessionContext<'a>,
    #[serde(default, borrow, deserialize_with = "null_is_default")]
    pub(super) on_behalf_of: BehalfOf<'a>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionContext<'a> {
    #[serde(default, borrow, deserialize_with = "null_is_default")]
    pub(super) session_issuer: SessionIssuer<'a>,
    #[serde(default, borrow, deserialize_with = "null_is_default")]
    pub(super) attributes: SessionAttributes<'a>,
    #[serde(default, borrow)]
    pub(super) source_identity: Option<RecordText<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionIssuer<'a> {
    #[serde(default, borrow)]
    pub(super) arn: Option<RecordText<'a>>,
    #[serde(default, borrow)]
    pub(super) user_name: Option<RecordText<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionAttributes<'a> {
    #[serde(default, borrow)]
    pub(super) creation_date: Option<RecordText<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct BehalfOf<'a> {
    #[serde(default, borrow)]
    pub(super) user_id: Option<RecordText<'a>>,
}
