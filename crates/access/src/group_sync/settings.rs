//! The configuration `[groups.sync]`.

use std::collections::BTreeSet;

use hallpass_base::TimeSpan;
use hallpass_rules::{AttributeConditions, GroupRef, PersonAttribute};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManualMembers {
    /// Reported, but kept.
    #[default]
    Warn,
    Remove,
}

impl ManualMembers {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Warn => "warn",
            Self::Remove => "remove",
        }
    }
}

/// A rule selects users with all of these attributes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSyncRule {
    /// Its place among all rules of the configuration, from 1.
    pub number: usize,
    pub wanted: AttributeConditions,
}

impl GroupSyncRule {
    /// Reads a rule; attributes are named as in `requester_attributes`.
    ///
    /// # Errors
    /// Unreadable parts, in a sentence.
    pub fn read<'a>(
        number: usize,
        attributes: impl IntoIterator<Item = (&'a str, &'a [String])>,
    ) -> Result<Self, String> {
        AttributeConditions::read(attributes).map(|wanted| Self { number, wanted })
    }

    pub fn words(&self) -> String {
        format!("rule {}: {}", self.number, self.wanted.words())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManagedGroup {
    pub group: GroupRef,
    /// At least one; any match makes a member.
    pub rules: Vec<GroupSyncRule>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSyncSettings {
    pub groups: Vec<ManagedGroup>,
    pub manual: ManualMembers,
    pub every: TimeSpan,
    /// The most removals in one run.
    pub max_removals: u32,
    /// The largest share of a group removed in one run, in percent; a single removal is always
    /// allowed.
    pub max_removals_percent: u32,
}

impl GroupSyncSettings {
    pub fn group_refs(&self) -> BTreeSet<GroupRef> {
        self.groups.iter().map(|it| it.group.clone()).collect()
    }

    pub fn attributes(&self) -> BTreeSet<PersonAttribute> {
        let rules = self.groups.iter().flat_map(|it| &it.rules);
        rules.flat_map(|rule| rule.wanted.attributes()).collect()
    }
}

/// Parses a group id or case-insensitive name. `None` if it is neither.
pub fn group_named(text: &str) -> Option<GroupRef> {
    let text = text.trim();
    if let Ok(id) = text.parse() {
        return Some(GroupRef::Id(id));
    }
    let is_name = !text.is_empty() && !text.starts_with('!') && !text.contains(['*', '\n']);
    let named = is_name.then(|| GroupRef::named(text));
    named.filter(|named| !matches!(named, GroupRef::OnCall(_)))
}
