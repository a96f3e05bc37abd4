//! The documentation as a site: every page below `docs/` and those at the top, with links and
//! anchors checked. `cargo xtask docs` writes it; `tidy` only checks the links.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

use crate::breach::Breach;

/// Pages at the top of the repository, in the order of the menu.
const TOP: &[(&str, &str)] = &[
    ("README.md", "Hallpass"),
    ("CHANGELOG.md", "Changes"),
    ("ARCHITECTURE.md", "Architecture"),
    ("CONTRIBUTING.md", "Contributing"),
    ("SECURITY.md", "Security"),
];
/// Folders below `docs/`, in the order of the menu.
const FOLDERS: &[(&str, &str)] = &[
    ("tutorials", "Tutorials"),
    ("how-to", "How-to guides"),
    ("reference", "Reference"),
    ("explanation", "Explanation"),
    ("operations", "Operations"),
    ("operations/runbooks", "Runbooks"),
    ("contributing", "Contributing"),
    ("spec", "Specification"),
    ("decisions", "Decisions"),
];
const STYLE: &str = include_str!("site.css");
/// The product's own tokens of colour and type.
const TOKENS: &str = include_str!("../../server/src/ui/static/hallpass.css");

/// One page, read.
struct SitePage {
    /// From the top of the repository.
    path: PathBuf,
    title: String,
    text: String,
    anchors: BTreeSet<String>,
}

/// Writes the site below `out` and says how many pages it has.
pub(crate) fn write(root: &Path, out: &Path) -> Result<usize, io::Error> {
    let pages = read(root)?;
    let menu = menu(&pages);
    fs::create_dir_all(out)?;
    fs::write(out.join("site.css"), format!("{TOKENS}\n{STYLE}"))?;
    for page in &pages {
        let target = out.join(address(&page.path));
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(target, render(page, &menu))?;
    }
    for image in images(root)? {
        let target = out.join(&image);
        if let Some(folder) = target.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::copy(root.join(&image), target)?;
    }
    Ok(pages.len())
}

/// Links that lead nowhere: to a file that is not there, or an anchor no heading has.
pub(crate) fn check(root: &Path) -> Result<Vec<Breach>, io::Error> {
    let pages = read(root)?;
    let known: BTreeMap<&Path, &SitePage> =
        pages.iter().map(|it| (it.path.as_path(), it)).collect();
    let mut findings = Vec::new();
    for page in &pages {
        for (link, offset) in links(&page.text) {
            let line = page
                .text
                .get(..offset)
                .map_or(1, |text| text.matches('\n').count() + 1);
            let mut add = |message: String| {
                findings.push(Breach::new(&page.path.display().to_string(), line, message));
            };
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() {
                page.path.clone()
            } else {
                resolve(&page.path, file)
            };
            if !root.join(&target).exists() {
                add(format!(
                    "`{link}` leads to `{}`, which is not there",
                    target.display()
                ));
            } else if !anchor.is_empty()
                && let Some(known) = known.get(target.as_path())
                && !known.anchors.contains(anchor)
            {
                add(format!("`{}` has no heading `#{anchor}`", target.display()));
            }
        }
    }
    Ok(findings)
}

fn read(root: &Path) -> Result<Vec<SitePage>, io::Error> {
    let mut paths: Vec<PathBuf> = TOP.iter().map(|(path, _)| PathBuf::from(path)).collect();
    let docs = Path::new("docs");
    paths.extend(listed(root, docs, "md")?);
    for (folder, _) in FOLDERS {
        paths.extend(listed(root, &docs.join(folder), "md")?);
    }
    paths.retain(|path| root.join(path).exists());
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(root.join(&path))?;
            let headings = headings(&text);
            let title = headings.first().map(|(_, words)| words.clone());
            let known = TOP.iter().find(|(top, _)| Path::new(top) == path);
            Ok(SitePage {
                title: known
                    .map(|(_, title)| (*title).to_owned())
                    .or(title)
                    .unwrap_or_else(|| path.display().to_string()),
                anchors: headings.into_iter().map(|(anchor, _)| anchor).collect(),
                path,
                text,
            })
        })
        .collect()
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
    for (folder, _) in FOLDERS {
        let folder = Path::new("docs").join(folder).join("images");
        for ending in ["png", "svg", "webp"] {
            found.extend(listed(root, &folder, ending)?);
        }
    }
    Ok(found)
}

fn parser(text: &str) -> Parser<'_> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options)
}

/// Headings as anchors and words, in order; a repeated anchor gets a number, as on code hosts.
fn headings(text: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mut words: Option<String> = None;
    for event in parser(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => words = Some(String::new()),
            Event::Text(text) | Event::Code(text) => {
                if let Some(words) = &mut words {
                    words.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let words = words.take().unwrap_or_default();
                let plain = anchor(&words);
                let twins = found
                    .iter()
                    .filter(|(_, known)| anchor(known) == plain)
                    .count();
                let anchor = if twins == 0 {
                    plain
                } else {
                    format!("{plain}-{twins}")
                };
                found.push((anchor, words));
            }
            _ => {}
        }
    }
    found
}

/// The anchor of a heading: lower case, words joined by hyphens, nothing else.
fn anchor(words: &str) -> String {
    words
        .to_lowercase()
        .chars()
        .filter_map(|c| match c {
            ' ' | '-' => Some('-'),
            '_' => Some('_'),
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

/// Links and images of a page with where they stand.
fn links(text: &str) -> Vec<(String, usize)> {
    parser(text)
        .into_offset_iter()
        .filter_map(|(event, range)| match event {
            Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                Some((dest_url.to_string(), range.start))
            }
            _ => None,
        })
        .collect()
}

/// A link of a page, from the top of the repository.
fn resolve(page: &Path, link: &str) -> PathBuf {
    let mut path = page.parent().map(Path::to_path_buf).unwrap_or_default();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => {
                path.pop();
            }
            Component::Normal(name) => path.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    path
}

/// Where a page is in the site.
fn address(path: &Path) -> PathBuf {
    if path == Path::new("README.md") {
        return PathBuf::from("index.html");
    }
    path.with_extension("html")
}

/// The way from one page of the site to another.
fn way(from: &Path, to: &Path) -> String {
    let up = from.components().count().saturating_sub(1);
    let mut text = "../".repeat(up);
    let parts: Vec<_> = to.iter().map(|part| part.to_string_lossy()).collect();
    text.push_str(&parts.join("/"));
    text
}

/// The menu: group, pages.
fn menu(pages: &[SitePage]) -> Vec<(String, Vec<(PathBuf, String)>)> {
    let of = |wanted: &dyn Fn(&Path) -> bool| -> Vec<(PathBuf, String)> {
        let found = pages.iter().filter(|page| wanted(&page.path));
        found
            .map(|page| (address(&page.path), page.title.clone()))
            .collect()
    };
    let mut menu = vec![(
        String::new(),
        of(&|path| path.parent() == Some(Path::new(""))),
    )];
    for (folder, title) in FOLDERS {
        let folder = Path::new("docs").join(folder);
        menu.push((
            (*title).to_owned(),
            of(&|path| path.parent() == Some(&folder)),
        ));
    }
    menu.push((
        "More".to_owned(),
        of(&|path| path.parent() == Some(Path::new("docs"))),
    ));
    menu.retain(|(_, pages)| !pages.is_empty());
    menu
}

fn render(page: &SitePage, menu: &[(String, Vec<(PathBuf, String)>)]) -> String {
    let here = address(&page.path);
    let mut nav = String::new();
    for (title, pages) in menu {
        if !title.is_empty() {
            let _ = write!(nav, "<h2>{}</h2>", escaped(title));
        }
        nav.push_str("<ul>");
        for (target, title) in pages {
            let current = if *target == here {
                " aria-current=\"page\""
            } else {
                ""
            };
            let way = way(&here, target);
            let _ = write!(
                nav,
                "<li><a href=\"{way}\"{current}>{}</a></li>",
                escaped(title)
            );
        }
        nav.push_str("</ul>");
    }
    let style = way(&here, Path::new("site.css"));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title} · Hallpass</title>\
         <link rel=\"stylesheet\" href=\"{style}\"></head><body class=\"docs\">\
         <a class=\"skip\" href=\"#main\">Skip to content</a>\
         <header><a class=\"brand\" href=\"{home}\">Hallpass</a></header>\
         <details class=\"pages\" open><summary>Pages</summary><nav aria-label=\"Pages\">{nav}</nav></details>\
         <main id=\"main\">{body}</main></body></html>\n",
        title = escaped(&page.title),
        home = way(&here, Path::new("index.html")),
        body = body(page),
    )
}

fn body(page: &SitePage) -> String {
    let here = address(&page.path);
    let mut anchors = headings(&page.text).into_iter();
    let events = parser(&page.text).map(|event| match event {
        Event::Start(Tag::Heading {
            level,
            classes,
            attrs,
            ..
        }) => {
            let id = anchors.next().map(|(anchor, _)| CowStr::from(anchor));
            Event::Start(Tag::Heading {
                level,
                id,
                classes,
                attrs,
            })
        }
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => {
            let dest_url = CowStr::from(rewritten(&page.path, &here, &dest_url));
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            })
        }
        other => other,
    });
    let mut text = String::new();
    html::push_html(&mut text, events);
    text.replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>")
        .replace("</table>", "</table></div>")
        .replace("<pre>", "<pre tabindex=\"0\">")
}

/// A link between pages of the repository, as one between pages of the site.
fn rewritten(page: &Path, here: &Path, link: &str) -> String {
    if link.contains("://") || link.starts_with("mailto:") || link.starts_with('#') {
        return link.to_owned();
    }
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let target = resolve(page, file);
    let target = if target.extension().is_some_and(|it| it == "md") {
        address(&target)
    } else {
        target
    };
    let anchor = if anchor.is_empty() {
        String::new()
    } else {
        format!("#{anchor}")
    };
    format!("{}{anchor}", way(here, &target))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('"', "&quot;")
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
                "# Top\n\n[a](docs/how-to/a.md) [b](docs/how-to/b.md)\n",
            ),
            (
                "docs/how-to/a.md",
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
                "README.md:3: `docs/how-to/b.md` leads to `docs/how-to/b.md`, which is not there",
                "docs/how-to/a.md:5: `docs/how-to/a.md` has no heading `#three`",
            ]
        );
    }

    #[test]
    fn pages_link_to_pages_of_the_site() {
        let tree = tree(&[
            ("README.md", "# Top\n\n[a](docs/how-to/a.md#x-y)\n"),
            (
                "docs/how-to/a.md",
                "# A <b>\n\n## x `y`\n\n[home](../../README.md)\n\n| a |\n|---|\n| b |\n",
            ),
        ]);
        let out = tree.path().join("site");
        assert_eq!(write(tree.path(), &out).unwrap(), 2);
        let home = fs::read_to_string(out.join("index.html")).unwrap();
        assert!(
            home.contains("<a href=\"docs/how-to/a.html#x-y\">a</a>"),
            "{home}"
        );
        let page = fs::read_to_string(out.join("docs/how-to/a.html")).unwrap();
        assert!(page.contains("<h2 id=\"x-y\">"), "{page}");
        assert!(
            page.contains("<a href=\"../../index.html\">home</a>"),
            "{page}"
        );
        assert!(page.contains("class=\"scroll\""), "{page}");
    }
}
