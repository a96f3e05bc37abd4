//! Conditions: operators, keys, combinations (codes 27 to 37, 63, 66, 67).

mod keys;
mod pitfalls;

use super::checker::Checker;

pub(super) fn check(checker: &mut Checker<'_>) {
    keys::check(checker);
    pitfalls::check(checker);
}
