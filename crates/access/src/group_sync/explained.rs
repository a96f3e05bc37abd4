//! Explains a user's membership in attribute-based groups, by rule.

use hallpass_base::{Email, GroupId};
use hallpass_rules::Directory;
use serde::Serialize;

use super::GroupSyncSettings;
use super::plan::{Wanted, wanted};

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AttributeMembership {
    pub group: String,
    /// `None` if the members were not read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub because: String,
}

/// Returns the groups that contain or want the user, and the requested one.
pub(crate) fn memberships(
    settings: &GroupSyncSettings,
    directory: &Directory,
    who: &Email,
    asked: Option<&GroupId>,
) -> Vec<AttributeMembership> {
    let Ok(person) = directory.person_by_email(who) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for managed in &settings.groups {
        let Some(group) = directory.resolve_group(&managed.group) else {
            continue;
        };
        let members = group.members.as_ref();
        let member = members.map(|members| members.contains(&person.user_id));
        let wanted = wanted(managed, person);
        let is_about = member == Some(true) || matches!(wanted, Wanted::By(_));
        if !is_about && asked != Some(&group.id) {
            continue;
        }
        found.push(AttributeMembership {
            group: group.name.clone(),
            member,
            because: in_words(member, &wanted),
            rule: match wanted {
                Wanted::By(rule) => Some(rule),
                Wanted::No(_) | Wanted::Unknown => None,
            },
        });
    }
    found
}

fn in_words(member: Option<bool>, wanted: &Wanted) -> String {
    const UNREAD: &str = "attributes that its rules want could not be read";
    match (member, wanted) {
        (Some(true), Wanted::By(rule)) => format!("a member by {rule}"),
        (Some(true), Wanted::No(why)) => format!("a member who {}", why.words()),
        (Some(true), Wanted::Unknown) => format!("a member; {UNREAD}"),
        (Some(false), Wanted::By(rule)) => format!("no member yet, and to be one by {rule}"),
        (Some(false), Wanted::No(why)) => format!("no member: the requester {}", why.words()),
        (Some(false), Wanted::Unknown) => format!("no member; {UNREAD}"),
        (None, Wanted::By(rule)) => {
            format!("its members could not be read; wanted there by {rule}")
        }
        (None, Wanted::No(_) | Wanted::Unknown) => "its members could not be read".to_owned(),
    }
}
