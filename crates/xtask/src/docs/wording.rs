//! Checks page openings: a title that names the subject, then audience and purpose. The product's
//! page titles follow the same rule.

use std::path::Path;

use pulldown_cmark::{Event, Tag, TagEnd};

use super::markdown::{line, parser};
use crate::breach::Breach;

const RIDDLES: &[&str] = &["What ", "Who ", "How it ", "How come "];
const OPENING: &str = "<h";
const CLOSING: &str = "</h";
const FOLDERS: &[&str] = &[
    "docs/tutorials",
    "docs/how-to",
    "docs/reference",
    "docs/explanation",
    "docs/operations",
];

pub(crate) fn check(path: &Path, text: &str) -> Vec<Breach> {
    let mut findings = Vec::new();
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
                findings.extend(riddle(&page, at, &title));
            }
            Event::End(TagEnd::Paragraph) if first.is_none() => first = paragraph.take(),
            _ => {}
        }
    }
    let is_for_work = FOLDERS.iter().any(|folder| path.starts_with(folder));
    if is_for_work && !first.is_some_and(|said| said.starts_with("For ")) {
        let message = "begin with a sentence `For …` that names the reader and the occasion";
        findings.push(Breach::new(&page, 3, message.to_owned()));
    }
    findings
}

pub(crate) fn check_template(path: &str, text: &str) -> Vec<Breach> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        for title in line.split(OPENING).skip(1).filter(|it| is_level(it)) {
            let title = title.split(CLOSING).next().unwrap_or_default();
            let words = title.split_once('>').map_or("", |(_, words)| words);
            for branch in words.split("{%") {
                let branch = branch.split_once("%}").map_or(branch, |(_, words)| words);
                findings.extend(riddle(path, index + 1, branch.trim()));
            }
        }
    }
    findings
}

fn is_level(rest: &str) -> bool {
    rest.starts_with(|c: char| c.is_ascii_digit())
}

fn riddle(page: &str, line: usize, title: &str) -> Option<Breach> {
    let asks = RIDDLES.iter().any(|start| title.starts_with(start));
    let message = || format!("the title `{title}` is a question: name the subject");
    asks.then(|| Breach::new(page, line, message()))
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
                "docs/explanation/a.md:5: the title `What it does` is a question: name the subject",
                "docs/explanation/a.md:3: begin with a sentence `For …` that names the reader and the occasion",
            ]
        );
        // specification pages need naming titles too
        assert_eq!(found("docs/spec/a.md", poor).len(), 1);
        assert_eq!(found("SECURITY.md", "# A\n\n## What not\n").len(), 1);
    }

    #[test]
    fn titles_of_templates_name_things_in_every_branch() {
        for (line, count) in [
            ("<h2 class=\"h\" id=\"a\">What happened</h2><p>", 1),
            (
                "<h1>{% if all %}Who has it{% else %}Access you can see{% endif %}</h1>",
                1,
            ),
            ("<h1>{{ title }}</h1><p>What stands there.</p>", 0),
            ("<h2>Timeline</h2><h3>Who can stop it</h3>", 1),
            ("<th>What</th><header>What is this</header>", 0),
        ] {
            let text = format!("<main>\n{line}\n");
            let found = check_template("a.html", &text);
            let places: Vec<usize> = found.iter().map(|it| it.line).collect();
            assert_eq!(places, vec![2; count], "{line}");
        }
    }
}
