//! Identity Center's directory: users, groups and memberships.
//!
//! Lists of users and of assignments are read minutes apart: principals in assignments but not in
//! the lists are read by id, so that new ones are not taken for deleted.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::io;

use crate::SliceFailure;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::collect::collector::{Collected, Collector, flat, for_each, rows_of};
use crate::collect::documents::{if_there, list, member, needed, text, undecodable};
use crate::collect::ports::CallPlace;
use crate::collect::rows::row;

const SERVICE: &str = "identitystore";
const HOME: CallPlace = CallPlace::Home;

const USERS: &str = "aws_identitystore_users";
const GROUPS: &str = "aws_identitystore_groups";
const MEMBERSHIPS: &str = "aws_identitystore_group_memberships";

pub(crate) const TABLES: [&str; 3] = [USERS, GROUPS, MEMBERSHIPS];

type Stored = (String, Value);

type PrincipalKey = (&'static str, String);

const USER: &str = "USER";
const GROUP: &str = "GROUP";

#[derive(Debug, Default)]
pub(crate) struct Principals {
    pub(crate) users: BTreeSet<String>,
    pub(crate) groups: BTreeSet<String>,
    stores: Vec<String>,
    late: RefCell<BTreeMap<PrincipalKey, Option<Stored>>>,
    /// Whether the note on refused reads was given.
    is_told: Cell<bool>,
}

impl Principals {
    fn of(stores: &[String], users: &[Stored], groups: &[Stored]) -> Self {
        let ids = |found: &[Stored], name: &str| {
            let ids = found.iter().filter_map(|(_, it)| text(it, name));
            ids.map(str::to_owned).collect()
        };
        Self {
            users: ids(users, "UserId"),
            groups: ids(groups, "GroupId"),
            stores: stores.to_vec(),
            ..Self::default()
        }
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        let is_late = |kind| {
            let late = self.late.borrow();
            late.get(&(kind, id.to_owned()))
                .is_some_and(Option::is_some)
        };
        self.users.contains(id) || self.groups.contains(id) || is_late(USER) || is_late(GROUP)
    }

    fn late(&self, kind: &str) -> Vec<Stored> {
        let late = self.late.borrow();
        let of_kind = late.iter().filter(|(key, _)| key.0 == kind);
        of_kind.filter_map(|(_, found)| found.clone()).collect()
    }

    fn unknown(&self, keys: impl Iterator<Item = PrincipalKey>) -> BTreeSet<PrincipalKey> {
        let late = self.late.borrow();
        let is_listed = |(kind, id): &PrincipalKey| match *kind {
            USER => self.users.contains(id),
            _ => self.groups.contains(id),
        };
        keys.filter(|it| !is_listed(it) && !late.contains_key(it))
            .collect()
    }
}

/// Stored only after everything that names principals was read.
#[derive(Debug)]
pub(crate) struct ListedDirectory {
    started: Timestamp,
    users: Collected<Vec<Stored>>,
    groups: Collected<Vec<Stored>>,
    memberships: Option<Collected<Vec<Value>>>,
}

impl ListedDirectory {
    pub(crate) fn principals(&self, stores: &[String]) -> Collected<Principals> {
        match (&self.users, &self.groups) {
            (Err(failure), _) | (_, Err(failure)) => Err(failure.clone()),
            (Ok(users), Ok(groups)) => Ok(Principals::of(stores, users, groups)),
        }
    }
}

impl Collector<'_> {
    /// Reads the identity stores' lists; nothing if no reader (`is_asked`) and no table needs them.
    pub(crate) async fn directory(
        &self,
        stores: &[String],
        is_asked: bool,
    ) -> Option<ListedDirectory> {
        let started = self.now();
        if !is_asked && !TABLES.iter().any(|it| self.wants(it, None)) {
            return None;
        }
        let users = self.in_stores(stores, "ListUsers").await;
        let groups = self.in_stores(stores, "ListGroups").await;
        let memberships = match &groups {
            _ if !self.wants(MEMBERSHIPS, None) => None,
            Ok(groups) => Some(self.memberships(groups).await),
            Err(failure) => Some(Err(failure.clone())),
        };
        Some(ListedDirectory {
            started,
            users,
            groups,
            memberships,
        })
    }

    pub(crate) async fn keep_directory(
        &self,
        listed: ListedDirectory,
        principals: &Collected<Principals>,
    ) -> io::Result<()> {
        let ListedDirectory {
            started,
            mut users,
            mut groups,
            mut memberships,
        } = listed;
        if let Ok(principals) = principals {
            let late = principals.late(GROUP);
            memberships = match memberships {
                Some(Ok(mut rows)) => Some(self.memberships(&late).await.map(|more| {
                    rows.extend(more);
                    rows
                })),
                other => other,
            };
            if let Some(Ok(rows)) = &memberships {
                let members = rows.iter().filter_map(|it| text(it, "member_user_id"));
                let members = members.map(|id| (USER, id.to_owned()));
                self.look_up(principals, members).await;
            }
            if let (Ok(users), Ok(groups)) = (&mut users, &mut groups) {
                users.extend(principals.late(USER));
                groups.extend(late);
            }
        }
        let rows = users.map(|it| it.iter().map(user_row).collect());
        self.keep(USERS, None, started, rows)?;
        if let Some(rows) = memberships {
            self.keep(MEMBERSHIPS, None, started, rows)?;
        }
        let rows = groups.map(|it| it.iter().map(group_row).collect());
        self.keep(GROUPS, None, started, rows)
    }

    /// Updates the existence of principals in rows, reading unlisted ones by id.
    pub(crate) async fn look_again(&self, principals: &Principals, rows: &mut [Value]) {
        let keys = rows.iter().filter_map(|row| {
            let id = text(row, "principal_id")?.to_owned();
            Some((kind_of(row), id))
        });
        self.look_up(principals, keys).await;
        for row in rows {
            let is_there = text(row, "principal_id").is_some_and(|id| principals.contains(id));
            if let Some(row) = row.as_object_mut() {
                row.insert("principal_exists".to_owned(), is_there.into());
            }
        }
    }

    async fn look_up(&self, principals: &Principals, keys: impl Iterator<Item = PrincipalKey>) {
        let unknown = principals.unknown(keys);
        let found = for_each(unknown, |key| async move {
            let found = self.by_id(principals, &key).await;
            Ok((key, found))
        });
        let found = found.await.unwrap_or_default();
        principals.late.borrow_mut().extend(found);
    }

    /// Searches all stores. A missing right leaves only the lists.
    async fn by_id(&self, principals: &Principals, (kind, id): &PrincipalKey) -> Option<Stored> {
        let (operation, member) = match *kind {
            USER => ("DescribeUser", "UserId"),
            _ => ("DescribeGroup", "GroupId"),
        };
        for store in &principals.stores {
            let input = json!({ "IdentityStoreId": store, member: id });
            match if_there(self.call(&HOME, SERVICE, operation, input).await) {
                Ok(Some(found)) => return Some((store.clone(), found)),
                Ok(None) => {}
                Err(failure) => self.tell_unasked(principals, &failure),
            }
        }
        None
    }

    fn tell_unasked(&self, principals: &Principals, failure: &SliceFailure) {
        if !principals.is_told.replace(true) {
            self.store.note(format!(
                "{}: {}: users added during the read may be reported as deleted",
                failure.operation, failure.code
            ));
        }
    }

    pub(crate) async fn principals(&self, stores: &[String]) -> Collected<Principals> {
        let users = self.in_stores(stores, "ListUsers").await?;
        let groups = self.in_stores(stores, "ListGroups").await?;
        Ok(Principals::of(stores, &users, &groups))
    }

    async fn in_stores(
        &self,
        stores: &[String],
        operation: &'static str,
    ) -> Collected<Vec<Stored>> {
        flat(stores, |store| async move {
            let input = json!({ "IdentityStoreId": store });
            let found = self.list(&HOME, SERVICE, operation, input).await?;
            Ok(found.into_iter().map(|it| (store.clone(), it)).collect())
        })
        .await
    }

    async fn memberships(&self, groups: &[Stored]) -> Collected<Vec<Value>> {
        let operation = "ListGroupMemberships";
        flat(groups, |(store, group)| async move {
            let id = needed("ListGroups", group, "GroupId")?;
            let input = json!({ "IdentityStoreId": store, "GroupId": id });
            let pages = self.pages(&HOME, SERVICE, operation, input).await;
            // a group deleted meanwhile has no members
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

fn kind_of(row: &Value) -> &'static str {
    match text(row, "principal_type") {
        Some(GROUP) => GROUP,
        _ => USER,
    }
}

fn user_row((store, user): &Stored) -> Value {
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

fn group_row((store, group): &Stored) -> Value {
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
