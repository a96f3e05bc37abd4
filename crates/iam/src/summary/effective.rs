//! Which known actions a policy allows at all, as far as that is sure: what an unconditional Deny
//! takes away everywhere is gone, any other Deny is not counted on.

use std::collections::{HashMap, HashSet};

use super::resources::is_everything;
use super::statement::Read;
use super::{Count, LEVEL_ORDER};
use crate::facts::{self, Access, ActionFacts};
use crate::language::{Effect, Statement};

/// An action that is allowed.
#[derive(Debug, Clone, Copy)]
struct Allowed {
    action: &'static ActionFacts,
    /// On every resource and without conditions.
    open: bool,
}

/// The known actions that are allowed, by service and name.
#[derive(Debug, Default)]
pub(super) struct Effective {
    allowed: HashMap<(&'static str, &'static str), Allowed>,
    denied: HashSet<(&'static str, &'static str)>,
}

impl Effective {
    /// Adds a statement.
    pub(super) fn take(&mut self, statement: &Statement<'_>, read: &Read) {
        let everywhere = is_everything(statement.resources.as_ref());
        let always = statement.conditions.is_empty() && everywhere;
        match statement.effect {
            Effect::Allow => {
                for action in &read.covered {
                    let entry = self.allowed.entry((action.service, action.name));
                    let allowed = entry.or_insert(Allowed {
                        action,
                        open: false,
                    });
                    allowed.open |= always;
                }
            }
            Effect::Deny if always => {
                let keys = read.covered.iter().map(|it| (it.service, it.name));
                self.denied.extend(keys);
            }
            Effect::Deny => {}
        }
    }

    fn each(&self) -> impl Iterator<Item = &Allowed> {
        self.allowed
            .iter()
            .filter(|(key, _)| !self.denied.contains(*key))
            .map(|(_, allowed)| allowed)
    }

    /// How many of each level, in the order of levels.
    pub(super) fn counts(&self) -> Vec<Count> {
        let mut counts: HashMap<Access, usize> = HashMap::new();
        for allowed in self.each() {
            *counts.entry(allowed.action.access).or_default() += 1;
        }
        LEVEL_ORDER
            .iter()
            .filter_map(|access| {
                let actions = *counts.get(access)?;
                Some(Count {
                    access: *access,
                    actions,
                })
            })
            .collect()
    }

    /// The actions, by service and name.
    pub(super) fn actions(&self) -> Vec<&'static ActionFacts> {
        let mut all: Vec<&'static ActionFacts> = self.each().map(|it| it.action).collect();
        all.sort_unstable_by_key(|it| (it.service, it.name));
        all
    }

    /// How many actions.
    pub(super) fn len(&self) -> usize {
        self.each().count()
    }

    /// Whether an action is allowed, and whether everywhere and always.
    pub(super) fn find(&self, full_name: &str) -> Option<bool> {
        let action = facts::action(full_name)?;
        let key = (action.service, action.name);
        let found = self.allowed.get(&key)?;
        (!self.denied.contains(&key)).then_some(found.open)
    }

    /// The allowed actions of a class by name, and whether some are open.
    pub(super) fn of_class(&self, belongs: fn(&ActionFacts) -> bool) -> (Vec<String>, bool) {
        let found: Vec<&Allowed> = self.each().filter(|it| belongs(it.action)).collect();
        let mut names: Vec<String> = found.iter().map(|it| it.action.full_name()).collect();
        names.sort_unstable();
        (names, found.iter().any(|it| it.open))
    }
}
