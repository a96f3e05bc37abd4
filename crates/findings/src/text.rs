//! Text limits of Security Hub.

const ELLIPSIS: char = '…';

/// Counts UTF-16 units, as Security Hub may.
pub(crate) fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Whether the pattern `.*\S.*` refuses it.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// On one line: `.` matches no line break.
pub(crate) fn one_line(text: &str) -> String {
    let plain = |it: char| {
        if it.is_control() || matches!(it, '\u{2028}' | '\u{2029}') {
            ' '
        } else {
            it
        }
    };
    text.chars().map(plain).collect()
}

pub(crate) fn cut(text: &str, most: usize) -> String {
    if length(text) <= most {
        return text.to_owned();
    }
    let mut room = most.saturating_sub(ELLIPSIS.len_utf16());
    let mut kept = String::new();
    for letter in text.chars() {
        let Some(left) = room.checked_sub(letter.len_utf16()) else {
            break;
        };
        room = left;
        kept.push(letter);
    }
    kept.push(ELLIPSIS);
    kept
}
