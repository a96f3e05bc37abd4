//! What was changed in Identity Center and its directory, and by whom (`inventory.md` A-13): one record after the
//! other, of a trail's files or of pages of `LookupEvents`. Calls that were refused changed nothing and are left out.

use std::io::Read;

use hallpass_base::Timestamp;
use serde_json::Value;

use crate::log::{EventNames, LogFault, ReadCount};
use crate::recorded::{RecordedChange, read_recorded_changes};
use crate::table::ActivityPrincipal;

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
    let mut count = read_recorded_changes(bytes, names, |record| {
        if let Some(change) = change_of(record) {
            wanted += 1;
            each(change);
        }
    })?;
    count.wanted = wanted;
    Ok(count)
}

/// Nothing of a service that only has an operation of the same name.
fn change_of(record: RecordedChange) -> Option<CenterChange> {
    let source = record.source.as_str();
    let is_of_directory = OF_DIRECTORY.contains(&record.event.as_str());
    let is_ours = if is_of_directory {
        DIRECTORIES.contains(&source)
    } else {
        source == CENTER
    };
    if !is_ours {
        return None;
    }
    let asked = |name: &str| text(&record.request, name);
    let created = record.response.get("permissionSet");
    let created = created.and_then(|it| text(it, "permissionSetArn"));
    let principal = ["principalId", "userId", "groupId"];
    Some(CenterChange {
        at: record.at,
        permission_set: asked("permissionSetArn")
            .or_else(|| asked("resourceArn"))
            .or(created),
        set_name: asked("name"),
        account: asked("targetId"),
        principal: principal.into_iter().find_map(asked),
        by: record.by,
        event: record.event,
        event_id: record.event_id,
    })
}

fn text(of: &Value, name: &str) -> Option<String> {
    let found = of.get(name)?.as_str()?;
    Some(found.to_owned()).filter(|it| !it.is_empty())
}
