//! Users, groups, and members of relevant groups.

use std::collections::BTreeSet;
use std::time::Duration;

use aws_sdk_identitystore::types::{
    Email as ListedEmail, Group as ListedGroup, Name, User, UserStatus,
};
use futures_util::{StreamExt, stream};
use hallpass_access::DirectoryFault;
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_base::{Email, GroupId, UserId};
use hallpass_rules::directory::{Group, Person};
use hallpass_rules::{Directory, GroupRef, PersonAttribute, PersonAttributes};

use super::attributes::{Extensions, ReceivedAttributes, with_extensions};
use super::{GroupsToRead, fault};
use crate::Aws;
use crate::call::Deadline;
use crate::center::{PAGE, user_ids};
use crate::fault::CallFailure;
use crate::pages::listing;

const PERSON_MAX: Duration = Duration::from_secs(8);
const WIDTH: usize = 6;

pub(super) async fn users(
    aws: &Aws,
    wanted: &BTreeSet<PersonAttribute>,
) -> Result<Vec<Person>, DirectoryFault> {
    let (people, _) = with_attributes(aws, wanted).await;
    people.map_err(|f| fault("users", &f))
}

pub(super) async fn with_attributes(
    aws: &Aws,
    wanted: &BTreeSet<PersonAttribute>,
) -> (Result<Vec<Person>, CallFailure>, Extensions) {
    let (listed, asked) = with_extensions(wanted, |asked| list_users(aws, asked)).await;
    (listed.map(|it| described(&it, wanted, asked)), asked)
}

fn described(
    listed: &[User],
    wanted: &BTreeSet<PersonAttribute>,
    asked: Extensions,
) -> Vec<Person> {
    let told = listed.iter().map(|user| ReceivedUser {
        id: &user.user_id,
        user_name: user.user_name.as_deref(),
        display_name: user.display_name.as_deref(),
        name: user.name.as_ref(),
        emails: user.emails.as_deref().unwrap_or_default(),
        status: user.user_status.as_ref(),
        attributes: ReceivedAttributes {
            user_type: user.user_type.as_deref(),
            title: user.title.as_deref(),
            extensions: user.extensions.as_ref(),
            asked,
        }
        .of(wanted),
    });
    let mut people: Vec<Person> = told.filter_map(|told| told.person()).collect();
    people.sort_by(|a, b| a.user_id.cmp(&b.user_id));
    people.dedup_by(|a, b| a.user_id == b.user_id);
    people
}

/// Urgent read of one user, for a waiting caller.
pub(super) fn at_once() -> Deadline {
    Deadline::within(Urgency::End, PERSON_MAX)
}

/// `None` when the user was deleted.
pub(super) async fn user(
    aws: &Aws,
    id: &UserId,
    wanted: &BTreeSet<PersonAttribute>,
    pace: Deadline,
) -> Result<Option<Person>, DirectoryFault> {
    let (read, asked) = with_extensions(wanted, |asked| {
        aws.store_line.read("DescribeUser", pace, move || {
            aws.store
                .describe_user()
                .identity_store_id(&aws.about.identity_store_id)
                .user_id(id.as_str())
                .set_extensions(asked.names())
                .send()
        })
    })
    .await;
    let found = match read {
        Ok(found) => found,
        Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => return Ok(None),
        Err(failure) => return Err(fault("the user", &failure)),
    };
    let unclear = CallFailure::unparsable("its id has an unknown form");
    let told = ReceivedUser {
        id: &found.user_id,
        user_name: found.user_name.as_deref(),
        display_name: found.display_name.as_deref(),
        name: found.name.as_ref(),
        emails: found.emails.as_deref().unwrap_or_default(),
        status: found.user_status.as_ref(),
        attributes: ReceivedAttributes {
            user_type: found.user_type.as_deref(),
            title: found.title.as_deref(),
            extensions: found.extensions.as_ref(),
            asked,
        }
        .of(wanted),
    };
    let person = told.person().ok_or_else(|| fault("the user", &unclear))?;
    Ok(Some(person))
}

pub(super) async fn left(
    aws: &Aws,
    user: &UserId,
    known: &Directory,
    pace: Deadline,
) -> Result<BTreeSet<GroupId>, DirectoryFault> {
    let has_them = |group: &&Group| {
        let members = group.members.as_ref();
        members.is_some_and(|members| members.contains(user))
    };
    let theirs = known.groups().iter().filter(has_them);
    let theirs: Vec<GroupId> = theirs.map(|group| group.id.clone()).collect();
    let asked = stream::iter(theirs)
        .map(|group| async move {
            let is_member = aws.is_member(&group, user, pace).await;
            (group, is_member)
        })
        .buffer_unordered(WIDTH);
    let found: Vec<(GroupId, Result<bool, CallFailure>)> = asked.collect().await;
    let mut left = BTreeSet::new();
    for (group, is_member) in found {
        if !is_member.map_err(|failure| fault("a membership", &failure))? {
            left.insert(group);
        }
    }
    Ok(left)
}

/// Groups by id, with members of the wanted ones. A failed membership listing leaves the group
/// unread, which grants no rights.
pub(super) async fn groups(aws: &Aws, wanted: &GroupsToRead) -> Result<Vec<Group>, DirectoryFault> {
    let listed = list_groups(aws).await.map_err(|f| fault("groups", &f))?;
    let wanted = wanted();
    let rows: Vec<(GroupId, String)> = listed.into_iter().filter_map(named).collect();
    let mut groups: Vec<Group> = stream::iter(rows)
        .map(|(id, name)| {
            let is_wanted = wanted.contains(&GroupRef::Id(id.clone()))
                || wanted.contains(&GroupRef::known(&name));
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
    match aws.members(id, Deadline::look()).await {
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

struct ReceivedUser<'a> {
    id: &'a str,
    user_name: Option<&'a str>,
    display_name: Option<&'a str>,
    name: Option<&'a Name>,
    emails: &'a [ListedEmail],
    status: Option<&'a UserStatus>,
    attributes: PersonAttributes,
}

impl ReceivedUser<'_> {
    fn person(&self) -> Option<Person> {
        let user_id = match UserId::new(self.id) {
            Ok(id) => id,
            Err(error) => {
                tracing::warn!(%error, "AWS lists a user whose id has an unknown form");
                return None;
            }
        };
        Some(Person {
            user_id,
            user_name: self.user_name.unwrap_or_default().to_owned(),
            display_name: self.shown(),
            emails: self.addresses(),
            enabled: self.status != Some(&UserStatus::Disabled),
            attributes: self.attributes.clone(),
        })
    }

    fn addresses(&self) -> Vec<Email> {
        let mut listed: Vec<_> = self.emails.iter().collect();
        listed.sort_by_key(|email| !email.primary());
        let mut emails = Vec::with_capacity(listed.len());
        for text in listed.into_iter().filter_map(ListedEmail::value) {
            match Email::new(text) {
                Ok(email) if emails.contains(&email) => {}
                Ok(email) => emails.push(email),
                Err(error) => {
                    tracing::debug!(user = self.id, %error, "an address of a user was skipped");
                }
            }
        }
        emails
    }

    fn shown(&self) -> String {
        let shown = self.display_name.unwrap_or_default().trim();
        if !shown.is_empty() {
            return shown.to_owned();
        }
        let part = |text: Option<&str>| text.unwrap_or_default().trim().to_owned();
        match self.name {
            Some(name) => format!("{} {}", part(name.given_name()), part(name.family_name()))
                .trim()
                .to_owned(),
            None => String::new(),
        }
    }
}

async fn list_users(aws: &Aws, asked: Extensions) -> Result<Vec<User>, CallFailure> {
    listing!(
        aws.store_line.read("ListUsers", Deadline::look()),
        users,
        aws.store
            .list_users()
            .identity_store_id(&aws.about.identity_store_id)
            .set_extensions(asked.names())
            .max_results(PAGE)
    )
    .await
}

async fn list_groups(aws: &Aws) -> Result<Vec<ListedGroup>, CallFailure> {
    listing!(
        aws.store_line.read("ListGroups", Deadline::look()),
        groups,
        aws.store
            .list_groups()
            .identity_store_id(&aws.about.identity_store_id)
            .max_results(PAGE)
    )
    .await
}
