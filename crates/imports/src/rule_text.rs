//! Writes native rule files key by key. Foreign names go into comments and descriptions, on one
//! line and without invisible characters.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hallpass_base::text;

pub(crate) const NAME_MAX: usize = 80;
const SLUG_MAX: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) value: String,
    pub(crate) name: String,
}

#[derive(Default)]
pub(crate) struct RuleText {
    text: String,
    ids: BTreeSet<String>,
}

impl RuleText {
    pub(crate) fn new(comment: &[&str]) -> Self {
        let mut new = Self::default();
        for line in comment {
            let _ = writeln!(new.text, "# {line}");
        }
        new
    }

    pub(crate) fn count(&self) -> usize {
        self.ids.len()
    }

    /// Begins a rule with a unique id made of a prefix and a name.
    pub(crate) fn rule(&mut self, prefix: &str, name: &str, description: &str) -> String {
        let slug = slug(name);
        let wanted = match slug.as_str() {
            "" => prefix.to_owned(),
            slug => format!("{prefix}-{slug}"),
        };
        let mut id = wanted.clone();
        let mut next = 2_u32;
        while !self.ids.insert(id.clone()) {
            id = format!("{wanted}-{next}");
            next = next.saturating_add(1);
        }
        let description = quoted(&text::line(description, 4 * NAME_MAX));
        let _ = write!(
            self.text,
            "\n[[rule]]\nid = \"{id}\"\ndescription = {description}\n"
        );
        id
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.text, "{key} = {}", quoted(value));
    }

    pub(crate) fn open_list(&mut self, key: &str) {
        let _ = writeln!(self.text, "{key} = [");
    }

    pub(crate) fn close_list(&mut self) {
        self.text.push_str("]\n");
    }

    pub(crate) fn stage(
        &mut self,
        name: &str,
        (users, groups): (&BTreeSet<String>, &BTreeSet<String>),
        manager: bool,
        quorum: u32,
    ) {
        let words = |words: &BTreeSet<String>| {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            words.join(", ")
        };
        let _ = writeln!(
            self.text,
            "  {{ name = {}, approvers = [{}], approver_groups = [{}],{} quorum = {quorum} }},",
            quoted(&text::line(name, NAME_MAX)),
            words(users),
            words(groups),
            if manager {
                " manager_approves = true,"
            } else {
                ""
            },
        );
    }

    pub(crate) fn flag(&mut self, key: &str, value: bool) {
        let _ = writeln!(self.text, "{key} = {value}");
    }

    pub(crate) fn list(&mut self, key: &str, entries: &[Entry]) {
        let _ = writeln!(self.text, "{key} = [");
        for entry in entries {
            let name = text::line(&entry.name, NAME_MAX);
            let comment = match name.as_str() {
                "" => String::new(),
                name if name == entry.value => String::new(),
                name => format!(" # {name}"),
            };
            let _ = writeln!(self.text, "  {},{comment}", quoted(&entry.value));
        }
        self.text.push_str("]\n");
    }

    pub(crate) fn finish(mut self) -> String {
        if self.ids.is_empty() {
            self.text.push_str("\nrule = []\n");
        }
        self.text
    }
}

/// A TOML basic string, of a text without line ends and hidden characters.
pub(crate) fn quoted(value: &str) -> String {
    let mut quoted = String::with_capacity(value.len() + 2);
    quoted.push('"');
    for c in value.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}

fn slug(name: &str) -> String {
    let folded = name.chars().map(|c| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_lowercase()
        } else {
            ' '
        }
    });
    let folded: String = folded.collect();
    let words: Vec<&str> = folded.split_whitespace().collect();
    let mut slug = words.join("-");
    slug.truncate(SLUG_MAX);
    slug.trim_end_matches('-').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_ids_that_are_nobody_elses() {
        let mut text = RuleText::default();
        let made: Vec<String> = ["Payments Eng", "payments-eng", "日本", "日本", "a\"]\nb"]
            .into_iter()
            .map(|name| text.rule("team", name, name))
            .collect();
        assert_eq!(
            made,
            [
                "team-payments-eng",
                "team-payments-eng-2",
                "team",
                "team-2",
                "team-a-b"
            ]
        );
        assert_eq!(text.count(), 5);
    }

    #[test]
    fn nothing_of_a_name_ends_its_line() {
        let mut text = RuleText::default();
        text.rule("r", "x", "a\"\\\n[[rule]]\u{202e}b");
        text.list(
            "accounts",
            &[Entry {
                value: "111111111111".to_owned(),
                name: "prod\n[[rule]]\r\u{2028}x".to_owned(),
            }],
        );
        let text = text.finish();
        assert!(
            text.contains("description = \"a\\\"\\\\ [[rule]] b\""),
            "{text}"
        );
        assert!(
            text.contains("\"111111111111\", # prod [[rule]] x\n"),
            "{text}"
        );
        assert_eq!(text.matches("\n[[rule]]").count(), 1, "{text}");
    }
}
