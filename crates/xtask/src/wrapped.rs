//! Requires wrapped prose, so that a changed sentence is a small diff. Unbreakable parts are
//! exempt: tables, headings, code blocks, HTML, link addresses, one long word.

use crate::breach::Breach;
use crate::spec::outside_fences;
use crate::texts::has_extension;

const WIDTH: usize = 100;
const GENERATED: &[&str] = &[
    "docs/reference/api.md",
    "docs/reference/commands.md",
    "docs/reference/environment.md",
];

pub(crate) fn check(path: &str, text: &str) -> Vec<Breach> {
    if !has_extension(path, "md") || path.contains("/golden/") || GENERATED.contains(&path) {
        return Vec::new();
    }
    let lines = outside_fences(text);
    let long = lines.filter(|(_, line)| line.chars().count() > WIDTH && can_be_broken(line));
    long.map(|(index, line)| {
        let columns = line.chars().count();
        let message = format!("wrap prose at {WIDTH} columns, not {columns}");
        Breach::new(path, index + 1, message)
    })
    .collect()
}

/// Returns whether a line has a second piece that may begin a line.
fn can_be_broken(line: &str) -> bool {
    let line = line.trim_start_matches([' ', '>']);
    if line.starts_with(['|', '#', '<']) || is_definition(line) {
        return false;
    }
    let marker = line.split(' ').next().filter(|it| is_marker(it));
    let line = marker.and_then(|it| line.strip_prefix(it)).unwrap_or(line);
    let (mut in_code, mut pieces, mut begins) = (false, 0_usize, true);
    for word in line.split(' ').filter(|word| !word.is_empty()) {
        pieces += usize::from(begins && !is_marker(word) && !word.starts_with('§'));
        in_code ^= word.matches('`').count() % 2 == 1;
        begins = !in_code;
    }
    pieces > 1
}

/// The address of a link by name: `[name]: address`.
fn is_definition(line: &str) -> bool {
    line.starts_with('[') && line.contains("]: ")
}

/// Returns whether a word would begin an item or another block.
fn is_marker(word: &str) -> bool {
    let number = word.trim_end_matches(['.', ')']);
    let is_number = number.len() < word.len() && number.chars().all(|c| c.is_ascii_digit());
    is_number || matches!(word, "-" | "+" | "*") || word.starts_with(['#', '>', '|', '='])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_of_prose_are_found_and_what_cannot_be_broken_is_not() {
        let long = "x".repeat(WIDTH);
        for (line, is_found) in [
            (format!("a {long}"), true),
            (format!("- a {long}"), true),
            (format!("   > 12. a {long}"), true),
            (format!("a `b c` {long}"), true),
            (long.clone() + " b", true),
            ("x".repeat(WIDTH), false),
            (format!("- {long}"), false),
            (format!("  1. [a]({long})"), false),
            (format!("`a b {long}`"), false),
            (format!("`{long}` §7.2"), false),
            (format!("| a | {long} |"), false),
            (format!("## a {long}"), false),
            (format!("[a b]: {long}"), false),
            (format!("<p> {long}"), false),
            // columns, not bytes
            (format!("a {}", "é".repeat(WIDTH - 2)), false),
        ] {
            let found = check("docs/a.md", &format!("a\n{line}\n```sh\na {long}\n```\n"));
            let places: Vec<usize> = found.iter().map(|it| it.line).collect();
            assert_eq!(places, vec![2; usize::from(is_found)], "{line}");
        }
        let page = format!("a {long}\n");
        for other in [
            "a.rs",
            "docs/reference/api.md",
            "crates/a/tests/golden/a.md",
        ] {
            assert!(check(other, &page).is_empty(), "{other}");
        }
    }
}
