//! Edits Hallpass's section of the AWS configuration file, between two marker lines. Every other
//! line stays unchanged, byte for byte.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use hallpass_base::{AccountId, PermissionSetName, profile_name};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unsafe {
    /// One of our markers is missing.
    Unfinished,
    /// A user's section has our session name.
    SessionTaken,
}

/// Marker lines. The AWS CLI parses a line with `:` or `=` as an option, even in a comment, and
/// `aws configure set` writes new options below the section above.
struct Marks {
    first: String,
    last: String,
}

impl Marks {
    fn of(session: &str) -> Self {
        Self {
            first: format!(
                "# BEGIN {session}, written by `hallpass aws configure` (changes are lost)"
            ),
            last: format!("# END {session}"),
        }
    }
}

type Role = (AccountId, PermissionSetName);

/// Profile names by role, including ended access: a known name must never point to another account.
#[derive(Debug, Default)]
struct Names(BTreeMap<Role, String>);

impl Names {
    fn lines(&self) -> String {
        let mut lines = String::new();
        for ((account, set), name) in &self.0 {
            let _ = writeln!(lines, "# name {name} is for {account} {set}");
        }
        lines
    }

    fn read(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        let ["#", "name", name, "is", "for", account, set] = words.as_slice() else {
            return false;
        };
        let (Ok(account), Ok(set)) = (AccountId::new(*account), PermissionSetName::new(*set))
        else {
            return false;
        };
        let is_usable = name.starts_with(|c: char| c.is_ascii_alphanumeric())
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
        if is_usable && self.0.values().all(|known| known != name) {
            self.0.insert((account, set), (*name).to_owned());
        }
        is_usable
    }
}

pub(super) struct Split<'a> {
    before: String,
    after: &'a str,
    marks: Marks,
    names: Names,
}

impl<'a> Split<'a> {
    pub(super) fn of(text: &'a str, session: &str) -> Result<Self, Unsafe> {
        let marks = Marks::of(session);
        let (mut begins, mut ends, mut at) = (Vec::new(), Vec::new(), 0);
        for line in text.split_inclusive('\n') {
            let start = at;
            at += line.len();
            if line.trim_end() == marks.first {
                begins.push((start, at));
            }
            if line.trim_end() == marks.last {
                ends.push((start, at));
            }
        }
        let (before, part, after) = match (begins.as_slice(), ends.as_slice()) {
            ([], []) => (Some(text), Some(""), Some("")),
            ([begin], [end]) if begin.1 <= end.0 => (
                text.get(..begin.0),
                text.get(begin.1..end.0),
                text.get(end.1..),
            ),
            _ => return Err(Unsafe::Unfinished),
        };
        let (mut names, mut of_user) = (Names::default(), String::new());
        let own = part.unwrap_or_default().split_inclusive('\n');
        // lines before our first section belong to the section above
        for line in own.take_while(|line| !line.trim_start().starts_with('[')) {
            if !names.read(line) && !line.trim().is_empty() {
                of_user.push_str(line);
            }
        }
        let split = Self {
            before: appended(before.unwrap_or_default(), &of_user),
            after: after.unwrap_or_default(),
            marks,
            names,
        };
        if split.taken().contains(&format!("sso-session {session}")) {
            return Err(Unsafe::SessionTaken);
        }
        Ok(split)
    }

    /// Returns user sections, unquoted as the AWS CLI reads them: names must be unique in the file.
    fn taken(&self) -> BTreeSet<String> {
        let lines = self.before.lines().chain(self.after.lines());
        let headers = lines.filter_map(|line| {
            let name = line.trim().strip_prefix('[')?.split(']').next()?;
            let name = name.replace(['"', '\'', '\\'], "");
            Some(name.split_whitespace().collect::<Vec<_>>().join(" "))
        });
        headers.collect()
    }

    pub(super) fn name(
        &mut self,
        account_name: &str,
        account: &AccountId,
        set: &PermissionSetName,
    ) -> String {
        let taken = self.taken();
        let is_free = |name: &str| !taken.contains(&format!("profile {name}"));
        let role = (account.clone(), set.clone());
        let kept = self.names.0.get(&role).filter(|name| is_free(name));
        if let Some(name) = kept {
            return name.clone();
        }
        let by_id = profile_name(&format!("{account_name}-{account}"), account, set);
        let mut name = profile_name(account_name, account, set);
        let mut tried = 0_u32;
        while !is_free(&name) || self.names.0.values().any(|known| *known == name) {
            tried += 1;
            name = match tried {
                1 => by_id.clone(),
                number => format!("{by_id}-{number}"),
            };
        }
        self.names.0.insert(role, name.clone());
        name
    }

    pub(super) fn with(&self, sections: &[String]) -> String {
        let part = self.part(sections);
        let mut text = self.before.clone();
        if part.is_empty() {
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

    pub(super) fn part(&self, sections: &[String]) -> String {
        let names = self.names.lines();
        if sections.is_empty() && names.is_empty() {
            return String::new();
        }
        let Marks { first, last } = &self.marks;
        let mut text = String::new();
        let _ = write!(text, "{first}\n{names}{}{last}\n", sections.join("\n"));
        text
    }
}

fn appended(text: &str, lines: &str) -> String {
    if lines.is_empty() {
        return text.to_owned();
    }
    let (said, blank) = text.split_at(text.trim_end().len());
    let (end, blank) = match blank.split_once('\n') {
        Some((end, blank)) => (format!("{end}\n"), blank),
        None if said.is_empty() => (String::new(), blank),
        None => ("\n".to_owned(), blank),
    };
    format!("{said}{end}{lines}{blank}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OTHERS: &str = "[default]\nregion = eu-west-1\n\n[ profile  mine ] # hand made\nx = y";

    fn sections() -> Vec<String> {
        vec!["[profile a]\n".to_owned(), "[sso-session s]\n".to_owned()]
    }

    fn named(split: &mut Split<'_>, account_name: &str, account: u8, set: &str) -> String {
        let account = AccountId::new(account.to_string().repeat(12)).unwrap();
        split.name(
            account_name,
            &account,
            &PermissionSetName::new(set).unwrap(),
        )
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
    fn sections_of_the_user_are_never_overridden() {
        let theirs = format!("{OTHERS}\n[sso-session 's']\n");
        assert_eq!(Split::of(&theirs, "s").err(), Some(Unsafe::SessionTaken));
        for header in [
            "[profile Lab-A]",
            "[profile \"Lab-A\"]",
            "[profile 'Lab-A']",
            "[profile L\"ab\"-A] # by hand",
            "  [ profile\tLab\\-A ]",
        ] {
            let text = format!("{OTHERS}\n{header}\nregion = x\n");
            let mut split = Split::of(&text, "s").unwrap();
            let name = named(&mut split, "Lab", 1, "A");
            assert_eq!(name, "Lab-111111111111-A", "{header}");
        }
    }

    #[test]
    fn a_name_keeps_its_role() {
        let mut split = Split::of(OTHERS, "s").unwrap();
        for (account_name, account, set, name) in [
            ("Sandbox", 1, "ReadOnly", "Sandbox-ReadOnly"),
            ("Sandbox", 2, "ReadOnly", "Sandbox-222222222222-ReadOnly"),
            ("Lab 1", 3, "A", "Lab-1-A"),
            ("Lab(1", 4, "A", "Lab-1-444444444444-A"),
            ("a-b", 5, "c", "a-b-c"),
            ("a", 6, "b-c", "a-666666666666-b-c"),
            ("x", 7, "A+B", "x-A-B"),
            ("x", 7, "A,B", "x-777777777777-A-B"),
            ("x", 7, "A=B", "x-777777777777-A-B-2"),
        ] {
            assert_eq!(named(&mut split, account_name, account, set), name);
        }
        let written = split.with(&sections());
        // the first access ends, the account is renamed, and the grant order changes
        let mut split = Split::of(&written, "s").unwrap();
        let ended = split.with(&[]);
        for text in [written, ended] {
            split = Split::of(&text, "s").unwrap();
            for (account_name, account, set, name) in [
                ("x", 7, "A=B", "x-777777777777-A-B-2"),
                ("Sandbox", 8, "ReadOnly", "Sandbox-888888888888-ReadOnly"),
                ("Sandbox", 2, "ReadOnly", "Sandbox-222222222222-ReadOnly"),
                ("Renamed", 1, "ReadOnly", "Sandbox-ReadOnly"),
            ] {
                assert_eq!(named(&mut split, account_name, account, set), name);
            }
        }
    }

    #[test]
    fn options_that_the_aws_cli_writes_into_our_part_stay_in_their_section() {
        let mut split = Split::of(OTHERS, "s").unwrap();
        named(&mut split, "Lab", 1, "A=B");
        let ours = split.with(&sections());
        // like `aws configure set`: below a line with `=`, before the next section
        for (at, added) in [
            ("[profile a]", "s3 =\n    addressing_style = path\n"),
            ("# name ", "output = json\n"),
        ] {
            let text = ours.replacen(at, &format!("{added}{at}"), 1);
            let kept = Split::of(&text, "s").unwrap().with(&sections());
            assert_eq!(
                kept,
                ours.replacen("x = y\n", &format!("x = y\n{added}"), 1)
            );
        }
        let marks = Marks::of("hallpass");
        assert!(![marks.first, marks.last].concat().contains([':', '=']));
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
