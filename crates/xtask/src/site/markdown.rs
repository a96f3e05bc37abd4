//! What a page of Markdown has: headings with their anchors, links, words.

use std::path::{Component, Path, PathBuf};

use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

/// What stands below one heading, as words; the first part of a page is its title's.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Passage {
    pub(crate) anchor: String,
    pub(crate) heading: String,
    pub(crate) words: String,
}

pub(crate) fn parser(text: &str) -> Parser<'_> {
    let options =
        Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH | Options::ENABLE_TASKLISTS;
    Parser::new_ext(text, options)
}

/// The parts of a page in order; a repeated anchor gets a number, as on code hosts.
pub(crate) fn passages(text: &str) -> Vec<Passage> {
    let mut found: Vec<Passage> = Vec::new();
    let mut in_heading = false;
    for event in parser(text) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                in_heading = true;
                found.push(Passage {
                    anchor: String::new(),
                    heading: String::new(),
                    words: String::new(),
                });
            }
            Event::End(TagEnd::Heading(_)) => {
                in_heading = false;
                name_last(&mut found);
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(last) = found.last_mut() {
                    let words = if in_heading {
                        &mut last.heading
                    } else {
                        &mut last.words
                    };
                    words.push_str(&text);
                }
            }
            Event::SoftBreak
            | Event::HardBreak
            | Event::End(
                TagEnd::Paragraph | TagEnd::Item | TagEnd::TableCell | TagEnd::CodeBlock,
            ) => {
                if let Some(last) = found.last_mut()
                    && !in_heading
                {
                    last.words.push(' ');
                }
            }
            _ => {}
        }
    }
    found
}

/// Gives the last part the anchor of its heading.
fn name_last(found: &mut [Passage]) {
    let Some((last, earlier)) = found.split_last_mut() else {
        return;
    };
    let plain = anchor(&last.heading);
    let twins = earlier
        .iter()
        .filter(|known| anchor(&known.heading) == plain)
        .count();
    last.anchor = if twins == 0 {
        plain
    } else {
        format!("{plain}-{twins}")
    };
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

/// Whether a link leads out of the repository.
pub(crate) fn leads_outside(link: &str) -> bool {
    link.contains("://") || link.starts_with("mailto:")
}

/// The line of an offset, from 1.
pub(crate) fn line(text: &str, offset: usize) -> usize {
    text.get(..offset)
        .map_or(1, |text| text.matches('\n').count() + 1)
}

/// A link of a page, from the top of the repository.
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
    fn a_page_falls_into_the_parts_below_its_headings() {
        let found = passages("# A `b`\n\none\ntwo\n\n## x\n\n| c |\n|---|\n| d |\n\n## X\n");
        let parts: Vec<_> = found
            .iter()
            .map(|it| (it.anchor.as_str(), it.heading.as_str(), it.words.trim()))
            .collect();
        assert_eq!(
            parts,
            [
                ("a-b", "A b", "one two"),
                ("x", "x", "c d"),
                ("x-1", "X", "")
            ]
        );
    }
}
