//! Standing access as rules: whoever has a permission set for good may ask for it for a while instead
//! (`inventory.md` A-17). What is proposed lets exactly those ask who have it, and for exactly what
//! they have.

mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use hallpass_base::{AccountId, GroupId, PermissionSetName, UserId};
use hallpass_rules::{Directory, Glob};
use serde::Serialize;

use crate::state::{AccountAssignment, PrincipalRef, SeenAccess};

pub use text::{ProposedLimits, proposed_rules};

/// Sets of this name are AWS's own, and the service that made them assigns them.
const OWNED_BY_AWS: &str = "AWS*";
/// A word of these in a user name: a program, which cannot ask.
const PROGRAMS: [&str; 7] = [
    "automation",
    "bot",
    "ci",
    "pipeline",
    "robot",
    "service",
    "svc",
];

/// What standing access comes to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conversion {
    /// The rules that would replace it.
    pub rules: Vec<ProposedRule>,
    /// What stays as it is, and why.
    pub left_out: BTreeMap<AccountAssignment, LeftOutReason>,
    /// What would stand then.
    pub remaining: SeenAccess,
}

/// A rule: each of these people and groups may ask for each of the sets in each of the accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProposedRule {
    /// Its name.
    pub id: String,
    /// The permission sets.
    pub permission_sets: BTreeSet<PermissionSetName>,
    /// The accounts that the rule covers.
    pub accounts: ProposedAccounts,
    /// The groups that may ask.
    pub groups: BTreeSet<GroupId>,
    /// The people who may ask beside them.
    pub users: BTreeSet<UserId>,
    /// Everybody who may ask then; nothing where the members of a group are not known.
    pub people: Option<BTreeSet<UserId>>,
}

/// The accounts of a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ProposedAccounts {
    /// By id.
    Accounts(BTreeSet<AccountId>),
    /// Everything below these units, by id: all of it, and nothing else.
    Units(BTreeSet<String>),
}

/// Why an assignment is left as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOutReason {
    /// The set is one of AWS's own.
    OwnedByAws,
    /// The set was named as one to keep, or a file protects it.
    Kept,
    /// Whom it is for is gone.
    PrincipalGone,
    /// The account is not active, or not in the organization.
    AccountNotActive,
    /// The person has no address of their own, by which rules name people.
    NoAddress,
    /// The user looks like a program, and a program cannot ask.
    Program,
}

impl fmt::Display for LeftOutReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OwnedByAws => "the set is one of AWS's own",
            Self::Kept => "the set is kept",
            Self::PrincipalGone => "whom it is for is gone",
            Self::AccountNotActive => "the account is not active",
            Self::NoAddress => "the person has no address of their own",
            Self::Program => "it looks like a program, which cannot ask",
        })
    }
}

/// Proposes rules for what stands. Sets of `keep` stay; what Hallpass gave for a time is no part of it.
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

/// Accounts, and who has something in all of them.
type AccountsAndHolders = (BTreeSet<AccountId>, BTreeSet<PrincipalRef>);

/// As few products of sets, accounts and principals as equal lists give: those who have a set in the same
/// accounts are together, and then sets that the same have in the same accounts.
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

/// Units where fewer of them are just these accounts, else the accounts.
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
