//! Proposes rules that let exactly the current holders of standing access request it
//! (`inventory.md` A-17).

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::{AccountId, GroupId, PermissionSetName, UserId};
use hallpass_rules::{Directory, Glob};
use serde::Serialize;

use crate::state::{AccountAssignment, PrincipalRef, SeenAccess};

pub use text::{ProposedLimits, proposed_rules};

/// AWS's own permission sets.
const OWNED_BY_AWS: &str = "AWS*";
/// Marks user names of programs, which cannot request access.
const PROGRAMS: [&str; 7] = [
    "automation",
    "bot",
    "ci",
    "pipeline",
    "robot",
    "service",
    "svc",
];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    pub rules: Vec<ProposedRule>,
    pub left_out: BTreeMap<AccountAssignment, LeftOutReason>,
    pub remaining: SeenAccess,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRule {
    pub id: String,
    pub permission_sets: BTreeSet<PermissionSetName>,
    pub accounts: ProposedAccounts,
    pub groups: BTreeSet<GroupId>,
    pub users: BTreeSet<UserId>,
    /// `None` if the members of a group are unknown.
    pub people: Option<BTreeSet<UserId>>,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProposedAccounts {
    Accounts(BTreeSet<AccountId>),
    /// Units that cover exactly these accounts.
    Units(BTreeSet<String>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    OwnedByAws,
    Kept,
    /// The principal was deleted.
    PrincipalGone,
    AccountNotActive,
    /// No unique address, which rules need.
    NoAddress,
    Program,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnedByAws => "the set is one of AWS's own",
            Self::Kept => "the set is kept",
            Self::PrincipalGone => "the user or group was deleted",
            Self::AccountNotActive => "the account is not active",
            Self::NoAddress => "the user has no unique address",
            Self::Program => "it looks like a program, which cannot request access",
        })
    }
}

/// Proposes rules for standing access. Sets in `keep` stay; temporary access is ignored.
pub fn convert(
    seen: &SeenAccess,
    directory: &Directory,
    keep: &BTreeSet<PermissionSetName>,
) -> Conversion {
    let mut conversion = Conversion {
        remaining: seen.clone(),
        ..Conversion::default()
    };
    let mut taken = Vec::new();
    for it in &seen.assignments {
        match left_out(it, directory, keep) {
            Some(reason) => drop(conversion.left_out.insert(it.clone(), reason)),
            None => taken.push(it),
        }
    }
    let is_left = |it: &AccountAssignment| conversion.left_out.contains_key(it);
    conversion.remaining.assignments.retain(is_left);
    let grouped = grouped(&taken).into_iter().zip(1..);
    conversion.rules = grouped
        .map(|(((accounts, principals), sets), number)| {
            rule(number, sets, &accounts, principals, directory)
        })
        .collect();
    conversion
}

fn left_out(
    it: &AccountAssignment,
    directory: &Directory,
    keep: &BTreeSet<PermissionSetName>,
) -> Option<LeftOutReason> {
    if Glob::new(OWNED_BY_AWS).matches(it.permission_set.as_str()) {
        return Some(LeftOutReason::OwnedByAws);
    }
    if keep.contains(&it.permission_set) {
        return Some(LeftOutReason::Kept);
    }
    if directory.account(&it.account).is_none_or(|it| !it.active) {
        return Some(LeftOutReason::AccountNotActive);
    }
    match &it.principal {
        PrincipalRef::Group(group) => {
            let is_gone = directory.group(group).is_none();
            is_gone.then_some(LeftOutReason::PrincipalGone)
        }
        PrincipalRef::User(user) => match directory.person(user) {
            None => Some(LeftOutReason::PrincipalGone),
            Some(person) if is_program(&person.user_name) => Some(LeftOutReason::Program),
            Some(person) => {
                let own = |email| directory.person_by_email(email).map(|it| &it.user_id);
                let has_own = person.emails.first().is_some_and(|it| own(it) == Ok(user));
                (!has_own).then_some(LeftOutReason::NoAddress)
            }
        },
    }
}

fn is_program(user_name: &str) -> bool {
    let name = user_name.split('@').next().unwrap_or_default();
    let mut words = name.split(|c: char| !c.is_ascii_alphabetic());
    words.any(|word| PROGRAMS.contains(&word.to_ascii_lowercase().as_str()))
}

type AccountsAndHolders = (BTreeSet<AccountId>, BTreeSet<PrincipalRef>);

/// Merges principals with a set in the same accounts, then sets with equal principals and accounts.
fn grouped(
    taken: &[&AccountAssignment],
) -> BTreeMap<AccountsAndHolders, BTreeSet<PermissionSetName>> {
    let mut accounts: BTreeMap<_, BTreeSet<AccountId>> = BTreeMap::new();
    for it in taken {
        let of = accounts.entry((&it.permission_set, &it.principal));
        of.or_default().insert(it.account.clone());
    }
    let mut principals: BTreeMap<_, BTreeSet<PrincipalRef>> = BTreeMap::new();
    for ((set, principal), accounts) in accounts {
        let of = principals.entry((set, accounts));
        of.or_default().insert(principal.clone());
    }
    let mut sets: BTreeMap<AccountsAndHolders, BTreeSet<PermissionSetName>> = BTreeMap::new();
    for ((set, accounts), principals) in principals {
        let of = sets.entry((accounts, principals));
        of.or_default().insert(set.clone());
    }
    sets
}

fn rule(
    number: usize,
    permission_sets: BTreeSet<PermissionSetName>,
    accounts: &BTreeSet<AccountId>,
    principals: BTreeSet<PrincipalRef>,
    directory: &Directory,
) -> ProposedRule {
    let (mut groups, mut users) = (BTreeSet::new(), BTreeSet::new());
    for principal in principals {
        match principal {
            PrincipalRef::Group(group) => groups.insert(group),
            PrincipalRef::User(user) => users.insert(user),
        };
    }
    let members = groups.iter().map(|group| directory.members_of(group));
    let members: Option<Vec<_>> = members.collect();
    let people = members.map(|members| {
        let members = members.into_iter().flatten();
        members.chain(&users).cloned().collect()
    });
    ProposedRule {
        id: format!("standing-{number}"),
        permission_sets,
        accounts: places(accounts, directory),
        groups,
        users,
        people,
    }
}

/// Returns units if fewer of them cover exactly these accounts, else the accounts.
fn places(accounts: &BTreeSet<AccountId>, directory: &Directory) -> ProposedAccounts {
    let mut below: BTreeMap<&str, BTreeSet<&AccountId>> = BTreeMap::new();
    for account in directory.accounts() {
        for unit in &account.ous {
            below.entry(&unit.id).or_default().insert(&account.id);
        }
    }
    let is_whole = |unit: &str| {
        let inside = below.get(unit);
        inside.is_some_and(|inside| inside.iter().all(|it| accounts.contains(*it)))
    };
    let highest = |id: &AccountId| {
        let mut units = directory.account(id)?.ous.iter();
        let unit = units.find(|unit| unit.id != directory.root_id() && is_whole(&unit.id));
        unit.map(|unit| unit.id.clone())
    };
    let units: Option<BTreeSet<String>> = accounts.iter().map(highest).collect();
    match units {
        Some(units) if units.len() < accounts.len() => ProposedAccounts::Units(units),
        _ => ProposedAccounts::Accounts(accounts.clone()),
    }
}
