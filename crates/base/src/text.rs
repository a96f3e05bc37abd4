//! Makes untrusted text safe to display: the only place that knows which characters hide text,
//! reverse it or control a terminal. All outputs (pages, Slack, mail, webhooks, tables, CSV) use
//! it.

use std::borrow::Cow;
use std::fmt::Write as _;

const SHOWN: char = '␦';

/// Characters that join or vary the previous one: visible parts of emoji and of non-Latin scripts,
/// otherwise hidden.
const fn is_joining(c: char) -> bool {
    matches!(c, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

/// Characters that are invisible or move others (Unicode: `Cc`, `Bidi_Control`,
/// `Default_Ignorable_Code_Point`, line and paragraph separators, interlinear annotations).
const fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\0'..='\u{8}'
            | '\u{b}'..='\u{1f}'
            | '\u{7f}'..='\u{9f}'
            | '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'
            | '\u{200e}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fffb}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e00ff}'
            | '\u{e01f0}'..='\u{e0fff}'
    )
}

/// Checks if a character is invisible or displaces others. Line feeds and tabs are visible; a
/// carriage return only before a line feed.
pub const fn is_hidden(before: Option<char>, c: char, after: Option<char>) -> bool {
    match c {
        '\n' | '\t' => false,
        // alone, it returns to the start of the displayed line
        '\r' => !matches!(after, Some('\n')),
        // a sequence of them can carry an invisible message
        c if is_joining(c) => match before {
            Some(before) => {
                let joins = is_joining(before) || is_ignorable(before);
                joins || before.is_ascii() || before.is_whitespace()
            }
            None => true,
        },
        c => is_ignorable(c),
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotText {
    #[error("is UTF-16: save it as UTF-8")]
    Utf16,
    #[error("is not UTF-8 at byte {0}: save it as UTF-8")]
    NotUtf8(usize),
}

/// Decodes UTF-8 without a byte order mark.
///
/// # Errors
/// The bytes are not UTF-8. UTF-16 is recognized by its mark or by zero bytes.
pub fn decoded(bytes: &[u8]) -> Result<&str, NotText> {
    let is_utf16 = bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]);
    if is_utf16 || bytes.contains(&0) {
        return Err(NotText::Utf16);
    }
    let text = std::str::from_utf8(bytes).map_err(|it| NotText::NotUtf8(it.valid_up_to()))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

/// Each character with its position and whether it is hidden.
pub fn hidden_in(text: &str) -> impl Iterator<Item = (usize, char, bool)> {
    let after = text.chars().skip(1).map(Some).chain([None]);
    let mut before = None;
    text.char_indices().zip(after).map(move |((at, c), after)| {
        let hidden = is_hidden(before, c, after);
        before = Some(c);
        (at, c, hidden)
    })
}

pub fn is_plain(text: &str) -> bool {
    is_plain_ascii(text) || hidden_in(text).all(|(_, _, hidden)| !hidden)
}

fn is_plain_ascii(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'\n' | b'\t' | b' '..=b'~'))
}

/// Replaces hidden characters. Keeps the number of characters and lines.
pub fn visible(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let shown = hidden_in(text).map(|(_, c, hidden)| if hidden { SHOWN } else { c });
    Cow::Owned(shown.collect())
}

/// True if the text has more than blanks and hidden characters.
pub fn says_something(text: &str) -> bool {
    hidden_in(text).any(|(_, c, hidden)| !hidden && !c.is_whitespace())
}

pub fn visible_characters(text: &str) -> usize {
    hidden_in(text).filter(|(_, _, hidden)| !hidden).count()
}

/// One line of at most `most` characters; hidden characters, line ends and runs of blanks become
/// one blank.
pub fn line(text: &str, most: usize) -> String {
    let spaced: String = hidden_in(text)
        .map(|(_, c, hidden)| if hidden { ' ' } else { c })
        .collect();
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let joined = words.join(" ");
    if joined.chars().count() <= most {
        return joined;
    }
    let mut cut: String = joined.chars().take(most.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

/// The lines of a text, hidden characters replaced.
pub fn lines(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| visible(line).into_owned())
        .collect()
}

/// One line for a terminal: line ends and hidden characters are escaped (`\n`, `\u{1b}`).
pub fn written_out(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (_, c, hidden) in hidden_in(text) {
        match c {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push(' '),
            c if hidden => push_written_out(&mut shown, c),
            c => shown.push(c),
        }
    }
    shown
}

fn push_written_out(to: &mut String, c: char) {
    let _ = write!(to, "{}", c.escape_unicode());
}

/// Equivalent JSON with hidden characters in strings escaped.
pub fn json(text: &str) -> Cow<'_, str> {
    if is_plain(text) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for (_, c, hidden) in hidden_in(text) {
        // outside strings, valid JSON has only carriage returns, which have no meaning
        if !hidden || c == '\r' {
            escaped.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    Cow::Owned(escaped)
}

/// A CSV cell (RFC 4180). An apostrophe before a formula makes spreadsheets display it as text;
/// hidden characters are escaped.
pub fn csv_cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len() + 2);
    if is_formula(text) {
        cell.push('\'');
    }
    for (_, c, hidden) in hidden_in(text) {
        match c {
            '\r' if hidden => cell.push_str("\\r"),
            c if hidden => push_written_out(&mut cell, c),
            c => cell.push(c),
        }
    }
    if cell.starts_with('\'') || cell.contains([',', ';', '"', '\r', '\n', '\t']) {
        return format!("\"{}\"", cell.replace('"', "\"\""));
    }
    cell
}

fn is_formula(text: &str) -> bool {
    let first = text.chars().next();
    let begins = |c: Option<char>| {
        matches!(
            c,
            Some('=' | '+' | '-' | '@' | '\t' | '\r' | '\n' | '＝' | '＋' | '－' | '＠')
        )
    };
    begins(first) || begins(text.trim_start().chars().next())
}

pub fn number(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_seen_stays_and_what_is_hidden_is_marked() {
        for (text, shown) in [
            ("plain\r\nand\ttabs\n", "plain\r\nand\ttabs\n"),
            ("Jürgen 株式会社 👍 שלום", "Jürgen 株式会社 👍 שלום"),
            ("👩\u{200d}💻 ⚠\u{fe0f}", "👩\u{200d}💻 ⚠\u{fe0f}"),
            ("نمی\u{200c}خواهم", "نمی\u{200c}خواهم"),
            ("a\u{1b}[31mb", "a␦[31mb"),
            ("back\rto the start", "back␦to the start"),
            ("\u{202e}dlrow", "␦dlrow"),
            ("pay\u{200b}ments", "pay␦ments"),
            ("pay\u{200d}ments", "pay␦ments"),
            ("a\u{fe0f}", "a␦"),
            ("👍\u{fe0f}\u{fe01}\u{fe02}", "👍\u{fe0f}␦␦"),
            ("\u{e0041}\u{e007f}", "␦␦"),
            ("soft\u{ad}hyphen\u{feff}", "soft␦hyphen␦"),
            ("\u{3164}\u{115f}", "␦␦"),
            ("\u{85}\u{2028}\0", "␦␦␦"),
            ("", ""),
        ] {
            assert_eq!(visible(text), shown, "{text:?}");
            assert_eq!(is_plain(text), text == shown, "{text:?}");
        }
    }

    #[test]
    fn bytes_are_read_as_utf_8_or_named() {
        let utf16 =
            |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
        for (bytes, read) in [
            (b"a = 1\n".to_vec(), Ok("a = 1\n")),
            ("\u{feff}a = 1\n".into(), Ok("a = 1\n")),
            (Vec::new(), Ok("")),
            (utf16("\u{feff}a = 1\n"), Err(NotText::Utf16)),
            (utf16("a = 1\n"), Err(NotText::Utf16)),
            (b"\xfe\xff\0a".to_vec(), Err(NotText::Utf16)),
            (b"a\xe9".to_vec(), Err(NotText::NotUtf8(1))),
        ] {
            assert_eq!(decoded(&bytes), read, "{bytes:?}");
        }
    }

    #[test]
    fn blanks_and_hidden_characters_say_nothing() {
        for text in [
            "",
            " \n\t",
            "\u{200b}\u{2060}",
            "\u{3164} \u{ad}",
            "\u{a0}",
            "\0",
        ] {
            assert!(!says_something(text), "{text:?}");
        }
        for text in ["x", " \u{200b}.", "👍"] {
            assert!(says_something(text), "{text:?}");
        }
    }

    #[test]
    fn a_line_is_one_line() {
        for (text, most, shown) in [
            ("Mara", 10, "Mara"),
            (
                "Mara\r\nBcc: all@example.com",
                99,
                "Mara Bcc: all@example.com",
            ),
            ("a\u{202e}b\u{2028}c\0d", 99, "a b c d"),
            ("  many   blanks\t", 99, "many blanks"),
            ("abcdef", 4, "abc…"),
            ("äöü", 3, "äöü"),
            ("", 3, ""),
        ] {
            assert_eq!(line(text, most), shown, "{text:?}");
        }
        assert_eq!(lines("a\r\nb\u{202e}\n\nc"), ["a", "b␦", "", "c"]);
    }

    #[test]
    fn cells_are_never_formulas_and_hold_nothing_hidden() {
        for (text, cell) in [
            ("plain", "plain"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("a;b", "\"a;b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("\t=1", "\"'\t=1\""),
            ("\r=1", "\"'\\r=1\""),
            ("\n=1", "\"'\n=1\""),
            (" =1", "\"' =1\""),
            ("＝1", "\"'＝1\""),
            ("a\nb", "\"a\nb\""),
            ("a\u{1b}[2J", "a\\u{1b}[2J"),
            ("\u{202e}=1", "\\u{202e}=1"),
            ("'quoted'", "\"'quoted'\""),
            ("=cmd|' /C calc'!A0,\"", "\"'=cmd|' /C calc'!A0,\"\"\""),
        ] {
            assert_eq!(csv_cell(text), cell, "{text:?}");
        }
    }

    #[test]
    fn a_terminal_gets_what_is_hidden_written_out() {
        assert_eq!(
            written_out("a\u{1b}[31mb\nc\r\u{202e}d\te"),
            "a\\u{1b}[31mb\\nc\\r\\u{202e}d e"
        );
        assert_eq!(written_out("Jürgen 株式会社 👍"), "Jürgen 株式会社 👍");
    }

    fn hostile() -> impl Strategy<Value = String> {
        let odd = prop::sample::select(vec![
            '\0',
            '\u{1b}',
            '\u{7}',
            '\r',
            '\n',
            '\t',
            '\u{9b}',
            '\u{ad}',
            '\u{200b}',
            '\u{200c}',
            '\u{200d}',
            '\u{200e}',
            '\u{202e}',
            '\u{2028}',
            '\u{2066}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{e0041}',
            '\u{e0100}',
            '=',
            '+',
            '-',
            '@',
            '"',
            ',',
            '\'',
            '👩',
            'ä',
            'a',
        ]);
        let any = prop_oneof![4 => odd, 1 => any::<char>()];
        prop::collection::vec(any, 0..24).prop_map(String::from_iter)
    }

    proptest! {
        #[test]
        fn nothing_hidden_gets_through_any_door(text in hostile()) {
            for shown in [visible(&text).into_owned(), line(&text, 99), written_out(&text), csv_cell(&text)] {
                prop_assert!(is_plain(&shown), "{text:?} becomes {shown:?}");
            }
            prop_assert!(lines(&text).iter().all(|line| is_plain(line) && !line.contains('\n')));
            prop_assert!(!line(&text, 99).contains(['\n', '\r', '\t']));
            prop_assert!(!written_out(&text).contains(['\n', '\r', '\t']));
        }

        #[test]
        fn a_text_stays_as_long_as_it_was_and_showing_it_again_changes_nothing(text in hostile()) {
            let shown = visible(&text).into_owned();
            prop_assert_eq!(shown.chars().count(), text.chars().count());
            prop_assert_eq!(visible(&shown).into_owned(), shown.clone());
            prop_assert_eq!(is_plain(&text), shown == text);
        }

        #[test]
        fn json_says_the_same_and_hides_nothing(text in hostile()) {
            let written = serde_json::json!({ &text: [&text] }).to_string();
            let escaped = json(&written).into_owned();
            prop_assert!(is_plain(&escaped), "{escaped:?}");
            let (one, other): (serde_json::Value, serde_json::Value) =
                (serde_json::from_str(&written).unwrap(), serde_json::from_str(&escaped).unwrap());
            prop_assert_eq!(one, other);
        }

        #[test]
        fn a_cell_is_read_back_as_one_cell_that_begins_no_formula(text in hostile()) {
            let cell = csv_cell(&text);
            let quoted = cell.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
            let inner = quoted.map_or_else(|| cell.clone(), |inner| inner.replace("\"\"", "\""));
            let bare = quoted.map_or_else(|| cell.clone(), |inner| inner.replace("\"\"", ""));
            let ends_early = bare.contains('"') || quoted.is_none() && cell.contains([',', '\n', '\r']);
            prop_assert!(!ends_early, "{cell:?}");
            prop_assert!(!is_formula(&inner), "{text:?} becomes {inner:?}");
        }
    }

    #[test]
    fn numbers_have_commas() {
        for (n, words) in [(0, "0"), (999, "999"), (1043, "1,043"), (48_207, "48,207")] {
            assert_eq!(number(n), words);
        }
    }
}
