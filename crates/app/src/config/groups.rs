//! `[groups.sync]`: groups with attribute-based members (`access.md` §15.1).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_access::{GroupSyncRule, GroupSyncSettings, ManagedGroup, ManualMembers, group_named};
use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Failure;
use serde::Deserialize;

use super::Time;

/// Each comparison reads the whole directory.
const EVERY_MIN: TimeSpan = TimeSpan::seconds(1);
/// Removals at the provider must take effect.
const EVERY_MAX: TimeSpan = TimeSpan::hours(7 * 24);

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Groups {
    pub sync: Sync,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sync {
    enabled: bool,
    groups: Vec<String>,
    rules: Vec<SyncRule>,
    manual: Manual,
    every: Time,
    max_removals: u32,
    max_removals_percent: u32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct SyncRule {
    group: String,
    attributes: BTreeMap<String, OneOrMore>,
}

/// One value, or alternatives.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

impl OneOrMore {
    fn texts(&self) -> &[String] {
        match self {
            Self::One(text) => std::slice::from_ref(text),
            Self::More(texts) => texts,
        }
    }
}

#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Manual {
    #[default]
    Warn,
    Remove,
}

impl Default for Sync {
    fn default() -> Self {
        Self {
            enabled: false,
            groups: Vec::new(),
            rules: Vec::new(),
            manual: Manual::Warn,
            every: Time(TimeSpan::hours(1)),
            max_removals: 20,
            max_removals_percent: 25,
        }
    }
}

impl Groups {
    /// Validates, even if disabled.
    pub(super) fn check(&self, name: &str) -> Result<(), Failure> {
        self.sync.read().map(|_| ()).map_err(|(key, what, help)| {
            Failure::bad_input(format!("{name}: `groups.sync.{key}` {what}")).help(help)
        })
    }

    /// `None` if disabled.
    pub(super) fn settings(&self) -> Option<GroupSyncSettings> {
        // validated at load
        let settings = self.sync.read().ok();
        settings.filter(|_| self.sync.enabled)
    }
}

type Unusable = (&'static str, String, &'static str);

impl Sync {
    fn read(&self) -> Result<GroupSyncSettings, Unusable> {
        self.check_numbers()?;
        let mut groups: Vec<ManagedGroup> = Vec::new();
        let mut named = BTreeSet::new();
        for text in &self.groups {
            let help = "write a group's name or its id";
            let group = group_named(text)
                .ok_or_else(|| ("groups", format!("has `{text}`, which is no group"), help))?;
            if !named.insert(group.clone()) {
                return Err(("groups", format!("names `{text}` twice"), "name it once"));
            }
            let rules = Vec::new();
            groups.push(ManagedGroup { group, rules });
        }
        for (number, rule) in (1..).zip(&self.rules) {
            let group = group_named(&rule.group);
            let managed = groups
                .iter_mut()
                .find(|it| Some(&it.group) == group.as_ref());
            let Some(managed) = managed else {
                let what = format!(
                    "rule {number} is about `{}`, which `groups.sync.groups` does not list",
                    rule.group
                );
                return Err((
                    "rules",
                    what,
                    "write the group in both as it is written in the other",
                ));
            };
            let attributes =
                { rule.attributes.iter() }.map(|(name, it)| (name.as_str(), it.texts()));
            let read = GroupSyncRule::read(number, attributes).map_err(|why| {
                let help = "the names and values are those of `requester_attributes` in rules";
                ("rules", format!("rule {number}: {why}"), help)
            })?;
            managed.rules.push(read);
        }
        if self.enabled && groups.is_empty() {
            let help = "list the groups whose members follow attributes, or leave `enabled` out";
            return Err(("groups", "lists no group".to_owned(), help));
        }
        if let Some(without) = groups.iter().find(|it| it.rules.is_empty()) {
            let what = format!(
                "has no rule about `{}`, so the group would be empty",
                without.group
            );
            return Err((
                "rules",
                what,
                "write a rule about it, or take it out of `groups`",
            ));
        }
        Ok(GroupSyncSettings {
            groups,
            manual: match self.manual {
                Manual::Warn => ManualMembers::Warn,
                Manual::Remove => ManualMembers::Remove,
            },
            every: self.every.0,
            max_removals: self.max_removals,
            max_removals_percent: self.max_removals_percent,
        })
    }

    fn check_numbers(&self) -> Result<(), Unusable> {
        if !(EVERY_MIN..=EVERY_MAX).contains(&self.every.0) {
            let what = format!("is {}; 1s to {EVERY_MAX} are possible", self.every.0);
            return Err(("every", what, "write a length of time such as \"1h\""));
        }
        if self.max_removals_percent > 100 {
            let what = format!("is {}", self.max_removals_percent);
            let help = "write a share of 0 to 100; 100 is no limit";
            return Err(("max_removals_percent", what, help));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use hallpass_base::testing::rows;

    use super::super::{Loaded, parse};
    use super::*;

    const WHOLE: &str = "[groups.sync]\nenabled = true\ngroups = [\"Payments\", \"legal\"]\nmanual = \"remove\"\n\
        every = \"30m\"\nmax_removals = 3\nmax_removals_percent = 50\n\
        [[groups.sync.rules]]\ngroup = \"payments\"\nattributes = { department = \"Payments\", user_type = [\"*\", \"!Contractor\"] }\n\
        [[groups.sync.rules]]\ngroup = \"payments\"\nattributes = { title = \"CFO\" }\n\
        [[groups.sync.rules]]\ngroup = \"Legal\"\nattributes = { department = \"legal\" }\n";

    fn settings(text: &str) -> Result<Option<GroupSyncSettings>, String> {
        let config = parse(text, "x").map_err(|failure| failure.words())?;
        let folder = PathBuf::new();
        Ok(Loaded { config, folder }.settings().group_sync)
    }

    #[test]
    fn what_is_written_is_taken_over() {
        let found = settings(WHOLE).unwrap().unwrap();
        let rules: Vec<Vec<String>> = { found.groups.iter() }
            .map(|group| group.rules.iter().map(GroupSyncRule::words).collect())
            .collect();
        assert_eq!(
            rules,
            [
                vec![
                    "rule 1: user type * except contractor and department payments".to_owned(),
                    "rule 2: title cfo".to_owned()
                ],
                vec!["rule 3: department legal".to_owned()]
            ]
        );
        assert_eq!(found.manual, ManualMembers::Remove);
        assert_eq!(found.every, TimeSpan::minutes(30));
        assert_eq!((found.max_removals, found.max_removals_percent), (3, 50));
        let off = WHOLE.replace("enabled = true", "enabled = false");
        assert_eq!(settings(&off), Ok(None));
        assert_eq!(settings(""), Ok(None));
    }

    #[test]
    fn what_cannot_work_is_told() {
        let table = r#"
            "legal"]                        "legal", "LEGAL"]   twice
            "legal"]                        "legal", "*"]       `*`
            "legal"]                        "legal", "others"]  no rule about `others`
            "Legal"                         "law"               `law`
            title                           team                `team`
            { title = "CFO" }               {}                  no attribute
            "30m"                           0                   every
            "30m"                           "9d"                every
            percent = 50                    percent = 101       max_removals_percent
            "remove"                        "delete"            delete
            groups = ["Payments", "legal"]  -                   `payments`
        "#;
        for [from, to, said] in rows(table) {
            let text = WHOLE.replace(from, to);
            assert_ne!(text, WHOLE, "{from}");
            let told = settings(&text).expect_err(&text);
            assert!(told.contains(said), "{told}");
        }
        let empty = settings("[groups.sync]\nenabled = true").unwrap_err();
        assert!(empty.contains("lists no group"), "{empty}");
    }
}
