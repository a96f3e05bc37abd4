//! Citable parts of specification pages: sections, numbered sentences and named rules. Numbering:
//! `docs/spec/README.md`.

use std::collections::{BTreeMap, BTreeSet};

use crate::breach::Breach;

const FOLDER: &str = "docs/spec/";
/// The page of the promises, cited by name alone (`P9`).
pub(crate) const PROMISES: &str = "design.md";

#[derive(Debug, Default)]
pub(crate) struct SpecPage {
    /// `7` and `7.2`: headings, and the items of numbered lists below them.
    sections: BTreeSet<String>,
    /// Items that begin with a name, such as `P9`, and rows of tables.
    rules: BTreeSet<String>,
}

impl SpecPage {
    pub(crate) fn has_section(&self, number: &str) -> bool {
        self.sections.contains(number)
    }

    pub(crate) fn has_rule(&self, name: &str) -> bool {
        self.rules.contains(name)
    }

    /// Returns whether the page has rules with the same letters, with or without a hyphen.
    pub(crate) fn has_series(&self, name: &str) -> bool {
        let wanted = series(name);
        self.rules.iter().any(|known| series(known) == wanted)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Spec {
    pages: BTreeMap<String, SpecPage>,
}

impl Spec {
    pub(crate) fn page(&self, name: &str) -> Option<&SpecPage> {
        self.pages.get(name)
    }

    pub(crate) fn with_rule(&self, name: &str) -> impl Iterator<Item = &str> {
        let pages = self
            .pages
            .iter()
            .filter(move |(_, page)| page.has_rule(name));
        pages.map(|(name, _)| name.as_str())
    }

    /// Adds a specification page. Reports duplicate numbers, which cannot be cited.
    pub(crate) fn add(&mut self, path: &str, text: &str) -> Vec<Breach> {
        let Some(name) = page_name(path) else {
            return Vec::new();
        };
        let mut reading = SpecReading {
            path,
            page: SpecPage::default(),
            section: String::new(),
            findings: Vec::new(),
        };
        for (index, line) in outside_fences(text) {
            reading.line(index + 1, line);
        }
        self.pages.insert(name.to_owned(), reading.page);
        reading.findings
    }
}

/// Returns a specification page's file name; `None` for the page about them.
pub(crate) fn page_name(path: &str) -> Option<&str> {
    let name = path.strip_prefix(FOLDER)?;
    let is_page = crate::texts::has_extension(name, "md") && name != "README.md";
    (is_page && !name.contains('/')).then_some(name)
}

/// Returns lines outside code fences, with their index.
pub(crate) fn outside_fences(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    text.lines().enumerate().filter(move |(_, line)| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// Returns whether a word is a rule name: letters, an optional hyphen, a number.
pub(crate) fn is_rule(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let letters = word.len() - digits.len();
    let number = digits.strip_prefix('-').unwrap_or(digits);
    let most = if number.len() == digits.len() { 1 } else { 2 };
    (1..=most).contains(&letters)
        && (1..=3).contains(&number.len())
        && number.chars().all(|c| c.is_ascii_digit())
}

fn series(name: &str) -> &str {
    name.trim_end_matches(|c: char| c.is_ascii_digit())
}

struct SpecReading<'a> {
    path: &'a str,
    page: SpecPage,
    section: String,
    findings: Vec<Breach>,
}

impl SpecReading<'_> {
    fn line(&mut self, number: usize, line: &str) {
        if line.starts_with('#') {
            let words = line.trim_start_matches('#').trim_start();
            let found = leading_number(words).unwrap_or_default();
            found.clone_into(&mut self.section);
            if !self.section.is_empty() {
                self.section(number, self.section.clone());
            }
        } else if let Some(item) = list_number(line) {
            if !self.section.is_empty() {
                self.section(number, format!("{}.{item}", self.section));
            }
        } else if let Some(item) = line.strip_prefix("- ") {
            self.rules(number, item.split_whitespace().take(1));
        } else if let Some(row) = line.strip_prefix("| ") {
            let first = row.split('|').next().unwrap_or_default();
            if first.split_whitespace().all(|word| is_rule(bare(word))) {
                self.rules(number, first.split_whitespace());
            }
        }
    }

    fn section(&mut self, line: usize, number: String) {
        if self.page.sections.contains(&number) {
            let message = format!("§{number} is here twice: renumber it");
            self.findings.push(Breach::new(self.path, line, message));
        }
        self.page.sections.insert(number);
    }

    fn rules<'w>(&mut self, line: usize, words: impl Iterator<Item = &'w str>) {
        for name in words.map(bare).filter(|word| is_rule(word)) {
            if !self.page.rules.insert(name.to_owned()) {
                let message = format!("{name} is here twice: give one of them another name");
                self.findings.push(Breach::new(self.path, line, message));
            }
        }
    }
}

fn bare(word: &str) -> &str {
    word.trim_matches(['*', '`', ':', ','])
}

/// `7.2` of `7.2 Title` and `7` of `7. Title`.
fn leading_number(words: &str) -> Option<&str> {
    let word = words.split_whitespace().next()?.trim_end_matches('.');
    let number = word.chars().all(|c| c.is_ascii_digit() || c == '.');
    (number && !word.is_empty()).then_some(word)
}

/// `2` of `2. Item`, at the start of the line.
fn list_number(line: &str) -> Option<&str> {
    let (number, _) = line.split_once(". ")?;
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    digits.then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Access\n\n## 1. One\n\n1. first\n2. second\n\n### 1.3 Inner\n\n\
        1. inner\n\n## Words\n\n1. not below a number\n\n## 2. Two\n\n- R-1 a rule\n\
        - **P1 Ends.** so\n- no rule\n\n| A01 | x |\n| W-02 W-03 | y |\n| one 60 | z |\n\n\
        ```\n1. not an item\n| B-1 |\n```\n";

    #[test]
    fn headings_items_and_rows_can_be_cited() {
        let mut spec = Spec::default();
        assert_eq!(spec.add("docs/spec/access.md", PAGE), []);
        let page = spec.page("access.md").unwrap();
        let all = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(" ");
        assert_eq!(all(&page.sections), "1 1.1 1.2 1.3 1.3.1 2");
        assert_eq!(all(&page.rules), "A01 P1 R-1 W-02 W-03");
        assert!(page.has_series("W-99") && page.has_series("A7"));
        assert!(!page.has_series("A-7") && !page.has_series("V-1"));
        assert_eq!(spec.with_rule("R-1").collect::<Vec<_>>(), ["access.md"]);
    }

    #[test]
    fn other_files_are_no_pages() {
        let mut spec = Spec::default();
        for path in [
            "docs/how-to/a.md",
            "docs/spec/README.md",
            "docs/spec/a.png",
            "docs/spec/old/a.md",
            "spec/a.md",
        ] {
            assert_eq!(spec.add(path, PAGE), [], "{path}");
        }
        assert_eq!(spec.pages.len(), 0);
    }

    #[test]
    fn what_is_numbered_alike_twice_is_told() {
        let rows = [
            ("## 1. A\n\n## 1. B\n", "docs/spec/a.md:3: §1 is here twice"),
            ("## 1. A\n\n1. x\n1. y\n", "docs/spec/a.md:4: §1.1 is here"),
            ("- R-1 x\n\n| R-1 | y |\n", "docs/spec/a.md:3: R-1 is here"),
        ];
        for (text, expected) in rows {
            let found = Spec::default().add("docs/spec/a.md", text);
            let found: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert_eq!(found.len(), 1, "{text}: {found:?}");
            assert!(found[0].starts_with(expected), "{text}: {found:?}");
        }
    }

    #[test]
    fn names_of_rules_are_told_from_other_words() {
        for name in ["R-1", "AU-4", "W-13", "P-256", "A01", "E18", "P9"] {
            assert!(is_rule(name), "{name}");
        }
        for word in [
            "UTF-8", "SHA-256", "R-", "R-1234", "AB1", "a-1", "1-1", "R", "", "R-1a",
        ] {
            assert!(!is_rule(word), "{word}");
        }
    }
}
