//! Decisions about differences: a line each, or per group, in a file that also names the baseline.

use std::collections::BTreeMap;

use super::dates::Day;
use super::differences::Difference;
use crate::breach::Breach;

/// Minimum letters in a core service's group: access-related differences need individual decisions.
const CORE_LETTERS_MIN: usize = 3;

const SEPARATOR: &str = " | ";

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decided {
    Taken(Vec<String>),
    NotNeeded(String),
    Open(String),
}

#[derive(Debug)]
pub(crate) struct WatchLine {
    pub(crate) line: usize,
    /// An entry's name; `*` matches any text.
    pub(crate) pattern: String,
    /// Number of entries a group covers; `None` includes future ones.
    pub(crate) count: Option<usize>,
    pub(crate) decided: Decided,
}

#[derive(Debug, Default)]
pub(crate) struct Decisions {
    /// The botocore version from which differences are counted.
    pub(crate) baseline: String,
    /// Services checked completely, entry by entry.
    pub(crate) core: Vec<String>,
    pub(crate) lines: Vec<WatchLine>,
    pub(crate) looked: Vec<FactLook>,
}

#[derive(Debug)]
pub(crate) struct FactLook {
    pub(crate) line: usize,
    pub(crate) name: String,
    pub(crate) day: Day,
    pub(crate) what: String,
}

#[derive(Debug)]
pub(crate) struct Judged<'a> {
    pub(crate) undecided: Vec<&'a Difference>,
    /// Lines with their entries, in file order. None is empty.
    pub(crate) decided: Vec<(&'a WatchLine, Vec<&'a Difference>)>,
    pub(crate) stale: Vec<&'a WatchLine>,
}

impl Decisions {
    pub(crate) fn read(path: &str, text: &str) -> Result<Self, Vec<Breach>> {
        let mut read = Self::default();
        let mut findings = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let (number, line) = (index + 1, line.trim());
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(message) = read.take(number, line) {
                findings.push(Breach::new(path, number, message));
            }
        }
        if read.baseline.is_empty() {
            let message = "names no baseline: add a line `baseline VERSION`, a version of botocore";
            findings.push(Breach::new(path, 1, message));
        }
        if findings.is_empty() {
            return Ok(read);
        }
        Err(findings)
    }

    fn take(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(version) = line.strip_prefix("baseline ") {
            if !self.baseline.is_empty() {
                return Err("names a second baseline: keep one".to_owned());
            }
            version.trim().clone_into(&mut self.baseline);
            return Ok(());
        }
        if let Some(service) = line.strip_prefix("core ") {
            self.core.push(service.trim().to_owned());
            return Ok(());
        }
        let parts: Vec<&str> = line.splitn(3, SEPARATOR).collect();
        let [pattern, date, decided] = parts.as_slice() else {
            return Err(format!(
                "has {} parts: write `ENTRY | YYYY-MM-DD | taken: FILES`, `… | not needed: WHY` or `… | open: WHAT`",
                parts.len()
            ));
        };
        let (pattern, count) = counted(pattern.trim())?;
        let Some(day) = Day::read(date.trim()) else {
            return Err(format!("`{date}` is no date: write YYYY-MM-DD"));
        };
        if let Some(name) = pattern.strip_prefix("fact ") {
            self.looked.push(FactLook {
                line: number,
                name: name.to_owned(),
                day,
                what: decided.trim().to_owned(),
            });
            return Ok(());
        }
        if let Some(earlier) = self.lines.iter().find(|it| it.pattern == pattern) {
            return Err(format!("decides again what line {} decides", earlier.line));
        }
        if self.is_too_wide(&pattern) {
            return Err(format!(
                "`{pattern}` is a group of a core service: name {CORE_LETTERS_MIN} letters of its operation, shape or member at least"
            ));
        }
        if count.is_none() && self.is_core_group(&pattern) {
            return Err(format!(
                "`{pattern}` is a group of a core service: say for how many entries it was decided, `{pattern} #N`"
            ));
        }
        let decided = decided_of(decided.trim())?;
        self.lines.push(WatchLine {
            line: number,
            pattern,
            count,
            decided,
        });
        Ok(())
    }

    fn is_too_wide(&self, pattern: &str) -> bool {
        let (_, rest) = pattern.split_once(':').unwrap_or((pattern, ""));
        let subject = rest.split(' ').next().unwrap_or_default();
        let letters = subject.chars().filter(char::is_ascii_alphanumeric).count();
        letters < CORE_LETTERS_MIN && self.is_core_group(pattern)
    }

    fn is_core_group(&self, pattern: &str) -> bool {
        let (service, _) = pattern.split_once(':').unwrap_or((pattern, ""));
        pattern.contains('*') && self.core.iter().any(|it| matches(service, it))
    }

    /// Assigns each entry its line: the exact name, else the most specific group.
    pub(crate) fn judge<'a>(&'a self, differences: &'a [Difference]) -> Judged<'a> {
        let mut undecided = Vec::new();
        let mut by_line: BTreeMap<usize, Vec<&Difference>> = BTreeMap::new();
        for difference in differences {
            match self.deciding(&difference.id()) {
                Some(line) => by_line.entry(line.line).or_default().push(difference),
                None => undecided.push(difference),
            }
        }
        let mut judged = Judged {
            undecided,
            decided: Vec::new(),
            stale: Vec::new(),
        };
        for line in &self.lines {
            match by_line.remove(&line.line) {
                Some(entries) => judged.decided.push((line, entries)),
                None => judged.stale.push(line),
            }
        }
        judged
    }

    fn deciding(&self, id: &str) -> Option<&WatchLine> {
        let letters = |it: &WatchLine| it.pattern.chars().filter(|c| *c != '*').count();
        let fitting = self.lines.iter().filter(|it| matches(&it.pattern, id));
        // `max_by_key` takes the last of equals, but the first is wanted
        fitting
            .rev()
            .max_by_key(|it| (it.pattern == id, letters(it)))
    }
}

fn counted(text: &str) -> Result<(String, Option<usize>), String> {
    let Some((pattern, count)) = text.split_once(" #") else {
        return Ok((text.to_owned(), None));
    };
    match count.parse() {
        Ok(count) if pattern.contains('*') => Ok((pattern.to_owned(), Some(count))),
        _ => Err(format!(
            "`#{count}` is no number of entries of a group: write `{pattern} #N` where a `*` is in it"
        )),
    }
}

fn decided_of(text: &str) -> Result<Decided, String> {
    let (word, what) = text.split_once(':').unwrap_or((text, ""));
    let what = what.trim();
    if what.is_empty() {
        return Err(format!(
            "`{text}` says nothing after its word: `taken: FILES`, `not needed: WHY` or `open: WHAT`"
        ));
    }
    match word {
        "taken" => Ok(Decided::Taken(
            what.split(',').map(|it| it.trim().to_owned()).collect(),
        )),
        "not needed" => Ok(Decided::NotNeeded(what.to_owned())),
        "open" => Ok(Decided::Open(what.to_owned())),
        _ => Err(format!(
            "`{word}` decides nothing: `taken`, `not needed` or `open`"
        )),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        match left.split_once(part) {
            Some((_, after)) => left = after,
            None => return false,
        }
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# why\nbaseline 1.0.0\ncore demo\n\n";

    fn read(lines: &str) -> Decisions {
        Decisions::read("d.txt", &format!("{HEAD}{lines}")).unwrap()
    }

    fn differences(names: &[&'static str]) -> Vec<Difference> {
        let all = names.iter();
        all.map(|it| {
            Difference::of_service(it.split_once(' ').unwrap().0, it.split_once(' ').unwrap().1)
        })
        .collect()
    }

    #[test]
    fn a_star_stands_for_anything() {
        let rows = [
            ("a", "a", true),
            ("a", "ab", false),
            ("*", "", true),
            ("a*", "abc", true),
            ("*c", "abc", true),
            ("a*c", "ac", true),
            ("a*c", "a", false),
            ("aa*a", "aa", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-c-b", false),
            ("*b*", "abc", true),
            ("*b*", "acd", false),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn each_line_is_read_with_what_it_decides() {
        let read = read(
            "a:B.C new member | 2026-01-02 | taken: x/a.rs, x/b.rs\n\
             a:* | 2026-01-02 | not needed: why: it is so | as it was\n\
             b:* | 2026-01-02 | open: something\n",
        );
        assert_eq!(read.baseline, "1.0.0");
        assert_eq!(read.core, ["demo"]);
        let decided: Vec<_> = read
            .lines
            .iter()
            .map(|it| (it.line, it.pattern.as_str(), it.decided.clone()))
            .collect();
        let expected = [
            (
                5,
                "a:B.C new member",
                Decided::Taken(vec!["x/a.rs".to_owned(), "x/b.rs".to_owned()]),
            ),
            (
                6,
                "a:*",
                Decided::NotNeeded("why: it is so | as it was".to_owned()),
            ),
            (7, "b:*", Decided::Open("something".to_owned())),
        ];
        assert_eq!(decided, expected);
    }

    #[test]
    fn a_fact_that_was_looked_at_again_is_no_decision() {
        let read = read("fact a/b.txt | 2026-01-02 | nothing newer\n");
        assert!(read.lines.is_empty());
        let looked = &read.looked[0];
        assert_eq!(
            (looked.line, looked.name.as_str(), looked.what.as_str()),
            (5, "a/b.txt", "nothing newer")
        );
        assert_eq!(looked.day.to_string(), "2026-01-02");
    }

    #[test]
    fn a_malformed_line_is_told_with_its_place_and_what_to_write() {
        let rows = [
            ("a:B", "d.txt:5: has 1 parts: write `ENTRY | YYYY-MM-DD"),
            (
                "a:B | 2026-13-02 | open: x",
                "d.txt:5: `2026-13-02` is no date: write YYYY-MM-DD",
            ),
            (
                "a:B | 2026-01-02 | later: x",
                "d.txt:5: `later` decides nothing: `taken`, `not needed` or `open`",
            ),
            (
                "a:B | 2026-01-02 | open:",
                "d.txt:5: `open:` says nothing after its word",
            ),
            (
                "a:B | 2026-01-02 | open: x\na:B | 2026-01-02 | open: y",
                "d.txt:6: decides again what line 5 decides",
            ),
            (
                "baseline 2.0.0",
                "d.txt:5: names a second baseline: keep one",
            ),
            (
                "demo:* new member | 2026-01-02 | open: x",
                "d.txt:5: `demo:* new member` is a group of a core service: name 3 letters",
            ),
            (
                "d*:AB* | 2026-01-02 | open: x",
                "d.txt:5: `d*:AB*` is a group of a core service",
            ),
        ];
        for (lines, expected) in rows {
            let found = Decisions::read("d.txt", &format!("{HEAD}{lines}\n")).unwrap_err();
            assert_eq!(found.len(), 1, "{lines}");
            assert!(found[0].to_string().starts_with(expected), "{}", found[0]);
        }
        let found = Decisions::read("d.txt", "x:* | 2026-01-02 | open: x\n").unwrap_err();
        assert!(
            found[0].message.starts_with("names no baseline"),
            "{found:?}"
        );
        // a core service's specific group, and any group of another
        assert_eq!(
            read("demo:*Token #3 | 2026-01-02 | open: x\nother:* | 2026-01-02 | open: x\n")
                .lines
                .len(),
            2
        );
    }

    #[test]
    fn an_entry_is_decided_by_its_own_line_else_by_the_group_that_says_most() {
        let read = read(
            "s* | 2026-01-02 | open: least\n\
             so* | 2026-01-02 | open: more\n\
             sop gone | 2026-01-02 | open: own\n\
             so*p* | 2026-01-02 | open: stale, as nothing is left for it\n",
        );
        let all = differences(&["sop gone", "son gone", "sun gone", "x gone"]);
        let judged = read.judge(&all);
        let undecided: Vec<_> = judged.undecided.iter().map(|it| it.id()).collect();
        assert_eq!(undecided, ["x gone"]);
        let decided: Vec<_> = judged
            .decided
            .iter()
            .map(|(line, entries)| {
                (
                    line.line,
                    entries
                        .iter()
                        .map(|it| it.id())
                        .collect::<Vec<_>>()
                        .join(","),
                )
            })
            .collect();
        let expected = [(5, "sun gone"), (6, "son gone"), (7, "sop gone")];
        assert_eq!(decided, expected.map(|(line, id)| (line, id.to_owned())));
        let stale: Vec<_> = judged.stale.iter().map(|it| it.line).collect();
        assert_eq!(stale, [8]);
    }
}
