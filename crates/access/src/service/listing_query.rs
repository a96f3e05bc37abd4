//! Resolves the typed conditions of a listing to people, accounts and subjects.

use std::collections::BTreeSet;
use std::sync::Arc;

use hallpass_base::{AccountId, Email, GroupId, Timestamp, UserId, fold};
use hallpass_rules::Directory;

use super::Access;
use crate::{ListingConditions, ReadError, Subject};

/// Conditions as typed; an empty text is no condition. A text selects what it names, in any case,
/// or else what contains it. A permission set and a group are alternatives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListingQuery {
    /// A user id, an address or a name.
    pub person: String,
    /// An id or a name.
    pub account: String,
    pub permission_set: String,
    /// An id or a name.
    pub group: String,
    /// Compared exactly.
    pub rule: String,
    pub from: Option<Timestamp>,
    /// Exclusive.
    pub to: Option<Timestamp>,
}

/// A typed text that matches nothing known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedText {
    pub parameter: &'static str,
    pub what: &'static str,
    pub text: String,
}

impl Access {
    /// Returns the conditions, and the texts for which they match nothing.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn conditions(
        &self,
        query: &ListingQuery,
    ) -> Result<(ListingConditions, Vec<UnmatchedText>), ReadError> {
        let mut unmatched = Unmatched::default();
        let people = match typed(&query.person) {
            Some(text) => {
                let found = self.people_named(text).await?;
                Some(unmatched.note("user", "person", text, found))
            }
            None => None,
        };
        let directory = self.directory();
        let targets = [&query.account, &query.permission_set, &query.group];
        let subjects = if targets.iter().any(|text| typed(text).is_some()) {
            self.subjects().await?
        } else {
            Arc::default()
        };
        let accounts = typed(&query.account)
            .map(|text| unmatched.note("account", "account", text, self.accounts_named(text)));
        let sets = typed(&query.permission_set).map(|text| {
            let found = sets_named(text, &directory, &subjects);
            unmatched.note("permission_set", "permission set", text, found)
        });
        let groups = typed(&query.group).map(|text| {
            let found = groups_named(text, &directory, &subjects);
            unmatched.note("group", "group", text, found)
        });
        let wanted = WantedSubjects {
            accounts,
            sets,
            groups,
        };
        let only = ListingConditions {
            people,
            subjects: wanted.is_any().then(|| {
                let fitting = subjects.iter().filter(|(_, subject)| wanted.fits(subject));
                fitting.map(|(number, _)| *number).collect()
            }),
            rule: typed(&query.rule).map(str::to_owned),
            from: query.from,
            to: query.to,
        };
        Ok((only, unmatched.0))
    }

    /// People by id, address or name; of those who left, holders by id or address.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn people_named(&self, text: &str) -> Result<BTreeSet<UserId>, ReadError> {
        let text = text.trim();
        let directory = self.directory();
        let names = directory.people().iter().flat_map(|person| {
            let emails = person.emails.iter().map(ToString::to_string);
            let id = person.user_id.to_string();
            let names = [person.display_name.clone(), person.user_name.clone(), id];
            emails
                .chain(names)
                .map(|name| (person.user_id.clone(), name))
        });
        let mut found = named(text, names);
        if found.is_empty() {
            let left = match (UserId::new(text), Email::new(text)) {
                (Ok(user), _) => Some(user),
                (Err(_), Ok(email)) => self.ports.store.holder_of(&email).await?,
                (Err(_), Err(_)) => None,
            };
            found.extend(left);
        }
        Ok(found)
    }

    /// Accounts by id or name. Accounts that left the organization are known by id.
    pub fn accounts_named(&self, text: &str) -> BTreeSet<AccountId> {
        let directory = self.directory();
        let names = directory.accounts().iter().flat_map(|account| {
            let names = [account.name.clone(), account.id.to_string()];
            names.map(|name| (account.id.clone(), name))
        });
        let mut found = named(text, names);
        if found.is_empty() {
            found.extend(AccountId::new(text.trim()).ok());
        }
        found
    }
}

/// Permission sets of today, and those of stored requests.
fn sets_named(text: &str, directory: &Directory, subjects: &[(u64, Subject)]) -> BTreeSet<String> {
    let today = directory.permission_sets().iter().map(|set| &set.name);
    let stored = subjects.iter().filter_map(|(_, subject)| match subject {
        Subject::Account { permission_set, .. } => Some(permission_set),
        Subject::Group { .. } => None,
    });
    let names = today.chain(stored);
    named(text, names.map(|name| (name.clone(), name.clone())))
}

fn groups_named(
    text: &str,
    directory: &Directory,
    subjects: &[(u64, Subject)],
) -> BTreeSet<GroupId> {
    let today = directory.groups().iter();
    let today = today.map(|group| (group.id.clone(), group.name.clone()));
    let stored = subjects.iter().filter_map(|(_, subject)| match subject {
        Subject::Account { .. } => None,
        Subject::Group { group } => Some(group),
    });
    let ids = stored.chain(directory.groups().iter().map(|group| &group.id));
    let ids = ids.map(|id| (id.clone(), id.to_string()));
    named(text, today.chain(ids))
}

struct WantedSubjects {
    accounts: Option<BTreeSet<AccountId>>,
    sets: Option<BTreeSet<String>>,
    groups: Option<BTreeSet<GroupId>>,
}

impl WantedSubjects {
    fn is_any(&self) -> bool {
        self.accounts.is_some() || self.sets.is_some() || self.groups.is_some()
    }

    fn fits(&self, subject: &Subject) -> bool {
        fn has<T: Ord>(set: Option<&BTreeSet<T>>, value: &T) -> Option<bool> {
            set.map(|set| set.contains(value))
        }
        // no request is for a permission set and for a group
        let is_any = self.sets.is_none() && self.groups.is_none();
        match subject {
            Subject::Account {
                account,
                permission_set,
            } => {
                has(self.accounts.as_ref(), account).unwrap_or(true)
                    && has(self.sets.as_ref(), permission_set).unwrap_or(is_any)
            }
            Subject::Group { group } => {
                self.accounts.is_none() && has(self.groups.as_ref(), group).unwrap_or(is_any)
            }
        }
    }
}

#[derive(Default)]
struct Unmatched(Vec<UnmatchedText>);

impl Unmatched {
    fn note<T>(
        &mut self,
        parameter: &'static str,
        what: &'static str,
        text: &str,
        found: BTreeSet<T>,
    ) -> BTreeSet<T> {
        if found.is_empty() {
            self.0.push(UnmatchedText {
                parameter,
                what,
                text: text.to_owned(),
            });
        }
        found
    }
}

fn typed(text: &str) -> Option<&str> {
    Some(text.trim()).filter(|text| !text.is_empty())
}

/// Returns the values that `text` names, or else those whose name contains it.
fn named<T: Ord>(text: &str, names: impl Iterator<Item = (T, String)>) -> BTreeSet<T> {
    let text = fold::folded(text.trim());
    let mut fits: Vec<(T, String)> = names
        .map(|(value, name)| (value, fold::folded(&name)))
        .filter(|(_, name)| name.contains(&text))
        .collect();
    if fits.iter().any(|(_, name)| *name == text) {
        fits.retain(|(_, name)| *name == text);
    }
    fits.into_iter().map(|(value, _)| value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_selects_what_it_names_or_else_what_contains_it() {
        let names = [
            (1, "prod"),
            (2, "payments-prod"),
            (3, "Payments-Dev"),
            (4, "Große"),
        ];
        for (text, wanted) in [
            ("prod", &[1][..]),
            (" PAYMENTS ", &[2, 3]),
            ("payments-dev", &[3]),
            ("GROSSE", &[4]),
            ("stage", &[]),
        ] {
            let names = names.map(|(value, name)| (value, name.to_owned()));
            let found = named(text, names.into_iter());
            assert_eq!(found.into_iter().collect::<Vec<i32>>(), wanted, "{text}");
        }
    }
}
