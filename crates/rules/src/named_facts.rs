//! Facts read only if rules use them: group members, user attributes, account tags. Rules not in
//! force may use facts that a directory lacks.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use hallpass_base::{AccountId, GroupId, UserId};

use crate::{
    attributes::{Known, PersonAttribute, PersonAttributes},
    directory::{AccountTags, Directory},
    rule::GroupRef,
};

const NOT_YET: &str = "AWS has not answered yet; ask again in a minute";

/// Facts beyond accounts, permission sets, users and group names that rules use.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedFacts {
    pub groups: BTreeSet<GroupRef>,
    pub attributes: BTreeSet<PersonAttribute>,
    pub account_tags: bool,
}

impl NamedFacts {
    /// Returns the facts that a directory lacks but could read. An unknown group is not unread: it
    /// has no members.
    pub fn unread_in(&self, known: &Directory) -> UnreadFacts {
        let groups = self.groups.iter().filter_map(|it| known.resolve_group(it));
        let groups = groups.filter(|group| group.members.is_none());
        let is_unread = |attribute: &PersonAttribute| {
            let mut people = known.people().iter();
            people.any(|person| person.attributes.get(*attribute) == Known::Unread)
        };
        let attributes = self.attributes.iter().copied().filter(is_unread);
        let accounts = known.accounts().iter().filter(|_| self.account_tags);
        let accounts = accounts.filter(|account| account.tags.is_unread());
        UnreadFacts {
            groups: groups.map(|group| group.id.clone()).collect(),
            attributes: attributes.collect(),
            tags: accounts.map(|account| account.id.clone()).collect(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnreadFacts {
    pub groups: BTreeSet<GroupId>,
    pub attributes: BTreeSet<PersonAttribute>,
    pub tags: BTreeSet<AccountId>,
}

impl UnreadFacts {
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.attributes.is_empty() && self.tags.is_empty()
    }
}

/// Facts read for rules not in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadFacts {
    pub members: BTreeMap<GroupId, BTreeSet<UserId>>,
    pub attributes: BTreeMap<UserId, PersonAttributes>,
    pub tags: BTreeMap<AccountId, BTreeMap<String, String>>,
}

impl Directory {
    /// Fills missing facts from `read`; existing ones stay.
    #[must_use]
    pub fn with(&self, read: &ReadFacts) -> Self {
        let mut snapshot = self.snapshot().clone();
        for group in &mut snapshot.groups {
            if group.members.is_none() {
                group.members = read.members.get(&group.id).cloned();
            }
        }
        for person in &mut snapshot.people {
            if let Some(attributes) = read.attributes.get(&person.user_id) {
                person.attributes.add(attributes);
            }
        }
        for account in &mut snapshot.accounts {
            if let (AccountTags::Unread, Some(tags)) = (&account.tags, read.tags.get(&account.id)) {
                account.tags = AccountTags::Read(tags.clone());
            }
        }
        Self::new(snapshot)
    }
}

/// Known reasons for unread facts of rules not in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhyUnread {
    pub groups: BTreeMap<GroupId, String>,
    pub attributes: BTreeMap<PersonAttribute, String>,
    pub tags: BTreeMap<AccountId, String>,
}

impl WhyUnread {
    /// Describes the facts that `directory` lacks, one sentence each.
    pub fn told(&self, named: &NamedFacts, directory: &Directory) -> Vec<String> {
        let groups = named.groups.iter();
        let groups = groups.filter_map(|group| self.of_members(group, directory));
        let attributes = named.attributes.iter();
        let attributes = attributes.filter_map(|it| self.of_attribute(*it, directory));
        let tags = named.account_tags.then(|| self.of_tags(directory));
        groups.chain(attributes).chain(tags.flatten()).collect()
    }

    pub(crate) fn of_members(&self, group: &GroupRef, directory: &Directory) -> Option<String> {
        let known = directory.resolve_group(group)?;
        known.members.is_none().then(|| {
            let why = self.groups.get(&known.id).map_or(NOT_YET, String::as_str);
            format!("the members of group `{group}` were not read ({why})")
        })
    }

    pub(crate) fn of_attribute(
        &self,
        attribute: PersonAttribute,
        directory: &Directory,
    ) -> Option<String> {
        let people = directory.people().iter();
        let unread = people.filter(|it| it.attributes.get(attribute) == Known::Unread);
        let unread = unread.count();
        let why = self.attributes.get(&attribute);
        let why = why.map_or(NOT_YET, String::as_str);
        (unread > 0).then(|| {
            format!(
                "the {} of {unread} of {} people was not read ({why})",
                attribute.words(),
                directory.people().len()
            )
        })
    }

    pub(crate) fn of_tags(&self, directory: &Directory) -> Option<String> {
        let accounts = directory.accounts().iter();
        let unread: Vec<_> = accounts.filter(|it| it.tags.is_unread()).collect();
        let why = unread.iter().find_map(|it| self.tags.get(&it.id));
        let why = why.map_or(NOT_YET, String::as_str);
        (!unread.is_empty()).then(|| {
            format!(
                "the tags of {} of {} accounts were not read ({why})",
                unread.len(),
                directory.accounts().len()
            )
        })
    }
}

/// A readable fact that a decision lacks: once read, the decision may differ.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadFact {
    Members(GroupRef),
    Attribute(PersonAttribute),
    Manager,
    Tags(AccountId),
}

impl fmt::Display for UnreadFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members(group @ GroupRef::OnCall(_)) => write!(f, "who is on call in `{group}`"),
            Self::Members(group) => write!(f, "the members of group `{group}`"),
            Self::Attribute(attribute) => write!(f, "the {} of the requester", attribute.words()),
            Self::Manager => f.write_str("the manager of the requester"),
            Self::Tags(account) => write!(f, "the tags of account {account}"),
        }
    }
}

/// Handling of findings and tests that depend on unread facts.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UnreadAs<'a> {
    /// Findings warn, tests decide on the safe side: the directory was read for this file.
    Counted,
    /// Findings note it, tests are skipped: it is read once the file is in force.
    Noted(&'a WhyUnread),
}

impl UnreadAs<'_> {
    pub(crate) const fn is_noted(self) -> bool {
        matches!(self, Self::Noted(_))
    }
}
