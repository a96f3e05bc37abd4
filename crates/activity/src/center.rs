//! What was changed in Identity Center and its directory, and by whom (`inventory.md` A-13): one record after the
//! other, of a trail's files or of pages of `LookupEvents`. Calls that were refused changed nothing and are left out.

use std::io::Read;

use hallpass_model::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::log::{EventNames, LogFault, ReadCount, each_text, null_is_default, record_text};
use crate::table::{ActivityIdentity, ActivityPrincipal};

/// Where permission sets and assignments are changed.
const CENTER: &str = "sso.amazonaws.com";
/// Where people and groups are.
const DIRECTORIES: &[&str] = &["sso-directory.amazonaws.com", "identitystore.amazonaws.com"];
/// Names of events of a directory that are read.
const OF_DIRECTORY: &[&str] = &["DeleteUser", "DeleteGroup"];

/// A change, as CloudTrail has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CenterChange {
    /// The id of the event; copies have the same.
    pub event_id: String,
    /// When it was asked for.
    pub at: Timestamp,
    /// The operation.
    pub event: String,
    /// Who asked for it, as far as the record says.
    pub by: ActivityPrincipal,
    /// The ARN of the permission set.
    pub permission_set: Option<String>,
    /// The name that a new permission set got.
    pub set_name: Option<String>,
    /// The account of an assignment.
    pub account: Option<String>,
    /// The id of the person or group that it is about.
    pub principal: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CenterRecord<'a> {
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

/// Gives each change of a file whose event has one of these names.
///
/// # Errors
/// The file is broken, or something else than a log. What was given before is true.
pub fn read_center_changes(
    bytes: impl Read,
    names: &EventNames,
    mut each: impl FnMut(CenterChange),
) -> Result<ReadCount, LogFault> {
    let mut wanted = 0;
    let mut count = each_text(bytes, |text, kind| {
        if !names.may_be_in(text.as_bytes(), kind) {
            return Ok(());
        }
        let text = record_text(text, kind)?;
        let record: CenterRecord<'_> = serde_json::from_str(&text)?;
        if names.has(&record.event_name)
            && let Some(change) = change_of(record)
        {
            wanted += 1;
            each(change);
        }
        Ok(())
    })?;
    count.wanted = wanted;
    Ok(count)
}

/// Nothing of a service that only has an operation of the same name, and nothing of a call that failed.
fn change_of(record: CenterRecord<'_>) -> Option<CenterChange> {
    let source = record.event_source.as_str();
    let is_of_directory = OF_DIRECTORY.contains(&record.event_name.as_str());
    let is_ours = if is_of_directory {
        DIRECTORIES.contains(&source)
    } else {
        source == CENTER
    };
    if !is_ours || record.error_code.is_some() {
        return None;
    }
    let asked = |name: &str| text(&record.request_parameters, name);
    let created = record.response_elements.get("permissionSet");
    let created = created.and_then(|it| text(it, "permissionSetArn"));
    let principal = ["principalId", "userId", "groupId"];
    Some(CenterChange {
        at: record.event_time,
        by: ActivityPrincipal::of(&record.user_identity),
        permission_set: asked("permissionSetArn")
            .or_else(|| asked("resourceArn"))
            .or(created),
        set_name: asked("name"),
        account: asked("targetId"),
        principal: principal.into_iter().find_map(asked),
        event: record.event_name,
        event_id: record.event_id,
    })
}

fn text(of: &Value, name: &str) -> Option<String> {
    let found = of.get(name)?.as_str()?;
    Some(found.to_owned()).filter(|it| !it.is_empty())
}
