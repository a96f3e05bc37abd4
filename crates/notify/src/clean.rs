//! Text of strangers, made fit for a header line or a page.

/// Characters that start a line, end one, or make text read in another order than it is written.
fn is_trick(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// One line of at most `most` characters: anything else becomes a blank, blanks become one.
pub(crate) fn line(text: &str, most: usize) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if is_trick(c) { ' ' } else { c })
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

/// The lines of a text, each without anything that is not to be seen.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let shown = |line: &str| line.chars().filter(|c| !is_trick(*c)).collect();
    text.lines().map(shown).collect()
}

/// Text as HTML text or as an attribute's value in double quotes.
pub(crate) fn html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

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
    }

    #[test]
    fn lines_stay_lines_and_html_stays_text() {
        assert_eq!(lines("a\r\nb\u{202e}\n\nc"), ["a", "b", "", "c"]);
        assert_eq!(
            html("<a href=\"x\">&'"),
            "&lt;a href=&quot;x&quot;&gt;&amp;&#39;"
        );
    }
}
