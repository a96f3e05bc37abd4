//! Documentation pages below `docs/` and at the top; `tidy` checks links and anchors. `cargo xtask
//! docs` writes the sources of an mdBook site.

mod contents;
mod markdown;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use self::contents::{DECISIONS, INDEX};
pub(crate) use self::wording::check_template;
use crate::breach::Breach;

const TOP: &[(&str, &str)] = &[
    ("README.md", "Hallpass"),
    ("CHANGELOG.md", "Changes"),
    ("ARCHITECTURE.md", "Architecture"),
    ("CONTRIBUTING.md", "Contributing"),
    ("SECURITY.md", "Security"),
];
const AFTER: &[(&str, &str)] = &[
    ("docs/spec", "Specification"),
    ("docs/decisions", "Decisions"),
];
/// The settings of mdBook (mdBook documentation, "Configuration").
const BOOK: &str =
    "[book]\ntitle = \"Hallpass\"\nlanguage = \"en\"\n\n[output.html]\nno-section-label = true\n";

struct Page {
    path: PathBuf,
    title: String,
    text: String,
    group: String,
}

/// Writes the book's sources below `out`; returns the number of pages.
pub(crate) fn write(root: &Path, out: &Path) -> Result<usize, io::Error> {
    let pages = read(root)?;
    fs::create_dir_all(out)?;
    fs::write(out.join("book.toml"), BOOK)?;
    let sources = out.join("src");
    for page in &pages {
        fs::write(made(&sources, &page.path)?, &page.text)?;
    }
    for image in images(root)? {
        fs::copy(root.join(&image), made(&sources, &image)?)?;
    }
    fs::write(sources.join("SUMMARY.md"), summary(&pages))?;
    Ok(pages.len())
}

/// The menu of the book (mdBook documentation, "SUMMARY.md").
fn summary(pages: &[Page]) -> String {
    let mut text = String::from("# Summary\n\n");
    let mut group = "";
    for page in pages {
        if page.group != group {
            group = &page.group;
            // writing to a `String` cannot fail
            let _ = write!(text, "\n# {group}\n\n");
        }
        let bullet = if group.is_empty() { "" } else { "- " };
        let _ = writeln!(text, "{bullet}[{}]({})", page.title, page.path.display());
    }
    text
}

fn made(out: &Path, path: &Path) -> Result<PathBuf, io::Error> {
    let target = out.join(path);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(target)
}

/// Finds broken links, pages missing in the index, and bad page openings.
pub(crate) fn check(root: &Path) -> Result<Vec<Breach>, io::Error> {
    let pages = read(root)?;
    let paths: Vec<PathBuf> = pages.iter().map(|page| page.path.clone()).collect();
    let mut findings = contents::check(&index(root)?, &paths);
    let decisions = pages.iter().find(|page| page.path == Path::new(DECISIONS));
    let decisions = decisions.map_or("", |page| page.text.as_str());
    findings.extend(contents::unlisted_decisions(decisions, &paths));
    for page in &pages {
        findings.extend(wording::check(&page.path, &page.text));
    }
    let anchors: BTreeMap<&Path, BTreeSet<String>> = pages
        .iter()
        .map(|page| {
            let headings = markdown::headings(&page.text).into_iter();
            (page.path.as_path(), headings.map(|it| it.anchor).collect())
        })
        .collect();
    for page in &pages {
        for (link, offset) in markdown::links(&page.text) {
            if let Some(message) = wrong(root, page, &link, &anchors) {
                let line = markdown::line(&page.text, offset);
                findings.push(Breach::new(&page.path.display().to_string(), line, message));
            }
        }
    }
    Ok(findings)
}

fn wrong(
    root: &Path,
    page: &Page,
    link: &str,
    anchors: &BTreeMap<&Path, BTreeSet<String>>,
) -> Option<String> {
    if markdown::leads_outside(link) {
        return None;
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = if file.is_empty() {
        page.path.clone()
    } else {
        markdown::resolve(&page.path, file)
    };
    if !root.join(&target).exists() {
        let target = target.display();
        return Some(format!("`{link}` leads to `{target}`, which is not there"));
    }
    let known = anchors.get(target.as_path())?;
    let is_there = anchor.is_empty() || known.contains(anchor);
    (!is_there).then(|| format!("`{}` has no heading `#{anchor}`", target.display()))
}

fn index(root: &Path) -> Result<String, io::Error> {
    match fs::read_to_string(root.join(INDEX)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(String::new()),
        read => read,
    }
}

/// Returns pages in menu order: two overview pages, the index's pages, its whole folders, then
/// unlisted ones.
fn read(root: &Path) -> Result<Vec<Page>, io::Error> {
    let mut found: Vec<Page> = Vec::new();
    let mut add = |path: PathBuf, group: String| -> Result<(), io::Error> {
        let is_known = found.iter().any(|page| page.path == path);
        if !is_known && root.join(&path).is_file() {
            found.push(page(root, path, group)?);
        }
        Ok(())
    };
    add("README.md".into(), String::new())?;
    add(INDEX.into(), String::new())?;
    let mut places = contents::read(&index(root)?);
    places.retain(|place| {
        !AFTER
            .iter()
            .any(|(folder, _)| place.path.starts_with(folder))
    });
    for place in places {
        let (kind, group) = place.group;
        let group = if group.is_empty() {
            kind
        } else {
            format!("{kind}: {group}")
        };
        add(place.path, group)?;
    }
    for (folder, title) in AFTER {
        for path in listed(root, Path::new(folder), "md")? {
            add(path, (*title).to_owned())?;
        }
    }
    let mut rest: Vec<PathBuf> = TOP.iter().map(|(path, _)| PathBuf::from(path)).collect();
    rest.extend(below(root, Path::new("docs"))?);
    for path in rest {
        add(path, "More".to_owned())?;
    }
    Ok(found)
}

fn page(root: &Path, path: PathBuf, group: String) -> Result<Page, io::Error> {
    let text = fs::read_to_string(root.join(&path))?;
    let known = TOP.iter().find(|(top, _)| Path::new(top) == path);
    let title = known.map(|(_, title)| (*title).to_owned());
    let title = title.or_else(|| {
        markdown::headings(&text)
            .into_iter()
            .next()
            .map(|it| it.words)
    });
    Ok(Page {
        title: title.unwrap_or_else(|| path.display().to_string()),
        path,
        text,
        group,
    })
}

fn below(root: &Path, folder: &Path) -> Result<Vec<PathBuf>, io::Error> {
    let mut found = listed(root, folder, "md")?;
    if root.join(folder).is_dir() {
        for entry in fs::read_dir(root.join(folder))? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                found.extend(below(root, &folder.join(entry.file_name()))?);
            }
        }
    }
    found.sort();
    Ok(found)
}

fn listed(root: &Path, folder: &Path, ending: &str) -> Result<Vec<PathBuf>, io::Error> {
    let mut found = Vec::new();
    if !root.join(folder).is_dir() {
        return Ok(found);
    }
    for entry in fs::read_dir(root.join(folder))? {
        let name = entry?.file_name();
        let path = folder.join(name);
        if path.extension().is_some_and(|it| it == ending) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn images(root: &Path) -> Result<Vec<PathBuf>, io::Error> {
    let mut found = Vec::new();
    for ending in ["png", "svg", "webp"] {
        found.extend(listed(root, Path::new("docs/images"), ending)?);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn links_that_lead_nowhere_are_found_with_their_line() {
        let tree = tree(&[
            (
                "README.md",
                "# Top\n\n[a](docs/spec/a.md) [b](docs/spec/b.md)\n",
            ),
            (
                "docs/spec/a.md",
                "# A\n\n## Two words\n\n[x](#two-words) [y](#three)\n[z](../../README.md#top)\n",
            ),
        ]);
        let found: Vec<String> = check(tree.path())
            .unwrap()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            found,
            [
                "README.md:3: `docs/spec/b.md` leads to `docs/spec/b.md`, which is not there",
                "docs/spec/a.md:5: `docs/spec/a.md` has no heading `#three`",
            ]
        );
    }

    #[test]
    fn a_book_has_its_pages_in_the_order_of_the_index() {
        let tree = tree(&[
            ("README.md", "# Top\n"),
            (
                "docs/README.md",
                "# Index\n\n## Guides\n\n- [B](how-to/b.md)\n- [A](how-to/a.md) (alias)\n",
            ),
            ("docs/how-to/a.md", "# A `a`\n"),
            ("docs/how-to/b.md", "# B\n"),
            ("SECURITY.md", "# Security\n"),
        ]);
        let out = tree.path().join("site");
        assert_eq!(write(tree.path(), &out).unwrap(), 5);
        let summary = fs::read_to_string(out.join("src/SUMMARY.md")).unwrap();
        assert_eq!(
            summary,
            "# Summary\n\n[Hallpass](README.md)\n[Index](docs/README.md)\n\n# Guides\n\n\
             - [B](docs/how-to/b.md)\n- [A a](docs/how-to/a.md)\n\n# More\n\n- [Security](SECURITY.md)\n"
        );
        assert!(out.join("src/docs/how-to/a.md").is_file());
    }
}
