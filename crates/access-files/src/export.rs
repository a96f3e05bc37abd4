//! Exports the state of Identity Center as files whose plan is empty (`inventory.md` A-12).

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hallpass_base::text::hidden_in;
use hallpass_base::{AccountId, PermissionSetName};
use hallpass_rules::{Directory, Glob};
use serde_json::Value;

use crate::managed_policies::written;
use crate::state::{
    CustomerPolicy, PermissionSetContent, PermissionsBoundary, PrincipalRef, SeenAccess,
    iso_duration,
};

/// Permission sets of this name belong to AWS: Control Tower makes and changes them.
const PREDEFINED: &str = "AWS*";
/// Longer inline policies are written to separate files, if files are allowed.
const INLINE_LINES_MAX: usize = 20;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    pub text: String,
    pub policies: BTreeMap<String, String>,
}

fn is_predefined(set: &PermissionSetName) -> bool {
    Glob::new(PREDEFINED).matches(set.as_str())
}

/// Leaves out AWS's own sets and temporary access, counted in a comment. `policy_files`: whether
/// long policies may be separate files.
pub fn export(seen: &SeenAccess, directory: &Directory, policy_files: bool) -> Exported {
    let mut out = Exported::default();
    let predefined = seen.sets.keys().filter(|it| is_predefined(it)).count();
    let temporary = seen.temporary.len();
    let text = &mut out.text;
    line(
        text,
        0,
        "# Permission sets and account assignments; `hallpass access plan` compares.",
    );
    line(
        text,
        0,
        &format!(
            "# Left out: {predefined} permission sets of AWS's own, {temporary} temporary assignments."
        ),
    );
    line(text, 0, "version: 1");
    line(text, 0, "instance: auto");
    line(text, 0, "settings:");
    line(text, 1, "manage: declared");
    line(text, 1, "max_destroy: 10");
    line(
        text,
        1,
        &format!("ignore: [{{permission_set: {}}}]", quoted(PREDEFINED)),
    );
    let sets: Vec<_> = seen
        .sets
        .iter()
        .filter(|(it, _)| !is_predefined(it))
        .collect();
    line(
        text,
        0,
        if sets.is_empty() {
            "permission_sets: {}"
        } else {
            "permission_sets:"
        },
    );
    for (name, set) in &sets {
        write_set(&mut out, name, &set.content, policy_files);
    }
    let names = Names::new(directory);
    let blocks: Vec<String> = sets
        .iter()
        .flat_map(|(name, _)| blocks(name, seen, &names))
        .collect();
    let text = &mut out.text;
    line(
        text,
        0,
        if blocks.is_empty() {
            "assignments: []"
        } else {
            "assignments:"
        },
    );
    text.push_str(&blocks.concat());
    out
}

fn line(text: &mut String, depth: usize, content: &str) {
    let _ = writeln!(text, "{:1$}{content}", "", depth * 2);
}

/// Quotes a text as JSON, which YAML reads alike.
pub(crate) fn quoted(text: &str) -> String {
    escaped(&Value::from(text).to_string())
}

/// Escapes hidden characters and YAML line ends; JSON and YAML read the result alike.
fn escaped(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for (_, c, hidden) in hidden_in(json) {
        let code = u32::from(c);
        let _ = match c {
            '\u{7f}' | '\u{85}' | '\u{2028}' | '\u{2029}' => write!(text, "\\u{code:04x}"),
            _ if !hidden => write!(text, "{c}"),
            _ if code > 0xffff => write!(text, "\\U{code:08x}"),
            _ => write!(text, "\\u{code:04x}"),
        };
    }
    text
}

/// Returns the text without quotes if YAML cannot misread it.
fn plain(text: &str) -> String {
    let is_word = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_-./@+".contains(c));
    let is_taken = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&text.to_ascii_lowercase().as_str());
    if is_word && !is_taken {
        text.to_owned()
    } else {
        quoted(text)
    }
}

fn list<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let items: Vec<String> = items.into_iter().map(plain).collect();
    format!("[{}]", items.join(", "))
}

fn customer(policy: &CustomerPolicy) -> String {
    format!(
        "{{name: {}, path: {}}}",
        plain(&policy.name),
        quoted(&policy.path)
    )
}

fn write_set(
    out: &mut Exported,
    name: &PermissionSetName,
    set: &PermissionSetContent,
    policy_files: bool,
) {
    let text = &mut out.text;
    line(text, 1, &format!("{}:", plain(name.as_str())));
    if let Some(description) = &set.description {
        line(text, 2, &format!("description: {}", quoted(description)));
    }
    line(
        text,
        2,
        &format!("session_duration: {}", iso_duration(set.session_seconds)),
    );
    if let Some(relay) = &set.relay_state {
        line(text, 2, &format!("relay_state: {}", quoted(relay)));
    }
    if !set.managed_policies.is_empty() {
        let names = set.managed_policies.iter().map(|arn| written(arn));
        line(text, 2, &format!("managed_policies: {}", list(names)));
    }
    if !set.customer_managed_policies.is_empty() {
        let all: Vec<String> = set.customer_managed_policies.iter().map(customer).collect();
        line(
            text,
            2,
            &format!("customer_managed_policies: [{}]", all.join(", ")),
        );
    }
    match &set.permissions_boundary {
        None => {}
        Some(PermissionsBoundary::Managed(arn)) => {
            let managed = format!("permissions_boundary: {{managed: {}}}", plain(written(arn)));
            line(text, 2, &managed);
        }
        Some(PermissionsBoundary::Customer(policy)) => {
            let own = format!(
                "permissions_boundary: {{customer_managed: {}}}",
                customer(policy)
            );
            line(text, 2, &own);
        }
    }
    if !set.tags.is_empty() {
        let tags = set
            .tags
            .iter()
            .map(|(key, value)| format!("{}: {}", quoted(key), quoted(value)));
        line(
            text,
            2,
            &format!("tags: {{{}}}", tags.collect::<Vec<_>>().join(", ")),
        );
    }
    if let Some(policy) = &set.inline_policy {
        write_policy(out, name, policy, policy_files);
    }
}

fn write_policy(out: &mut Exported, name: &PermissionSetName, policy: &Value, policy_files: bool) {
    let pretty = serde_json::to_string_pretty(policy).unwrap_or_default();
    if policy_files && pretty.lines().count() > INLINE_LINES_MAX {
        let path = format!("policies/{name}.json");
        line(
            &mut out.text,
            2,
            &format!("inline_policy: {{file: {}}}", quoted(&path)),
        );
        out.policies.insert(path, format!("{pretty}\n"));
        return;
    }
    line(&mut out.text, 2, "inline_policy:");
    for row in pretty.lines() {
        line(&mut out.text, 3, &escaped(row));
    }
}

/// Names of items in a file: the name if unique, else the id.
struct Names<'a> {
    directory: &'a Directory,
    accounts: BTreeMap<&'a str, usize>,
    groups: BTreeMap<&'a str, usize>,
    users: BTreeMap<&'a str, usize>,
}

fn counted<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_insert(0) += 1;
    }
    counts
}

impl<'a> Names<'a> {
    fn new(directory: &'a Directory) -> Self {
        let people = directory.snapshot().people.iter();
        Self {
            directory,
            accounts: counted(directory.accounts().iter().map(|it| it.name.as_str())),
            groups: counted(directory.groups().iter().map(|it| it.name.as_str())),
            users: counted(people.map(|it| it.user_name.as_str())),
        }
    }

    fn account(&self, id: &AccountId) -> String {
        let is_usable = |name: &str| {
            let is_id = AccountId::new(name).is_ok();
            self.accounts.get(name) == Some(&1) && !is_id && !name.trim().is_empty()
        };
        match self.directory.account(id) {
            Some(account) if is_usable(&account.name) => account.name.clone(),
            _ => id.to_string(),
        }
    }

    fn principal(&self, principal: &PrincipalRef) -> String {
        let (name, counts) = match principal {
            PrincipalRef::Group(id) => (
                self.directory.group(id).map(|it| it.name.as_str()),
                &self.groups,
            ),
            PrincipalRef::User(id) => (
                self.directory.person(id).map(|it| it.user_name.as_str()),
                &self.users,
            ),
        };
        let is_usable = |name: &&str| {
            counts.get(name) == Some(&1) && !name.starts_with("id:") && !name.trim().is_empty()
        };
        match name.filter(is_usable) {
            Some(name) => name.to_owned(),
            None => format!("id:{}", principal.id()),
        }
    }
}

/// Returns the blocks of one set: principals with the same accounts share one.
fn blocks(set: &PermissionSetName, seen: &SeenAccess, names: &Names<'_>) -> Vec<String> {
    let mut accounts: BTreeMap<&PrincipalRef, BTreeSet<&AccountId>> = BTreeMap::new();
    for it in seen
        .assignments
        .iter()
        .filter(|it| it.permission_set == *set)
    {
        accounts
            .entry(&it.principal)
            .or_default()
            .insert(&it.account);
    }
    let mut shared: BTreeMap<BTreeSet<&AccountId>, Vec<&PrincipalRef>> = BTreeMap::new();
    for (principal, accounts) in accounts {
        shared.entry(accounts).or_default().push(principal);
    }
    let mut blocks: Vec<String> = shared
        .into_iter()
        .map(|(accounts, principals)| {
            let mut text = String::new();
            let is_group = |it: &&&PrincipalRef| matches!(it, PrincipalRef::Group(_));
            let (groups, users): (Vec<&PrincipalRef>, Vec<&PrincipalRef>) =
                principals.iter().partition(|it| is_group(it));
            line(
                &mut text,
                1,
                &format!("- permission_sets: {}", list([set.as_str()])),
            );
            for (key, all) in [("groups", groups), ("users", users)] {
                let called: BTreeSet<String> = all.iter().map(|it| names.principal(it)).collect();
                if !called.is_empty() {
                    let all = list(called.iter().map(String::as_str));
                    line(&mut text, 2, &format!("{key}: {all}"));
                }
            }
            let called: BTreeSet<String> = accounts.iter().map(|it| names.account(it)).collect();
            let all = list(called.iter().map(String::as_str));
            line(&mut text, 2, &format!("accounts: {all}"));
            text
        })
        .collect();
    blocks.sort();
    blocks
}
