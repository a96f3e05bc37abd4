//! Rule coverage without a directory, for warnings.

use std::collections::BTreeSet;

use hallpass_base::Glob;

use super::{Ready, Rules};
use crate::rule::{Exclusions, GroupRef, RuleId, Selector, SetMatch, Targets};

impl Rules {
    /// Returns rules for every account, including the management account.
    pub fn covering_every_account(&self) -> impl Iterator<Item = &RuleId> {
        let rules = self.compiled.rules.iter();
        let covering = rules.filter(|ready| match &ready.terms().targets {
            Targets::Groups(_) => false,
            Targets::Accounts {
                accounts,
                ous,
                tags,
                except,
                ..
            } => {
                let mut places = [accounts, ous].into_iter().flatten().peekable();
                ready.permits
                    && places.peek().is_some()
                    && places.all(is_everything)
                    && tags.is_empty()
                    && !except.of_accounts()
            }
        });
        covering.map(|ready| &ready.rule.id)
    }
}

pub(super) const TARGETS_TRIED: usize = 64;
/// One more than tried, to detect further targets. `*` comes first.
const SPOTS_MAX: usize = TARGETS_TRIED + 1;

/// A target of a rule: a place (none if other keys select it) and a permission set, or a group.
#[derive(Clone, Copy)]
pub(super) enum Spot<'a> {
    Account(&'a Targets, Option<&'a Selector>, &'a SetMatch),
    Group(&'a GroupRef),
}

pub(super) fn spots(targets: &Targets) -> Vec<Spot<'_>> {
    match targets {
        Targets::Groups(groups) => groups.iter().take(SPOTS_MAX).map(Spot::Group).collect(),
        Targets::Accounts {
            accounts,
            ous,
            sets,
            except,
            ..
        } => {
            if ous.as_ref().is_some_and(BTreeSet::is_empty) {
                return Vec::new();
            }
            let places: Vec<Option<&Selector>> = match accounts {
                Some(places) => {
                    let left = places.iter().filter(|place| !is_left_out(place, except));
                    left.take(SPOTS_MAX).map(Some).collect()
                }
                None => vec![None],
            };
            let sets: Vec<&SetMatch> = sets
                .iter()
                .filter(|set| !is_set_left_out(set, except))
                .take(SPOTS_MAX)
                .collect();
            let all = places.into_iter().flat_map(|place| {
                sets.iter()
                    .map(move |set| Spot::Account(targets, place, set))
            });
            all.take(SPOTS_MAX).collect()
        }
    }
}

pub(super) fn covers(ready: &Ready, spot: Spot<'_>) -> bool {
    match (&ready.terms().targets, spot) {
        (Targets::Groups(groups), Spot::Group(group)) => groups.contains(group),
        (
            Targets::Accounts {
                accounts,
                ous,
                tags,
                except,
                ..
            },
            Spot::Account(of, place, set),
        ) => {
            let Targets::Accounts {
                ous: of_ous,
                tags: of_tags,
                except: of_except,
                ..
            } = of
            else {
                return false;
            };
            let in_accounts = accounts.as_ref().is_none_or(|mine| {
                is_everything(mine) || place.is_some_and(|place| within_any(place, mine))
            });
            let in_ous = ous.as_ref().is_none_or(|mine| {
                is_everything(mine)
                    || of_ous
                        .as_ref()
                        .is_some_and(|of| of.iter().all(|p| within_any(p, mine)))
                    || place.is_some_and(|place| within_any(place, mine))
            });
            in_accounts
                && in_ous
                && tags.is_subset(of_tags)
                && except.is_within(of_except)
                && covers_set(ready, set, of)
        }
        (Targets::Groups(_), Spot::Account(..)) | (Targets::Accounts { .. }, Spot::Group(_)) => {
            false
        }
    }
}

fn is_everything(places: &BTreeSet<Selector>) -> bool {
    places.contains(&Selector::Every) || places.contains(&Selector::OuPath(String::new()))
}

fn within_any(place: &Selector, places: &BTreeSet<Selector>) -> bool {
    is_everything(places)
        || places.contains(place)
        || match place {
            Selector::OuPath(path) => path
                .match_indices('/')
                .filter_map(|(end, _)| path.get(..end))
                .any(|above| places.contains(&Selector::OuPath(above.to_owned()))),
            Selector::Children(id) => places.contains(&Selector::Ou(id.clone())),
            Selector::ChildrenPath(path) => {
                let unit = Selector::OuPath(path.clone());
                within_any(&unit, places)
            }
            Selector::Every | Selector::Account(_) | Selector::AccountName(_) | Selector::Ou(_) => {
                false
            }
        }
}

pub(super) fn covers_set(ready: &Ready, set: &SetMatch, of: &Targets) -> bool {
    if let SetMatch::Name(name) = set {
        return ready.sets.contain(name);
    }
    let (
        Targets::Accounts { sets, except, .. },
        Targets::Accounts {
            except: of_except, ..
        },
    ) = (&ready.terms().targets, of)
    else {
        return false;
    };
    (sets.contains(&SetMatch::Every) || sets.contains(set))
        && except.sets.is_subset(&of_except.sets)
}

fn is_left_out(place: &Selector, except: &Exclusions) -> bool {
    let is_named = |name: &Glob| {
        let mut names = except.places.iter().filter_map(name_of);
        !name.is_pattern() && names.any(|glob| glob.matches(name.as_str()))
    };
    except.places.contains(place)
        || except.places.contains(&Selector::OuPath(String::new()))
        || name_of(place).is_some_and(is_named)
}

fn name_of(place: &Selector) -> Option<&Glob> {
    match place {
        Selector::AccountName(name) => Some(name),
        Selector::Every
        | Selector::Account(_)
        | Selector::Ou(_)
        | Selector::OuPath(_)
        | Selector::Children(_)
        | Selector::ChildrenPath(_) => None,
    }
}

fn is_set_left_out(set: &SetMatch, except: &Exclusions) -> bool {
    except.sets.contains(set)
        || match set {
            SetMatch::Name(name) => except.sets.iter().any(|other| other.matches(name)),
            SetMatch::Every | SetMatch::Glob(_) => false,
        }
}

pub(super) fn overlap(ready: &Ready, other: &Ready) -> bool {
    let mine = spots(&ready.terms().targets);
    let theirs = spots(&other.terms().targets);
    mine.iter()
        .take(TARGETS_TRIED)
        .any(|spot| covers(other, *spot))
        || theirs
            .iter()
            .take(TARGETS_TRIED)
            .any(|spot| covers(ready, *spot))
        || (leaves_nothing_out(ready) && leaves_nothing_out(other) && crossing(&mine, &theirs))
}

fn leaves_nothing_out(ready: &Ready) -> bool {
    match &ready.terms().targets {
        Targets::Accounts { except, .. } => *except == Exclusions::default(),
        Targets::Groups(_) => true,
    }
}

fn crossing(mine: &[Spot<'_>], theirs: &[Spot<'_>]) -> bool {
    let wide = |spots: &[Spot<'_>]| {
        let every = |spot: &Spot<'_>| matches!(spot, Spot::Account(_, Some(Selector::Every), _));
        let all_sets = |spot: &Spot<'_>| matches!(spot, Spot::Account(_, _, SetMatch::Every));
        (spots.iter().any(every), spots.iter().any(all_sets))
    };
    matches!(
        (wide(mine), wide(theirs)),
        ((true, _), (_, true)) | ((_, true), (true, _))
    )
}
