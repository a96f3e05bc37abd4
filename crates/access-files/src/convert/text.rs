//! Renders proposed rules as a native rule file.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallpass_base::{AccountId, GroupId, TimeSpan};
use hallpass_rules::{Directory, canonical_toml};

use super::{Conversion, ProposedAccounts, ProposedRule};
use crate::export::quoted;

#[derive(Clone, Debug)]
pub struct ProposedLimits {
    /// The approver group, as rules name it.
    pub approvers: String,
    pub max_duration: TimeSpan,
}

/// Renders TOML. Ambiguous names are written as ids, with the name in a comment.
pub fn proposed_rules(
    conversion: &Conversion,
    directory: &Directory,
    limits: &ProposedLimits,
) -> String {
    let mut text = "# Rules in place of standing access, proposed by `hallpass access convert`.\n\
                    # How often it is used is not known: there are no data of CloudTrail.\n"
        .to_owned();
    if conversion.rules.is_empty() {
        text.push_str("rule = []\n");
    }
    for rule in &conversion.rules {
        write_rule(&mut text, rule, directory, limits);
    }
    // The form of `rules fmt`: long lists are split into lines.
    canonical_toml("rules.toml", &text).unwrap_or(text)
}

fn write_rule(
    text: &mut String,
    rule: &ProposedRule,
    directory: &Directory,
    limits: &ProposedLimits,
) {
    let _ = write!(text, "\n[[rule]]\nid = {}\n", quoted(&rule.id));
    let about = match &rule.people {
        None => "replaces standing access".to_owned(),
        Some(people) if people.len() == 1 => "replaces standing access of 1 person".to_owned(),
        Some(people) => format!("replaces standing access of {} people", people.len()),
    };
    let _ = writeln!(text, "description = {}", quoted(&about));
    match &rule.accounts {
        ProposedAccounts::Accounts(ids) => {
            let name = |id: &AccountId| directory.account(id).map(|it| it.name.clone());
            list(
                text,
                "accounts",
                ids.iter().map(|it| (it.to_string(), name(it))),
            );
        }
        ProposedAccounts::Units(ids) => {
            let named = ids.iter().map(|id| (id.clone(), path(id, directory)));
            list(text, "ous", named);
        }
    }
    let sets = rule.permission_sets.iter();
    let sets = sets.map(|it| (it.as_str().to_owned(), None));
    list(text, "permission_sets", sets);
    if !rule.groups.is_empty() {
        let groups = rule.groups.iter().map(|it| group(it, directory));
        list(text, "allowed_groups", groups);
    }
    let emails = rule.users.iter().filter_map(|user| {
        let email = directory.person(user)?.emails.first()?;
        Some(email.to_string())
    });
    let emails: BTreeSet<String> = emails.collect();
    if !emails.is_empty() {
        list(
            text,
            "allowed_users",
            emails.into_iter().map(|it| (it, None)),
        );
    }
    let (approvers, longest) = (quoted(&limits.approvers), limits.max_duration.to_string());
    let _ = writeln!(text, "approver_groups = [{approvers}]");
    let _ = writeln!(text, "max_duration = {}", quoted(&longest));
}

/// Returns a group as rules name it, and its display name beside an id.
fn group(id: &GroupId, directory: &Directory) -> (String, Option<String>) {
    let name = directory.group(id).map(|it| it.name.clone());
    let is_plain = |name: &String| {
        let is_its = directory.group_by_name(name).map(|it| &it.id) == Some(id);
        let is_word = name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_. ".contains(c));
        is_its && is_word && name.trim() == name && GroupId::new(name.as_str()).is_err()
    };
    match name {
        Some(name) if is_plain(&name) => (name, None),
        name => (id.to_string(), name),
    }
}

fn path(unit: &str, directory: &Directory) -> Option<String> {
    let units = directory.organizational_units().into_iter();
    let mut units = units.filter(|it| it.last().is_some_and(|last| last.id == unit));
    let names = units.next()?.iter().map(|it| it.name.as_str());
    Some(names.collect::<Vec<_>>().join("/"))
}

/// Writes a key with a list, one entry a line if an entry has a comment.
fn list(text: &mut String, key: &str, entries: impl Iterator<Item = (String, Option<String>)>) {
    let entries: Vec<_> = entries.collect();
    if entries.iter().all(|(_, about)| about.is_none()) {
        let entries: Vec<String> = entries.iter().map(|(it, _)| quoted(it)).collect();
        let _ = writeln!(text, "{key} = [{}]", entries.join(", "));
        return;
    }
    let _ = writeln!(text, "{key} = [");
    for (entry, about) in entries {
        let about = about.map(|it| format!(" # {}", quoted(&it)));
        let _ = writeln!(text, "  {},{}", quoted(&entry), about.unwrap_or_default());
    }
    text.push_str("]\n");
}
