//! Messages on stderr: wrapped, colored where supported, with hidden characters of foreign text
//! made visible.

use std::env;
use std::io::{self, IsTerminal as _, Write as _};

use hallpass_base::text;

/// Prints one line on stderr, ignoring errors.
pub fn say(line: &str) {
    let text = match stderr_width() {
        Some(width) => fitted(line, width.into()),
        None => line.to_owned(),
    };
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Prints a command on stderr, unwrapped for copying.
pub fn say_command(line: &str) {
    let _ = writeln!(io::stderr().lock(), "  {}", plain(line));
}

/// Prints one line on stderr, unwrapped for programs.
pub fn say_unbroken(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

pub fn stderr_width() -> Option<u16> {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map(|(terminal_size::Width(width), _)| width)
}

pub fn stderr_height() -> Option<u16> {
    let size = terminal_size::terminal_size_of(io::stderr());
    size.map(|(_, terminal_size::Height(height))| height)
}

/// Wraps long lines between words, indented by two. Text in columns, with several blanks between
/// words, is unchanged.
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

/// Returns whether stderr shows colors: a terminal, unless disabled (<https://no-color.org>).
pub fn stderr_has_colour() -> bool {
    colour_is_welcome() && io::stderr().is_terminal()
}

pub fn stdout_has_colour() -> bool {
    colour_is_welcome() && io::stdout().is_terminal()
}

fn colour_is_welcome() -> bool {
    let refused = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    !refused && !dumb
}

/// Returns the terminal's columns; `None` when stdout is no terminal and lines may have any length.
pub fn width() -> Option<u16> {
    if !io::stdout().is_terminal() {
        return None;
    }
    terminal_size::terminal_size().map(|(terminal_size::Width(width), _)| width)
}

/// Wraps at `width` columns where words permit; further lines are indented by `indent` blanks.
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

/// Returns `text` on one line, with hidden characters written out.
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
            // an overlong word is not broken: it may be an id
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
