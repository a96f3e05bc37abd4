//! Parses `assignments`: principals, sets and accounts, by the names in the file.

use hallpass_base::PermissionSetName;
use hallpass_rules::syntax::{MapEntry, Node};

use super::fields::FileReader;
use crate::file::{AssignmentBlock, Term};
use crate::finding::FileFinding;

const KEYS: [&str; 8] = [
    "permission_sets",
    "groups",
    "users",
    "accounts",
    "ous",
    "tags",
    "exclude",
    "allow_empty",
];

pub(super) fn read_all(
    reader: &mut FileReader<'_>,
    node: &Node,
    blocks: &mut Vec<AssignmentBlock>,
) {
    let items = reader.list(node, "assignments");
    blocks.extend(items.iter().filter_map(|item| read_block(reader, item)));
}

fn read_block(reader: &mut FileReader<'_>, node: &Node) -> Option<AssignmentBlock> {
    let entries = reader.object(node, "assignments", &KEYS)?;
    let mut block = AssignmentBlock {
        place: reader.place(node.position),
        permission_sets: Vec::new(),
        groups: Vec::new(),
        users: Vec::new(),
        accounts: Vec::new(),
        ous: Vec::new(),
        tags: Vec::new(),
        exclude: Vec::new(),
        allow_empty: false,
    };
    for MapEntry { key, value, .. } in entries {
        match key.as_str() {
            "permission_sets" => {
                let terms = reader.terms(key, value);
                let names = terms.into_iter().filter_map(|it| set_name(reader, it));
                block.permission_sets = names.collect();
            }
            "groups" => block.groups = reader.terms(key, value),
            "users" => block.users = reader.terms(key, value),
            "accounts" => block.accounts = reader.terms(key, value),
            "ous" => block.ous = reader.terms(key, value),
            "exclude" => block.exclude = reader.terms(key, value),
            "tags" => block.tags = tags(reader, value),
            "allow_empty" => block.allow_empty = reader.flag(key, value),
            _ => {}
        }
    }
    check(reader, &block);
    Some(block)
}

fn set_name(
    reader: &mut FileReader<'_>,
    term: Term,
) -> Option<(PermissionSetName, crate::finding::Place)> {
    match PermissionSetName::new(term.text) {
        Ok(name) => Some((name, term.place)),
        Err(error) => {
            reader.error(&term.place, error.to_string());
            None
        }
    }
}

fn tags(reader: &mut FileReader<'_>, node: &Node) -> Vec<(Term, String)> {
    let entries = reader.map(node, "tags").unwrap_or_default();
    let mut tags = Vec::new();
    for entry in entries {
        let place = reader.place(entry.position);
        if let Some(value) = reader.text(&entry.key, &entry.value) {
            let text = entry.key.clone();
            tags.push((Term { text, place }, value));
        }
    }
    tags
}

fn check(reader: &mut FileReader<'_>, block: &AssignmentBlock) {
    let mut missing = |is: bool, what: &str, help: &str| {
        if is && !reader.has_errors() {
            let finding = FileFinding::error(&block.place, format!("the block names no {what}"));
            reader.push(finding.help(help));
        }
    };
    let nobody = block.groups.is_empty() && block.users.is_empty();
    let nowhere = block.accounts.is_empty() && block.ous.is_empty() && block.tags.is_empty();
    missing(
        block.permission_sets.is_empty(),
        "permission set",
        "write `permission_sets: [NAME]`",
    );
    missing(
        nobody,
        "group or user",
        "write `groups: [NAME]` or `users: [NAME]`",
    );
    missing(
        nowhere,
        "account",
        "write `accounts: [NAME]`, `ous: [PATH]` or `tags: {KEY: VALUE}`",
    );
}
