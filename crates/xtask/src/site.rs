//! The documentation as a site: every page below `docs/` and those at the top, with links and
//! anchors checked. `cargo xtask docs` writes it; `tidy` only checks.

mod contents;
mod markdown;
mod page;
mod search;
mod wording;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use self::contents::{DECISIONS, INDEX};
use self::page::{SitePage, address, slashed};
use self::search::Searched;
pub(crate) use self::wording::check_template;
use crate::breach::Breach;

/// Pages at the top of the repository, and what they are called in the menu.
const TOP: &[(&str, &str)] = &[
    ("README.md", "Hallpass"),
    ("CHANGELOG.md", "Changes"),
    ("ARCHITECTURE.md", "Architecture"),
    ("CONTRIBUTING.md", "Contributing"),
    ("SECURITY.md", "Security"),
];
/// Folders whose pages stand after those of the index, by name.
const AFTER: &[(&str, &str)] = &[
    ("docs/spec", "Specification"),
    ("docs/decisions", "Decisions"),
];
const STYLE: &str = include_str!("site/site.css");
const SCRIPT: &str = include_str!("site/site.js");
/// The product's own tokens of colour and type.
const TOKENS: &str = include_str!("../../server/src/ui/static/hallpass.css");

/// Writes the site below `out` and says how many pages it has.
pub(crate) fn write(root: &Path, out: &Path) -> Result<usize, io::Error> {
    let pages = read(root)?;
    fs::create_dir_all(out)?;
    fs::write(out.join("site.css"), format!("{TOKENS}\n{STYLE}"))?;
    fs::write(out.join("site.js"), SCRIPT)?;
    let searched: Vec<Searched<'_>> = pages
        .iter()
        .filter(|page| page.path != Path::new(INDEX))
        .map(|page| Searched {
            address: slashed(&address(&page.path)),
            path: &page.path,
            title: &page.title,
            group: &page.group,
            words: &page.words,
            text: &page.text,
        })
        .collect();
    fs::write(out.join("search-index.js"), search::script(&searched))?;
    for (at, page) in pages.iter().enumerate() {
        let target = made(out, &address(&page.path))?;
        fs::write(target, page::render(&pages, at))?;
    }
    for image in images(root)? {
        fs::copy(root.join(&image), made(out, &image)?)?;
    }
    Ok(pages.len())
}

/// A path below `out` whose folder is there.
fn made(out: &Path, path: &Path) -> Result<PathBuf, io::Error> {
    let target = out.join(path);
    if let Some(folder) = target.parent() {
        fs::create_dir_all(folder)?;
    }
    Ok(target)
}

/// Links that lead nowhere, pages without a place in the index, pages that begin badly.
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
            let parts = markdown::passages(&page.text).into_iter();
            (page.path.as_path(), parts.map(|part| part.anchor).collect())
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

/// What is wrong with a link: it leads to a file that is not there, or an anchor no heading has.
fn wrong(
    root: &Path,
    page: &SitePage,
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

/// Every page in the order of the menu: the two that lead on, those of the index in its order, the
/// folders that it names as a whole, and what has no place yet.
fn read(root: &Path) -> Result<Vec<SitePage>, io::Error> {
    let mut found: Vec<SitePage> = Vec::new();
    let mut add = |path: PathBuf, group: String, words: String| -> Result<(), io::Error> {
        let is_known = found.iter().any(|page| page.path == path);
        if !is_known && root.join(&path).is_file() {
            found.push(site_page(root, path, group, words)?);
        }
        Ok(())
    };
    add("README.md".into(), String::new(), String::new())?;
    add(INDEX.into(), String::new(), String::new())?;
    let mut places = contents::read(&index(root)?);
    // a page of the specification has its place among the others of its folder
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
        add(place.path, group, place.words)?;
    }
    for (folder, title) in AFTER {
        for path in listed(root, Path::new(folder), "md")? {
            add(path, (*title).to_owned(), String::new())?;
        }
    }
    let mut rest: Vec<PathBuf> = TOP.iter().map(|(path, _)| PathBuf::from(path)).collect();
    rest.extend(below(root, Path::new("docs"))?);
    for path in rest {
        add(path, "More".to_owned(), String::new())?;
    }
    Ok(found)
}

fn site_page(
    root: &Path,
    path: PathBuf,
    group: String,
    words: String,
) -> Result<SitePage, io::Error> {
    let text = fs::read_to_string(root.join(&path))?;
    let known = TOP.iter().find(|(top, _)| Path::new(top) == path);
    let title = known.map(|(_, title)| (*title).to_owned());
    let heading = || markdown::passages(&text).into_iter().next();
    let title = title.or_else(|| heading().map(|first| first.heading));
    Ok(SitePage {
        title: title.unwrap_or_else(|| path.display().to_string()),
        path,
        text,
        group,
        words,
    })
}

/// Pages of a folder and of those in it.
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

/// Files of a folder with an ending, sorted; none when there is no folder.
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
    fn pages_link_to_pages_of_the_site_in_the_order_of_the_index() {
        let tree = tree(&[
            ("README.md", "# Top\n\n[a](docs/how-to/a.md#x-y)\n"),
            (
                "docs/README.md",
                "# Index\n\n## Guides\n\n- [B](how-to/b.md)\n- [A](how-to/a.md) (alias)\n",
            ),
            (
                "docs/how-to/a.md",
                "# A <b>\n\n## x `y`\n\n[home](../../README.md)\n\n| a |\n|---|\n| b |\n",
            ),
            ("docs/how-to/b.md", "# B\n"),
        ]);
        let out = tree.path().join("site");
        assert_eq!(write(tree.path(), &out).unwrap(), 4);
        let home = fs::read_to_string(out.join("index.html")).unwrap();
        let page = fs::read_to_string(out.join("docs/how-to/a.html")).unwrap();
        let search = fs::read_to_string(out.join("search-index.js")).unwrap();
        for (text, wanted) in [
            (&home, "<a href=\"docs/how-to/a.html#x-y\">a</a>"),
            (&page, "<h2 id=\"x-y\">"),
            (&page, "<a href=\"../../index.html\">home</a>"),
            (&page, "class=\"scroll\""),
            (&page, "rel=\"prev\" href=\"../../docs/how-to/b.html\""),
            (&page, "<details open><summary>Guides</summary>"),
            (&search, "\"words\":\"A (alias)\""),
        ] {
            assert!(text.contains(wanted), "{wanted} in {text}");
        }
        assert!(!page.contains("rel=\"next\""), "{page}");
        assert!(!search.contains("docs/README.html"), "{search}");
    }
}
