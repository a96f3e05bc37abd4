//! Text escaping: `&`, `<` and `>` from people must arrive escaped (`simulator.md` K-3).

use std::collections::BTreeSet;

use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SlackTextPiece<'a> {
    /// Still contains entities.
    Plain(&'a str),
    /// Text between `<` and `>`.
    Control(&'a str),
}

pub(crate) fn pieces(text: &str) -> Vec<SlackTextPiece<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('<') {
        let end = after.find(['<', '>', '\n']).unwrap_or(0);
        let control = after.split_at_checked(end).filter(|_| end > 0);
        let control = control.and_then(|(inner, next)| Some((inner, next.strip_prefix('>')?)));
        let Some((inner, next)) = control else {
            let keep = before.len() + 1;
            let (plain, next) = rest.split_at_checked(keep).unwrap_or((rest, ""));
            found.push(SlackTextPiece::Plain(plain));
            rest = next;
            continue;
        };
        if !before.is_empty() {
            found.push(SlackTextPiece::Plain(before));
        }
        found.push(SlackTextPiece::Control(inner));
        rest = next;
    }
    if !rest.is_empty() {
        found.push(SlackTextPiece::Plain(rest));
    }
    found
}

/// Decodes the three entities.
pub(crate) fn unescape(text: &str) -> String {
    text.replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// Returns whether Slack knows the control sequence.
fn is_known(inner: &str) -> bool {
    let target = inner.split('|').next().unwrap_or_default();
    target.starts_with(['@', '#', '!'])
        || ["http://", "https://", "mailto:", "slack:"]
            .iter()
            .any(|scheme| target.starts_with(scheme))
}

/// Returns whether a person's text could contain Slack markup.
pub(crate) fn is_suspicious(typed: &str) -> bool {
    typed.contains(['<', '>', '&', ':']) || typed.contains(MARKS)
}

const MARKS: [char; 4] = ['*', '_', '~', '`'];

/// Returns formatted or emoji pieces, with their marks.
fn formatted(plain: &str) -> impl Iterator<Item = &str> {
    plain.char_indices().filter_map(|(at, mark)| {
        let is_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        let is_free = mark == '`' || mark == ':';
        let before = plain.get(..at)?.chars().next_back();
        if !(MARKS.contains(&mark) || mark == ':') || !is_free && is_word(before) {
            return None;
        }
        let rest = plain.get(at + 1..)?;
        let inner = rest.get(..rest.find(mark)?)?;
        let after = rest.get(inner.len() + 1..)?.chars().next();
        let is_closed = inner == inner.trim() && (is_free || !is_word(after));
        let is_code = mark != ':' || !inner.contains(char::is_whitespace);
        let is_formatted = !inner.is_empty() && !inner.contains('\n') && is_closed && is_code;
        is_formatted.then(|| plain.get(at..at + inner.len() + 2))?
    })
}

/// Flags a received text: control sequences and formatting typed by a person, and unescaped
/// letters.
pub(crate) fn flags(path: &str, text: &str, typed: &BTreeSet<String>) -> Vec<Value> {
    let mut found = Vec::new();
    for piece in pieces(text) {
        match piece {
            SlackTextPiece::Control(inner) => {
                let sequence = format!("<{inner}>");
                if typed.iter().any(|typed| typed.contains(&sequence)) {
                    found.push(flag(path, "control_from_user_text", &sequence));
                } else if !is_known(inner) {
                    found.push(flag(path, "unescaped", &sequence));
                }
            }
            SlackTextPiece::Plain(plain) => {
                if let Some(wrong) = unescaped(plain) {
                    found.push(flag(path, "unescaped", wrong));
                }
                for piece in formatted(plain) {
                    let written = unescape(piece);
                    if typed.iter().any(|typed| typed.contains(&written)) {
                        found.push(flag(path, "formatting_from_user_text", piece));
                    }
                }
            }
        }
    }
    found
}

fn flag(path: &str, kind: &str, text: &str) -> Value {
    json!({ "path": path, "kind": kind, "text": text })
}

/// Returns the first letter that should be an entity. A `>` at the start of a line is a quote.
fn unescaped(plain: &str) -> Option<&str> {
    if plain.contains('<') {
        return Some("<");
    }
    let quoting = |line: &str| line.trim_start_matches(['>', ' ']).contains('>');
    if plain.lines().any(quoting) {
        return Some(">");
    }
    let entities = ["amp;", "lt;", "gt;"];
    let mut after = plain.split('&').skip(1);
    after
        .any(|rest| !entities.iter().any(|entity| rest.starts_with(entity)))
        .then_some("&")
}

/// Returns the fallback and all `mrkdwn` texts, with their places.
pub(crate) fn texts<'a>(text: &'a str, blocks: &'a Value) -> Vec<(String, &'a str)> {
    let mut found = vec![("/text".to_owned(), text)];
    walk("/blocks", blocks, &mut found);
    found
}

fn walk<'a>(path: &str, value: &'a Value, found: &mut Vec<(String, &'a str)>) {
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                walk(&format!("{path}/{index}"), item, found);
            }
        }
        Value::Object(fields) => {
            let mrkdwn = fields.get("type").and_then(Value::as_str) == Some("mrkdwn");
            if let Some(text) = fields
                .get("text")
                .and_then(Value::as_str)
                .filter(|_| mrkdwn)
            {
                found.push((format!("{path}/text"), text));
            }
            for (key, item) in fields {
                walk(&format!("{path}/{key}"), item, found);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_at_control_sequences() {
        let cut = pieces("a <@U1> b < c <!date^1^{time}|x>");
        let expected = [
            SlackTextPiece::Plain("a "),
            SlackTextPiece::Control("@U1"),
            SlackTextPiece::Plain(" b <"),
            SlackTextPiece::Plain(" c "),
            SlackTextPiece::Control("!date^1^{time}|x"),
        ];
        assert_eq!(cut, expected);
    }

    #[test]
    fn what_people_typed_is_flagged_when_it_arrives_unescaped() {
        let typed: BTreeSet<String> =
            ["hi <!channel> & <b> *x* _y_ `z` :ok: a_b_c".to_owned()].into();
        let table: &[(&str, &[&str])] = &[
            ("hi &lt;!channel&gt; &amp; you", &[]),
            ("<@U1> said &lt;b&gt;", &[]),
            ("hi <!channel> now", &["control_from_user_text"]),
            (
                "<!channel> at the end? no: <!here>",
                &["control_from_user_text"],
            ),
            ("a < b", &["unescaped"]),
            ("a & b", &["unescaped"]),
            ("a > b", &["unescaped"]),
            ("> quoted\n> more", &[]),
            ("<made up>", &["unescaped"]),
            ("<https://example.com/?a=1&amp;b=2|x>", &[]),
            ("*Why* *x*", &["formatting_from_user_text"]),
            ("_y_, `z`", &["formatting_from_user_text"; 2]),
            ("done :ok:", &["formatting_from_user_text"]),
            ("a_b_c and *Who*", &[]),
        ];
        for (text, kinds) in table {
            let found = flags("/text", text, &typed);
            let found: Vec<_> = found
                .iter()
                .filter_map(|one| one["kind"].as_str())
                .collect();
            assert_eq!(found, *kinds, "{text}");
        }
    }
}
