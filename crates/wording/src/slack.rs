//! How Slack wants text written: what others wrote is escaped and cut so that it shows as it is.

use hallpass_access::Directory;
use hallpass_model::{Email, Timestamp, text::visible};
use jiff::{SignedDuration, tz::TimeZone};

use crate::style::ChannelStyle;
use crate::{names, time};

/// What is nearer than this is told by its time alone: which day it is depends on the reader's zone.
const SAME_DAY: SignedDuration = SignedDuration::from_hours(12);
/// Longest name in a message, in UTF-16 units.
const NAME_MAX: usize = 400;
/// Longest words of somebody in a message.
const QUOTED_MAX: usize = 1_500;

/// Messages of Slack: people by the names the directory has, times in a zone.
#[derive(Clone, Copy, Debug)]
pub struct SlackStyle<'a> {
    /// For names.
    pub directory: &'a Directory,
    /// The zone of times.
    pub zone: &'a TimeZone,
    /// When it is read: times of its day go without one.
    pub seen_from: Timestamp,
}

impl ChannelStyle for SlackStyle<'_> {
    fn name(&self, name: &str) -> String {
        shown(name, NAME_MAX)
    }

    fn quoted(&self, words: &str) -> String {
        shown(words, QUOTED_MAX)
    }

    fn person(&self, email: &Email) -> String {
        self.name(&names::known_as(email, self.directory))
    }

    /// In the zone of whoever reads it, as Slack has it; ours where a client cannot ("Formatting text
    /// for app surfaces", date formatting).
    fn instant(&self, at: Timestamp) -> String {
        let ours = time::clock(at, self.seen_from, self.zone);
        let away = at.duration_since(self.seen_from).abs();
        let form = if away < SAME_DAY {
            "{time}"
        } else {
            "{date_short} {time}"
        };
        format!("<!date^{}^{form}|{ours}>", at.as_second())
    }
}

/// What others wrote, as Slack shows it: nothing hidden in it, and the three characters that mean
/// something to Slack as it wants them written.
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible(text).chars() {
        push_escaped(&mut escaped, character);
    }
    escaped
}

fn push_escaped(to: &mut String, character: char) {
    match character {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        other => to.push(other),
    }
}

/// How long a character is once escaped, in UTF-16 units: no way of counting finds more.
fn width(character: char) -> usize {
    match character {
        '&' => 5,
        '<' | '>' => 4,
        other => other.len_utf16(),
    }
}

/// The text escaped, and cut to at most `max` with `…`; never inside an entity.
pub fn shown(text: &str, max: usize) -> String {
    shown_with(text, max, "…")
}

/// The text escaped; when it has to be cut, `…` and a link to all of it follow.
pub fn shown_or_link(text: &str, max: usize, url: &str) -> String {
    shown_with(text, max, &format!("… <{url}|All of it>"))
}

fn shown_with(text: &str, max: usize, tail: &str) -> String {
    let text = visible(text);
    if text.chars().map(width).sum::<usize>() <= max {
        return escape(&text);
    }
    let room = max.saturating_sub(tail.encode_utf16().count());
    let (mut cut, mut used) = (String::new(), 0);
    for character in text.chars() {
        used += width(character);
        if used > room {
            break;
        }
        push_escaped(&mut cut, character);
    }
    cut.push_str(tail);
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_something_to_slack_is_escaped() {
        for (text, escaped) in [
            ("a: b: c & <d>", "a: b: c &amp; &lt;d&gt;"),
            ("<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;"),
            ("&amp;", "&amp;amp;"),
            ("", ""),
            ("ä…🟡", "ä…🟡"),
            ("a\u{202e}b\u{200b}", "a␦b␦"),
        ] {
            assert_eq!(escape(text), escaped);
        }
    }

    #[test]
    fn times_are_in_the_zone_of_whoever_reads_them() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let directory = Directory::default();
        let style = SlackStyle {
            directory: &directory,
            zone: &zone,
            seen_from: "2026-03-06T14:20:00Z".parse().unwrap(),
        };
        for (at, shown) in [
            (
                "2026-03-06T16:31:00Z",
                "<!date^1772814660^{time}|17:31 +01>",
            ),
            // tomorrow by our zone, and soon: a reader further west has the same day
            (
                "2026-03-07T01:10:00Z",
                "<!date^1772845800^{time}|Sat 02:10 +01>",
            ),
            (
                "2026-03-07T02:20:00Z",
                "<!date^1772850000^{date_short} {time}|Sat 03:20 +01>",
            ),
            (
                "2026-03-05T16:31:00Z",
                "<!date^1772728260^{date_short} {time}|Thu 17:31 +01>",
            ),
        ] {
            assert_eq!(style.instant(at.parse().unwrap()), shown);
        }
    }

    #[test]
    fn a_cut_is_never_inside_an_entity_and_never_too_long() {
        let texts = [
            "&".repeat(1000),
            "a<".repeat(700),
            "🟡&".repeat(500),
            "x".repeat(2001),
        ];
        for text in &texts {
            for max in (10..60).chain([1999, 2000, 2001]) {
                let cut = shown(text, max);
                assert!(cut.encode_utf16().count() <= max, "{max}: {cut}");
                let whole = cut
                    .replace("&amp;", "")
                    .replace("&lt;", "")
                    .replace("&gt;", "");
                assert!(!whole.contains('&') && !whole.contains('<'), "{max}: {cut}");
                assert!(cut.ends_with('…') || cut == escape(text));
            }
        }
        let linked = shown_or_link(&texts[0], 2_000, "https://h.example/requests/1");
        assert!(linked.encode_utf16().count() <= 2_000);
        assert!(
            linked.ends_with("&amp;… <https://h.example/requests/1|All of it>"),
            "{linked}"
        );
        assert_eq!(shown_or_link("short", 2000, "https://h.example"), "short");
    }
}
