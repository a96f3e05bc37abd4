//! The catalog of requestable access.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use hallpass_base::{AccountId, GroupId, Timestamp};

use super::{
    Ready, Rules,
    explain::allows,
    people::{Membership, PersonView, Principal},
    places::AccountView,
};
use crate::{
    directory::Directory,
    rule::{RuleId, Selector, Targets},
};

/// Accounts with permission sets, and groups, that are requestable.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requestable {
    sets: Vec<Arc<str>>,
    accounts: Vec<(AccountId, SetBits)>,
    places: HashMap<AccountId, usize>,
    groups: BTreeSet<GroupId>,
}

/// A bit set of permission sets by directory index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetBits(Vec<u64>);

impl SetBits {
    pub fn of(facts: &Directory, picks: impl Fn(usize, &str) -> bool) -> Self {
        let known = facts.permission_sets();
        let mut bits = vec![0_u64; known.len().div_ceil(64)];
        for (place, set) in known.iter().enumerate() {
            if let (true, Some(word)) = (picks(place, &set.name), bits.get_mut(place / 64)) {
                *word |= 1 << (place % 64);
            }
        }
        Self(bits)
    }

    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    pub fn count(&self) -> usize {
        let ones = |word: &u64| usize::try_from(word.count_ones()).unwrap_or(0);
        self.0.iter().map(ones).sum()
    }

    pub fn count_and(&self, other: &Self) -> usize {
        let both = self
            .0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| (a & b).count_ones());
        both.map(|ones| usize::try_from(ones).unwrap_or(0)).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| at * 64 + bit)
        })
    }

    pub fn contains(&self, place: usize) -> bool {
        let word = self.0.get(place / 64);
        word.is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    pub fn add(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }
}

impl Requestable {
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter().map(|(id, _)| id)
    }

    /// `None` if nothing is requestable there.
    pub fn sets_in(&self, account: &AccountId) -> Option<&SetBits> {
        let place = self.places.get(account)?;
        self.accounts.get(*place).map(|(_, bits)| bits)
    }

    pub fn permission_sets(&self, account: &AccountId) -> Vec<&str> {
        let bits = self.sets_in(account);
        bits.map(|bits| self.names(bits)).unwrap_or_default()
    }

    pub fn pairs(&self) -> impl Iterator<Item = (&AccountId, Vec<&str>)> {
        self.accounts
            .iter()
            .map(|(id, bits)| (id, self.names(bits)))
    }

    pub fn groups(&self) -> &BTreeSet<GroupId> {
        &self.groups
    }

    pub fn is_empty(&self) -> bool {
        self.accounts.is_empty() && self.groups.is_empty()
    }

    fn names(&self, bits: &SetBits) -> Vec<&str> {
        bits.places()
            .filter_map(|place| self.sets.get(place))
            .map(|name| &**name)
            .collect()
    }
}

impl Rules {
    /// Returns the access `requester` may request at `now`, in active accounts.
    pub fn requestable<'a>(
        &self,
        requester: impl Into<Principal<'a>>,
        facts: &Directory,
        now: Timestamp,
    ) -> Requestable {
        let person = PersonView::new(&self.compiled, requester.into(), facts);
        self.covered(facts, |ready| {
            let hours = ready.terms().hours.as_ref();
            hours.is_none_or(|hours| hours.contains(now)) && allows(&person, ready)
        })
    }

    /// Returns the access that any user may request at any hour (`access.md` §10.4), in active
    /// accounts.
    pub fn reach(&self, facts: &Directory) -> Requestable {
        self.covered(facts, |ready| ready.permits)
    }

    fn covered(&self, facts: &Directory, picks: impl Fn(&Ready) -> bool) -> Requestable {
        let rules: Vec<Option<SetBits>> = self
            .compiled
            .rules
            .iter()
            .map(|ready| {
                picks(ready).then(|| SetBits::of(facts, |_, name| ready.sets.contain(name)))
            })
            .collect();
        let (everywhere, somewhere) = self.broad(&rules, facts);
        let sets = facts.permission_sets().iter();
        let mut found = Requestable {
            sets: sets.map(|set| Arc::from(set.name.as_str())).collect(),
            ..Requestable::default()
        };
        for account in facts.accounts().iter().filter(|account| account.active) {
            let mut all = everywhere.clone();
            for bits in self.named_only(&account.id, &rules) {
                all.add(bits);
            }
            if !somewhere.is_empty() {
                let view = AccountView::new(&account.id, facts);
                for (_, bits) in somewhere
                    .iter()
                    .filter(|(ready, _)| view.covered_by(&ready.terms().targets))
                {
                    all.add(bits);
                }
            }
            if !all.is_empty() {
                found
                    .places
                    .insert(account.id.clone(), found.accounts.len());
                found.accounts.push((account.id.clone(), all));
            }
        }
        for (ready, _) in self
            .compiled
            .rules
            .iter()
            .zip(&rules)
            .filter(|(_, bits)| bits.is_some())
        {
            if let Targets::Groups(groups) = &ready.terms().targets {
                let known = groups.iter().filter_map(|group| facts.resolve_group(group));
                found.groups.extend(known.map(|group| group.id.clone()));
            }
        }
        found
    }

    fn broad<'a>(
        &'a self,
        rules: &'a [Option<SetBits>],
        facts: &Directory,
    ) -> (SetBits, Vec<(&'a Ready, &'a SetBits)>) {
        let mut everywhere = SetBits::of(facts, |_, _| false);
        let mut somewhere = Vec::new();
        for place in &self.compiled.broad {
            if let (Some(ready), Some(Some(bits))) =
                (self.compiled.rules.get(*place), rules.get(*place))
            {
                if covers_everything(&ready.terms().targets) {
                    everywhere.add(bits);
                } else {
                    somewhere.push((ready, bits));
                }
            }
        }
        (everywhere, somewhere)
    }

    fn named_only<'a>(
        &self,
        account: &AccountId,
        rules: &'a [Option<SetBits>],
    ) -> impl Iterator<Item = &'a SetBits> {
        let places = self.compiled.by_account.get(account);
        places
            .into_iter()
            .flatten()
            .filter_map(|place| rules.get(*place)?.as_ref())
    }

    pub fn about_account(&self, account: &AccountId, facts: &Directory) -> Vec<RuleId> {
        let view = AccountView::new(account, facts);
        let places = self.compiled.for_account(account);
        places
            .into_iter()
            .filter_map(|place| self.compiled.rules.get(place))
            .filter(|ready| ready.permits)
            .filter(|ready| view.coverage(&ready.terms().targets) != Membership::No)
            .map(|ready| ready.rule.id.clone())
            .collect()
    }
}

fn covers_everything(targets: &Targets) -> bool {
    let every = |places: &Option<BTreeSet<Selector>>| {
        places
            .as_ref()
            .is_none_or(|places| places.contains(&Selector::Every))
    };
    match targets {
        Targets::Accounts {
            accounts,
            ous,
            tags,
            except,
            ..
        } => every(accounts) && every(ous) && tags.is_empty() && !except.of_accounts(),
        Targets::Groups(_) => false,
    }
}
