//! Pages of the documentation that texts of any kind name (`docs/how-to/install.md` in a message,
//! a comment, a script) are there: a link is followed, a name in a message is only read.

use std::collections::BTreeSet;

use crate::breach::Breach;

const FOLDER: &str = "docs/";
const ENDING: &str = ".md";
/// Trees of its own tests name pages that are nowhere.
const SKIPPED: &str = "crates/xtask/";

/// Checks one file against the pages that are there.
pub(crate) fn check(pages: &BTreeSet<&str>, path: &str, text: &str) -> Vec<Breach> {
    if path.starts_with(SKIPPED) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for name in named(line) {
            if !pages.contains(name) {
                let message = format!("names `{name}`, which is not there");
                findings.push(Breach::new(path, index + 1, message));
            }
        }
    }
    findings
}

/// The pages that a line names from the top of the repository.
fn named(line: &str) -> impl Iterator<Item = &str> {
    line.match_indices(FOLDER).filter_map(move |(at, _)| {
        let before = line.get(..at)?;
        let begins = before.strip_suffix("../").unwrap_or(before);
        let is_part = begins.ends_with(|c: char| c.is_alphanumeric() || "/-_.".contains(c));
        if is_part && begins.len() == before.len() {
            return None;
        }
        let rest = line.get(at..)?;
        let length = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || "/-_.".contains(c)))
            .unwrap_or(rest.len());
        let word = rest.get(..length)?;
        let end = word.rfind(ENDING)?.checked_add(ENDING.len())?;
        word.get(..end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_not_there_is_found_where_it_is_named() {
        let pages = BTreeSet::from(["docs/how-to/a.md"]);
        let found = |path: &str, text: &str| -> Vec<String> {
            let found = check(&pages, path, text);
            found.iter().map(ToString::to_string).collect()
        };
        let text = "help(\"docs/how-to/a.md says how\")\n// see docs/guide/b.md.\n";
        assert_eq!(
            found("crates/a/src/lib.rs", text),
            ["crates/a/src/lib.rs:2: names `docs/guide/b.md`, which is not there"]
        );
        let included = "include_str!(\"../../docs/gone.md\")\n";
        assert_eq!(found("a.rs", included).len(), 1);
        for fine in [
            "docs/NNNN-x and docs/spec/",
            "mydocs/b.md",
            "https://e.org/docs/b.md",
        ] {
            assert_eq!(found("a.md", fine), [""; 0], "{fine}");
        }
        assert_eq!(found("crates/xtask/src/docs.rs", text), [""; 0]);
    }
}
