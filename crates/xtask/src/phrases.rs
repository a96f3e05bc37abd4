//! Refuses phrases that `phrases.txt` lists in comments and documents.

use std::sync::LazyLock;

use crate::breach::Breach;
use crate::texts::has_extension;

/// The list itself, and texts of others.
const SKIPPED: &[&str] = &["crates/iam/data/", "crates/xtask/src/phrases.rs"];

static PHRASES: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let lines = include_str!("../phrases.txt").lines();
    let lines = lines.filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(": ")).collect()
});

pub(crate) fn check(path: &str, text: &str) -> Vec<Breach> {
    let is_page = has_extension(path, "md");
    let is_skipped = SKIPPED.iter().any(|start| path.starts_with(start));
    if is_skipped || !(is_page || has_extension(path, "rs")) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if !is_page && !line.trim_start().starts_with("//") {
            continue;
        }
        let line = line.to_lowercase();
        for (phrase, use_instead) in PHRASES.iter().filter(|(phrase, _)| has(&line, phrase)) {
            let message = format!("replace `{phrase}`: {use_instead}");
            findings.push(Breach::new(path, index + 1, message));
        }
    }
    findings
}

/// Returns whether `phrase` stands in `line` as words, not within a name such as `nobody-can-ask`.
fn has(line: &str, phrase: &str) -> bool {
    line.match_indices(phrase).any(|(at, _)| {
        let before = line.get(..at).and_then(|it| it.chars().next_back());
        let after = line
            .get(at + phrase.len()..)
            .and_then(|it| it.chars().next());
        let is_name = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "_-`".contains(c));
        !is_name(before) && !is_name(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_are_found_in_comments_and_documents() {
        for (path, text, lines) in [
            ("docs/a.md", "Fine.\nNobody knows.\n", vec![2]),
            (
                "docs/a.md",
                "`nobody-can-ask` and nobody-else, bodies\n",
                vec![],
            ),
            (
                "a.rs",
                "//! Whoever it is.\nlet whoever = 1; // whoever\n",
                vec![1],
            ),
            ("a.rs", "    /// Was told, and is told.\n", vec![1, 1]),
            ("a.py", "# nobody\n", vec![]),
        ] {
            let found = check(path, text);
            let found: Vec<_> = found.iter().map(|it| it.line).collect();
            assert_eq!(found, lines, "{path}: {text}");
        }
        let found = check("docs/a.md", "It is told.");
        assert!(
            found[0]
                .to_string()
                .contains("replace `is told`: `is notified`")
        );
    }

    #[test]
    fn each_line_of_the_list_has_a_phrase_and_words() {
        let lines = include_str!("../phrases.txt").lines();
        let lines = lines.filter(|line| !line.starts_with('#'));
        assert_eq!(PHRASES.len(), lines.count());
        assert!(
            PHRASES
                .iter()
                .all(|(phrase, _)| *phrase == phrase.to_lowercase())
        );
    }
}
