//! Whether a rule covers an account or group.

use hallpass_base::AccountId;

use super::{Ask, Ready, people::Membership};
use crate::{
    directory::{Account, AccountTags, Directory},
    rule::{Exclusions, GroupRef, Selector, TagMatch, Targets},
};

pub(super) struct AccountView<'a> {
    id: &'a AccountId,
    account: Option<&'a Account>,
    root_id: &'a str,
    ou_ids: Vec<&'a str>,
    /// Paths of the units above the account, without the root name.
    ou_paths: Vec<String>,
}

impl<'a> AccountView<'a> {
    pub(super) fn new(id: &'a AccountId, facts: &'a Directory) -> Self {
        let account = facts.account(id);
        let ous = account.map_or(&[][..], |account| facts.ous_of(account));
        let mut path = String::new();
        let mut ou_paths = Vec::with_capacity(ous.len());
        for ou in ous {
            if !path.is_empty() {
                path.push('/');
            }
            path.push_str(&ou.name);
            ou_paths.push(path.clone());
        }
        let ou_ids = ous.iter().map(|ou| ou.id.as_str()).collect();
        Self {
            id,
            account,
            root_id: facts.root_id(),
            ou_ids,
            ou_paths,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        self.account.is_some()
    }

    pub(super) fn is_in(&self, place: &Selector) -> bool {
        match place {
            Selector::Every => true,
            Selector::Account(id) => id == self.id,
            Selector::AccountName(glob) => self
                .account
                .is_some_and(|account| glob.matches(&account.name)),
            Selector::Ou(id) => {
                self.is_known() && (id == self.root_id || self.ou_ids.contains(&id.as_str()))
            }
            Selector::OuPath(path) => {
                self.is_known() && (path.is_empty() || self.ou_paths.contains(path))
            }
            Selector::Children(id) => {
                let parent = self.ou_ids.last().copied();
                self.is_known() && parent.unwrap_or(self.root_id) == id
            }
            Selector::ChildrenPath(path) => {
                let parent = self.ou_paths.last().map_or("", String::as_str);
                self.is_known() && parent == path
            }
        }
    }

    fn has_tag(&self, tag: &TagMatch) -> Membership {
        match self.account.map(|account| &account.tags) {
            // accounts missing in the directory have no tags, and tag exclusions exclude them
            None => Membership::No,
            Some(AccountTags::Unread) => Membership::Unread,
            Some(AccountTags::Read(tags)) => {
                let value = tags.get(&tag.key);
                let fits = value.is_some_and(|value| tag.values.iter().any(|it| it.matches(value)));
                Membership::of(fits)
            }
        }
    }

    /// Returns whether the rule certainly covers the account.
    pub(super) fn covered_by(&self, targets: &Targets) -> bool {
        self.coverage(targets) == Membership::Yes
    }

    /// Returns whether the rule covers the account. Exclusions that need a missing directory entry
    /// apply.
    pub(super) fn coverage(&self, targets: &Targets) -> Membership {
        match self.selected_by(targets) {
            Membership::No => Membership::No,
            selected => selected.and(match self.left_out_by(targets) {
                None => Membership::Yes,
                Some(LeftOut::UnreadTag) => Membership::Unread,
                Some(LeftOut::Place(_) | LeftOut::Tag(_) | LeftOut::Unknown) => Membership::No,
            }),
        }
    }

    pub(super) fn selected_by(&self, targets: &Targets) -> Membership {
        match targets {
            Targets::Accounts {
                accounts,
                ous,
                tags,
                ..
            } => {
                let in_any = |places: &std::collections::BTreeSet<Selector>| {
                    places.iter().any(|place| self.is_in(place))
                };
                let is_in = accounts.as_ref().is_none_or(in_any) && ous.as_ref().is_none_or(in_any);
                let tagged = tags.iter().map(|tag| self.has_tag(tag));
                tagged.fold(Membership::of(is_in), Membership::and)
            }
            Targets::Groups(_) => Membership::No,
        }
    }

    /// Returns the exclusion that applies or may apply to the account.
    pub(super) fn left_out_by<'t>(&self, targets: &'t Targets) -> Option<LeftOut<'t>> {
        let Targets::Accounts { except, .. } = targets else {
            return None;
        };
        let place = except.places.iter().find(|place| self.is_in(place));
        let tag = |membership| {
            let mut tags = except.tags.iter();
            tags.find(|tag| self.has_tag(tag) == membership)
        };
        place
            .map(LeftOut::Place)
            .or_else(|| tag(Membership::Yes).map(LeftOut::Tag))
            .or_else(|| tag(Membership::Unread).map(|_| LeftOut::UnreadTag))
            .or_else(|| {
                (!self.is_known() && excluded_by_directory(except)).then_some(LeftOut::Unknown)
            })
    }

    pub(super) fn may_be_left_out(&self, exclusion: LeftOut<'_>) -> bool {
        match exclusion {
            LeftOut::Place(place) => self.is_in(place),
            LeftOut::Tag(tag) => self.has_tag(tag) != Membership::No,
            LeftOut::UnreadTag => true,
            LeftOut::Unknown => !self.is_known(),
        }
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) enum LeftOut<'t> {
    Place(&'t Selector),
    Tag(&'t TagMatch),
    UnreadTag,
    /// The account is missing in the directory, which alone could tell.
    Unknown,
}

fn is_by_directory(place: &Selector) -> bool {
    match place {
        Selector::Every | Selector::Account(_) => false,
        Selector::AccountName(_)
        | Selector::Ou(_)
        | Selector::OuPath(_)
        | Selector::Children(_)
        | Selector::ChildrenPath(_) => true,
    }
}

fn excluded_by_directory(except: &Exclusions) -> bool {
    !except.tags.is_empty() || except.places.iter().any(is_by_directory)
}

pub(super) fn needs_directory(targets: &Targets) -> bool {
    match targets {
        Targets::Accounts {
            accounts,
            ous,
            tags,
            except,
            ..
        } => {
            !tags.is_empty()
                || excluded_by_directory(except)
                || accounts.iter().chain(ous).flatten().any(is_by_directory)
        }
        Targets::Groups(_) => false,
    }
}

#[derive(Default)]
pub(super) struct Affecting {
    /// Rules that affect the target, or may: unread.
    pub(super) rules: Vec<(usize, Membership)>,
    /// Rules that need the directory entry of an unknown account.
    pub(super) unsure: Vec<usize>,
}

pub(super) fn affecting(
    rules: &[Ready],
    candidates: Vec<usize>,
    ask: &Ask<'_>,
    facts: &Directory,
) -> Affecting {
    let mut found = Affecting::default();
    match ask {
        Ask::Account {
            account,
            permission_set,
        } => {
            let view = AccountView::new(account, facts);
            for place in candidates {
                let Some(ready) = rules.get(place) else {
                    continue;
                };
                if !ready.sets.contain(permission_set) {
                    continue;
                }
                match view.coverage(&ready.terms().targets) {
                    Membership::No => {
                        if !view.is_known() && needs_directory(&ready.terms().targets) {
                            found.unsure.push(place);
                        }
                    }
                    covered => found.rules.push((place, covered)),
                }
            }
        }
        // the group index is exact, except for ambiguous names
        Ask::Group { group } => {
            let is_only = facts.has_a_name_of_its_own(group);
            let by_id = GroupRef::Id((*group).clone());
            for place in candidates {
                let Some(ready) = rules.get(place) else {
                    continue;
                };
                let is_sure = is_only || ready.terms().targets.names_group(&by_id);
                let affects = if is_sure {
                    Membership::Yes
                } else {
                    Membership::Unread
                };
                found.rules.push((place, affects));
            }
        }
    }
    found
}
