//! What is read of an organization only where rules name it: members of groups, attributes of people, tags of accounts.
//! Rules that are not in force may name what a directory does not have.

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

/// What is told where nobody knows more.
const NOT_YET: &str = "AWS has not answered yet; ask again in a minute";

/// What decisions by some rules may depend on beside accounts, permission sets, people and names of groups.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamedFacts {
    /// Groups whose members count.
    pub groups: BTreeSet<GroupRef>,
    /// Attributes of people.
    pub attributes: BTreeSet<PersonAttribute>,
    /// Whether tags of accounts count.
    pub account_tags: bool,
}

impl NamedFacts {
    /// What of it a directory does not have, though it could be read. A group that the directory does not hold is not
    /// unread: nobody is in it.
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

/// What a directory does not have of what rules name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnreadFacts {
    /// Groups whose members are unread.
    pub groups: BTreeSet<GroupId>,
    /// Attributes that are unread of somebody.
    pub attributes: BTreeSet<PersonAttribute>,
    /// Accounts whose tags are unread.
    pub tags: BTreeSet<AccountId>,
}

impl UnreadFacts {
    /// Whether there is nothing of the kind.
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.attributes.is_empty() && self.tags.is_empty()
    }
}

/// What was read for rules that are not in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReadFacts {
    /// Members of groups.
    pub members: BTreeMap<GroupId, BTreeSet<UserId>>,
    /// Attributes of people.
    pub attributes: BTreeMap<UserId, PersonAttributes>,
    /// Tags of accounts.
    pub tags: BTreeMap<AccountId, BTreeMap<String, String>>,
}

impl Directory {
    /// The same with what it does not have and `read` has. What it has stays as it is.
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

/// Why facts were not read for rules that are not in force, as far as that is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WhyUnread {
    /// Of the members of groups.
    pub groups: BTreeMap<GroupId, String>,
    /// Of attributes of people.
    pub attributes: BTreeMap<PersonAttribute, String>,
    /// Of tags of accounts.
    pub tags: BTreeMap<AccountId, String>,
}

impl WhyUnread {
    /// What of all that rules name `directory` does not have, each in a sentence.
    pub fn told(&self, named: &NamedFacts, directory: &Directory) -> Vec<String> {
        let groups = named.groups.iter();
        let groups = groups.filter_map(|group| self.of_members(group, directory));
        let attributes = named.attributes.iter();
        let attributes = attributes.filter_map(|it| self.of_attribute(*it, directory));
        let tags = named.account_tags.then(|| self.of_tags(directory));
        groups.chain(attributes).chain(tags.flatten()).collect()
    }

    /// That the members of a group are unread.
    pub(crate) fn of_members(&self, group: &GroupRef, directory: &Directory) -> Option<String> {
        let known = directory.resolve_group(group)?;
        known.members.is_none().then(|| {
            let why = self.groups.get(&known.id).map_or(NOT_YET, String::as_str);
            format!("the members of group `{group}` were not read ({why})")
        })
    }

    /// That an attribute is unread of people.
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

    /// That tags of accounts are unread.
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

/// Something that a decision rests on, that the directory could have and does not: once it is read, the decision may be
/// another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadFact {
    /// Members of a group.
    Members(GroupRef),
    /// An attribute of the requester.
    Attribute(PersonAttribute),
    /// The requester's manager, or somebody above them.
    Manager,
    /// Tags of the account.
    Tags(AccountId),
}

impl fmt::Display for UnreadFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Members(group) => write!(f, "the members of group `{group}`"),
            Self::Attribute(attribute) => write!(f, "the {} of the requester", attribute.words()),
            Self::Manager => f.write_str("the manager of the requester"),
            Self::Tags(account) => write!(f, "the tags of account {account}"),
        }
    }
}

/// What becomes of findings and tests that rest on what was not read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum UnreadAs<'a> {
    /// Findings warn of it, and tests are judged to the safe side: whoever read the directory read all that the file names.
    Counted,
    /// Findings note it, and tests are not judged: it is read once the file is in force.
    Noted(&'a WhyUnread),
}

impl UnreadAs<'_> {
    pub(crate) const fn is_noted(self) -> bool {
        matches!(self, Self::Noted(_))
    }
}
