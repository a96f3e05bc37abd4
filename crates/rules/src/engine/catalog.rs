//! What somebody can ask for at all: the catalog of a request form.

use std::{collections::BTreeSet, sync::Arc};

use hallpass_model::{AccountId, Email, GroupId, Timestamp};

use super::{Ready, Rules, Sets, explain::allows, people::PersonView, places::AccountView};
use crate::{
    directory::Directory,
    rule::{Place, Targets},
};

/// Accounts with their permission sets, and groups, for which some rule lets somebody ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requestable {
    /// Names of all permission sets, in the directory's order.
    sets: Vec<Arc<str>>,
    /// For each account one bit per permission set.
    accounts: Vec<(AccountId, Vec<u64>)>,
    groups: BTreeSet<GroupId>,
}

impl Requestable {
    /// The accounts, in the directory's order.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter().map(|(id, _)| id)
    }

    /// The names of the permission sets of an account, in the directory's order.
    pub fn permission_sets(&self, account: &AccountId) -> Vec<&str> {
        let bits = self
            .accounts
            .iter()
            .find(|(id, _)| id == account)
            .map(|(_, bits)| bits);
        bits.map(|bits| self.names(bits)).unwrap_or_default()
    }

    /// Every account with the names of its permission sets, in the directory's order.
    pub fn pairs(&self) -> impl Iterator<Item = (&AccountId, Vec<&str>)> {
        self.accounts
            .iter()
            .map(|(id, bits)| (id, self.names(bits)))
    }

    /// The groups.
    pub fn groups(&self) -> &BTreeSet<GroupId> {
        &self.groups
    }

    /// Whether there is nothing at all.
    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.groups.is_empty()
    }

    fn names(&self, bits: &[u64]) -> Vec<&str> {
        let is_in = |place: usize| {
            bits.get(place / 64)
                .is_some_and(|word| word >> (place % 64) & 1 == 1)
        };
        let names = self
            .sets
            .iter()
            .enumerate()
            .filter(|(place, _)| is_in(*place));
        names.map(|(_, name)| &**name).collect()
    }
}

impl Rules {
    /// What `requester` may ask for at `now`. Accounts that are not active are left out.
    pub fn requestable(&self, requester: &Email, facts: &Directory, now: Timestamp) -> Requestable {
        let person = PersonView::new(&self.compiled, requester, facts);
        let open = |ready: &&Ready| {
            let hours = ready.terms().hours.as_ref();
            hours.is_none_or(|hours| hours.contains(now)) && allows(&person, ready)
        };
        let rules: Vec<(&Ready, Vec<u64>)> = self
            .compiled
            .rules
            .iter()
            .filter(open)
            .map(|ready| (ready, set_bits(&ready.sets, facts)))
            .collect();
        let mut found = Requestable {
            sets: facts
                .permission_sets()
                .iter()
                .map(|set| Arc::from(set.name.as_str()))
                .collect(),
            ..Requestable::default()
        };
        for account in facts.accounts().iter().filter(|account| account.active) {
            let view = AccountView::new(&account.id, facts);
            let mut all = vec![0; found.sets.len().div_ceil(64)];
            for (ready, bits) in &rules {
                if may_cover(ready, &account.id) && view.covered_by(&ready.terms().targets) {
                    all.iter_mut()
                        .zip(bits)
                        .for_each(|(all, bits)| *all |= bits);
                }
            }
            if all.iter().any(|word| *word != 0) {
                found.accounts.push((account.id.clone(), all));
            }
        }
        for (ready, _) in &rules {
            if let Targets::Groups(groups) = &ready.terms().targets {
                let known = groups.iter().filter_map(|group| facts.resolve_group(group));
                found.groups.extend(known.map(|group| group.id.clone()));
            }
        }
        found
    }
}

/// A cheap test before the whole one: a list of plain ids that lacks the account.
fn may_cover(ready: &Ready, account: &AccountId) -> bool {
    match &ready.terms().targets {
        Targets::Accounts {
            accounts: Some(places),
            ous: None,
            ..
        } => {
            places.contains(&Place::Account(account.clone()))
                || places
                    .iter()
                    .any(|place| !matches!(place, Place::Account(_)))
        }
        Targets::Accounts { .. } => true,
        Targets::Groups(_) => false,
    }
}

fn set_bits(sets: &Sets, facts: &Directory) -> Vec<u64> {
    let known = facts.permission_sets();
    let mut bits = vec![0_u64; known.len().div_ceil(64)];
    for (place, set) in known.iter().enumerate() {
        if let (true, Some(word)) = (sets.contain(&set.name), bits.get_mut(place / 64)) {
            *word |= 1 << (place % 64);
        }
    }
    bits
}
