//! What a terminal is told beside its data: lines on stderr that fit it, in colours where they are welcome, and text of
//! others without what is hidden in it.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use hallpass_base::text;

/// Says one line on stderr. Nobody hears whether that works.
pub fn say(line: &str) {
    let text = match stderr_width() {
        Some(width) => fitted(line, width.into()),
        None => line.to_owned(),
    };
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Says a command on stderr, on one line however long it is: it is there to be copied.
pub fn say_command(line: &str) {
    let _ = writeln!(io::stderr().lock(), "  {}", plain(line));
}

/// Says one line on stderr as it is, however long: it is for programs.
pub fn say_unbroken(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// The columns of stderr, where it is a terminal.
pub fn stderr_width() -> Option<u16> {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map(|(terminal_size::Width(width), _)| width)
}

/// The lines of stderr, where it is a terminal.
pub fn stderr_height() -> Option<u16> {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map(|(_, terminal_size::Height(height))| height)
}

/// The text with its long lines broken between words. Further lines stand two columns in; what is set
/// out in columns, with several blanks between words, stays as it is.
fn fitted(text: &str, width: usize) -> String {
    let lines = text.split('\n').map(|line| {
        let words = line.trim_start();
        let lead = line.len() - words.len();
        if line.chars().count() <= width || words.contains("  ") {
            return line.to_owned();
        }
        let room = width.saturating_sub(lead + 2).max(1);
        format!("{}{}", " ".repeat(lead), wrapped(words, room, lead + 2))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Whether stderr shows colours: a terminal, and nobody said otherwise (<https://no-color.org>).
pub fn stderr_has_colour() -> bool {
    colour_is_welcome() && io::stderr().is_terminal()
}

/// Whether stdout shows colours; as for stderr.
pub fn stdout_has_colour() -> bool {
    colour_is_welcome() && io::stdout().is_terminal()
}

fn colour_is_welcome() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    !refused && !dumb
}

/// The terminal's width in columns; `None` when stdout is none, and lines may be of any length.
pub fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(terminal_size::Width(width), _)| width)
}

/// Words on lines of at most `width` columns where words are that short; further lines begin with
/// `indent` blanks.
pub fn wrapped(text: &str, width: usize, indent: usize) -> String {
    let (mut lines, mut column) = (String::new(), 0);
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            lines.push('\n');
            lines.extend(std::iter::repeat_n(' ', indent));
            column = 0;
        }
        if column > 0 {
            lines.push(' ');
            column += 1;
        }
        lines.push_str(word);
        column += length;
    }
    lines
}

/// `text` on one line, with whatever is hidden in it written out.
pub fn plain(text: &str) -> String {
    text::written_out(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_fits_the_terminal() {
        for (text, said) in [
            ("error: short", "error: short"),
            (
                "error[held]: you hold payments-prod already\n  help: leave it out of what you ask for",
                "error[held]: you hold\n  payments-prod already\n  help: leave it out\n    of what you ask for",
            ),
            // one word that is too long is not broken: it may be an id
            (
                "see req_01934a5b6c7d7e8f90123456789abcde",
                "see\n  req_01934a5b6c7d7e8f90123456789abcde",
            ),
            // columns, and a caret below its place
            (
                "1 | SELECT x FROM  aws_iam_user",
                "1 | SELECT x FROM  aws_iam_user",
            ),
            ("", ""),
        ] {
            assert_eq!(fitted(text, 24), said, "{text}");
        }
        assert_eq!(fitted("a b", 0), "a\n  b", "a terminal of no width");
    }
}
