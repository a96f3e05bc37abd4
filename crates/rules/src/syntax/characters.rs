//! Detects invisible or reordering characters, which make a file differ from its appearance.

use hallpass_base::text::hidden_in;

use super::Lines;
use crate::diagnostic::{Diagnostic, FindingCode};

const TOLD_MAX: usize = 20;

pub fn hidden(text: &str) -> Vec<Diagnostic> {
    let found = hidden_in(text).filter(|(_, _, hidden)| *hidden);
    let mut found = found.take(TOLD_MAX).peekable();
    if found.peek().is_none() {
        return Vec::new();
    }
    let lines = Lines::new(text);
    found
        .map(|(offset, c, _)| {
            let message = format!("a character that is not shown: {}", name(c));
            let help = match c {
                '\r' => "end lines with a line feed, alone or after a carriage return",
                _ => "delete it, or write it as an escape",
            };
            Diagnostic::error(FindingCode::BadCharacter, lines.position(offset), message).help(help)
        })
        .collect()
}

fn name(c: char) -> String {
    let known = match c {
        '\0' => " (a zero byte: is the file UTF-16?)",
        '\r' => " (a carriage return alone)",
        '\u{feff}' => " (a byte order mark)",
        '\u{200b}' => " (a space of no width)",
        '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            " (it turns the direction of the text)"
        }
        _ => "",
    };
    format!("U+{:04X}{known}", u32::from(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_shown_is_found_with_its_place() {
        for (text, expected) in [
            ("plain\r\nand\ttabs\n", vec![]),
            ("a\rb", vec!["1:2 U+000D (a carriage return alone)"]),
            ("end\r", vec!["1:4 U+000D (a carriage return alone)"]),
            (
                "x\n# \u{202e}dlrow",
                vec!["2:3 U+202E (it turns the direction of the text)"],
            ),
            ("pay\u{200b}ments", vec!["1:4 U+200B (a space of no width)"]),
            ("pay\u{200d}ments", vec!["1:4 U+200D"]),
            ("\u{1f469}\u{200d}\u{1f4bb} \u{26a0}\u{fe0f}", vec![]),
            ("a\u{feff}", vec!["1:2 U+FEFF (a byte order mark)"]),
            (
                "a\0b",
                vec!["1:2 U+0000 (a zero byte: is the file UTF-16?)"],
            ),
            ("\u{85}\u{2028}", vec!["1:1 U+0085", "1:2 U+2028"]),
            ("m\u{fc}ller \u{5d0}\u{5d1}", vec![]),
        ] {
            let found: Vec<String> = hidden(text)
                .iter()
                .map(|finding| {
                    let name = finding.message.rsplit_once("shown: ").unwrap().1;
                    format!("{} {name}", finding.position)
                })
                .collect();
            assert_eq!(found, expected, "{text:?}");
        }
        assert_eq!(hidden(&"\u{200b}".repeat(100)).len(), TOLD_MAX);
    }
}
