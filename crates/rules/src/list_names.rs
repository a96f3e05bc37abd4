//! Names of the rule lists in the sso-elevator form.

use crate::diagnostic::nearest_key;

pub(crate) const LISTS: [&str; 4] = ["statements", "group_statements", "config", "group_config"];

/// Those of the original's Terraform module.
pub(crate) const MODULE_LISTS: [&str; 2] = ["config", "group_config"];

/// Returns the list that a misspelled key probably means.
pub(crate) fn nearly_a_list(key: &str) -> Option<&'static str> {
    nearest_key(key, LISTS)
}
