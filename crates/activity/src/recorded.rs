//! Changes with their authors, record by record, from trail files or `LookupEvents` pages. Refused
//! calls are left out.

use std::io::Read;

use hallpass_base::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::log::{EventNames, LogFault, ReadCount, each_text, null_is_default, record_text};
use crate::table::{ActivityIdentity, ActivityPrincipal, PrincipalKind};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordedChange {
    /// Copies have the same.
    pub event_id: String,
    pub at: Timestamp,
    /// `securityhub.amazonaws.com`.
    pub source: String,
    pub event: String,
    pub by: ActivityPrincipal,
    pub request: Value,
    pub response: Value,
}

impl RecordedChange {
    pub fn who(&self) -> String {
        let ActivityPrincipal { kind, name, .. } = &self.by;
        let set = self.by.permission_set.as_ref();
        let set = set.map(|it| format!(" ({it})")).unwrap_or_default();
        match kind {
            _ if name.is_empty() => "a user that the record does not name".to_owned(),
            PrincipalKind::Person | PrincipalKind::SourceIdentity => format!("{name}{set}"),
            other => format!("{} {name}{set}", other.name()),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ChangeRecord<'a> {
    #[serde(rename = "eventID")]
    event_id: String,
    event_time: Timestamp,
    event_source: String,
    event_name: String,
    #[serde(default)]
    error_code: Option<String>,
    #[serde(default, borrow, deserialize_with = "null_is_default")]
    user_identity: ActivityIdentity<'a>,
    #[serde(default)]
    request_parameters: Value,
    #[serde(default)]
    response_elements: Value,
}

/// Returns changes with one of these event names, counted as wanted.
///
/// # Errors
/// The log is broken or invalid. Results before the fault are valid.
pub fn read_recorded_changes(
    bytes: impl Read,
    names: &EventNames,
    mut each: impl FnMut(RecordedChange),
) -> Result<ReadCount, LogFault> {
    let mut wanted = 0;
    let mut count = each_text(bytes, |text, kind| {
        if !names.may_be_in(text.as_bytes(), kind) {
            return Ok(());
        }
        let text = record_text(text, kind)?;
        let record: ChangeRecord<'_> = serde_json::from_str(&text)?;
        if names.has(&record.event_name) && record.error_code.is_none() {
            wanted += 1;
            each(RecordedChange {
                event_id: record.event_id,
                at: record.event_time,
                source: record.event_source,
                event: record.event_name,
                by: ActivityPrincipal::of(&record.user_identity),
                request: record.request_parameters,
                response: record.response_elements,
            });
        }
        Ok(())
    })?;
    count.wanted = wanted;
    Ok(count)
}
