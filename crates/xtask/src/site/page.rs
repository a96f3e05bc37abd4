//! One page of the site as HTML.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CowStr, Event, Tag, html};

use super::markdown::{Passage, leads_outside, parser, passages, resolve};

/// A page and where it stands.
pub(crate) struct SitePage {
    /// From the top of the repository.
    pub(crate) path: PathBuf,
    pub(crate) title: String,
    pub(crate) text: String,
    /// The heading of its group in the menu.
    pub(crate) group: String,
    /// Its item in the index.
    pub(crate) words: String,
}

/// Where a page is in the site.
pub(crate) fn address(path: &Path) -> PathBuf {
    if path == Path::new("README.md") {
        return PathBuf::from("index.html");
    }
    path.with_extension("html")
}

/// The way from one page of the site to another.
fn way(from: &Path, to: &Path) -> String {
    let up = from.components().count().saturating_sub(1);
    let mut text = "../".repeat(up);
    text.push_str(&slashed(to));
    text
}

/// A path with slashes, on any system.
pub(crate) fn slashed(path: &Path) -> String {
    let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
    parts.join("/")
}

/// The page at `at` of `pages`, which stand in the order of the menu.
pub(crate) fn render(pages: &[SitePage], at: usize) -> String {
    let Some(page) = pages.get(at) else {
        return String::new();
    };
    let here = address(&page.path);
    let to = |target: &str| way(&here, Path::new(target));
    let parts = passages(&page.text);
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width, initial-scale=1\"><title>{title} · Hallpass</title>\
         <link rel=\"stylesheet\" href=\"{style}\"><script src=\"{script}\"></script></head>\
         <body class=\"docs\"><a class=\"skip\" href=\"#main\">Skip to content</a>\
         <header><a class=\"brand\" href=\"{home}\">Hallpass</a><a href=\"{index}\">All pages</a>\
         <a class=\"to-menu\" href=\"#pages\">Menu</a>\
         <form class=\"search\" role=\"search\" hidden><input type=\"search\" aria-label=\"Search the documentation\" \
         placeholder=\"Search ( / )\" autocomplete=\"off\"><div class=\"results\" hidden><p role=\"status\"></p><ol></ol></div></form>\
         <button class=\"theme\" type=\"button\" hidden></button></header>\
         <main id=\"main\">{group}{body}{around}</main>{outline}\
         <nav id=\"pages\" class=\"pages\" aria-label=\"Pages\">{menu}</nav></body></html>\n",
        title = escaped(&page.title),
        style = to("site.css"),
        script = to("site.js"),
        home = to("index.html"),
        index = to("docs/README.html"),
        group = group(page),
        body = body(page, &parts),
        around = around(pages, at, &here),
        outline = outline(&parts),
        menu = menu(pages, page, &here),
    )
}

fn group(page: &SitePage) -> String {
    if page.group.is_empty() {
        return String::new();
    }
    format!("<p class=\"group\">{}</p>", escaped(&page.group))
}

/// The previous and the next page, in the order of the index.
fn around(pages: &[SitePage], at: usize, here: &Path) -> String {
    let link = |index: Option<usize>, relation: &str, label: &str| {
        let Some(page) = index.and_then(|index| pages.get(index)) else {
            return String::new();
        };
        format!(
            "<a rel=\"{relation}\" href=\"{}\"><small>{label}</small> {}</a>",
            way(here, &address(&page.path)),
            escaped(&page.title)
        )
    };
    format!(
        "<nav class=\"around\" aria-label=\"Previous and next page\">{}{}</nav>",
        link(at.checked_sub(1), "prev", "Previous"),
        link(at.checked_add(1), "next", "Next")
    )
}

/// The headings of the page, where there are enough to choose from.
fn outline(parts: &[Passage]) -> String {
    let sections = parts.get(1..).unwrap_or_default();
    if sections.len() < 2 {
        return String::new();
    }
    let mut text =
        "<aside class=\"outline\"><nav aria-label=\"On this page\"><h2>On this page</h2><ul>"
            .to_owned();
    for part in sections {
        let _ = write!(
            text,
            "<li><a href=\"#{}\">{}</a></li>",
            part.anchor,
            escaped(&part.heading)
        );
    }
    text + "</ul></nav></aside>"
}

/// Every page by its group; the group of this page stands open.
fn menu(pages: &[SitePage], page: &SitePage, here: &Path) -> String {
    let mut text = String::new();
    for group in pages.chunk_by(|one, other| one.group == other.group) {
        let title = group.first().map_or("", |first| &first.group);
        let open = if title == page.group { " open" } else { "" };
        if !title.is_empty() {
            let _ = write!(text, "<details{open}><summary>{}</summary>", escaped(title));
        }
        text.push_str("<ul>");
        for other in group {
            let current = if other.path == page.path {
                " aria-current=\"page\""
            } else {
                ""
            };
            let _ = write!(
                text,
                "<li><a href=\"{}\"{current}>{}</a></li>",
                way(here, &address(&other.path)),
                escaped(&other.title)
            );
        }
        text.push_str(if title.is_empty() {
            "</ul>"
        } else {
            "</ul></details>"
        });
    }
    text
}

fn body(page: &SitePage, parts: &[Passage]) -> String {
    let here = address(&page.path);
    let mut anchors = parts.iter();
    let target = |link: &str| CowStr::from(rewritten(&page.path, &here, link));
    let events = parser(&page.text).map(|event| match event {
        Event::Start(Tag::Heading {
            level,
            classes,
            attrs,
            ..
        }) => Event::Start(Tag::Heading {
            level,
            id: anchors.next().map(|part| CowStr::from(part.anchor.clone())),
            classes,
            attrs,
        }),
        Event::Start(Tag::Link {
            link_type,
            dest_url,
            title,
            id,
        }) => Event::Start(Tag::Link {
            link_type,
            dest_url: target(&dest_url),
            title,
            id,
        }),
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
    if leads_outside(link) || link.starts_with('#') {
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
