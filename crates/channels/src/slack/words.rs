//! Slack's text limits and short message texts. Shared sentences and Slack formatting are in
//! `hallpass_channels::wording`.

use crate::wording::{escape, names};
use hallpass_access::Directory;
use hallpass_base::{Email, TargetNames};

pub(crate) const FIELD_MAX: usize = 2_000;
pub(crate) const SECTION_MAX: usize = 3_000;
pub(crate) const NAME_MAX: usize = 1_000;
pub(crate) const LABEL_MAX: usize = 75;

pub(crate) fn names_of(emails: &[Email], directory: &Directory) -> Vec<String> {
    let all = emails.iter();
    all.map(|email| names::known_as(email, directory)).collect()
}

/// `payments-prod / DatabaseOperator`, or a group's name.
pub(crate) fn target(names: &TargetNames) -> String {
    escape(&names.to_string())
}

/// `DatabaseOperator in payments-prod`, or `group oncall`.
pub(crate) fn role_in(names: &TargetNames) -> String {
    names::target_as(names, escape)
}
