//! Headings, anchors and links of a Markdown page.

use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PageHeading {
    pub(crate) anchor: String,
    pub(crate) words: String,
}

pub(crate) fn parser(text: &str) -> Parser<'_> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options)
}

/// Returns headings in order; repeated anchors are numbered, as on code hosts.
pub(crate) fn headings(text: &str) -> Vec<PageHeading> {
    let mut found: Vec<PageHeading> = Vec::new();
    let mut words: Option<String> = None;
    for event in parser(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => words = Some(String::new()),
            Event::End(TagEnd::Heading(_)) => {
                let words = words.take().unwrap_or_default();
                let plain = anchor(&words);
                let twins = { found.iter() }
                    .filter(|it| anchor(&it.words) == plain)
                    .count();
                let anchor = match twins {
                    0 => plain,
                    twins => format!("{plain}-{twins}"),
                };
                found.push(PageHeading { anchor, words });
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(words) = &mut words {
                    words.push_str(&text);
                }
            }
            _ => {}
        }
    }
    found
}

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

pub(crate) fn links(text: &str) -> Vec<(String, usize)> {
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

pub(crate) fn leads_outside(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

pub(crate) fn line(text: &str, offset: usize) -> usize {
    text.get(..offset)
        .map_or(1, |text| text.matches('\n').count() + 1)
}

pub(crate) fn resolve(page: &Path, link: &str) -> PathBuf {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_heading_has_an_anchor_with_a_number() {
        let found = headings("# A `b`\n\none\n\n## x\n\n| c |\n|---|\n| d |\n\n## X\n");
        let found: Vec<_> = { found.iter() }
            .map(|it| (it.anchor.as_str(), it.words.as_str()))
            .collect();
        assert_eq!(found, [("a-b", "A b"), ("x", "x"), ("x-1", "X")]);
    }
}
