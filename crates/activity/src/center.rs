//! Changes in Identity Center and its directory, with their authors (`inventory.md` A-13), from
//! trail files or `LookupEvents` pages. Refused calls are left out.

use std::io::Read;

use hallpass_base::Timestamp;
use serde_json::Value;

use crate::log::{EventNames, LogFault, ReadCount};
use crate::recorded::{RecordedChange, read_recorded_changes};
use crate::table::ActivityPrincipal;

const CENTER: &str = "sso.amazonaws.com";
const DIRECTORIES: &[&str] = &["sso-directory.amazonaws.com", "identitystore.amazonaws.com"];
const OF_DIRECTORY: &[&str] = &["DeleteUser", "DeleteGroup"];

/// A change in CloudTrail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CenterChange {
    /// Copies have the same.
    pub event_id: String,
    pub at: Timestamp,
    pub event: String,
    pub by: ActivityPrincipal,
    pub permission_set: Option<String>,
    pub set_name: Option<String>,
    pub account: Option<String>,
    pub principal: Option<String>,
}

/// Returns each change with one of these event names.
///
/// # Errors
/// The file is broken or no log. Results before the fault are valid.
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

/// Ignores operations of the same name in other services.
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
