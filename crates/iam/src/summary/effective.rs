//! Known actions that a policy allows. Actions denied unconditionally everywhere are excluded;
//! other denies are ignored.

use std::collections::{HashMap, HashSet};

use super::resources::is_everything;
use super::statement::Read;
use super::{Count, LEVEL_ORDER};
use crate::facts::{self, Access, ActionFacts};
use crate::language::{Effect, Statement};

#[derive(Debug, Clone, Copy)]
struct Allowed {
    action: &'static ActionFacts,
    open: bool,
}

#[derive(Debug, Default)]
pub(super) struct Effective {
    allowed: HashMap<(&'static str, &'static str), Allowed>,
    denied: HashSet<(&'static str, &'static str)>,
}

impl Effective {
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

    pub(super) fn actions(&self) -> Vec<&'static ActionFacts> {
        let mut all: Vec<&'static ActionFacts> = self.each().map(|it| it.action).collect();
        all.sort_unstable_by_key(|it| (it.service, it.name));
        all
    }

    pub(super) fn len(&self) -> usize {
        self.each().count()
    }

    pub(super) fn find(&self, full_name: &str) -> Option<bool> {
        let action = facts::action(full_name)?;
        let key = (action.service, action.name);
        let found = self.allowed.get(&key)?;
        (!self.denied.contains(&key)).then_some(found.open)
    }

    pub(super) fn of_class(&self, belongs: fn(&ActionFacts) -> bool) -> (Vec<String>, bool) {
        let found: Vec<&Allowed> = self.each().filter(|it| belongs(it.action)).collect();
        let mut names: Vec<String> = found.iter().map(|it| it.action.full_name()).collect();
        names.sort_unstable();
        (names, found.iter().any(|it| it.open))
    }
}
