//! Checks that documentation pages named in any text (`docs/how-to/install.md` in a message, a
//! comment, a script) exist.

use std::collections::BTreeSet;

use crate::breach::Breach;

const FOLDER: &str = "docs/";
const ENDING: &str = ".md";
/// Its tests name pages that do not exist.
const SKIPPED: &str = "crates/xtask/";

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
