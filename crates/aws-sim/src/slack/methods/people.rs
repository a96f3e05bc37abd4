//! `auth.test`, `users.*` and `apps.connections.open`.

use jiff::{Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{MethodCall, MethodError, MethodResult, chat::bot_id, need, object};
use crate::slack::{
    settings::Person,
    workspace::{TICKET_MS, Workspace},
};

/// `auth.test`
#[expect(clippy::unnecessary_wraps, reason = "every method has this signature")]
pub(super) fn auth_test(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let settings = &space.settings;
    Ok(object(json!({
        "url": format!("http://{}/_slack/", call.host),
        "team": settings.team_name,
        "user": settings.app_name.to_lowercase(),
        "team_id": settings.team,
        "user_id": settings.bot_user,
        "bot_id": bot_id(space),
        "is_enterprise_install": false,
    })))
}

fn profile(space: &Workspace, person: &Person, now: i64) -> Value {
    let zone = person.tz.as_deref().unwrap_or("UTC");
    let at = Timestamp::from_millisecond(now).unwrap_or_default();
    let offset = TimeZone::get(zone).map_or(0, |zone| zone.to_offset(at).seconds());
    let mut profile = json!({
        "real_name": person.name,
        "display_name": person.name,
        "title": person.title.clone().unwrap_or_default(),
        "team": person.team.as_ref().unwrap_or(&space.settings.team),
    });
    let reads_mail = space
        .settings
        .scopes
        .iter()
        .any(|scope| scope == "users:read.email");
    if let (Some(mail), Some(fields), true) = (&person.email, profile.as_object_mut(), reads_mail) {
        fields.insert("email".to_owned(), mail.clone().into());
    }
    let stranger = person
        .team
        .as_ref()
        .is_some_and(|team| *team != space.settings.team);
    json!({
        "id": person.id,
        "team_id": person.team.as_ref().unwrap_or(&space.settings.team),
        "name": person.handle(),
        "real_name": person.name,
        "deleted": person.deleted,
        "is_bot": person.bot,
        "is_app_user": false,
        "is_admin": false,
        "is_owner": false,
        "is_restricted": person.guest,
        "is_ultra_restricted": false,
        "is_stranger": stranger,
        "tz": zone,
        "tz_label": zone,
        "tz_offset": offset,
        "updated": now / 1_000,
        "profile": profile,
    })
}

/// `usergroups.users.list`
pub(super) fn user_group(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let wanted = need(call, "usergroup")?;
    let mut groups = space.settings.user_groups.iter();
    let group = groups.find(|group| group.id == wanted);
    let group = group.ok_or_else(|| MethodError::new("no_such_subteam"))?;
    Ok(object(json!({ "users": group.users })))
}

/// `users.info`
pub(super) fn info(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let wanted = need(call, "user")?;
    let person = if wanted == space.settings.bot_user {
        Person {
            id: wanted.to_owned(),
            name: space.settings.app_name.clone(),
            bot: true,
            ..Person::default()
        }
    } else {
        let found = space.user(wanted).cloned();
        found.ok_or_else(|| MethodError::new("user_not_found"))?
    };
    Ok(object(json!({ "user": profile(space, &person, call.now) })))
}

/// `users.lookupByEmail`: only active people of this workspace.
pub(super) fn lookup(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let wanted = need(call, "email")?;
    let has = |person: &&Person| {
        let mail = person.email.as_deref();
        mail.is_some_and(|mail| mail.eq_ignore_ascii_case(wanted)) && !person.deleted
    };
    let found = space.settings.users.iter().find(has).cloned();
    let person = found.ok_or_else(|| MethodError::new("users_not_found"))?;
    Ok(object(json!({ "user": profile(space, &person, call.now) })))
}

/// `apps.connections.open`
#[expect(clippy::unnecessary_wraps, reason = "every method has this signature")]
pub(super) fn connections_open(space: &mut Workspace, call: &MethodCall<'_>) -> MethodResult {
    let ticket = space.token(32);
    space.tickets.insert(ticket.clone(), call.now + TICKET_MS);
    let url = format!(
        "ws://{}/_slack/link?ticket={ticket}&app_id={}",
        call.host, space.settings.app_id
    );
    Ok(object(json!({ "url": url })))
}
