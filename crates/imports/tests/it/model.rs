//! A simple model of AWS TEAM's router. Shares only the tables with the import.

use std::collections::BTreeSet;

use hallpass_imports::team::Release;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::company::{ACCOUNTS, GROUPS, PEOPLE, ROOT, SETS, UNITS, group_id, set_arn, user_id};

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) group: bool,
    pub(crate) holder: usize,
    pub(crate) accounts: Vec<usize>,
    pub(crate) units: Vec<usize>,
    pub(crate) sets: Vec<usize>,
    pub(crate) approval: bool,
    pub(crate) hours: u32,
}

/// Approvers of an account or unit by index.
#[derive(Debug, Clone)]
pub(crate) struct Approval {
    pub(crate) unit: bool,
    pub(crate) place: usize,
    pub(crate) groups: Vec<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Tables {
    pub(crate) entries: Vec<Entry>,
    pub(crate) approvals: Vec<Approval>,
    pub(crate) approval: bool,
    pub(crate) hours: u32,
    pub(crate) members: Vec<u8>,
    pub(crate) release: Release,
    /// In AWS's listing order.
    pub(crate) order: Vec<usize>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Refused,
    Granted {
        hours: u32,
    },
    Waits {
        hours: u32,
        approvers: BTreeSet<usize>,
    },
}

pub(crate) fn parent(account: usize) -> &'static str {
    ACCOUNTS[account].2.last().copied().unwrap_or(ROOT)
}

impl Tables {
    pub(crate) fn is_in(&self, person: usize, group: usize) -> bool {
        self.members[group] >> person & 1 == 1
    }

    pub(crate) fn entries_of(&self, person: usize) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| {
            if entry.group {
                self.is_in(person, entry.holder)
            } else {
                entry.holder == person
            }
        })
    }

    pub(crate) fn names(entry: &Entry, account: usize, set: usize) -> bool {
        let unit = entry
            .units
            .iter()
            .any(|unit| UNITS[*unit] == parent(account));
        (entry.accounts.contains(&account) || unit) && entry.sets.contains(&set)
    }

    fn groups_at(&self, unit: bool, is: impl Fn(usize) -> bool) -> BTreeSet<usize> {
        let rows = self.approvals.iter();
        let rows = rows.filter(|row| row.unit == unit && is(row.place));
        rows.flat_map(|row| row.groups.iter().copied()).collect()
    }

    pub(crate) fn approvers(&self, person: usize, account: usize) -> BTreeSet<usize> {
        let mut groups = self.groups_at(false, |place| place == account);
        if groups.is_empty() || self.release == Release::Current {
            groups.extend(self.groups_at(true, |place| UNITS[place] == parent(account)));
        }
        let everybody = 0..PEOPLE.len();
        let approvers = everybody.filter(|one| groups.iter().any(|group| self.is_in(*one, *group)));
        approvers.filter(|one| *one != person).collect()
    }

    /// The hours the import should grant: the longest of the target's entries; before June 2024 the
    /// shortest of all entries of the person.
    pub(crate) fn hours_meant(&self, person: usize, account: usize, set: usize) -> u32 {
        let all = || self.entries_of(person);
        let naming = all().filter(|it| Self::names(it, account, set));
        let hours = match self.release {
            Release::Current => naming.map(|entry| entry.hours).max(),
            Release::BeforeJune2024 => all().map(|entry| entry.hours).min(),
        };
        hours.unwrap_or(0).min(self.hours)
    }

    /// The router before June 2024: whether a request for these hours needs an approval, or `None`
    /// if refused. Follows its code: a person's own entries first, then those of groups.
    fn routed_before(&self, person: usize, account: usize, set: usize, hours: u32) -> Option<bool> {
        let own = self
            .entries
            .iter()
            .filter(|it| !it.group && it.holder == person);
        let groups = self
            .order
            .iter()
            .filter(|group| self.is_in(person, **group));
        let of_groups = groups.flat_map(|group| {
            let entries = self.entries.iter();
            entries.filter(|it| it.group && it.holder == *group)
        });
        let (mut longest, mut eligible) = (0, false);
        for entry in own.chain(of_groups) {
            longest = longest.max(entry.hours);
            if hours > longest {
                return None;
            }
            if Self::names(entry, account, set) {
                if entry.approval {
                    return Some(true);
                }
                eligible = true;
            }
        }
        eligible.then_some(false)
    }

    fn answer_before(&self, person: usize, account: usize, set: usize) -> Answer {
        let routed = |hours: &u32| self.routed_before(person, account, set, *hours);
        let Some(hours) = (1..=self.hours).rev().find(|it| routed(it).is_some()) else {
            return Answer::Refused;
        };
        if self.approval && routed(&hours) == Some(true) {
            Answer::Waits {
                hours,
                approvers: self.approvers(person, account),
            }
        } else {
            Answer::Granted { hours }
        }
    }

    pub(crate) fn answer(&self, person: usize, account: usize, set: usize) -> Answer {
        if self.release == Release::BeforeJune2024 {
            return self.answer_before(person, account, set);
        }
        let naming: Vec<&Entry> = self
            .entries_of(person)
            .filter(|it| Self::names(it, account, set))
            .collect();
        if naming.is_empty() {
            return Answer::Refused;
        }
        let longest = self
            .entries_of(person)
            .map(|entry| entry.hours)
            .max()
            .unwrap();
        let hours = longest.min(self.hours);
        let needed = naming.iter().all(|entry| entry.approval);
        if self.approval && needed {
            Answer::Waits {
                hours,
                approvers: self.approvers(person, account),
            }
        } else {
            Answer::Granted { hours }
        }
    }

    pub(crate) fn eligibility(&self) -> Vec<Value> {
        let named = |places: &[usize], id: &dyn Fn(usize) -> String| -> Vec<Value> {
            places
                .iter()
                .map(|it| json!({"name": format!("thing {it}"), "id": id(*it)}))
                .collect()
        };
        let row = |entry: &Entry| {
            let (kind, id) = if entry.group {
                ("Group", group_id(entry.holder))
            } else {
                ("User", user_id(entry.holder))
            };
            let sets: Vec<Value> = entry
                .sets
                .iter()
                .map(|set| json!({"name": SETS[*set], "id": set_arn(*set)}))
                .collect();
            json!({
                "id": id, "name": format!("holder {}", entry.holder), "type": kind,
                "accounts": named(&entry.accounts, &|it| ACCOUNTS[it].0.to_owned()),
                "ous": named(&entry.units, &|it| UNITS[it].to_owned()),
                "permissions": sets, "approvalRequired": entry.approval,
                "duration": entry.hours.to_string(),
            })
        };
        self.entries.iter().map(row).collect()
    }

    pub(crate) fn approver_rows(&self) -> Vec<Value> {
        let row = |row: &Approval| {
            let (kind, id) = if row.unit {
                ("OU", UNITS[row.place])
            } else {
                ("Account", ACCOUNTS[row.place].0)
            };
            crate::company::approvers(id, kind, &row.groups)
        };
        self.approvals.iter().map(row).collect()
    }

    pub(crate) fn settings(&self) -> Value {
        json!({"id": "settings", "duration": self.hours.to_string(), "expiry": "3",
               "comments": false, "ticketNo": false, "approval": self.approval})
    }
}

pub(crate) fn some(below: usize, most: usize) -> impl Strategy<Value = Vec<usize>> {
    prop::collection::btree_set(0..below, 0..=most).prop_map(|it| it.into_iter().collect())
}

prop_compose! {
    fn an_entry()(
        group in any::<bool>(),
        person in 0..PEOPLE.len(),
        of in 0..GROUPS,
        accounts in some(ACCOUNTS.len(), 2),
        units in some(UNITS.len(), 2),
        sets in some(SETS.len(), 2),
        approval in any::<bool>(),
        hours in prop::sample::select(vec![1_u32, 2, 8, 12]),
    ) -> Entry {
        let holder = if group { of } else { person };
        Entry { group, holder, accounts, units, sets, approval, hours }
    }
}

prop_compose! {
    fn an_approval()(
        unit in any::<bool>(),
        account in 0..ACCOUNTS.len(),
        of in 0..UNITS.len(),
        groups in some(GROUPS, 2),
    ) -> Approval {
        Approval { unit, place: if unit { of } else { account }, groups }
    }
}

prop_compose! {
    /// Tables with frequent overlaps; ids are unique, as in DynamoDB.
    pub(crate) fn tables()(
        mut entries in prop::collection::vec(an_entry(), 0..6),
        mut approvals in prop::collection::vec(an_approval(), 0..6),
        approval in prop::bool::weighted(0.8),
        hours in prop::sample::select(vec![1_u32, 4, 9, 24]),
        members in prop::collection::vec(0_u8..16, GROUPS),
        old in any::<bool>(),
        order in Just((0..GROUPS).collect::<Vec<usize>>()).prop_shuffle(),
    ) -> Tables {
        entries.sort_by_key(|entry| (entry.group, entry.holder));
        entries.dedup_by_key(|entry| (entry.group, entry.holder));
        approvals.sort_by_key(|row| (row.unit, row.place));
        approvals.dedup_by_key(|row| (row.unit, row.place));
        let release = if old { Release::BeforeJune2024 } else { Release::Current };
        Tables { entries, approvals, approval, hours, members, release, order }
    }
}
