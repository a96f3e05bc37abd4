//! Ages of the AWS facts in tables: each has the day it was read.

use std::fs;
use std::path::Path;

use super::dates::Day;
use crate::breach::Breach;

/// Written by a test of the table.
const PAGE: &str = "docs/reference/aws-facts.md";

/// Heading of the column with the day of reading.
const STANDING: &str = "standing";

/// Packed action facts; the first line ends with their day.
const ACTIONS: &str = "crates/iam/data/facts.txt";

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FactAge {
    /// Read at its source on this day.
    Read(Day),
    /// The day of reading is unknown.
    NotVerified,
    /// Historical; does not age.
    Before,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct DatedFact {
    pub(crate) name: String,
    pub(crate) age: FactAge,
}

#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) dated: Vec<DatedFact>,
    /// Missing tables, whose facts have no known age.
    pub(crate) missing: Vec<&'static str>,
    pub(crate) unread: Vec<Breach>,
}

impl Facts {
    pub(crate) fn of_tree(root: &Path) -> Self {
        let mut facts = Self::default();
        match fs::read_to_string(root.join(PAGE)) {
            Ok(page) => facts.take_page(&page),
            Err(_) => facts.missing.push(PAGE),
        }
        match fs::read_to_string(root.join(ACTIONS)) {
            Ok(text) => facts.take_actions(&text),
            Err(_) => facts.missing.push(ACTIONS),
        }
        facts.dated.sort_by_key(|it| it.age);
        facts
    }

    fn take_actions(&mut self, text: &str) {
        let last = text.lines().next().and_then(|it| it.rsplit('\t').next());
        match last.and_then(Day::read) {
            Some(day) => self.dated.push(DatedFact {
                name: ACTIONS.to_owned(),
                age: FactAge::Read(day),
            }),
            None => self.unread.push(Breach::new(
                ACTIONS,
                1,
                "does not end in the day on which its facts were read",
            )),
        }
    }

    fn take_page(&mut self, page: &str) {
        let mut column = None;
        let mut is_inside = false;
        for (index, line) in page.lines().enumerate() {
            let Some(row) = line.trim().strip_prefix('|') else {
                (column, is_inside) = (None, false);
                continue;
            };
            let cells: Vec<&str> = row
                .trim_end_matches('|')
                .split('|')
                .map(str::trim)
                .collect();
            if !is_inside {
                is_inside = true;
                column = cells.iter().position(|it| *it == STANDING);
                continue;
            }
            let is_rule = cells.iter().all(|it| it.chars().all(|c| "-: ".contains(c)));
            if let (Some(column), false) = (column, is_rule) {
                self.take_row(index + 1, &cells, column);
            }
        }
        if self.dated.is_empty() && self.unread.is_empty() {
            let message =
                format!("has no table with a column `{STANDING}` that says when a fact was read");
            self.unread.push(Breach::new(PAGE, 1, message));
        }
    }

    fn take_row(&mut self, line: usize, cells: &[&str], column: usize) {
        let name = cells.first().map_or("", |it| it.trim_matches('`'));
        let cell = cells.get(column).copied().unwrap_or_default();
        match age_of(cell) {
            Some(age) => self.dated.push(DatedFact {
                name: name.to_owned(),
                age,
            }),
            None => self.unread.push(Breach::new(
                PAGE,
                line,
                format!(
                    "`{name}` has the age `{cell}`, expected one of `read YYYY-MM-DD`, `until \
                         YYYY-MM-DD` or `not verified`"
                ),
            )),
        }
    }
}

/// `read DAY`, with or without a prefix, `until DAY`, or `not verified`.
fn age_of(cell: &str) -> Option<FactAge> {
    if cell == "not verified" {
        return Some(FactAge::NotVerified);
    }
    let after = |word: &str| {
        let mut words = cell.split([' ', ',']).skip_while(|it| *it != word).skip(1);
        words.next().and_then(Day::read)
    };
    let read = after("read").map(FactAge::Read);
    read.or_else(|| after("until").map(|_| FactAge::Before))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(day: &str) -> FactAge {
        FactAge::Read(Day::read(day).unwrap())
    }

    #[test]
    fn a_standing_is_a_day_or_says_why_there_is_none() {
        let rows = [
            ("read 2026-05-15", Some(read("2026-05-15"))),
            (
                "kept lower; AWS says 25, read 2026-11-27",
                Some(read("2026-11-27")),
            ),
            ("until 2026-05-15", Some(FactAge::Before)),
            ("not verified", Some(FactAge::NotVerified)),
            ("read 2026-02-30", None),
            ("read", None),
            ("until now", None),
            ("2026-05-15", None),
            ("", None),
        ];
        for (cell, expected) in rows {
            assert_eq!(age_of(cell), expected, "{cell}");
        }
    }

    #[test]
    fn every_row_of_a_page_is_a_fact_or_told() {
        let mut facts = Facts::default();
        facts.take_page(
            "For readers.\n\n| fact | value | standing |\n|---|---:|---|\n| `scp.size` | 10,240 | read 2026-05-15 |\n\
            | `x` | 1 | seen |\n| `short` |\n\n| other | table |\n|---|---|\n| a | read 2026-01-01 |\n",
        );
        let expected = DatedFact {
            name: "scp.size".to_owned(),
            age: read("2026-05-15"),
        };
        assert_eq!(facts.dated, [expected]);
        let told: Vec<String> = facts.unread.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2);
        assert!(
            told[0].starts_with("docs/reference/aws-facts.md:6: `x` has the age `seen`"),
            "{told:?}"
        );
        let mut facts = Facts::default();
        facts.take_page("| other | table |\n|---|---|\n| a | b |\n");
        assert!(
            facts.unread[0].message.starts_with("has no table"),
            "{facts:?}"
        );
    }

    #[test]
    fn facts_come_oldest_first_and_what_is_not_there_is_said() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(Facts::of_tree(root.path()).missing, [PAGE, ACTIONS]);
        let put = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        put(ACTIONS, "name\t1\t2026-09-26\nk\tx\n");
        put(
            PAGE,
            "| fact | standing |\n|---|---|\n| a | read 2026-10-01 |\n| b | read 2026-08-01 |\n| c | not verified |\n",
        );
        let facts = Facts::of_tree(root.path());
        let names: Vec<_> = facts.dated.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["b", ACTIONS, "a", "c"]);
        assert!(facts.missing.is_empty() && facts.unread.is_empty());
        put(ACTIONS, "name\t1\nk\tx\n");
        assert_eq!(Facts::of_tree(root.path()).unread.len(), 1);
    }
}
