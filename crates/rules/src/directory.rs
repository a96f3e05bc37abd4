//! What is known of the organization when a decision is made: accounts, permission sets, people
//! and groups. Plain data with indexes; whoever reads AWS builds it.

use std::collections::{BTreeSet, HashMap};

use hallpass_base::{AccountId, Email, GroupId, PermissionSetArn, Timestamp, UserId, fold::folded};
use serde::{Deserialize, Serialize};

pub use crate::account_tags::AccountTags;
use crate::{attributes::PersonAttributes, rule::GroupRef};

/// An account of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The id.
    pub id: AccountId,
    /// The name; several accounts may share one.
    pub name: String,
    /// The root e-mail address, as the organization holds it.
    #[serde(default)]
    pub email: String,
    /// Whether its state is ACTIVE.
    pub active: bool,
    /// The organizational units above it, from the one under the root down to its parent.
    /// An entry for the root itself is ignored.
    #[serde(default)]
    pub ous: Vec<OuRef>,
    /// Tags, where rules name any. Stored under another name than in releases that stored none for
    /// accounts whose tags were not read: what these stored is unread.
    #[serde(
        default,
        rename = "read_tags",
        skip_serializing_if = "AccountTags::is_unread"
    )]
    pub tags: AccountTags,
}

/// An organizational unit above an account.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OuRef {
    /// The id, `ou-…`.
    pub id: String,
    /// The name.
    pub name: String,
}

/// A permission set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionSet {
    /// The name, matched exactly.
    pub name: String,
    /// The ARN.
    pub arn: PermissionSetArn,
    /// How long its credentials live, in seconds.
    pub session_duration: u64,
    /// The description.
    #[serde(default)]
    pub description: String,
}

/// A user of the identity store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// The id.
    pub user_id: UserId,
    /// The sign-in name.
    pub user_name: String,
    /// The name shown to people.
    #[serde(default)]
    pub display_name: String,
    /// Every address, the primary one first.
    #[serde(default)]
    pub emails: Vec<Email>,
    /// Whether the user may sign in.
    pub enabled: bool,
    /// Further attributes, as far as rules name them.
    #[serde(default, skip_serializing_if = "PersonAttributes::is_unread")]
    pub attributes: PersonAttributes,
}

/// A group of the identity store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The id.
    pub id: GroupId,
    /// The display name.
    pub name: String,
    /// Its members; `None` when they were not or could not be read.
    #[serde(default)]
    pub members: Option<BTreeSet<UserId>>,
}

/// The plain content of a [`Directory`], as it is stored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// The organization's root id, `r-…`.
    pub root_id: String,
    /// Accounts.
    pub accounts: Vec<Account>,
    /// Organizational units that may hold no account, each as its path from the one under the
    /// root. Those of `accounts` need not be repeated.
    pub ous: Vec<Vec<OuRef>>,
    /// Permission sets.
    pub permission_sets: Vec<PermissionSet>,
    /// Users.
    pub people: Vec<Person>,
    /// Groups.
    pub groups: Vec<Group>,
    /// When AWS was read.
    pub taken_at: Option<Timestamp>,
}

/// Why an address does not name one person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOnePerson {
    /// Nobody has it.
    #[error("no user has this address")]
    None,
    /// Several users have it.
    #[error("several users have this address")]
    Ambiguous,
}

/// A snapshot with its indexes.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Snapshot", into = "Snapshot")]
pub struct Directory {
    snapshot: Snapshot,
    accounts: HashMap<AccountId, usize>,
    account_names: HashMap<String, Vec<usize>>,
    sets: HashMap<String, usize>,
    emails: HashMap<Email, Vec<usize>>,
    people: HashMap<UserId, usize>,
    groups: HashMap<GroupId, usize>,
    group_names: HashMap<String, Vec<usize>>,
    memberships: HashMap<UserId, Vec<usize>>,
}

impl From<Snapshot> for Directory {
    fn from(snapshot: Snapshot) -> Self {
        Self::new(snapshot)
    }
}

impl From<Directory> for Snapshot {
    fn from(directory: Directory) -> Self {
        directory.snapshot
    }
}

impl Directory {
    /// Indexes a snapshot.
    pub fn new(snapshot: Snapshot) -> Self {
        let mut new = Self::default();
        for (i, account) in snapshot.accounts.iter().enumerate() {
            new.accounts.insert(account.id.clone(), i);
            new.account_names
                .entry(folded(&account.name))
                .or_default()
                .push(i);
        }
        for (i, set) in snapshot.permission_sets.iter().enumerate() {
            new.sets.insert(set.name.clone(), i);
        }
        for (i, person) in snapshot.people.iter().enumerate() {
            new.people.insert(person.user_id.clone(), i);
            for email in person.emails.iter().collect::<BTreeSet<_>>() {
                new.emails.entry(email.clone()).or_default().push(i);
            }
        }
        for (i, group) in snapshot.groups.iter().enumerate() {
            new.groups.insert(group.id.clone(), i);
            new.group_names
                .entry(folded(&group.name))
                .or_default()
                .push(i);
            for member in group.members.iter().flatten() {
                new.memberships.entry(member.clone()).or_default().push(i);
            }
        }
        new.snapshot = snapshot;
        new
    }

    /// The plain content.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// When AWS was read.
    pub fn taken_at(&self) -> Option<Timestamp> {
        self.snapshot.taken_at
    }

    /// The root's id, `r-…`.
    pub fn root_id(&self) -> &str {
        &self.snapshot.root_id
    }

    /// All accounts.
    pub fn accounts(&self) -> &[Account] {
        &self.snapshot.accounts
    }

    /// All permission sets.
    pub fn permission_sets(&self) -> &[PermissionSet] {
        &self.snapshot.permission_sets
    }

    /// All users.
    pub fn people(&self) -> &[Person] {
        &self.snapshot.people
    }

    /// All groups.
    pub fn groups(&self) -> &[Group] {
        &self.snapshot.groups
    }

    /// An account by id.
    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.accounts
            .get(id)
            .and_then(|i| self.snapshot.accounts.get(*i))
    }

    /// Accounts by name, without case.
    pub fn accounts_by_name(&self, name: &str) -> impl Iterator<Item = &Account> {
        picked(&self.account_names, &folded(name)).filter_map(|i| self.snapshot.accounts.get(i))
    }

    /// A permission set by exact name.
    pub fn permission_set_by_name(&self, name: &str) -> Option<&PermissionSet> {
        self.sets
            .get(name)
            .and_then(|i| self.snapshot.permission_sets.get(*i))
    }

    /// A user by id.
    pub fn person(&self, id: &UserId) -> Option<&Person> {
        self.people
            .get(id)
            .and_then(|i| self.snapshot.people.get(*i))
    }

    /// The one user with this address among all their addresses. A disabled one counts where nobody else has it (`access.md`
    /// §11.5): somebody who comes back as a new user is that user.
    ///
    /// # Errors
    /// When nobody or more than one user has it.
    pub fn person_by_email(&self, email: &Email) -> Result<&Person, NotOnePerson> {
        match self.emails.get(email).map(Vec::as_slice) {
            Some([one]) => self.snapshot.people.get(*one).ok_or(NotOnePerson::None),
            None | Some([]) => Err(NotOnePerson::None),
            Some(several) => {
                let people = several.iter().filter_map(|i| self.snapshot.people.get(*i));
                let mut enabled = people.filter(|person| person.enabled);
                match (enabled.next(), enabled.next()) {
                    (Some(one), None) => Ok(one),
                    _ => Err(NotOnePerson::Ambiguous),
                }
            }
        }
    }

    /// The one user whom a text names, by user id or by one of their addresses.
    pub(crate) fn person_named(&self, text: &str) -> Option<&Person> {
        let of_id = |text: &str| self.person(&UserId::new(text).ok()?);
        // ids are of digits and small letters, and sources of identities send them as they like
        let by_id = of_id(text).or_else(|| of_id(&text.to_ascii_lowercase()));
        by_id.or_else(|| self.person_by_email(&Email::new(text).ok()?).ok())
    }

    /// A group by id.
    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.groups
            .get(id)
            .and_then(|i| self.snapshot.groups.get(*i))
    }

    /// The one group of this name, without case; `None` when there is none or several.
    pub fn group_by_name(&self, name: &str) -> Option<&Group> {
        match self.group_names.get(&folded(name)).map(Vec::as_slice) {
            Some([one]) => self.snapshot.groups.get(*one),
            _ => None,
        }
    }

    /// Whether no other group has the name of this one, without case.
    pub(crate) fn has_a_name_of_its_own(&self, id: &GroupId) -> bool {
        let known = self.group(id);
        known.is_none_or(|known| self.group_by_name(&known.name).is_some())
    }

    /// The group a rule names.
    pub fn resolve_group(&self, group: &GroupRef) -> Option<&Group> {
        match group {
            GroupRef::Id(id) => self.group(id),
            GroupRef::Name(name) => self.group_by_name(name),
        }
    }

    /// The groups of the one user with this address, of those whose members were read.
    pub fn groups_of(&self, email: &Email) -> BTreeSet<&GroupId> {
        let Ok(person) = self.person_by_email(email) else {
            return BTreeSet::new();
        };
        picked(&self.memberships, &person.user_id)
            .filter_map(|i| self.snapshot.groups.get(i))
            .map(|group| &group.id)
            .collect()
    }

    /// The members of a group; `None` when it is unknown or was not read.
    pub fn members_of(&self, id: &GroupId) -> Option<&BTreeSet<UserId>> {
        self.group(id).and_then(|group| group.members.as_ref())
    }

    /// Every organizational unit known, each as its path from the one under the root.
    pub fn organizational_units(&self) -> BTreeSet<&[OuRef]> {
        let of_accounts = self
            .snapshot
            .accounts
            .iter()
            .map(|account| self.ous_of(account));
        let listed = self.snapshot.ous.iter().map(|path| self.below_root(path));
        of_accounts
            .chain(listed)
            .flat_map(|path| (1..=path.len()).filter_map(|n| path.get(..n)))
            .collect()
    }

    /// The organizational units above an account, without the root.
    pub(crate) fn ous_of<'a>(&self, account: &'a Account) -> &'a [OuRef] {
        self.below_root(&account.ous)
    }

    fn below_root<'a>(&self, path: &'a [OuRef]) -> &'a [OuRef] {
        match path.split_first() {
            Some((first, rest)) if first.id == self.root_id() || first.id.starts_with("r-") => rest,
            _ => path,
        }
    }

    /// Whether anything of the identity store is known; without, nothing is said about people.
    pub(crate) fn knows_people(&self) -> bool {
        !(self.snapshot.people.is_empty() && self.snapshot.groups.is_empty())
    }
}

fn picked<'a, K: std::hash::Hash + Eq>(
    index: &'a HashMap<K, Vec<usize>>,
    key: &K,
) -> impl Iterator<Item = usize> + use<'a, K> {
    index.get(key).into_iter().flatten().copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_known_where_either_users_or_groups_are() {
        let user_id: UserId = "c24e7e9528-e31b6b96-e213-4882-bde1-581c8df6e813"
            .parse()
            .expect("an id");
        let people = vec![Person {
            user_id,
            user_name: "ana".to_owned(),
            display_name: String::new(),
            emails: Vec::new(),
            enabled: true,
            attributes: PersonAttributes::default(),
        }];
        let groups = vec![Group {
            id: "c24e7e9528-e31b6b96-e213-4882-bde1-581c8df6e814"
                .parse()
                .expect("an id"),
            name: "Builders".to_owned(),
            members: None,
        }];
        for (people, groups, wanted) in [
            (Vec::new(), Vec::new(), false),
            (people.clone(), Vec::new(), true),
            (Vec::new(), groups.clone(), true),
            (people, groups, true),
        ] {
            let snapshot = Snapshot {
                people,
                groups,
                ..Snapshot::default()
            };
            assert_eq!(
                Directory::new(snapshot.clone()).knows_people(),
                wanted,
                "{snapshot:?}"
            );
        }
    }
}
