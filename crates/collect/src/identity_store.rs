//! The directory of Identity Center: people, groups, and who is in which.

use std::collections::BTreeSet;
use std::io;

use serde_json::{Value, json};

use crate::collector::{Collected, Collector, flat, rows_of};
use crate::documents::{if_there, list, member, needed, text, undecodable};
use crate::ports::CallPlace;
use crate::rows::row;

const SERVICE: &str = "identitystore";
const HOME: CallPlace = CallPlace::Home;

const USERS: &str = "aws_identitystore_users";
const GROUPS: &str = "aws_identitystore_groups";
const MEMBERSHIPS: &str = "aws_identitystore_group_memberships";

/// The tables of this file.
pub(crate) const TABLES: [&str; 3] = [USERS, GROUPS, MEMBERSHIPS];

/// The ids of all people and groups.
#[derive(Debug, Default)]
pub(crate) struct Principals {
    pub(crate) users: BTreeSet<String>,
    pub(crate) groups: BTreeSet<String>,
}

impl Principals {
    fn of(users: &[(String, Value)], groups: &[(String, Value)]) -> Self {
        let ids = |found: &[(String, Value)], name: &str| {
            let ids = found.iter().filter_map(|(_, it)| text(it, name));
            ids.map(str::to_owned).collect()
        };
        Self {
            users: ids(users, "UserId"),
            groups: ids(groups, "GroupId"),
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.users.contains(id) || self.groups.contains(id)
    }
}

impl Collector<'_> {
    /// Fills the tables of the identity stores; answers whom they have, for whoever has to know
    /// (`is_asked`).
    pub(crate) async fn directory(
        &self,
        stores: &[String],
        is_asked: bool,
    ) -> io::Result<Collected<Principals>> {
        let started = self.now();
        let is_wanted = is_asked || TABLES.iter().any(|it| self.wants(it, None));
        if !is_wanted {
            return Ok(Ok(Principals::default()));
        }
        let users = self.in_stores(stores, "ListUsers").await;
        let groups = self.in_stores(stores, "ListGroups").await;
        let principals = match (&users, &groups) {
            (Err(failure), _) | (_, Err(failure)) => Err(failure.clone()),
            (Ok(users), Ok(groups)) => Ok(Principals::of(users, groups)),
        };
        let rows = users.map(|it| it.iter().map(user_row).collect());
        self.keep(USERS, None, started, rows)?;
        if self.wants(MEMBERSHIPS, None) {
            let rows = match &groups {
                Ok(groups) => self.memberships(groups).await,
                Err(failure) => Err(failure.clone()),
            };
            self.keep(MEMBERSHIPS, None, started, rows)?;
        }
        let rows = groups.map(|it| it.iter().map(group_row).collect());
        self.keep(GROUPS, None, started, rows)?;
        Ok(principals)
    }

    /// The ids of all people and groups, and nothing else.
    pub(crate) async fn principals(&self, stores: &[String]) -> Collected<Principals> {
        let users = self.in_stores(stores, "ListUsers").await?;
        let groups = self.in_stores(stores, "ListGroups").await?;
        Ok(Principals::of(&users, &groups))
    }

    async fn in_stores(
        &self,
        stores: &[String],
        operation: &'static str,
    ) -> Collected<Vec<(String, Value)>> {
        flat(stores, |store| async move {
            let input = json!({ "IdentityStoreId": store });
            let found = self.list(&HOME, SERVICE, operation, input).await?;
            Ok(found.into_iter().map(|it| (store.clone(), it)).collect())
        })
        .await
    }

    async fn memberships(&self, groups: &[(String, Value)]) -> Collected<Vec<Value>> {
        let operation = "ListGroupMemberships";
        flat(groups, |(store, group)| async move {
            let id = needed("ListGroups", group, "GroupId")?;
            let input = json!({ "IdentityStoreId": store, "GroupId": id });
            let pages = self.pages(&HOME, SERVICE, operation, input).await;
            // a group that went away while we looked has no members
            let Some(pages) = if_there(pages)? else {
                self.store.note(format!(
                    "group {id} went away while its members were listed"
                ));
                return Ok(Vec::new());
            };
            let found = rows_of(SERVICE, operation, &pages)?;
            found.iter().map(membership_row).collect()
        })
        .await
    }
}

fn user_row((store, user): &(String, Value)) -> Value {
    let emails = list(user, "Emails");
    let primary = emails
        .iter()
        .find(|it| it.get("Primary") == Some(&Value::Bool(true)));
    let email = primary.or_else(|| emails.first());
    let more = json!({
        "identity_store_id": store,
        "email": email.map(|it| member(it, "Value")),
        "external_ids": list(user, "ExternalIds"),
    });
    row(USERS, user, more)
}

fn group_row((store, group): &(String, Value)) -> Value {
    let more = json!({ "identity_store_id": store, "external_ids": list(group, "ExternalIds") });
    row(GROUPS, group, more)
}

fn membership_row(membership: &Value) -> Collected<Value> {
    // a union: today its only member is a user
    let who = membership.get("MemberId").and_then(Value::as_object);
    let who = who.and_then(|it| it.values().find_map(Value::as_str));
    let who = who.ok_or_else(|| undecodable("ListGroupMemberships", "no `MemberId` in it"))?;
    let more = json!({ "member_user_id": who });
    Ok(row(MEMBERSHIPS, membership, more))
}
