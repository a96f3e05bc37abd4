//! TOML output of `init`: quotes untrusted text, adds names to ids as comments.

use std::fmt::Write as _;

use hallpass_base::text;

/// Characters.
const COMMENT_MAX: usize = 80;

pub(super) fn quoted(words: &str) -> String {
    let mut quoted = String::from("\"");
    for c in words.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            // escape invisible characters, which TOML forbids
            c if !text::is_plain(c.encode_utf8(&mut [0; 4])) || matches!(c, '\n' | '\t') => {
                let _ = write!(quoted, "\\U{:08X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) value: String,
    pub(super) name: Option<String>,
}

impl Entry {
    pub(super) fn plain(value: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            name: None,
        }
    }

    pub(super) fn named(value: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            value: value.into(),
            name: Some(name.into()),
        }
    }
}

pub(super) fn value(to: &mut String, key: &str, entry: &Entry) {
    let _ = write!(to, "{key} = {}", quoted(&entry.value));
    name(to, entry);
}

fn name(to: &mut String, entry: &Entry) {
    if let Some(name) = &entry.name {
        let _ = write!(to, " # {}", text::line(name, COMMENT_MAX));
    }
    to.push('\n');
}

pub(super) fn list(to: &mut String, key: &str, entries: &[Entry]) {
    let on_one_line = entries
        .iter()
        .map(|it| quoted(&it.value))
        .collect::<Vec<_>>()
        .join(", ");
    let is_short = key.len() + on_one_line.chars().count() <= 92;
    if is_short && entries.iter().all(|it| it.name.is_none()) {
        let _ = writeln!(to, "{key} = [{on_one_line}]");
        return;
    }
    let _ = writeln!(to, "{key} = [");
    for entry in entries {
        let _ = write!(to, "  {},", quoted(&entry.value));
        name(to, entry);
    }
    to.push_str("]\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &[&str] = &[
        "a\"b",
        "back\\slash",
        "line\nfeed\r\n[identity]\nadmins = []",
        "tab\tnul\u{0}bell\u{7}del\u{7f}",
        "{{ name }} ${env:HOME} %s",
        "ünïcode ✓ 組",
        "right\u{202e}left\u{200b}zero",
        "\"\"\"",
        "'''",
        "# no comment",
        "\u{85}\u{2028}",
        "",
    ];

    #[test]
    fn whatever_a_text_holds_toml_reads_it_back() {
        for text in HOSTILE {
            let line = format!("it = {}", quoted(text));
            assert_eq!(line.lines().count(), 1, "{line}");
            let read: toml::Table =
                toml::from_str(&line).unwrap_or_else(|it| panic!("{line}: {it}"));
            assert_eq!(read["it"].as_str(), Some(*text), "{line}");
        }
    }

    #[test]
    fn a_name_in_a_comment_cannot_leave_it() {
        let entries: Vec<Entry> = HOSTILE
            .iter()
            .map(|name| Entry::named("111122223333", *name))
            .collect();
        let mut written = String::new();
        list(&mut written, "accounts", &entries);
        let read: toml::Table = toml::from_str(&written).unwrap();
        assert_eq!(read.keys().collect::<Vec<_>>(), ["accounts"]);
        assert_eq!(read["accounts"].as_array().unwrap().len(), HOSTILE.len());
        for entry in &entries {
            let mut written = String::new();
            value(&mut written, "account", entry);
            let read: toml::Table = toml::from_str(&written).unwrap();
            assert_eq!(read.len(), 1, "{written}");
            assert_eq!(read["account"].as_str(), Some("111122223333"));
        }
    }

    #[test]
    fn a_short_list_is_one_line_and_a_long_one_is_many() {
        let mut written = String::new();
        list(&mut written, "ous", &[Entry::plain("Prod")]);
        assert_eq!(written, "ous = [\"Prod\"]\n");
        let many = vec![Entry::plain("A".repeat(40)); 3];
        let mut written = String::new();
        list(&mut written, "ous", &many);
        assert_eq!(written.lines().count(), 5);
    }
}
