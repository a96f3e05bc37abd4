//! Tags of a list's accounts (`organization.md` V-4).

use std::collections::BTreeMap;

use hallpass_aws_model::facts;
use serde::{Deserialize, Serialize};

use super::fault::RowFaults;
use super::file::{TAGS, VendingRow};

const TAGS_MAX: usize = facts::TAGS_PER_ACCOUNT.count();
const KEY_MAX: usize = facts::TAG_KEY_CHARACTERS.count();
const VALUE_MAX: usize = facts::TAG_VALUE_CHARACTERS.count();
/// AWS's key prefix, in any case.
const RESERVED: &str = "aws:";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct AccountTags {
    pub(crate) email: String,
    pub(crate) tags: BTreeMap<String, String>,
}

/// Why AWS would reject a tag; `None` if valid.
pub fn tag_fault(key: &str, value: &str) -> Option<String> {
    let begins = key.get(..RESERVED.len());
    if key.is_empty() || key.chars().count() > KEY_MAX {
        return Some(format!("a key has 1 to {KEY_MAX} characters"));
    }
    if value.chars().count() > VALUE_MAX {
        return Some(format!(
            "the value of {key} has more than {VALUE_MAX} characters"
        ));
    }
    if begins.is_some_and(|it| it.eq_ignore_ascii_case(RESERVED)) {
        return Some(format!(
            "{key} begins with {RESERVED}, which is for AWS alone"
        ));
    }
    None
}

/// List tags and the row's own, which win.
pub(super) fn check_tags(
    row: &VendingRow<'_>,
    of_list: &BTreeMap<String, String>,
    wrong: &mut RowFaults,
) -> BTreeMap<String, String> {
    let mut own = BTreeMap::new();
    for part in row.cell(TAGS).split(';').filter(|it| !it.trim().is_empty()) {
        let Some((key, value)) = part.split_once('=').filter(|it| !it.0.trim().is_empty()) else {
            wrong.in_list(TAGS, format!("{TAGS} must be written k=v;k2=v2"));
            return BTreeMap::new();
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        if let Some(fault) = tag_fault(&key, &value) {
            wrong.in_list(TAGS, format!("{TAGS}: {fault}"));
        }
        if own.contains_key(&key) {
            wrong.in_list(TAGS, format!("{TAGS}: {key} stands there twice"));
        }
        own.insert(key, value);
    }
    let mut tags = of_list.clone();
    tags.extend(own);
    if tags.len() > TAGS_MAX {
        let count = tags.len();
        wrong.in_list(
            TAGS,
            format!("{TAGS}: {count} in all, and an account takes {TAGS_MAX}"),
        );
    }
    tags
}
