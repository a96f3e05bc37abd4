use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Glob;

use super::fields::RuleReader;
use crate::{
    attributes::{AttributeMatch, PersonAttribute},
    diagnostic::{FindingCode, nearest_name, shorten},
    syntax::{MapEntry, Node},
};

/// Required user attributes: `{ department = "Payments", user_type = ["*", "!Contractor"] }`. All
/// must match.
pub(super) fn attribute_matches(
    reader: &mut RuleReader,
    key: &str,
    node: &Node,
) -> BTreeSet<AttributeMatch> {
    let mut matches = BTreeSet::new();
    for (attribute, entry) in entries(reader, key, node) {
        let (mut values, mut except) = (BTreeSet::new(), BTreeSet::new());
        for (text, item) in reader.texts(key, &entry.value) {
            let (list, value) = match text.strip_prefix('!') {
                Some(rest) => (&mut except, rest),
                None => (&mut values, text),
            };
            if value.trim().is_empty() || value.starts_with('!') {
                let help = "write a value, a glob like `Pay*`, or `!` right before an exclusion";
                reader.bad(FindingCode::BadResource, key, item, "not a value", help);
            } else {
                list.insert(Glob::new(value.trim()));
            }
        }
        if values.is_empty() {
            let message = format!("`{attribute}` selects nothing");
            let help = "write values that are accepted, as in `[\"*\", \"!Contractor\"]`";
            reader.bad(FindingCode::BadResource, key, &entry.value, &message, help);
        }
        matches.insert(AttributeMatch {
            attribute,
            values,
            except,
        });
    }
    matches
}

pub(super) fn attributes_held(
    reader: &mut RuleReader,
    key: &str,
    node: &Node,
) -> BTreeMap<PersonAttribute, String> {
    let mut held = BTreeMap::new();
    for (attribute, entry) in entries(reader, key, node) {
        let value = reader.text(key, &entry.value);
        held.extend(value.map(|value| (attribute, value.to_owned())));
    }
    held
}

fn entries<'a>(
    reader: &mut RuleReader,
    key: &str,
    node: &'a Node,
) -> Vec<(PersonAttribute, &'a MapEntry)> {
    let Some(entries) = reader.map(node, &format!("`{key}`")) else {
        return Vec::new();
    };
    if entries.is_empty() {
        let help = "name at least one attribute, or leave the key out";
        reader.bad(
            FindingCode::BadResource,
            key,
            node,
            "no attribute is named",
            help,
        );
    }
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.key.as_str();
        let attribute = PersonAttribute::ALL
            .into_iter()
            .find(|it| it.name() == name);
        if attribute.is_none() {
            let names = PersonAttribute::ALL.map(PersonAttribute::name);
            let help = match nearest_name(name, names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!(
                    "write one of {}",
                    names.map(|it| format!("`{it}`")).join(", ")
                ),
            };
            let message = format!("`{}` is no attribute of people", shorten(name));
            reader.bad(
                FindingCode::UnknownField,
                key,
                &entry.value,
                &message,
                &help,
            );
        }
        found.extend(attribute.map(|attribute| (attribute, entry)));
    }
    found
}
