//! Lengths and forms that Security Hub takes.

/// What stands at the end of text that was cut.
const ELLIPSIS: char = '…';

/// The length of text. What is not in the first plane of Unicode counts twice, as where it is counted in UTF-16.
pub(crate) fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Whether the pattern `.*\S.*` refuses it.
pub(crate) fn is_blank(text: &str) -> bool {
    text.trim().is_empty()
}

/// On one line: `.` of that pattern matches no line break.
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

/// Text of at most so many characters, the last of them `…` where it was longer.
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
