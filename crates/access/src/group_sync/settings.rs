//! How membership by attributes is configured: `[groups.sync]`.

use std::collections::BTreeSet;

use hallpass_base::TimeSpan;
use hallpass_rules::{AttributeConditions, GroupRef, PersonAttribute};

/// What becomes of members whom no rule of their group wants there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManualMembers {
    /// They are reported, and stay.
    #[default]
    Warn,
    /// They are removed.
    Remove,
}

impl ManualMembers {
    /// Its name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Remove => "remove",
        }
    }
}

/// Who belongs to a group: whoever has all of these attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSyncRule {
    /// Its place among all rules of the configuration, from 1.
    pub number: usize,
    /// What people must have.
    pub wanted: AttributeConditions,
}

impl GroupSyncRule {
    /// Reads a rule, whose attributes are named as in `requester_attributes`.
    ///
    /// # Errors
    /// What cannot be read, in a sentence.
    pub fn read<'a>(
        number: usize,
        attributes: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, String> {
        AttributeConditions::read(attributes).map(|wanted| Self { number, wanted })
    }

    /// The rule, as records and reports name it.
    pub fn words(&self) -> String {
        format!("rule {}: {}", self.number, self.wanted.words())
    }
}

/// A group whose members follow attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedGroup {
    /// As the configuration names it.
    pub group: GroupRef,
    /// Any of these makes a member; there is at least one.
    pub rules: Vec<GroupSyncRule>,
}

/// How memberships follow attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSyncSettings {
    /// The groups, as they were configured.
    pub groups: Vec<ManagedGroup>,
    /// What becomes of members whom no rule wants there.
    pub manual: ManualMembers,
    /// How often memberships are compared with attributes.
    pub every: TimeSpan,
    /// More removals than this in one run are not made.
    pub max_removals: u32,
    /// More of a group's members than this share, in percent, are not removed in one run, unless it is one.
    pub max_removals_percent: u32,
}

impl GroupSyncSettings {
    /// The groups, by the names they have in the configuration.
    pub fn group_refs(&self) -> BTreeSet<GroupRef> {
        self.groups.iter().map(|it| it.group.clone()).collect()
    }

    /// The attributes that its rules depend on.
    pub fn attributes(&self) -> BTreeSet<PersonAttribute> {
        let rules = self.groups.iter().flat_map(|it| &it.rules);
        rules.flat_map(|rule| rule.wanted.attributes()).collect()
    }
}

/// A group as people name it: by id, or by name without case. `None` where it is neither.
pub fn group_named(text: &str) -> Option<GroupRef> {
    let text = text.trim();
    if let Ok(id) = text.parse() {
        return Some(GroupRef::Id(id));
    }
    let is_name = !text.is_empty() && !text.starts_with('!') && !text.contains(['*', '\n']);
    is_name.then(|| GroupRef::named(text))
}
