//! The lists of rules in a file of the sso-elevator form, by name.

use crate::diagnostic::nearest_key;

/// The keys of a file that hold its lists.
pub(crate) const LISTS: [&str; 4] = ["statements", "group_statements", "config", "group_config"];

/// Those of them that a Terraform module of the original has.
pub(crate) const MODULE_LISTS: [&str; 2] = ["config", "group_config"];

/// The list whose key was probably meant by another one.
pub(crate) fn nearly_a_list(key: &str) -> Option<&'static str> {
    nearest_key(key, LISTS)
}
