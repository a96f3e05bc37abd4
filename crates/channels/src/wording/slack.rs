//! Makes foreign text inactive in Slack: the only place that does. [`plain_text`] is for elements
//! of type `plain_text`, the others are for `mrkdwn`.

use std::borrow::Cow;

use hallpass_access::Directory;
use hallpass_base::{Email, Timestamp, text::visible};
use jiff::{SignedDuration, tz::TimeZone};

use crate::wording::style::ChannelStyle;
use crate::wording::{names, time};

/// Nearer instants show only the time: their day depends on the reader's zone.
const SAME_DAY: SignedDuration = SignedDuration::from_hours(12);
/// Longest name in a message, in UTF-16 units.
const NAME_MAX: usize = 400;
const QUOTED_MAX: usize = 1_500;
const EMOJI_NAME_MAX: usize = 100;

#[derive(Clone, Copy, Debug)]
pub struct SlackStyle<'a> {
    pub directory: &'a Directory,
    pub zone: &'a TimeZone,
    /// The reading time: times of its day omit the date.
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

    /// Uses Slack's date format in the reader's zone; in the configured zone where clients cannot
    /// ("Formatting text for app surfaces", date formatting).
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

/// Escapes text for `mrkdwn`: no mention, link, formatting, quote or emoji is active. `mrkdwn` has
/// no escape for its marks ("Formatting text for app surfaces"), so active ones become similar
/// characters.
pub fn escape(text: &str) -> String {
    entities(&without_marks(&visible(text)))
}

/// A link in `mrkdwn`. Its address keeps the marks that text loses; `|` would end it.
pub fn link(url: &str, label: &str) -> String {
    let url = entities(url).replace('|', "%7C");
    format!("<{url}|{}>", escape(label))
}

/// Escapes the three characters that Slack requires as entities, in `mrkdwn` and in `plain_text`.
fn entities(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        push_escaped(&mut escaped, character);
    }
    escaped
}

/// Replaces formatting characters one for one.
fn without_marks(text: &str) -> Cow<'_, str> {
    if !text.contains(['*', '_', '~', '`', ':', '>']) {
        return Cow::Borrowed(text);
    }
    let letters: Vec<char> = text.chars().collect();
    let mut begins_line = true;
    let shown = letters.iter().enumerate().map(|(at, letter)| {
        let is_word = |place: Option<usize>| {
            let neighbour = place.and_then(|place| letters.get(place));
            neighbour.is_some_and(char::is_ascii_alphanumeric)
        };
        // Slack ignores marks in `snake_case` and `2*3`
        let is_in_word = is_word(at.checked_sub(1)) && is_word(Some(at + 1));
        let shown = match letter {
            '*' if !is_in_word => '\u{2217}',
            '_' if !is_in_word => '\u{2cd}',
            '~' if !is_in_word => '\u{223c}',
            '`' => '\u{2cb}',
            ':' if begins_emoji(letters.get(at + 1..).unwrap_or_default())
                && !is_of_time(&letters, at) =>
            {
                '\u{2236}'
            }
            '>' if begins_line => '\u{203a}',
            other => *other,
        };
        begins_line = *letter == '\n' || begins_line && letter.is_whitespace();
        shown
    });
    Cow::Owned(shown.collect())
}

/// Returns whether a colon begins a time with seconds, such as 20:26:40, which is no emoji.
fn is_of_time(letters: &[char], at: usize) -> bool {
    let is_digit = |place: Option<usize>| {
        let letter = place.and_then(|place| letters.get(place));
        letter.is_some_and(char::is_ascii_digit)
    };
    let around = [at.checked_sub(1), Some(at + 1), Some(at + 2), Some(at + 4)];
    around.into_iter().all(is_digit) && letters.get(at + 3) == Some(&':')
}

/// Returns whether an emoji code follows a colon; workspaces add names.
fn begins_emoji(after: &[char]) -> bool {
    let end = after
        .iter()
        .take(EMOJI_NAME_MAX + 1)
        .position(|it| *it == ':');
    let name = end.and_then(|end| after.get(..end)).unwrap_or_default();
    !name.is_empty() && !name.iter().any(|it| it.is_whitespace())
}

fn push_escaped(to: &mut String, character: char) {
    match character {
        '&' => to.push_str("&amp;"),
        '<' => to.push_str("&lt;"),
        '>' => to.push_str("&gt;"),
        other => to.push(other),
    }
}

/// Returns the escaped length in UTF-16 units, the largest of all counts.
fn width(character: char) -> usize {
    match character {
        '&' => 5,
        '<' | '>' => 4,
        other => other.len_utf16(),
    }
}

/// [`escape`], cut to at most `max` with `…`; never inside an entity.
pub fn shown(text: &str, max: usize) -> String {
    cut(&without_marks(&visible(text)), max)
}

/// Returns text for a `plain_text` element, cut to at most `max` with `…`. Marks stay: the element
/// does not format.
pub fn plain_text(text: &str, max: usize) -> String {
    cut(&visible(text), max)
}

fn cut(text: &str, max: usize) -> String {
    if text.chars().map(width).sum::<usize>() <= max {
        return entities(text);
    }
    let tail = "…";
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
    fn a_link_keeps_its_address_and_its_label_is_text() {
        assert_eq!(
            link("https://x.example/_a_?b=*c*&d=|e", "*T-1* <x>"),
            "<https://x.example/_a_?b=*c*&amp;d=%7Ce|∗T-1∗ &lt;x&gt;>"
        );
    }

    #[test]
    fn what_means_something_to_slack_is_escaped() {
        for (text, escaped) in [
            ("a: b: c & <d>", "a: b: c &amp; &lt;d&gt;"),
            ("<!channel> <@U1>", "&lt;!channel&gt; &lt;@U1&gt;"),
            ("&amp;", "&amp;amp;"),
            ("", ""),
            ("ä…🟡", "ä…🟡"),
            ("a\u{202e}b\u{200b}", "a␦b␦"),
            ("*bold* _it_ ~no~ `code`", "∗bold∗ ˍitˍ ∼no∼ ˋcodeˋ"),
            ("```x```", "ˋˋˋxˋˋˋ"),
            ("snake_case 2*3*4 a~b", "snake_case 2*3*4 a~b"),
            ("db__x *", "dbˍˍx ∗"),
            ("> quote\n  > more a>b", "› quote\n  › more a&gt;b"),
            (":smile: a:b c: d", "∶smile: a:b c: d"),
            ("arn:aws:iam::1", "arn∶aws∶iam::1"),
            ("12:30", "12:30"),
            ("at 20:26:40", "at 20:26:40"),
            ("1:26:", "1\u{2236}26:"),
        ] {
            assert_eq!(escape(text), escaped);
            assert_eq!(shown(text, 1_000), escaped);
        }
        // a plain element shows the marks
        let typed = "*bold* :smile: > `code` _it_";
        assert_eq!(plain_text(typed, 1_000), typed.replace('>', "&gt;"));
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
            // tomorrow in this zone, but soon: the same day further west
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
    }
}
