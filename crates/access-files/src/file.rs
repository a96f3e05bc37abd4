//! The content of access files, before names are resolved.

use std::collections::BTreeMap;

use hallpass_base::PermissionSetName;
use hallpass_rules::Glob;

use crate::finding::Place;
use crate::state::PermissionSetContent;

/// The part of Identity Center that the files manage (`inventory.md` A-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManagedScope {
    #[default]
    Declared,
    All,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredAccess {
    /// Sets of these names; `None` means all.
    pub(crate) permission_set: Option<Glob>,
    /// A name, an id or `management`; `None` means every account.
    pub(crate) account: Option<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub manage: ManagedScope,
    pub(crate) all_at: Option<Place>,
    /// The most sets and assignments that one plan may delete (`inventory.md` A-10).
    pub max_destroy: usize,
    pub ignore: Vec<IgnoredAccess>,
}

/// The management account, independent of its id.
pub(crate) const MANAGEMENT: &str = "management";
const MAX_DESTROY: usize = 10;

impl Default for Settings {
    fn default() -> Self {
        Self {
            manage: ManagedScope::Declared,
            all_at: None,
            max_destroy: MAX_DESTROY,
            ignore: Vec::new(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSet {
    pub content: PermissionSetContent,
    pub protect: bool,
    pub place: Place,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AssignmentBlock {
    pub(crate) place: Place,
    pub(crate) permission_sets: Vec<(PermissionSetName, Place)>,
    pub(crate) groups: Vec<Term>,
    pub(crate) users: Vec<Term>,
    pub(crate) accounts: Vec<Term>,
    pub(crate) ous: Vec<Term>,
    pub(crate) tags: Vec<(Term, String)>,
    pub(crate) exclude: Vec<Term>,
    pub(crate) allow_empty: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFile {
    /// The ARN of the instance; `None` for `auto` or no value.
    pub instance: Option<String>,
    pub settings: Settings,
    pub sets: BTreeMap<PermissionSetName, DeclaredSet>,
    pub assignments: Vec<AssignmentBlock>,
}

impl AccessFile {
    /// Whether accounts are selected by tags, which must then be read.
    pub fn asks_for_tags(&self) -> bool {
        self.assignments.iter().any(|block| !block.tags.is_empty())
    }

    /// Entries that name or exclude the management account.
    pub(crate) fn about_management(&self) -> Vec<(&'static str, &Place)> {
        let all = self.settings.all_at.iter().map(|it| ("manage: all", it));
        let ignored = self.settings.ignore.iter();
        let ignored = ignored.filter_map(|it| it.account.as_ref());
        let ignored = ignored.filter(|it| it.text == MANAGEMENT);
        let ignored = ignored.map(|it| ("account: management", &it.place));
        let blocks = self.assignments.iter().flat_map(|block| {
            let ous = block.ous.first().map(|it| ("ous", &it.place));
            let tags = block.tags.first().map(|(key, _)| ("tags", &key.place));
            ous.into_iter().chain(tags)
        });
        all.chain(ignored).chain(blocks).collect()
    }
}
