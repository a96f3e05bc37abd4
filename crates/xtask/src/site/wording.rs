//! How a page begins: a title that names its subject, then for whom and when the page is.

use std::path::Path;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::markdown::{line, parser};
use crate::breach::Breach;

/// Titles that ask instead of naming.
const RIDDLES: &[&str] = &["What ", "Who ", "How it "];
/// Folders whose pages are written for people at work.
const FOLDERS: &[&str] = &[
    "docs/tutorials",
    "docs/how-to",
    "docs/reference",
    "docs/explanation",
    "docs/operations",
];

/// Checks one page.
pub(crate) fn check(path: &Path, text: &str) -> Vec<Breach> {
    let mut findings = Vec::new();
    if !FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        return findings;
    }
    let page = path.display().to_string();
    let mut heading: Option<(String, usize)> = None;
    let mut paragraph: Option<String> = None;
    let mut first = None;
    for (event, range) in parser(text).into_offset_iter() {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                heading = Some((String::new(), line(text, range.start)));
            }
            Event::Start(Tag::Paragraph) if first.is_none() => paragraph = Some(String::new()),
            Event::Text(words) | Event::Code(words) => {
                if let Some((title, _)) = &mut heading {
                    title.push_str(&words);
                } else if let Some(said) = &mut paragraph {
                    said.push_str(&words);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                let (title, at) = heading.take().unwrap_or_default();
                if RIDDLES.iter().any(|start| title.starts_with(start)) {
                    let message = format!("the title `{title}` asks: name the subject");
                    findings.push(Breach::new(&page, at, message));
                }
            }
            Event::End(TagEnd::Paragraph) if first.is_none() => first = paragraph.take(),
            _ => {}
        }
    }
    if !first.is_some_and(|said| said.starts_with("For ")) {
        let message = "begin with a sentence `For …` that says for whom and when the page is";
        findings.push(Breach::new(&page, 3, message.to_owned()));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_for_whom_it_is_and_its_titles_name_things() {
        let found = |path: &str, text: &str| -> Vec<String> {
            let found = check(Path::new(path), text);
            found.iter().map(ToString::to_string).collect()
        };
        let fine = "# Plans\n\nFor operators who apply one.\n\n## Limits\n";
        assert_eq!(found("docs/explanation/a.md", fine), [""; 0]);
        let poor = "# Plans\n\nThey end.\n\n## What `it` does\n";
        assert_eq!(
            found("docs/explanation/a.md", poor),
            [
                "docs/explanation/a.md:5: the title `What it does` asks: name the subject",
                "docs/explanation/a.md:3: begin with a sentence `For …` that says for whom and when the page is",
            ]
        );
        assert_eq!(found("docs/spec/a.md", poor), [""; 0]);
    }
}
