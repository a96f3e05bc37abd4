//! Documents that pages link to, from the binary, so that they are those of its version.

use std::collections::VecDeque;

use pulldown_cmark::{CowStr, Event, Options, Parser, Tag, TagEnd, html};

macro_rules! documents {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../../docs/", $name, ".md")))),*]
    };
}

/// By path below `docs`, without `.md`.
const DOCUMENTS: &[(&str, &str)] = documents![
    "explanation/audit-log",
    "explanation/how-access-ends",
    "explanation/plans",
    "explanation/standing-access",
    "how-to/access-reviews",
    "how-to/arm-ends-at-aws",
    "how-to/break-glass",
    "how-to/cloudtrail-activity",
    "how-to/evaluate-policies",
    "how-to/finding-enrichment",
    "how-to/guard",
    "how-to/install",
    "how-to/inventory",
    "how-to/migrate",
    "how-to/on-call",
    "how-to/out-of-office",
    "how-to/pci",
    "how-to/people-who-leave",
    "how-to/remediation",
    "how-to/reports",
    "how-to/request-access",
    "how-to/revoke-sessions",
    "how-to/sign-in",
    "how-to/slack",
    "how-to/witness",
    "how-to/write-rules",
    "operations/backup-and-restore",
    "operations/monitoring",
    "reference/alerts",
    "reference/commands",
    "reference/configuration",
    "reference/glossary",
    "reference/messages",
    "reference/notifications",
    "reference/rules",
];

/// Returns the address of a document, by its path below `docs`; `None` if it is not in the binary.
pub(super) fn address(document: &str) -> Option<String> {
    let name = document.strip_suffix(".md").unwrap_or(document);
    text(name).map(|_| format!("/help/{name}"))
}

pub(super) fn text(name: &str) -> Option<&'static str> {
    let found = DOCUMENTS.iter().find(|(known, _)| *known == name);
    found.map(|(_, text)| *text)
}

/// Renders a document as HTML. Links to documents that are not in the binary become text; raw HTML
/// is shown as text.
pub(super) fn rendered(name: &str, text: &str) -> String {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut events: Vec<Event<'_>> = Vec::new();
    let mut links = VecDeque::new();
    let mut heading = None;
    for event in Parser::new_ext(text, options) {
        match event {
            Event::Start(Tag::Heading { .. }) => {
                heading = Some((events.len(), String::new()));
                events.push(event);
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some((at, words)) = heading.take()
                    && let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(at)
                {
                    *id = Some(CowStr::from(anchor(&words)));
                }
                events.push(event);
            }
            Event::Start(Tag::Link {
                link_type,
                dest_url,
                title,
                id,
            }) => {
                let target = target(name, &dest_url);
                links.push_back(target.is_some());
                events.extend(target.map(|dest_url| {
                    let dest_url = CowStr::from(dest_url);
                    Event::Start(Tag::Link {
                        link_type,
                        dest_url,
                        title,
                        id,
                    })
                }));
            }
            Event::End(TagEnd::Link) => {
                if links.pop_back() == Some(true) {
                    events.push(event);
                }
            }
            Event::Start(Tag::Image { .. }) | Event::End(TagEnd::Image) => {}
            Event::Html(text) | Event::InlineHtml(text) => events.push(Event::Text(text)),
            event => {
                if let (Some((_, words)), Event::Text(text) | Event::Code(text)) =
                    (&mut heading, &event)
                {
                    words.push_str(text);
                }
                events.push(event);
            }
        }
    }
    let mut body = String::new();
    html::push_html(&mut body, events.into_iter());
    // what may be wider than the window is scrolled by keyboard too
    body.replace("<pre>", "<pre tabindex=\"0\">")
        .replace("<table>", "<table tabindex=\"0\">")
}

/// The anchor of a heading, as code hosts derive it.
fn anchor(words: &str) -> String {
    let kept = words.to_lowercase().replace(' ', "-");
    let is_kept = |c: &char| c.is_alphanumeric() || ['-', '_'].contains(c);
    kept.chars().filter(is_kept).collect()
}

/// Where a link of a document leads here; `None` if the binary lacks it.
fn target(from: &str, link: &str) -> Option<String> {
    if link.starts_with('#') || link.starts_with("https://") {
        return Some(link.to_owned());
    }
    let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
    let folder = from.split_once('/').map_or("", |(folder, _)| folder);
    let path = match path.strip_prefix("../") {
        Some(path) => path.to_owned(),
        None => format!("{folder}/{path}"),
    };
    let address = address(path.strip_suffix(".md")?)?;
    Some(match anchor {
        "" => address,
        anchor => format!("{address}#{anchor}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_lead_to_documents_that_are_there() {
        for (link, expected) in [
            ("#x", Some("#x")),
            (
                "https://docs.aws.amazon.com/x",
                Some("https://docs.aws.amazon.com/x"),
            ),
            ("slack.md", Some("/help/how-to/slack")),
            ("slack.md#mail", Some("/help/how-to/slack#mail")),
            ("../reference/rules.md", Some("/help/reference/rules")),
            ("../spec/access.md#23-reports", None),
            ("../../README.md", None),
            ("http://example.com", None),
            ("javascript:alert(1)", None),
        ] {
            assert_eq!(
                target("how-to/reports", link).as_deref(),
                expected,
                "{link}"
            );
        }
    }

    #[test]
    fn markup_of_documents_is_text_and_headings_have_anchors() {
        let text = "# A `b` c-d\n\n<script>x</script>\n\n[here](nowhere.md) [there](slack.md)\n";
        let body = rendered("how-to/reports", text);
        for part in [
            "<h1 id=\"a-b-c-d\">",
            "&lt;script&gt;",
            "here <a href=\"/help/how-to/slack\">there</a>",
        ] {
            assert!(body.contains(part), "{body}");
        }
        for (name, text) in DOCUMENTS {
            let body = rendered(name, text);
            assert!(
                body.starts_with("<h1") && !body.contains("<script"),
                "{name}"
            );
        }
    }
}
