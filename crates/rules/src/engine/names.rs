//! Unknown names in rules.

use std::collections::BTreeSet;

use hallpass_base::Email;

use super::{Ready, warning::warn};
use crate::{
    attributes::{AttributeMatch, Known},
    cancel::CancelFlag,
    diagnostic::{Diagnostic, FindingCode, nearest_name},
    directory::{Directory, NotOnePerson, OuRef},
    named_facts::UnreadAs,
    rule::{GroupRef, Selector, SetMatch, Targets},
};

pub(super) fn unknown_names(
    ready: &Ready,
    facts: &Directory,
    unread: UnreadAs<'_>,
    cancel: &CancelFlag,
    found: &mut Vec<Diagnostic>,
) {
    unknown_targets(ready, facts, cancel, found);
    let terms = ready.terms();
    let goes_on = || !cancel.is_cancelled();
    found.extend(tags_unread(ready, facts).filter(|_| !unread.is_noted()));
    exclusions_unread(ready, facts, unread, found);
    let groups = terms.listed_groups().chain(terms.requesting_groups());
    for group in groups.take_while(|_| goes_on()) {
        match facts.members_named(group) {
            None if !facts.knows_group(group) => found.push(no_group(ready, group, facts)),
            None if facts.may_read(group) && !unread.is_noted() => {
                let message = format!("the members of group `{group}` could not be read");
                let value = group.to_string();
                found.push(warn_at(ready, &value, FindingCode::UnreadGroup, message));
            }
            None | Some(_) => {}
        }
    }
    for id in terms.requesting_users() {
        let message = match facts.person(id) {
            Some(person) if person.enabled => continue,
            Some(_) => format!("the user `{id}` is disabled"),
            None => format!("there is no user `{id}`"),
        };
        found.push(warn_at(
            ready,
            id.as_str(),
            FindingCode::UnknownPerson,
            message,
        ));
    }
    for want in terms.requester_attributes.iter().take_while(|_| goes_on()) {
        found.extend(values_nobody_has(ready, want, facts));
    }
    let none = BTreeSet::new();
    let approving: BTreeSet<&Email> = terms.listed_people().collect();
    let named: BTreeSet<&Email> = { approving.iter().copied() }
        .chain(terms.requesting_people())
        .chain(terms.break_glass.as_ref().unwrap_or(&none))
        .collect();
    found.extend(
        named
            .into_iter()
            .take_while(|_| goes_on())
            .filter_map(|email| person_finding(ready, email, approving.contains(email), facts)),
    );
}

pub(super) fn unknown_targets(
    ready: &Ready,
    facts: &Directory,
    cancel: &CancelFlag,
    found: &mut Vec<Diagnostic>,
) {
    let goes_on = || !cancel.is_cancelled();
    match &ready.terms().targets {
        Targets::Accounts {
            accounts,
            ous,
            sets,
            ..
        } => {
            let places = accounts.iter().chain(ous).flatten();
            for place in places.take_while(|_| goes_on()) {
                found.extend(place_finding(ready, place, facts));
            }
            for set in sets.iter().take_while(|_| goes_on()) {
                found.extend(set_finding(ready, set, facts));
            }
        }
        Targets::Groups(groups) => {
            let unknown = groups
                .iter()
                .take_while(|_| goes_on())
                .filter(|group| facts.resolve_group(group).is_none());
            found.extend(unknown.map(|group| no_group(ready, group, facts)));
        }
    }
}

fn tags_unread(ready: &Ready, facts: &Directory) -> Option<Diagnostic> {
    if !ready.terms().targets.names_tags() {
        return None;
    }
    let accounts = facts.accounts();
    let unread = accounts.iter().filter(|it| it.tags.is_unread()).count();
    (unread > 0).then(|| {
        let message = format!(
            "the tags of {unread} of {} accounts could not be read: there, this rule permits nothing, and its denials \
             and limits apply",
            accounts.len()
        );
        warn(ready, FindingCode::UnreadTags, message)
            .help("they are read one by one; the server needs `organizations:ListTagsForResource`")
    })
}

/// Reports excluded groups that are unread: then no one is certainly included.
fn exclusions_unread(
    ready: &Ready,
    facts: &Directory,
    unread: UnreadAs<'_>,
    found: &mut Vec<Diagnostic>,
) {
    let terms = ready.terms();
    for (left_out, nobody) in [
        (&terms.except_requesters, "no one may request by this rule"),
        (&terms.except_approvers, "no one may approve by this rule"),
    ] {
        for group in &left_out.groups {
            let (finding, why) = match facts.members_named(group) {
                Some(_) => continue,
                None if facts.knows_group(group) => {
                    if unread.is_noted() || !facts.may_read(group) {
                        continue;
                    }
                    let message = format!("the members of group `{group}` could not be read");
                    let value = group.to_string();
                    let finding = warn_at(ready, &value, FindingCode::UnreadGroup, message);
                    (finding, "cannot be read")
                }
                None => (no_group(ready, group, facts), "is not there"),
            };
            let mut finding = finding;
            finding.message = format!(
                "{}: while a group that is left out {why}, {nobody}",
                finding.message
            );
            found.push(finding);
        }
    }
}

/// Finds offered groups among `owned`, by name or id.
pub(super) fn owned_twice(
    rules: &[Ready],
    owned: &BTreeSet<GroupRef>,
    facts: Option<&Directory>,
) -> Vec<Diagnostic> {
    let id = |group: &GroupRef| match (group, facts) {
        (GroupRef::Id(id), _) => Some(id.clone()),
        (GroupRef::Name(_), Some(facts)) => facts.resolve_group(group).map(|it| it.id.clone()),
        (GroupRef::Name(_), None) | (GroupRef::OnCall(_), _) => None,
    };
    let ids: BTreeSet<_> = owned.iter().filter_map(id).collect();
    let mut found = Vec::new();
    for ready in rules {
        let Targets::Groups(groups) = &ready.terms().targets else {
            continue;
        };
        let twice = { groups.iter() }
            .filter(|group| owned.contains(group) || id(group).is_some_and(|id| ids.contains(&id)));
        for group in twice {
            let message = format!(
                "the members of group `{group}` follow attributes of people (`groups.sync`), so no one can request it"
            );
            let code = FindingCode::GroupOwnedTwice;
            let finding = warn_at(ready, &group.to_string(), code, message).into_error();
            found.push(finding.help("take it out of the rule, or out of `groups.sync.groups`"));
        }
    }
    found
}

pub(super) fn warn_at(
    ready: &Ready,
    value: &str,
    code: FindingCode,
    message: impl Into<String>,
) -> Diagnostic {
    let mut finding = warn(ready, code, message).value(value);
    if let Some(position) = ready.rule.written.position_of(value) {
        finding.position = position;
    }
    finding
}

pub(super) fn with_nearest<'a>(
    finding: Diagnostic,
    value: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Diagnostic {
    match nearest_name(value, known) {
        Some(near) => finding.help(format!("did you mean `{near}`?")),
        None => finding,
    }
}

/// Reports attribute values that no user has, probably misspelled; none while unread.
fn values_nobody_has(ready: &Ready, want: &AttributeMatch, facts: &Directory) -> Vec<Diagnostic> {
    let attribute = want.attribute;
    let known = facts.people().iter().map(|it| it.attributes.get(attribute));
    let mut held = BTreeSet::new();
    for known in known {
        match known {
            Known::Unread => return Vec::new(),
            Known::Absent => {}
            Known::Is(value) => {
                held.insert(value);
            }
        }
    }
    let globs = want.values.iter().chain(&want.except);
    globs
        .filter(|glob| !held.iter().any(|value| glob.matches(value)))
        .map(|glob| {
            let message = format!("no user has the {} `{glob}`", attribute.words());
            let code = FindingCode::DeadStatement;
            let finding = warn_at(ready, glob.as_str(), code, message);
            with_nearest(finding, glob.as_str(), held.iter().copied())
        })
        .collect()
}

fn no_group(ready: &Ready, group: &GroupRef, facts: &Directory) -> Diagnostic {
    let value = group.to_string();
    match group {
        GroupRef::Id(_) => {
            let message = format!("there is no group `{group}`");
            warn_at(ready, &value, FindingCode::DeadStatement, message)
        }
        GroupRef::OnCall(_) => {
            let message = format!("there is no on-call list `{group}` in the configuration");
            let finding = warn_at(ready, &value, FindingCode::DeadStatement, message);
            let names = facts.on_call().into_iter().flat_map(|it| it.keys());
            with_nearest(finding, &value, names.map(String::as_str))
        }
        GroupRef::Name(_) => {
            let message = format!("there is not exactly one group named `{group}`");
            let finding = warn_at(ready, &value, FindingCode::DeadStatement, message);
            let names = facts.groups().iter().map(|group| group.name.as_str());
            with_nearest(finding, &value, names)
        }
    }
}

fn person_finding(
    ready: &Ready,
    email: &Email,
    approves: bool,
    facts: &Directory,
) -> Option<Diagnostic> {
    const NEVER: &str = ": this approver will never be able to approve";
    let (mut message, then) = match facts.person_by_email(email) {
        Ok(person) if person.enabled => return None,
        Ok(_) => {
            let cannot = ": this approver cannot approve";
            (format!("the user `{email}` is disabled"), cannot)
        }
        Err(NotOnePerson::None) => (format!("no user has the address `{email}`"), NEVER),
        Err(NotOnePerson::Ambiguous) => {
            (format!("several users have the address `{email}`"), NEVER)
        }
    };
    if approves {
        message.push_str(then);
    }
    let finding = warn_at(ready, email.as_str(), FindingCode::UnknownPerson, message);
    let known = facts.people().iter().flat_map(|person| &person.emails);
    Some(with_nearest(
        finding,
        email.as_str(),
        known
            .map(Email::as_str)
            .filter(|known| *known != email.as_str()),
    ))
}

pub(super) fn place_text(place: &Selector) -> String {
    match place {
        Selector::Every => "*".to_owned(),
        Selector::Account(id) => id.to_string(),
        Selector::AccountName(glob) => glob.as_str().to_owned(),
        Selector::Ou(id) | Selector::Children(id) => id.clone(),
        Selector::OuPath(path) | Selector::ChildrenPath(path) if path.is_empty() => {
            "Root".to_owned()
        }
        Selector::OuPath(path) | Selector::ChildrenPath(path) => path.clone(),
    }
}

pub(super) fn unit_paths(facts: &Directory) -> Vec<String> {
    let units = facts.organizational_units();
    units.into_iter().map(joined).collect()
}

fn joined(units: &[OuRef]) -> String {
    let names: Vec<&str> = units.iter().map(|ou| ou.name.as_str()).collect();
    names.join("/")
}

pub(super) fn place_finding(
    ready: &Ready,
    place: &Selector,
    facts: &Directory,
) -> Option<Diagnostic> {
    match place {
        Selector::Every => None,
        Selector::Account(id) => {
            let message = match facts.account(id) {
                None => format!("the organization has no account `{id}`"),
                Some(account) if !account.active => format!("the account `{id}` is not active"),
                Some(_) => return None,
            };
            let code = FindingCode::DeadStatement;
            Some(warn_at(ready, id.as_str(), code, message))
        }
        Selector::AccountName(glob) => {
            let mut names = facts.accounts().iter().map(|account| account.name.as_str());
            if names.clone().any(|name| glob.matches(name)) {
                return None;
            }
            let message = format!("no account is named `{glob}`");
            let finding = warn_at(ready, glob.as_str(), FindingCode::DeadStatement, message);
            let names = names.by_ref().filter(|_| !glob.is_pattern());
            Some(with_nearest(finding, glob.as_str(), names))
        }
        Selector::Ou(id) | Selector::Children(id) => {
            let ends_in = |path: &&[OuRef]| path.last().is_some_and(|ou| ou.id == *id);
            let known = id == facts.root_id() || facts.organizational_units().iter().any(ends_in);
            let message = format!("there is no organizational unit `{id}`");
            (!known).then(|| warn_at(ready, id, FindingCode::UnknownOu, message))
        }
        Selector::OuPath(path) | Selector::ChildrenPath(path) if path.is_empty() => None,
        Selector::OuPath(path) | Selector::ChildrenPath(path) => {
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
                    let finding = warn_at(ready, path, FindingCode::UnknownOu, message);
                    let known = unit_paths(facts);
                    let known = known.iter().map(String::as_str);
                    Some(with_nearest(finding, path, known))
                }
                1 => None,
                _ => {
                    let ids: Vec<&str> = ids.into_iter().collect();
                    let message = format!("`{path}` names several units: {}", ids.join(", "));
                    let finding = warn_at(ready, path, FindingCode::AmbiguousOu, message);
                    Some(finding.into_error().help("name the unit by its id"))
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
    if fits {
        return None;
    }
    let message = format!("there is no permission set `{name}`");
    let finding = warn_at(ready, name, FindingCode::DeadStatement, message);
    let names = facts.permission_sets().iter().map(|set| set.name.as_str());
    Some(match set {
        SetMatch::Every | SetMatch::Glob(_) => finding,
        SetMatch::Name(name) => with_nearest(finding, name, names),
    })
}
