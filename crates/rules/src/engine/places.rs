//! Whether a rule covers an account or a group.

use hallpass_base::AccountId;

use super::{Ask, Ready, people::Membership};
use crate::{
    directory::{Account, AccountTags, Directory},
    rule::{Exclusions, GroupRef, Selector, TagMatch, Targets},
};

/// An account as rules see it.
pub(super) struct AccountView<'a> {
    id: &'a AccountId,
    account: Option<&'a Account>,
    root_id: &'a str,
    ou_ids: Vec<&'a str>,
    /// Paths of all units above the account, without the root's name.
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

    /// Whether the account is in this place.
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
            // what the directory lacks has none, and is left out where one is left out by tags
            None => Membership::No,
            Some(AccountTags::Unread) => Membership::Unread,
            Some(AccountTags::Read(tags)) => {
                let value = tags.get(&tag.key);
                let fits = value.is_some_and(|value| tag.values.iter().any(|it| it.matches(value)));
                Membership::of(fits)
            }
        }
    }

    /// Whether the rule surely covers this account, whatever the permission set.
    pub(super) fn covered_by(&self, targets: &Targets) -> bool {
        self.coverage(targets) == Membership::Yes
    }

    /// Whether the rule covers this account, whatever the permission set. Where only the directory
    /// tells whether it is left out, and lacks it, it is.
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

    /// Whether the rule selects this account, be it left out or not.
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

    /// What leaves this account out of the rule, if anything does, or may do.
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

    /// Whether this one exclusion leaves the account out, or may do so.
    pub(super) fn may_be_left_out(&self, exclusion: LeftOut<'_>) -> bool {
        match exclusion {
            LeftOut::Place(place) => self.is_in(place),
            LeftOut::Tag(tag) => self.has_tag(tag) != Membership::No,
            LeftOut::UnreadTag => true,
            LeftOut::Unknown => !self.is_known(),
        }
    }
}

/// What leaves an account out of a rule.
#[derive(Debug, Clone, Copy)]
pub(super) enum LeftOut<'t> {
    /// An account, or the organizational unit it is in.
    Place(&'t Selector),
    /// A tag.
    Tag(&'t TagMatch),
    /// Perhaps a tag: they could not be read.
    UnreadTag,
    /// Only the directory could tell, and does not hold the account.
    Unknown,
}

/// Whether only the directory tells where a place is.
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

/// Whether the rule needs the directory to know whether it covers an account.
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

/// The rules that are about a target.
#[derive(Default)]
pub(super) struct Affecting {
    /// Those that affect it, and those that may: whether they do could not be read.
    pub(super) rules: Vec<(usize, Membership)>,
    /// Those of which only the directory could tell, which lacks the account.
    pub(super) unsure: Vec<usize>,
}

/// Keeps those of `candidates` that affect the target.
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
        // the index of groups is exact, but for a name that several groups have: which of them is meant, nobody knows
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
