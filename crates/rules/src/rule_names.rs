//! Rule names in sentences. All user messages use this.

use std::fmt::Display;

const SAID: usize = 3;

/// Rules in backticks; of more than four the first three.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleNames(Vec<String>);

impl RuleNames {
    pub fn of<I>(rules: I) -> Self
    where
        I: IntoIterator,
        I::Item: Display,
    {
        Self(rules.into_iter().map(|it| format!("`{it}`")).collect())
    }

    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// ``` `a`, `b` ```; of more than four, ``` `a`, `b`, `c` and 2 more ```.
    fn listed(&self) -> String {
        let Self(names) = self;
        // "and 1 more" is hardly shorter than the name
        if names.len() <= SAID + 1 {
            return names.join(", ");
        }
        let said: Vec<&str> = names.iter().take(SAID).map(String::as_str).collect();
        format!("{} and {} more", said.join(", "), names.len() - SAID)
    }

    fn named(&self, one: &str, several: &str) -> String {
        let word = if self.0.len() == 1 { one } else { several };
        format!("{word} {}", self.listed())
    }

    /// Sentence start: ``Rule `a` ``, ``Rules `a`, `b` ``; `A rule` if unknown.
    pub fn first(&self) -> String {
        if self.is_empty() {
            return "A rule".to_owned();
        }
        self.named("Rule", "Rules")
    }

    /// Within a sentence: ``rule `a` ``, ``rules `a`, `b` ``; `a rule` if unknown.
    pub fn within(&self) -> String {
        if self.is_empty() {
            return "a rule".to_owned();
        }
        self.named("rule", "rules")
    }

    /// In parentheses: `` (rule `a`)``; empty if unknown.
    pub fn aside(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        format!(" ({})", self.within())
    }

    /// Selects the verb: `lists` of one, `list` of several.
    pub const fn verb<'a>(&self, of_one: &'a str, of_several: &'a str) -> &'a str {
        if self.0.len() <= 1 {
            of_one
        } else {
            of_several
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_stand_where_a_sentence_wants_them() {
        for (rules, first, within, aside, verb) in [
            (&[][..], "A rule", "a rule", "", "says"),
            (&["a"], "Rule `a`", "rule `a`", " (rule `a`)", "says"),
            (
                &["a", "b"],
                "Rules `a`, `b`",
                "rules `a`, `b`",
                " (rules `a`, `b`)",
                "say",
            ),
        ] {
            let names = RuleNames::of(rules);
            assert_eq!(names.first(), first);
            assert_eq!(names.within(), within);
            assert_eq!(names.aside(), aside);
            assert_eq!(names.verb("says", "say"), verb);
            assert_eq!(names.is_empty(), rules.is_empty());
        }
    }

    #[test]
    fn of_many_rules_the_first_are_said() {
        for (count, said) in [
            (4, "rules `1`, `2`, `3`, `4`"),
            (5, "rules `1`, `2`, `3` and 2 more"),
            (40, "rules `1`, `2`, `3` and 37 more"),
        ] {
            assert_eq!(RuleNames::of(1..=count).within(), said);
        }
    }
}
