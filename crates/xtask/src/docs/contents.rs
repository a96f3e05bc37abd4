//! The documentation index, `docs/README.md`: the only list of pages, their order and search terms.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use pulldown_cmark::{Event, HeadingLevel, Tag, TagEnd};

use super::markdown::{leads_outside, line, links, parser, resolve};
use crate::breach::Breach;

pub(crate) const INDEX: &str = "docs/README.md";
pub(crate) const DECISIONS: &str = "docs/decisions/README.md";
const WHOLE: &[&str] = &["docs/spec", "docs/decisions"];

#[derive(Debug)]
pub(crate) struct IndexEntry {
    pub(crate) path: PathBuf,
    /// Its headings: `How-to guides`, `Set up`.
    pub(crate) group: (String, String),
    line: usize,
}

pub(crate) fn read(text: &str) -> Vec<IndexEntry> {
    let mut found: Vec<IndexEntry> = Vec::new();
    let mut group = (String::new(), String::new());
    let mut heading: Option<HeadingLevel> = None;
    let mut is_in_item = false;
    for (event, range) in parser(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { level, .. }) => {
                if level <= HeadingLevel::H2 {
                    group.0.clear();
                }
                group.1.clear();
                heading = Some(level);
            }
            Event::End(TagEnd::Heading(_)) => heading = None,
            Event::Start(Tag::Item) => is_in_item = true,
            Event::End(TagEnd::Item) => is_in_item = false,
            Event::Start(Tag::Link { dest_url, .. })
                if is_in_item && !leads_outside(&dest_url) && !dest_url.contains('#') =>
            {
                found.push(IndexEntry {
                    path: resolve(Path::new(INDEX), &dest_url),
                    group: group.clone(),
                    line: line(text, range.start),
                });
            }
            Event::Text(text) | Event::Code(text) => match heading {
                Some(level) if level <= HeadingLevel::H2 => group.0.push_str(&text),
                Some(_) => group.1.push_str(&text),
                None => {}
            },
            _ => {}
        }
    }
    found
}

pub(crate) fn check(text: &str, pages: &[PathBuf]) -> Vec<Breach> {
    let mut findings = Vec::new();
    let mut seen: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for place in read(text) {
        if let Some(before) = seen.get(&place.path) {
            let message = format!(
                "`{}` has its place in line {before}: a page has one place",
                place.path.display()
            );
            findings.push(Breach::new(INDEX, place.line, message));
        } else {
            seen.insert(place.path, place.line);
        }
    }
    let known: BTreeSet<&Path> = seen.keys().map(PathBuf::as_path).collect();
    for page in pages {
        let is_whole = WHOLE.iter().any(|folder| page.starts_with(folder));
        if page.starts_with("docs")
            && page != Path::new(INDEX)
            && !is_whole
            && !known.contains(page.as_path())
        {
            let message = format!("give the page a place in `{INDEX}`");
            findings.push(Breach::new(&page.display().to_string(), 1, message));
        }
    }
    findings
}

pub(crate) fn unlisted_decisions(text: &str, pages: &[PathBuf]) -> Vec<Breach> {
    let links = links(text).into_iter();
    let listed: BTreeSet<PathBuf> = links
        .map(|(link, _)| resolve(Path::new(DECISIONS), &link))
        .collect();
    let folder = Path::new(DECISIONS).parent();
    let is_decision = |it: &&PathBuf| it.parent() == folder && *it != Path::new(DECISIONS);
    let unlisted = pages.iter().filter(is_decision);
    let unlisted = unlisted.filter(|it| !listed.contains(*it));
    let told = |page: &PathBuf| {
        let message = format!("give the decision a line in `{DECISIONS}`");
        Breach::new(&page.display().to_string(), 1, message)
    };
    unlisted.map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# Documentation\n\n## How-to\n\n### Set up\n\n\
        - [A](how-to/a.md) (first,\n  second)\n- [B](../B.md), [part](how-to/a.md#x)\n";

    #[test]
    fn a_place_has_its_headings() {
        let places = read(TEXT);
        let found: Vec<_> = { places.iter() }
            .map(|it| (it.path.to_str().unwrap(), it.group.1.as_str()))
            .collect();
        assert_eq!(found, [("docs/how-to/a.md", "Set up"), ("B.md", "Set up")]);
    }

    #[test]
    fn every_decision_is_listed() {
        let pages = [
            "docs/decisions/README.md",
            "docs/decisions/0001-a.md",
            "docs/decisions/0002-b.md",
            "docs/how-to/a.md",
        ];
        let pages = pages.map(PathBuf::from);
        let found = unlisted_decisions("| [0001](0001-a.md) | A |\n", &pages);
        let found: Vec<String> = found.iter().map(ToString::to_string).collect();
        let expected =
            "docs/decisions/0002-b.md:1: give the decision a line in `docs/decisions/README.md`";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_page_has_one_place() {
        let pages = ["docs/how-to/a.md", "docs/how-to/c.md", "docs/spec/d.md"];
        let pages = pages.map(PathBuf::from);
        let twice = format!("{TEXT}- [A](how-to/a.md)\n");
        let found: Vec<String> = check(&twice, &pages)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "docs/README.md:10: `docs/how-to/a.md` has its place in line 7: a page has one place",
                "docs/how-to/c.md:1: give the page a place in `docs/README.md`",
            ]
        );
    }
}
