//! Suggests names for typing errors.

use std::collections::BTreeSet;

const CHANGES_MAX: usize = 3;

pub fn nearest<'a>(text: &str, known: &'a BTreeSet<String>) -> Option<&'a String> {
    let typed = text.to_lowercase();
    let near = known.iter().filter_map(|name| {
        let name_typed = name.to_lowercase();
        let changes = strsim::damerau_levenshtein(&typed, &name_typed);
        let is_part = typed.len() > 2 && name_typed.contains(&typed);
        (changes <= CHANGES_MAX.min(typed.len() / 2) || is_part).then_some((changes, name))
    });
    near.min().map(|(_, name)| name)
}
