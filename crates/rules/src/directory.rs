//! Organization data for decisions: accounts, permission sets, users and groups, with indexes. AWS
//! readers build it.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hallpass_base::{
    AccountId, Email, GroupId, PermissionSetArn, TimeSpan, Timestamp, UserId, fold::folded,
};
use serde::{Deserialize, Serialize};

pub use crate::account_tags::AccountTags;
use crate::{
    absence::Absences, attributes::PersonAttributes, never_together::Holdings,
    on_call::OnCallLists, rule::GroupRef, ticket::TicketFacts,
};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    #[serde(default)]
    pub email: String,
    pub active: bool,
    /// Organizational units from below the root to the parent. A root entry is ignored.
    #[serde(default)]
    pub ous: Vec<OuRef>,
    /// Tags, if rules use them. Renamed, because earlier releases stored empty tags for unread
    /// ones; their values count as unread.
    #[serde(
        default,
        rename = "read_tags",
        skip_serializing_if = "AccountTags::is_unread"
    )]
    pub tags: AccountTags,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OuRef {
    pub id: String,
    pub name: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionSet {
    pub name: String,
    pub arn: PermissionSetArn,
    /// In seconds.
    pub session_duration: u64,
    #[serde(default)]
    pub description: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    pub user_id: UserId,
    pub user_name: String,
    #[serde(default)]
    pub display_name: String,
    /// The primary address first.
    #[serde(default)]
    pub emails: Vec<Email>,
    pub enabled: bool,
    /// Only those that rules use.
    #[serde(default, skip_serializing_if = "PersonAttributes::is_unread")]
    pub attributes: PersonAttributes,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    /// `None` if unread.
    #[serde(default)]
    pub members: Option<BTreeSet<UserId>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    /// `r-…`.
    pub root_id: String,
    pub accounts: Vec<Account>,
    /// Paths, from below the root, of units that may hold no account. Those of `accounts` may be
    /// omitted.
    pub ous: Vec<Vec<OuRef>>,
    pub permission_sets: Vec<PermissionSet>,
    pub people: Vec<Person>,
    pub groups: Vec<Group>,
    pub taken_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotOnePerson {
    #[error("no user has this address")]
    None,
    #[error("several users have this address")]
    Ambiguous,
}

/// Cheap to clone.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(from = "Snapshot", into = "Snapshot")]
pub struct Directory {
    known: Arc<Indexed>,
    /// Not stored: a list is read again after a start. `None` where no service is asked.
    on_call: Option<Arc<OnCallLists>>,
    /// About the request that is decided; `None` without one.
    ticket: Option<Arc<TicketFacts>>,
    /// Of the requester of that request.
    holdings: Option<Arc<Holdings>>,
    /// Out of office now; `None` where absences are not read.
    absences: Option<Arc<Absences>>,
    /// How long that request has waited.
    waited: Option<TimeSpan>,
}

#[derive(Debug, Default)]
struct Indexed {
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
        directory.known.snapshot.clone()
    }
}

impl Directory {
    pub fn new(snapshot: Snapshot) -> Self {
        let mut new = Indexed::default();
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
        Self {
            known: Arc::new(new),
            on_call: None,
            ticket: None,
            holdings: None,
            absences: None,
            waited: None,
        }
    }

    /// `None` where no service is asked.
    pub fn on_call(&self) -> Option<&OnCallLists> {
        self.on_call.as_deref()
    }

    pub(crate) fn set_on_call(&mut self, lists: OnCallLists) {
        self.on_call = Some(Arc::new(lists));
    }

    pub fn ticket(&self) -> Option<&TicketFacts> {
        self.ticket.as_deref()
    }

    pub(crate) fn set_ticket(&mut self, facts: TicketFacts) {
        self.ticket = Some(Arc::new(facts));
    }

    pub fn holdings(&self) -> Option<&Holdings> {
        self.holdings.as_deref()
    }

    pub(crate) fn set_holdings(&mut self, holdings: Holdings) {
        self.holdings = Some(Arc::new(holdings));
    }

    pub fn absences(&self) -> Option<&Absences> {
        self.absences.as_deref()
    }

    pub(crate) fn set_absences(&mut self, absences: Absences) {
        self.absences = Some(Arc::new(absences));
    }

    pub(crate) fn waited(&self) -> TimeSpan {
        self.waited.unwrap_or(TimeSpan::ZERO)
    }

    pub(crate) fn set_waited(&mut self, waited: TimeSpan) {
        self.waited = Some(waited);
    }

    pub fn snapshot(&self) -> &Snapshot {
        &self.known.snapshot
    }

    pub fn taken_at(&self) -> Option<Timestamp> {
        self.known.snapshot.taken_at
    }

    pub fn root_id(&self) -> &str {
        &self.known.snapshot.root_id
    }

    pub fn accounts(&self) -> &[Account] {
        &self.known.snapshot.accounts
    }

    pub fn permission_sets(&self) -> &[PermissionSet] {
        &self.known.snapshot.permission_sets
    }

    pub fn people(&self) -> &[Person] {
        &self.known.snapshot.people
    }

    pub fn groups(&self) -> &[Group] {
        &self.known.snapshot.groups
    }

    pub fn account(&self, id: &AccountId) -> Option<&Account> {
        self.known
            .accounts
            .get(id)
            .and_then(|i| self.known.snapshot.accounts.get(*i))
    }

    /// Ignores case.
    pub fn accounts_by_name(&self, name: &str) -> impl Iterator<Item = &Account> {
        picked(&self.known.account_names, &folded(name))
            .filter_map(|i| self.known.snapshot.accounts.get(i))
    }

    pub fn permission_set_by_name(&self, name: &str) -> Option<&PermissionSet> {
        self.known
            .sets
            .get(name)
            .and_then(|i| self.known.snapshot.permission_sets.get(*i))
    }

    pub fn person(&self, id: &UserId) -> Option<&Person> {
        self.known
            .people
            .get(id)
            .and_then(|i| self.known.snapshot.people.get(*i))
    }

    /// Returns the only user with this address, primary or not. A disabled user counts only if no
    /// enabled one has it (`access.md` §11.5), so a re-created user is found.
    pub fn person_by_email(&self, email: &Email) -> Result<&Person, NotOnePerson> {
        match self.known.emails.get(email).map(Vec::as_slice) {
            Some([one]) => self
                .known
                .snapshot
                .people
                .get(*one)
                .ok_or(NotOnePerson::None),
            None | Some([]) => Err(NotOnePerson::None),
            Some(several) => {
                let people = several
                    .iter()
                    .filter_map(|i| self.known.snapshot.people.get(*i));
                let mut enabled = people.filter(|person| person.enabled);
                match (enabled.next(), enabled.next()) {
                    (Some(one), None) => Ok(one),
                    _ => Err(NotOnePerson::Ambiguous),
                }
            }
        }
    }

    pub(crate) fn person_named(&self, text: &str) -> Option<&Person> {
        let of_id = |text: &str| self.person(&UserId::new(text).ok()?);
        // ids are lower case, but identity sources may send capitals
        let by_id = of_id(text).or_else(|| of_id(&text.to_ascii_lowercase()));
        by_id.or_else(|| self.person_by_email(&Email::new(text).ok()?).ok())
    }

    pub fn group(&self, id: &GroupId) -> Option<&Group> {
        self.known
            .groups
            .get(id)
            .and_then(|i| self.known.snapshot.groups.get(*i))
    }

    /// Ignores case; `None` for no or several groups.
    pub fn group_by_name(&self, name: &str) -> Option<&Group> {
        match self.known.group_names.get(&folded(name)).map(Vec::as_slice) {
            Some([one]) => self.known.snapshot.groups.get(*one),
            _ => None,
        }
    }

    /// Returns whether the group name is unique, ignoring case.
    pub(crate) fn has_a_name_of_its_own(&self, id: &GroupId) -> bool {
        let known = self.group(id);
        known.is_none_or(|known| self.group_by_name(&known.name).is_some())
    }

    pub fn resolve_group(&self, group: &GroupRef) -> Option<&Group> {
        match group {
            GroupRef::Id(id) => self.group(id),
            GroupRef::Name(name) => self.group_by_name(name),
            GroupRef::OnCall(_) => None,
        }
    }

    pub fn groups_of(&self, email: &Email) -> BTreeSet<&GroupId> {
        let Ok(person) = self.person_by_email(email) else {
            return BTreeSet::new();
        };
        picked(&self.known.memberships, &person.user_id)
            .filter_map(|i| self.known.snapshot.groups.get(i))
            .map(|group| &group.id)
            .collect()
    }

    /// `None` if unknown or unread.
    pub fn members_of(&self, id: &GroupId) -> Option<&BTreeSet<UserId>> {
        self.group(id).and_then(|group| group.members.as_ref())
    }

    pub fn organizational_units(&self) -> BTreeSet<&[OuRef]> {
        let of_accounts = self
            .known
            .snapshot
            .accounts
            .iter()
            .map(|account| self.ous_of(account));
        let listed = self
            .known
            .snapshot
            .ous
            .iter()
            .map(|path| self.below_root(path));
        of_accounts
            .chain(listed)
            .flat_map(|path| (1..=path.len()).filter_map(|n| path.get(..n)))
            .collect()
    }

    /// Excludes the root.
    pub(crate) fn ous_of<'a>(&self, account: &'a Account) -> &'a [OuRef] {
        self.below_root(&account.ous)
    }

    fn below_root<'a>(&self, path: &'a [OuRef]) -> &'a [OuRef] {
        match path.split_first() {
            Some((first, rest)) if first.id == self.root_id() || first.id.starts_with("r-") => rest,
            _ => path,
        }
    }

    /// Returns whether any user or group is known; otherwise user checks are skipped.
    pub(crate) fn knows_people(&self) -> bool {
        !(self.known.snapshot.people.is_empty() && self.known.snapshot.groups.is_empty())
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
