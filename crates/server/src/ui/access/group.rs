//! Page of a group: its members now, and its permission sets.

use askama::Template;
use axum::{Router, extract::State, routing::get};
use hallpass_access::{AccessError, Directory};
use hallpass_base::{GroupId, UserId};

use crate::ui::people::{self, GrantPlace, count_of};
use crate::ui::press::missing;
use crate::ui::shell::{Nav, PageResult, Shell, Viewer, page};
use crate::ui::words::{clock, id_groups, plain, zone_name};
use crate::{App, body::Path};

pub(super) fn router() -> Router<App> {
    Router::new().route("/access/groups/{id}", get(show))
}

pub(super) fn address(group: &GroupId) -> String {
    format!("/access/groups/{group}")
}

struct GroupMember {
    name: String,
    email: String,
    href: String,
}

struct Assigned {
    place: GrantPlace,
    id_groups: Vec<String>,
    permission_set: String,
    first_seen: String,
    unread: String,
}

#[derive(Template)]
#[template(path = "group.html")]
struct GroupPage {
    shell: Shell,
    name: String,
    id: String,
    lead: String,
    fault: String,
    members: Vec<GroupMember>,
    assigned: Vec<Assigned>,
    count: String,
}

async fn show(State(app): State<App>, viewer: Viewer, Path(id): Path<String>) -> PageResult {
    let Ok(group) = GroupId::new(id) else {
        return missing(&app, &viewer).await;
    };
    let directory = app.access.directory();
    let Some(known) = directory.group(&group) else {
        return missing(&app, &viewer).await;
    };
    let (members, fault) = match app.access.group_members(&viewer.actor, &group).await {
        Ok(members) => (members, String::new()),
        Err(AccessError::NotFound(_)) => return missing(&app, &viewer).await,
        Err(AccessError::Directory(fault)) => (Vec::new(), plain(&fault.to_string())),
        Err(error) => return Err(error.into()),
    };
    let now = app.clock.now();
    let at = |at| clock(at, now, &viewer.zone);
    let rows = app.access.group_assignments(&viewer.actor).await?;
    let rows = rows.iter().filter(|it| it.row.key.group == group);
    let mut assigned: Vec<Assigned> = rows
        .map(|it| {
            let place = people::place(&directory, &it.row.key.target(), &it.names);
            Assigned {
                id_groups: id_groups(&place.id),
                place,
                permission_set: people::held(&it.names),
                first_seen: at(it.row.first_seen),
                unread: it.row.unread_since.map(at).unwrap_or_default(),
            }
        })
        .collect();
    assigned.sort_by(|a, b| (&a.place, &a.permission_set).cmp(&(&b.place, &b.permission_set)));
    let mut members = known_members(&members, &directory);
    members.sort_by_cached_key(|member| member.name.to_lowercase());
    let lead = if fault.is_empty() {
        format!(
            "{}, read from AWS at {} {}.",
            count_of(members.len(), "member", "members"),
            at(now),
            zone_name(now, &viewer.zone)
        )
    } else {
        String::new()
    };
    let shell = viewer.shell(&app, Nav::Access, "Group").await;
    Ok(page(&GroupPage {
        shell,
        name: plain(&known.name),
        id: group.to_string(),
        lead,
        fault,
        count: count_of(assigned.len(), "account assignment", "account assignments"),
        members,
        assigned,
    }))
}

fn known_members(members: &[UserId], directory: &Directory) -> Vec<GroupMember> {
    members
        .iter()
        .map(|user| match directory.person(user) {
            Some(person) => GroupMember {
                name: plain(if person.display_name.is_empty() {
                    &person.user_name
                } else {
                    &person.display_name
                }),
                email: person
                    .emails
                    .first()
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                href: people::person_address(user),
            },
            None => GroupMember {
                name: user.to_string(),
                email: "not in the directory".to_owned(),
                href: String::new(),
            },
        })
        .collect()
}
