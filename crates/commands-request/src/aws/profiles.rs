//! The part of the AWS configuration file that is Hallpass's: from a line that begins it to one that
//! ends it. Every other line stays as it is, byte for byte.

use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A file that cannot be changed safely.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// Our part begins and does not end, or the other way round.
    Unfinished,
    /// Somebody else's session has the name of ours.
    SessionTaken,
}

/// The lines around our part.
struct Marks {
    first: String,
    last: String,
}

impl Marks {
    fn of(session: &str) -> Self {
        Self {
            first: format!(
                "# BEGIN {session}: written by `hallpass aws configure`, changes are lost"
            ),
            last: format!("# END {session}"),
        }
    }
}

/// A file split at our part.
pub(super) struct Split<'a> {
    before: &'a str,
    after: &'a str,
    marks: Marks,
}

impl<'a> Split<'a> {
    /// Splits a file.
    ///
    /// # Errors
    /// When our part cannot be told from the rest.
    pub(super) fn of(text: &'a str, session: &str) -> Result<Self, Unsafe> {
        let marks = Marks::of(session);
        let (mut begins, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            if line.trim_end() == marks.first {
                begins.push(at);
            }
            at += line.len();
            if line.trim_end() == marks.last {
                ends.push(at);
            }
        }
        let (begin, end) = match (begins.as_slice(), ends.as_slice()) {
            ([], []) => (text.len(), text.len()),
            ([begin], [end]) if begin < end => (*begin, *end),
            _ => return Err(Unsafe::Unfinished),
        };
        let split = Self {
            before: text.get(..begin).unwrap_or_default(),
            after: text.get(end..).unwrap_or_default(),
            marks,
        };
        if split.taken().contains(&format!("sso-session {session}")) {
            return Err(Unsafe::SessionTaken);
        }
        Ok(split)
    }

    /// The sections that others wrote: a name may stand only once in the file.
    pub(super) fn taken(&self) -> BTreeSet<String> {
        let lines = self.before.lines().chain(self.after.lines());
        let headers = lines.filter_map(|line| {
            let name = line.trim().strip_prefix('[')?.split(']').next()?;
            Some(name.split_whitespace().collect::<Vec<_>>().join(" "))
        });
        headers.collect()
    }

    /// The file with our part; without sections it goes.
    pub(super) fn with(&self, sections: &[String]) -> String {
        let part = self.part(sections);
        let mut text = self.before.to_owned();
        if part.is_empty() {
            // what parted it from the lines before goes with it
            if self.after.is_empty() && text.ends_with("\n\n") {
                text.pop();
            }
        } else if self.after.is_empty() && !text.is_empty() {
            if !text.ends_with('\n') {
                text.push('\n');
            }
            if !text.ends_with("\n\n") {
                text.push('\n');
            }
        }
        text.push_str(&part);
        text.push_str(self.after);
        text
    }

    /// Our part alone.
    pub(super) fn part(&self, sections: &[String]) -> String {
        if sections.is_empty() {
            return String::new();
        }
        let Marks { first, last } = &self.marks;
        let mut text = String::new();
        // writing to a `String` cannot fail
        let _ = write!(text, "{first}\n{}{last}\n", sections.join("\n"));
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = "[default]\nregion = eu-west-1\n\n[ profile  mine ] # hand made\nx = y";

    fn sections() -> Vec<String> {
        vec!["[profile a]\n".to_owned(), "[sso-session s]\n".to_owned()]
    }

    #[test]
    fn others_lines_stay_and_ours_are_replaced() {
        let first = Split::of(OTHERS, "s").unwrap().with(&sections());
        assert!(first.starts_with(OTHERS), "{first}");
        let again = Split::of(&first, "s").unwrap().with(&sections());
        assert_eq!(again, first, "the same again changes nothing");
        let with_more = format!("{first}\n[profile later]\nz = 1\n");
        let split = Split::of(&with_more, "s").unwrap();
        let changed = split.with(&["[profile b]\n".to_owned()]);
        assert!(changed.starts_with(OTHERS) && changed.ends_with("\n\n[profile later]\nz = 1\n"));
        assert!(changed.contains("[profile b]") && !changed.contains("[profile a]"));
        assert_eq!(
            split.with(&[]),
            format!("{OTHERS}\n\n\n[profile later]\nz = 1\n")
        );
        let gone = Split::of(&first, "s").unwrap().with(&[]);
        assert_eq!(gone, format!("{OTHERS}\n"));
        assert_eq!(Split::of("", "s").unwrap().with(&[]), "");
    }

    #[test]
    fn names_of_others_are_known() {
        let taken = Split::of(OTHERS, "s").unwrap().taken();
        assert!(taken.contains("default") && taken.contains("profile mine"));
        let theirs = format!("{OTHERS}\n[sso-session s]\n");
        assert_eq!(Split::of(&theirs, "s").err(), Some(Unsafe::SessionTaken));
    }

    #[test]
    fn a_part_that_is_cut_is_left_alone() {
        let whole = Split::of(OTHERS, "s").unwrap().with(&sections());
        let marks = Marks::of("s");
        for cut in [
            whole.replace(&marks.last, ""),
            whole.replace(&marks.first, ""),
            format!("{whole}{whole}"),
            format!("{}\n{}\n", marks.last, marks.first),
        ] {
            assert_eq!(
                Split::of(&cut, "s").err(),
                Some(Unsafe::Unfinished),
                "{cut}"
            );
        }
    }
}
