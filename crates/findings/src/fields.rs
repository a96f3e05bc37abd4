//! User-defined fields of enrichment (`organization.md` E-6 to E-8, E-10).

use std::collections::BTreeMap;

use hallpass_aws_model::facts;

use crate::account::AccountTag;
use crate::settings::EnrichSettings;
use crate::text::{cut, is_blank, length, one_line};

/// Marker field of enriched findings.
pub const ENRICHED: &str = "findingEnriched";
const ACCOUNT_NAME: &str = "AccountName";
const UNIT: &str = "OU";
const CONTACT: &str = "securityContact";

/// Our fields; they override all others.
const OWN: [&str; 4] = [ACCOUNT_NAME, UNIT, ENRICHED, CONTACT];

/// Limits of fields per finding, and characters each.
const FIELDS_MAX: usize = facts::FINDING_FIELDS.count();
const KEY_MAX: usize = facts::FINDING_FIELD_KEY_CHARACTERS.count();
const VALUE_MAX: usize = facts::FINDING_FIELD_VALUE_CHARACTERS.count();

pub(crate) fn own(name: &str, unit: &str, contact: Option<&str>) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    let values = [(ACCOUNT_NAME, name), (UNIT, unit), (ENRICHED, "True")];
    let contact = contact.map(|words| (CONTACT, words));
    for (key, value) in values.into_iter().chain(contact) {
        fields.insert(key.to_owned(), cut(&one_line(value), VALUE_MAX));
    }
    fields
}

pub(crate) fn merged(
    own: &BTreeMap<String, String>,
    existing: &BTreeMap<String, String>,
    tags: &[AccountTag],
    settings: &EnrichSettings,
) -> BTreeMap<String, String> {
    let mut fields = with_existing(own, existing);
    let place = |tag: &AccountTag| {
        let mut priority = settings.tag_priority.iter();
        priority.position(|it| *it == tag.key).unwrap_or(usize::MAX)
    };
    let mut tags: Vec<&AccountTag> = tags.iter().collect();
    tags.sort_by(|one, other| (place(one), &one.key).cmp(&(place(other), &other.key)));
    for tag in tags {
        let key = if OWN.contains(&tag.key.as_str()) {
            format!("tag:{}", tag.key)
        } else {
            tag.key.clone()
        };
        let value = cut(&one_line(&tag.value), VALUE_MAX);
        if fields.len() < FIELDS_MAX && fits(&key, &value) {
            // the finding's fields override tags
            fields.entry(key).or_insert(value);
        }
    }
    fields
}

pub(crate) fn with_existing(
    own: &BTreeMap<String, String>,
    existing: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut fields = own.clone();
    // drop account data of an earlier enrichment that we do not set
    let others = existing
        .iter()
        .filter(|(key, value)| !OWN.contains(&key.as_str()) && fits(key, value));
    let room = FIELDS_MAX.saturating_sub(fields.len());
    fields.extend(
        others
            .take(room)
            .map(|(key, value)| (key.clone(), value.clone())),
    );
    fields
}

/// Adds fields if all fit; else keeps only the finding's.
pub(crate) fn beside(
    own: &BTreeMap<String, String>,
    existing: &BTreeMap<String, String>,
) -> BTreeMap<String, String> {
    let mut fields: BTreeMap<String, String> = own
        .iter()
        .map(|(key, value)| (key.clone(), cut(&one_line(value), VALUE_MAX)))
        .collect();
    let others = existing.iter().filter(|(key, _)| !own.contains_key(*key));
    fields.extend(others.map(|(key, value)| (key.clone(), value.clone())));
    if fields.len() > FIELDS_MAX {
        // never drop others' fields for ours
        return existing.clone();
    }
    fields
}

/// Finds a foreign field that an update would drop.
pub(crate) fn lost<'a>(
    existing: &'a BTreeMap<String, String>,
    written: &BTreeMap<String, String>,
) -> Option<&'a str> {
    let mut lost = existing
        .iter()
        .filter(|(key, _)| !OWN.contains(&key.as_str()))
        .filter(|(key, value)| written.get(*key) != Some(value));
    lost.next().map(|(key, _)| key.as_str())
}

fn fits(key: &str, value: &str) -> bool {
    let key_fits = !is_blank(key) && length(key) <= KEY_MAX && one_line(key) == key;
    key_fits && !is_blank(value) && length(value) <= VALUE_MAX
}
