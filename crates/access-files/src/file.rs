//! What files say, before the organization is asked what names mean.

use std::collections::BTreeMap;

use hallpass_base::PermissionSetName;
use hallpass_rules::Glob;

use crate::finding::Place;
use crate::state::PermissionSetContent;

/// How much of Identity Center the files answer for (`inventory.md` A-3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManagedScope {
    /// The sets they name, and those sets' assignments.
    #[default]
    Declared,
    /// Everything that is not ignored.
    All,
}

/// A text with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Term {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// What is left alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IgnoredAccess {
    /// Sets of these names; all where it is not said.
    pub(crate) permission_set: Option<Glob>,
    /// In this account: a name, an id or `management`; in all where it is not said.
    pub(crate) account: Option<Term>,
}

/// How the files are carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// How much they answer for.
    pub manage: ManagedScope,
    /// Where it says that this is everything.
    pub(crate) all_at: Option<Place>,
    /// How many sets and assignments one plan may delete (`inventory.md` A-10).
    pub max_destroy: usize,
    /// What is left alone.
    pub ignore: Vec<IgnoredAccess>,
}

/// The management account, whatever its id is.
pub(crate) const MANAGEMENT: &str = "management";
/// What one plan may delete where the files do not say.
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

/// A permission set as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSet {
    /// What it says.
    pub content: PermissionSetContent,
    /// Whether it is guarded against being loosened and its assignments against being deleted.
    pub protect: bool,
    /// Where it stands.
    pub place: Place,
}

/// Who has which sets where.
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

/// All files together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccessFile {
    /// The ARN of the instance they are for; any where they say `auto` or nothing.
    pub instance: Option<String>,
    /// How they are carried out.
    pub settings: Settings,
    /// The sets by name.
    pub sets: BTreeMap<PermissionSetName, DeclaredSet>,
    /// The assignments.
    pub assignments: Vec<AssignmentBlock>,
}

impl AccessFile {
    /// Whether accounts are chosen by their tags, which have to be read then.
    pub fn asks_for_tags(&self) -> bool {
        self.assignments.iter().any(|block| !block.tags.is_empty())
    }

    /// What can only be carried out by whoever knows the management account: it names it, or leaves it out without a word.
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
