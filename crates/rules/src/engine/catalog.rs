//! What somebody can ask for at all: the catalog of a request form.

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

/// Accounts with their permission sets, and groups, for which some rule lets somebody ask.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Requestable {
    /// Names of all permission sets, in the directory's order.
    sets: Vec<Arc<str>>,
    accounts: Vec<(AccountId, SetBits)>,
    /// Where each account is in `accounts`.
    places: HashMap<AccountId, usize>,
    groups: BTreeSet<GroupId>,
}

/// Some of the directory's permission sets, each by its place there.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetBits(Vec<u64>);

impl SetBits {
    /// Those sets that `picks` takes, by their place and name.
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

    /// Those in both.
    #[must_use]
    pub fn and(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(a, b)| a & b).collect())
    }

    /// How many.
    pub fn count(&self) -> usize {
        let ones = |word: &u64| usize::try_from(word.count_ones()).unwrap_or(0);
        self.0.iter().map(ones).sum()
    }

    /// How many are in both.
    pub fn count_and(&self, other: &Self) -> usize {
        let both = self
            .0
            .iter()
            .zip(&other.0)
            .map(|(a, b)| (a & b).count_ones());
        both.map(|ones| usize::try_from(ones).unwrap_or(0)).sum()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    /// Their places, ascending.
    pub fn places(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(at, word)| {
            (0..64)
                .filter(move |bit| word >> bit & 1 == 1)
                .map(move |bit| at * 64 + bit)
        })
    }

    /// Whether the set at a place is among them.
    pub fn contains(&self, place: usize) -> bool {
        let word = self.0.get(place / 64);
        word.is_some_and(|word| word >> (place % 64) & 1 == 1)
    }

    /// Adds those of another.
    pub fn add(&mut self, other: &Self) {
        for (word, more) in self.0.iter_mut().zip(&other.0) {
            *word |= more;
        }
    }
}

impl Requestable {
    /// The accounts, in the directory's order.
    pub fn accounts(&self) -> impl Iterator<Item = &AccountId> {
        self.accounts.iter().map(|(id, _)| id)
    }

    /// The permission sets of an account; `None` when there is nothing to ask for there.
    pub fn sets_in(&self, account: &AccountId) -> Option<&SetBits> {
        let place = self.places.get(account)?;
        self.accounts.get(*place).map(|(_, bits)| bits)
    }

    /// The names of the permission sets of an account, in the directory's order.
    pub fn permission_sets(&self, account: &AccountId) -> Vec<&str> {
        let bits = self.sets_in(account);
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

    fn names(&self, bits: &SetBits) -> Vec<&str> {
        bits.places()
            .filter_map(|place| self.sets.get(place))
            .map(|name| &**name)
            .collect()
    }
}

impl Rules {
    /// What `requester` may ask for at `now`. Accounts that are not active are left out.
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

    /// What some rule lets anybody ask for, at whatever hour (`access.md` §10.4). Accounts
    /// that are not active are left out.
    pub fn reach(&self, facts: &Directory) -> Requestable {
        self.covered(facts, |ready| ready.permits)
    }

    /// Accounts with permission sets, and groups, that the rules `picks` takes are about.
    fn covered(&self, facts: &Directory, picks: impl Fn(&Ready) -> bool) -> Requestable {
        // by the rule's place; none where the rule is not taken
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

    /// Of the rules that are about more than listed accounts: the sets of those about every account,
    /// and the others with theirs.
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

    /// The permission sets of rules that name nothing but accounts, for one of these.
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

    /// The rules that let people ask for something in an account, or may, whatever the permission set and
    /// whoever asks, in file order.
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

/// Whether a rule covers every account there may be.
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
