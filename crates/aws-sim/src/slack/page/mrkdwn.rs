//! Renders Slack's text as HTML: mentions, dates, links, emoji, bold, italic, code, quotes.
//! Everything else is escaped.

use jiff::{Timestamp, Zoned, tz::TimeZone};

use super::emoji::picture;
use crate::slack::{
    text::{SlackTextPiece, pieces, unescape},
    workspace::Workspace,
};

/// Placeholder for control sequence n while the surrounding text is parsed.
const STANDS_FOR: u32 = 0xE000;
/// Maximum rendered control sequences per text.
const CONTROLS_MAX: u32 = 6_000;

#[derive(Clone)]
pub(super) struct MessageReader<'a> {
    pub space: &'a Workspace,
    pub user: &'a str,
    pub zone: TimeZone,
    pub now: Timestamp,
}

pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}

/// Renders plain text with emoji and line ends.
pub(super) fn plain(text: &str) -> String {
    let letters: Vec<char> = unescape(text).chars().collect();
    let mut out = String::new();
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        if *letter == ':'
            && let Some((shown, length)) = emoji(letters.get(at..).unwrap_or_default())
        {
            out.push_str(shown);
            at += length;
            continue;
        }
        push(*letter, &mut out);
        at += 1;
    }
    out
}

/// Renders plain text unchanged, with line ends.
pub(super) fn unformatted(text: &str) -> String {
    let mut out = String::new();
    for letter in unescape(text).chars() {
        push(letter, &mut out);
    }
    out
}

fn push(letter: char, out: &mut String) {
    match letter {
        '\n' => out.push_str("<br>"),
        other => out.push_str(&escape(&other.to_string())),
    }
}

/// Parses a leading `:code:`.
fn emoji(letters: &[char]) -> Option<(&'static str, usize)> {
    let rest = letters.get(1..)?;
    let end = rest.iter().take(40).position(|letter| *letter == ':')?;
    let code: String = rest.get(..end)?.iter().collect();
    Some((picture(&code)?, end + 2))
}

pub(super) fn mrkdwn(text: &str, reader: &MessageReader<'_>) -> String {
    let mut controls: Vec<String> = Vec::new();
    let mut flat = String::new();
    for piece in pieces(text) {
        match piece {
            SlackTextPiece::Plain(letters) => {
                let letters = unescape(letters);
                // letters of the private area would act as placeholders
                flat.extend(
                    letters
                        .chars()
                        .map(|one| if is_stand_in(one) { '\u{fffd}' } else { one }),
                );
            }
            SlackTextPiece::Control(inner) => {
                let number = u32::try_from(controls.len()).unwrap_or(CONTROLS_MAX);
                let stands = char::from_u32(STANDS_FOR + number).filter(|_| number < CONTROLS_MAX);
                if let Some(stands) = stands {
                    flat.push(stands);
                    controls.push(control(inner, reader));
                }
            }
        }
    }
    let blocks = flat.split("```").enumerate();
    let mut out = String::new();
    for (index, part) in blocks {
        if index % 2 == 1 {
            out.push_str("<pre>");
            let letters: Vec<char> = part.trim_matches('\n').chars().collect();
            verbatim(&letters, &controls, &mut out);
            out.push_str("</pre>");
        } else {
            lines(part.trim_matches('\n'), &controls, &mut out);
        }
    }
    out
}

fn is_stand_in(letter: char) -> bool {
    (STANDS_FOR..STANDS_FOR + CONTROLS_MAX).contains(&u32::from(letter))
}

fn lines(text: &str, controls: &[String], out: &mut String) {
    let mut quoted = false;
    for (index, line) in text.split('\n').enumerate() {
        let quote = line.strip_prefix('>');
        if quote.is_some() != quoted {
            out.push_str(if quoted {
                "</blockquote>"
            } else {
                "<blockquote>"
            });
            quoted = !quoted;
        } else if index > 0 {
            out.push_str("<br>");
        }
        let line = quote.map_or(line, str::trim_start);
        let letters: Vec<char> = line.chars().collect();
        inline(&letters, 0, controls, out);
    }
    if quoted {
        out.push_str("</blockquote>");
    }
}

fn verbatim(letters: &[char], controls: &[String], out: &mut String) {
    for letter in letters {
        letter_out(*letter, controls, out);
    }
}

fn letter_out(letter: char, controls: &[String], out: &mut String) {
    if is_stand_in(letter) {
        let number = usize::try_from(u32::from(letter) - STANDS_FOR).unwrap_or(usize::MAX);
        out.push_str(controls.get(number).map(String::as_str).unwrap_or_default());
    } else {
        push(letter, out);
    }
}

/// Maximum nesting of marks.
const DEPTH_MAX: usize = 4;
/// Maximum letters within a mark; longer ones stay text.
const MARKED_MAX: usize = 1_000;

const MARKS: &[(char, &str)] = &[('*', "b"), ('_', "i"), ('~', "s"), ('`', "code")];

fn inline(letters: &[char], depth: usize, controls: &[String], out: &mut String) {
    let mut at = 0;
    while let Some(letter) = letters.get(at) {
        let rest = letters.get(at..).unwrap_or_default();
        let before = at.checked_sub(1).and_then(|at| letters.get(at));
        if *letter == ':'
            && let Some((shown, length)) = emoji(rest)
        {
            out.push_str(shown);
            at += length;
            continue;
        }
        let tag = MARKS.iter().find(|(mark, _)| mark == letter);
        let opens = depth < DEPTH_MAX && before.is_none_or(|one| !one.is_alphanumeric());
        if let (Some((mark, tag)), true) = (tag, opens)
            && let Some(length) = marked(rest, *mark)
        {
            let inner = rest.get(1..length - 1).unwrap_or_default();
            out.push('<');
            out.push_str(tag);
            out.push('>');
            if *mark == '`' {
                verbatim(inner, controls, out);
            } else {
                inline(inner, depth + 1, controls, out);
            }
            out.push_str("</");
            out.push_str(tag);
            out.push('>');
            at += length;
            continue;
        }
        letter_out(*letter, controls, out);
        at += 1;
    }
}

/// Returns the length of the leading marked piece with its marks.
fn marked(letters: &[char], mark: char) -> Option<usize> {
    let first = letters.get(1)?;
    if first.is_whitespace() || *first == mark {
        return None;
    }
    for (at, letter) in letters.iter().enumerate().take(MARKED_MAX).skip(2) {
        let before = letters.get(at - 1)?;
        let after = letters.get(at + 1);
        let closes = !before.is_whitespace() && after.is_none_or(|one| !one.is_alphanumeric());
        if *letter == mark && (closes || mark == '`') {
            return Some(at + 1);
        }
    }
    None
}

/// Renders the text between `<` and `>`.
fn control(inner: &str, reader: &MessageReader<'_>) -> String {
    let (target, label) = match inner.split_once('|') {
        Some((target, label)) => (target, Some(label)),
        None => (inner, None),
    };
    if let Some(id) = target.strip_prefix('@') {
        let settings = &reader.space.settings;
        let name = if id == settings.bot_user {
            Some(settings.app_name.clone())
        } else {
            reader.space.user(id).map(|person| person.name.clone())
        };
        let name = name
            .or_else(|| label.map(unescape))
            .unwrap_or_else(|| id.to_owned());
        let known = reader.space.user(id).is_some();
        if known && id != reader.user {
            return format!(
                "<a class=\"mention\" href=\"/_slack/?as={}\" title=\"Be {1}\">@{1}</a>",
                escape(id),
                escape(&name)
            );
        }
        let class = if id == reader.user {
            "mention you"
        } else {
            "mention"
        };
        return format!("<span class=\"{class}\">@{}</span>", escape(&name));
    }
    if let Some(id) = target.strip_prefix('#') {
        let name = reader.space.channel(id).map(|channel| channel.name.clone());
        let name = name
            .or_else(|| label.map(unescape))
            .unwrap_or_else(|| id.to_owned());
        return format!("<span class=\"mention\">#{}</span>", escape(&name));
    }
    if let Some(date) = target.strip_prefix("!date^") {
        return instant(date, label.unwrap_or_default(), reader);
    }
    if let Some(word) = target.strip_prefix('!') {
        let word = word.split('^').next().unwrap_or(word);
        let name = label.map_or_else(|| word.to_owned(), unescape);
        let name = name.trim_start_matches('@');
        return format!("<span class=\"mention you\">@{}</span>", escape(name));
    }
    link(target, label)
}

/// Links web and mail addresses; anything else is text.
fn link(target: &str, label: Option<&str>) -> String {
    let address = unescape(target);
    let known = ["http://", "https://", "mailto:"];
    let shown = label.map_or_else(|| address.clone(), unescape);
    if !known.iter().any(|scheme| address.starts_with(scheme)) {
        return escape(&format!("<{}>", unescape(target)));
    }
    format!(
        "<a href=\"{}\" target=\"_blank\" rel=\"noopener noreferrer\">{}</a>",
        escape(&address),
        plain(&shown)
    )
}

/// Renders `seconds^format` and an optional link.
fn instant(date: &str, fallback: &str, reader: &MessageReader<'_>) -> String {
    let mut parts = date.splitn(3, '^');
    let seconds = parts.next().and_then(|seconds| seconds.parse::<i64>().ok());
    let at = seconds.and_then(|seconds| Timestamp::from_second(seconds).ok());
    let (Some(at), Some(format)) = (at, parts.next()) else {
        return escape(&unescape(fallback));
    };
    let words = dated(&unescape(format), at, reader);
    format!("<time datetime=\"{at}\">{}</time>", escape(&words))
}

fn dated(format: &str, at: Timestamp, reader: &MessageReader<'_>) -> String {
    let local = at.to_zoned(reader.zone.clone());
    let today = reader.now.to_zoned(reader.zone.clone()).date();
    let near = if local.date() == today {
        Some("today")
    } else if today.tomorrow().ok() == Some(local.date()) {
        Some("tomorrow")
    } else if today.yesterday().ok() == Some(local.date()) {
        Some("yesterday")
    } else {
        None
    };
    let pretty = |far: String| near.map_or(far, str::to_owned);
    let date = |pattern: &str| local.strftime(pattern).to_string();
    let words: &[(&str, String)] = &[
        ("{date_num}", date("%Y-%m-%d")),
        ("{date_slash}", date("%Y/%m/%d")),
        ("{date_short_pretty}", pretty(date("%b %-d, %Y"))),
        ("{date_long_pretty}", pretty(date("%A, %B %-d, %Y"))),
        ("{date_pretty}", pretty(date("%B %-d, %Y"))),
        ("{date_short}", date("%b %-d, %Y")),
        ("{date_long}", date("%A, %B %-d, %Y")),
        ("{date}", date("%B %-d, %Y")),
        ("{time_secs}", date("%H:%M:%S")),
        ("{time}", date("%H:%M")),
        ("{ago}", ago(at, reader.now)),
    ];
    let mut out = format.to_owned();
    for (token, word) in words {
        out = out.replace(token, word);
    }
    out
}

fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second() - at.as_second();
    let (amount, unit) = match seconds.abs() {
        0..60 => return "now".to_owned(),
        60..3_600 => (seconds.abs() / 60, "minute"),
        3_600..86_400 => (seconds.abs() / 3_600, "hour"),
        _ => (seconds.abs() / 86_400, "day"),
    };
    let plural = if amount == 1 { "" } else { "s" };
    if seconds > 0 {
        format!("{amount} {unit}{plural} ago")
    } else {
        format!("in {amount} {unit}{plural}")
    }
}

/// Returns hours and minutes in a zone, and the full instant.
pub(super) fn clock(at: Timestamp, zone: &TimeZone) -> (String, String) {
    let local: Zoned = at.to_zoned(zone.clone());
    (local.strftime("%H:%M").to_string(), at.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn markup_is_shown_and_everything_else_escaped() {
        let section = json!({ "users": [{ "id": "U1", "name": "Ana <A>" }, { "id": "U2", "name": "Bo" }],
                              "channels": [{ "id": "C1", "name": "access" }] });
        let space = Workspace::new(&section, 7);
        let reader = MessageReader {
            space: &space,
            user: "U1",
            zone: TimeZone::UTC,
            now: "2026-11-20T10:00:00Z".parse().unwrap(),
        };
        let table = [
            ("a &lt;b&gt; &amp; c", "a &lt;b&gt; &amp; c"),
            (
                "<script>alert(1)</script>",
                "&lt;script&gt;alert(1)&lt;/script&gt;",
            ),
            (
                "*bold* and _it_ and ~no~",
                "<b>bold</b> and <i>it</i> and <s>no</s>",
            ),
            ("2*3*4 snake_case_name", "2*3*4 snake_case_name"),
            ("`a *b* &lt;`", "<code>a *b* &lt;</code>"),
            ("```x\n*y*```", "<pre>x<br>*y*</pre>"),
            ("&gt; said\nyes", "<blockquote>said</blockquote>yes"),
            (":large_green_circle: :nope:", "🟢 :nope:"),
            (
                "*<@U1>*",
                "<b><span class=\"mention you\">@Ana &lt;A&gt;</span></b>",
            ),
            (
                "<@U2>",
                "<a class=\"mention\" href=\"/_slack/?as=U2\" title=\"Be Bo\">@Bo</a>",
            ),
            ("<#C1>", "<span class=\"mention\">#access</span>"),
            ("<!here>", "<span class=\"mention you\">@here</span>"),
            (
                "<https://x.example/?a=1&amp;b=2|see>",
                "<a href=\"https://x.example/?a=1&amp;b=2\" target=\"_blank\" \
                 rel=\"noopener noreferrer\">see</a>",
            ),
            ("<javascript:alert(1)|x>", "&lt;javascript:alert(1)&gt;"),
            (
                "<!date^1795168800^{date_pretty} at {time}|x>",
                "<time datetime=\"2026-11-20T10:00:00Z\">today at 10:00</time>",
            ),
            ("<!date^what^{time}|at ten>", "at ten"),
            ("*_x_*", "<b><i>x</i></b>"),
        ];
        for (text, html) in table {
            assert_eq!(mrkdwn(text, &reader), html, "{text}");
        }
        // hostile text takes linear time
        for piece in ["*a ", "_*~", "<", ":", "`", "<@", "> "] {
            assert!(!mrkdwn(&piece.repeat(5_000), &reader).is_empty());
        }
    }
}
