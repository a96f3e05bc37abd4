//! Users, groups, and the members of the groups that matter.

use std::collections::BTreeSet;

use aws_sdk_identitystore::types::{Group as ListedGroup, User, UserStatus};
use futures_util::{StreamExt, stream};
use hallpass_access::DirectoryFault;
use hallpass_model::{Email, GroupId, UserId};
use hallpass_rules::GroupRef;
use hallpass_rules::directory::{Group, Person};

use super::{GroupsToRead, fault};
use crate::Aws;
use crate::call::Pace;
use crate::center::{PAGE, user_ids};
use crate::fault::Failure;
use crate::pages::listing;

/// Membership listings at once; the ration card sets the rate.
const WIDTH: usize = 6;

/// Every user, by id.
pub(super) async fn users(aws: &Aws) -> Result<Vec<Person>, DirectoryFault> {
    let listed = list_users(aws).await.map_err(|f| fault("users", &f))?;
    let mut people: Vec<Person> = listed.into_iter().filter_map(person).collect();
    people.sort_by(|a, b| a.user_id.cmp(&b.user_id));
    people.dedup_by(|a, b| a.user_id == b.user_id);
    Ok(people)
}

/// Every group, by id; members of those asked for. A membership listing that fails leaves that
/// group unread, which counts as "nobody" wherever membership gives a right.
pub(super) async fn groups(aws: &Aws, wanted: &GroupsToRead) -> Result<Vec<Group>, DirectoryFault> {
    let listed = list_groups(aws).await.map_err(|f| fault("groups", &f))?;
    let wanted = wanted();
    let rows: Vec<(GroupId, String)> = listed.into_iter().filter_map(named).collect();
    let mut groups: Vec<Group> = stream::iter(rows)
        .map(|(id, name)| {
            let is_wanted = wanted.contains(&GroupRef::Id(id.clone()))
                || wanted.contains(&GroupRef::Name(name.to_ascii_lowercase()));
            async move {
                let members = if is_wanted {
                    members(aws, &id, &name).await
                } else {
                    None
                };
                Group { id, name, members }
            }
        })
        .buffer_unordered(WIDTH)
        .collect()
        .await;
    groups.sort_by(|a, b| a.id.cmp(&b.id));
    groups.dedup_by(|a, b| a.id == b.id);
    Ok(groups)
}

async fn members(aws: &Aws, id: &GroupId, name: &str) -> Option<BTreeSet<UserId>> {
    match aws.members(id, Pace::look()).await {
        Ok(ids) => Some(user_ids(ids)),
        Err(failure) => {
            tracing::warn!(group = %id, name, fault = %failure.fault, "a group's members could not be read");
            None
        }
    }
}

fn named(group: ListedGroup) -> Option<(GroupId, String)> {
    match GroupId::new(group.group_id) {
        Ok(id) => Some((id, group.display_name.unwrap_or_default())),
        Err(error) => {
            tracing::warn!(%error, "AWS lists a group whose id has an unknown form");
            None
        }
    }
}

fn person(user: User) -> Option<Person> {
    let user_id = match UserId::new(user.user_id.clone()) {
        Ok(id) => id,
        Err(error) => {
            tracing::warn!(%error, "AWS lists a user whose id has an unknown form");
            return None;
        }
    };
    let emails = emails(&user);
    let display_name = display_name(&user);
    Some(Person {
        user_id,
        user_name: user.user_name.unwrap_or_default(),
        display_name,
        emails,
        enabled: user.user_status != Some(UserStatus::Disabled),
    })
}

/// The addresses that are addresses, the primary one first.
fn emails(user: &User) -> Vec<Email> {
    let mut listed: Vec<_> = user.emails().iter().collect();
    listed.sort_by_key(|email| !email.primary());
    let mut emails = Vec::with_capacity(listed.len());
    for text in listed.into_iter().filter_map(|email| email.value()) {
        match Email::new(text) {
            Ok(email) if emails.contains(&email) => {}
            Ok(email) => emails.push(email),
            Err(error) => {
                tracing::debug!(user = user.user_id, %error, "an address of a user was skipped");
            }
        }
    }
    emails
}

fn display_name(user: &User) -> String {
    let shown = user.display_name().unwrap_or_default().trim();
    if !shown.is_empty() {
        return shown.to_owned();
    }
    let part = |text: Option<&str>| text.unwrap_or_default().trim().to_owned();
    match user.name() {
        Some(name) => format!("{} {}", part(name.given_name()), part(name.family_name()))
            .trim()
            .to_owned(),
        None => String::new(),
    }
}

async fn list_users(aws: &Aws) -> Result<Vec<User>, Failure> {
    listing!(
        aws.store_line.read("ListUsers", Pace::look()),
        users,
        aws.store
            .list_users()
            .identity_store_id(&aws.about.identity_store_id)
            .max_results(PAGE)
    )
    .await
}

async fn list_groups(aws: &Aws) -> Result<Vec<ListedGroup>, Failure> {
    listing!(
        aws.store_line.read("ListGroups", Pace::look()),
        groups,
        aws.store
            .list_groups()
            .identity_store_id(&aws.about.identity_store_id)
            .max_results(PAGE)
    )
    .await
}
