//! Names in rules that nothing in the organization has.

use std::collections::BTreeSet;

use hallpass_model::Email;

use super::{Ready, check::warn};
use crate::{
    diagnostic::{Code, Diagnostic},
    directory::{Directory, NotOnePerson, OuRef},
    rule::{GroupRef, Place, SetMatch, Targets},
};

/// Names in a rule that the directory does not hold.
pub(super) fn unknown_names(ready: &Ready, facts: &Directory, found: &mut Vec<Diagnostic>) {
    let terms = ready.terms();
    match &terms.targets {
        Targets::Accounts {
            accounts,
            ous,
            sets,
            ..
        } => {
            for place in accounts.iter().chain(ous).flatten() {
                found.extend(place_finding(ready, place, facts));
            }
            for set in sets {
                found.extend(set_finding(ready, set, facts));
            }
        }
        Targets::Groups(groups) => {
            let unknown = groups
                .iter()
                .filter(|group| facts.resolve_group(group).is_none());
            found.extend(unknown.map(|group| no_group(ready, group)));
        }
    }
    for group in terms.listed_groups().chain(&terms.allowed_groups) {
        match facts.resolve_group(group) {
            None => found.push(no_group(ready, group)),
            Some(known) if known.members.is_none() => {
                let message = format!("the members of group `{group}` could not be read");
                found.push(warn(ready, Code::UnreadGroup, message).value(&group.to_string()));
            }
            Some(_) => {}
        }
    }
    let none = BTreeSet::new();
    let named: BTreeSet<&Email> = terms
        .listed_people()
        .chain(&terms.allowed_users)
        .chain(terms.break_glass.as_ref().unwrap_or(&none))
        .collect();
    found.extend(
        named
            .into_iter()
            .filter_map(|email| person_finding(ready, email, facts)),
    );
}

fn no_group(ready: &Ready, group: &GroupRef) -> Diagnostic {
    let message = match group {
        GroupRef::Id(_) => format!("there is no group `{group}`"),
        GroupRef::Name(_) => format!("there is not exactly one group named `{group}`"),
    };
    warn(ready, Code::DeadStatement, message).value(&group.to_string())
}

fn person_finding(ready: &Ready, email: &Email, facts: &Directory) -> Option<Diagnostic> {
    let message = match facts.person_by_email(email) {
        Ok(person) if person.enabled => return None,
        Ok(_) => format!("the user `{email}` is disabled"),
        Err(NotOnePerson::None) => format!("no user has the address `{email}`"),
        Err(NotOnePerson::Ambiguous) => format!("several users have the address `{email}`"),
    };
    Some(warn(ready, Code::UnknownPerson, message).value(email.as_str()))
}

fn place_finding(ready: &Ready, place: &Place, facts: &Directory) -> Option<Diagnostic> {
    match place {
        Place::Every => None,
        Place::Account(id) => match facts.account(id) {
            None => {
                let message = format!("the organization has no account `{id}`");
                Some(warn(ready, Code::DeadStatement, message).value(id.as_str()))
            }
            Some(account) if !account.active => {
                let message = format!("the account `{id}` is not active");
                Some(warn(ready, Code::DeadStatement, message).value(id.as_str()))
            }
            Some(_) => None,
        },
        Place::AccountName(glob) => {
            let fits = facts
                .accounts()
                .iter()
                .any(|account| glob.matches(&account.name));
            let message = format!("no account is named `{glob}`");
            (!fits).then(|| warn(ready, Code::DeadStatement, message).value(glob.as_str()))
        }
        Place::Ou(id) => {
            let ends_in = |path: &&[OuRef]| path.last().is_some_and(|ou| ou.id == *id);
            let known = id == facts.root_id() || facts.organizational_units().iter().any(ends_in);
            let message = format!("there is no organizational unit `{id}`");
            (!known).then(|| warn(ready, Code::UnknownOu, message).value(id))
        }
        Place::OuPath(path) if path.is_empty() => None,
        Place::OuPath(path) => {
            let joined = |units: &[OuRef]| {
                let names: Vec<&str> = units.iter().map(|ou| ou.name.as_str()).collect();
                names.join("/")
            };
            let with_root = format!("Root/{path}");
            let units = facts.organizational_units();
            let ids: BTreeSet<&str> = units
                .iter()
                .filter(|units| [path, &with_root].contains(&&joined(units)))
                .filter_map(|units| units.last().map(|ou| ou.id.as_str()))
                .collect();
            match ids.len() {
                0 => {
                    let message = format!("there is no organizational unit `{path}`");
                    Some(warn(ready, Code::UnknownOu, message).value(path))
                }
                1 => None,
                _ => {
                    let ids: Vec<&str> = ids.into_iter().collect();
                    let message = format!("`{path}` names several units: {}", ids.join(", "));
                    let rule = &ready.rule;
                    Some(
                        Diagnostic::error(Code::AmbiguousOu, rule.position, message)
                            .at(rule.list, rule.index)
                            .value(path)
                            .help("name the unit by its id"),
                    )
                }
            }
        }
    }
}

fn set_finding(ready: &Ready, set: &SetMatch, facts: &Directory) -> Option<Diagnostic> {
    let (fits, name) = match set {
        SetMatch::Every => return None,
        SetMatch::Name(name) => (facts.permission_set_by_name(name).is_some(), name.as_str()),
        SetMatch::Glob(glob) => (
            facts
                .permission_sets()
                .iter()
                .any(|set| glob.matches(&set.name)),
            glob.as_str(),
        ),
    };
    let message = format!("there is no permission set `{name}`");
    (!fits).then(|| warn(ready, Code::DeadStatement, message).value(name))
}
