//! Forbidden content of text files: trailing white space, tabs in Rust, machine paths.

use std::path::Path;

use crate::breach::Breach;

const SKIPPED: &[&str] = &["Cargo.lock"];

/// Absolute paths of one machine. Split, so that this file does not contain them.
const MACHINE_PLACES: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/wo", "rk/"),
];

pub(crate) fn check(path: &str, text: &str) -> Vec<Breach> {
    if SKIPPED
        .iter()
        .any(|name| path == *name || path.ends_with(&format!("/{name}")))
    {
        return Vec::new();
    }
    let minified = path.contains(".min.");
    let mut findings = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let mut add = |message: String| findings.push(Breach::new(path, index + 1, message));
        if !minified && line.ends_with([' ', '\t', '\r']) {
            add("remove the white space at the end of the line".to_owned());
        }
        if has_extension(path, "rs") && line.contains('\t') {
            add("write spaces, or `\\t` inside a string".to_owned());
        }
        for place in MACHINE_PLACES.iter().filter(|place| names(line, place)) {
            add(format!(
                "`{place}` is a place on one machine: use a path relative to the repository"
            ));
        }
    }
    findings
}

/// Returns whether `place` starts an absolute path in `line`, not within a longer one.
fn names(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line.get(..at).and_then(|start| start.chars().next_back());
        before.is_none_or(|c| !(c.is_alphanumeric() || "_.-~}*)".contains(c)))
    })
}

pub(crate) fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path)
        .extension()
        .is_some_and(|found| found == extension)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(path: &str, text: &str) -> Vec<usize> {
        check(path, text).iter().map(|it| it.line).collect()
    }

    #[test]
    fn white_space_is_found_where_it_is() {
        assert_eq!(lines("a.md", "a\nb \nc\t\nd\r\n\n"), [2, 3, 4]);
        assert_eq!(lines("a.rs", "a\n\tb\n"), [2]);
        assert_eq!(lines("Makefile", "a:\n\tb\n"), [0; 0]);
        assert_eq!(lines("static/x.min.js", "a \n"), [0; 0]);
        assert_eq!(lines("Cargo.lock", "a \n"), [0; 0]);
    }

    #[test]
    fn places_of_a_machine_are_found_and_other_paths_are_not() {
        for place in MACHINE_PLACES {
            assert_eq!(
                lines("a.md", &format!("x\nsee `{place}a/b`\n")),
                [2],
                "{place}"
            );
            assert_eq!(lines("a.md", &format!("file://{place}a\n")), [1], "{place}");
            for fine in [
                format!("docs{place}a"),
                format!("${{HOME}}{place}"),
                format!("~{place}"),
            ] {
                assert_eq!(lines("a.md", &fine), [0; 0], "{fine}");
            }
        }
    }
}
