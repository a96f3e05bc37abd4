//! Which constraints forbid a person to hold two targets.

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::Timestamp;

use super::{
    Ask, Compiled, Ready, Rules,
    decide::{Evaluation, When},
    names::unknown_targets,
    people::{Membership, PersonView},
    places::AccountView,
};
use crate::{
    cancel::CancelFlag,
    diagnostic::Diagnostic,
    directory::{Directory, Person},
    never_together::{
        Conflict, ExceptionTerms, HeldConflict, Holding, HoldingException, Holdings, NeverTogether,
    },
    rule::{GroupRef, RuleId, Targets},
    subject::Subject,
};

#[derive(Debug)]
pub(crate) struct Constraint {
    pub(crate) id: RuleId,
    sides: Vec<Ready>,
    except: Vec<HoldingException>,
}

impl Subject {
    pub fn question(&self) -> Ask<'_> {
        match self {
            Self::Account {
                account,
                permission_set,
            } => Ask::Account {
                account,
                permission_set,
            },
            Self::Group { group } => Ask::Group { group },
        }
    }
}

impl Constraint {
    pub(super) fn new(read: NeverTogether) -> Self {
        Self {
            id: read.id,
            sides: read.sides.into_iter().map(Ready::of_targets).collect(),
            except: read.except,
        }
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = &GroupRef> {
        self.sides
            .iter()
            .flat_map(|side| match &side.terms().targets {
                Targets::Groups(groups) => groups.iter().collect(),
                Targets::Accounts { .. } => Vec::new(),
            })
    }

    pub(super) fn names_tags(&self) -> bool {
        let mut sides = self.sides.iter();
        sides.any(|side| side.terms().targets.names_tags())
    }

    /// The sides of a target. What could not be read counts.
    fn sides_of(&self, target: &Ask<'_>, facts: &Directory) -> BTreeSet<usize> {
        let has = |side: &Ready| {
            let targets = &side.terms().targets;
            match target {
                Ask::Account {
                    account,
                    permission_set,
                } => {
                    side.sets.contain(permission_set)
                        && AccountView::new(account, facts).coverage(targets) != Membership::No
                }
                Ask::Group { group } => {
                    let known = facts.group(group).map(|it| GroupRef::known(&it.name));
                    targets.names_group(&GroupRef::Id((*group).clone()))
                        || known.is_some_and(|name| targets.names_group(&name))
                }
            }
        };
        let sides = self.sides.iter().enumerate();
        sides
            .filter(|(_, side)| has(side))
            .map(|(at, _)| at)
            .collect()
    }

    /// Holdings that some other target is apart from. A target on several sides is apart from every
    /// other one, a target on one side from those that are not on this side alone.
    fn apart_of(&self, held: &BTreeSet<Holding>, facts: &Directory) -> Vec<Holding> {
        let mut sides: BTreeMap<&Subject, BTreeSet<usize>> = BTreeMap::new();
        for it in held {
            let of = || self.sides_of(&it.target.question(), facts);
            sides.entry(&it.target).or_insert_with(of);
        }
        sides.retain(|_, sides| !sides.is_empty());
        let mut alike: BTreeMap<&BTreeSet<usize>, usize> = BTreeMap::new();
        for of in sides.values() {
            *alike.entry(of).or_default() += 1;
        }
        let is_apart = |of: &BTreeSet<usize>| {
            let others = if of.len() == 1 {
                alike.get(of).copied().unwrap_or_default()
            } else {
                1
            };
            sides.len() > others
        };
        let apart = held
            .iter()
            .filter(|it| sides.get(&it.target).is_some_and(is_apart));
        apart.cloned().collect()
    }

    fn exception(&self, who: &PersonView<'_>, now: Timestamp) -> Option<ExceptionTerms> {
        let mut except = self.except.iter();
        let found = except.find(|it| {
            let is_person = who.has_any(&it.people.emails)
                || it.people.user_ids.iter().any(|id| who.is_user(id));
            is_person && now < it.terms.until
        });
        found.map(|it| it.terms.clone())
    }
}

/// Whether targets on these sides may not be held together.
fn are_apart(one: &BTreeSet<usize>, other: &BTreeSet<usize>) -> bool {
    one.iter().any(|one| other.iter().any(|other| one != other))
}

impl Compiled {
    /// What conflicts with a target, exceptions included.
    fn conflicts(
        &self,
        who: &PersonView<'_>,
        wanted: &Ask<'_>,
        held: &BTreeSet<Holding>,
        facts: &Directory,
        now: Timestamp,
    ) -> Vec<Conflict> {
        let mut found = Vec::new();
        for constraint in &self.constraints {
            let sides = constraint.sides_of(wanted, facts);
            if sides.is_empty() {
                continue;
            }
            let others = held.iter().filter(|it| it.target.question() != *wanted);
            let apart = others
                .filter(|it| are_apart(&sides, &constraint.sides_of(&it.target.question(), facts)));
            found.extend(apart.map(|held| Conflict {
                constraint: constraint.id.clone(),
                held: held.clone(),
                judged_at: now,
                exception: constraint.exception(who, now),
            }));
        }
        found
    }
}

impl Evaluation<'_> {
    /// Judges the constraints where it is known what the requester holds.
    pub(super) fn note_conflicts(&mut self, wanted: &Ask<'_>, when: When) {
        let (Some(holdings), When::Now(now)) = (self.facts.holdings(), when) else {
            return;
        };
        match holdings {
            Holdings::Read(held) => {
                let who = &self.requester;
                self.conflicts = self.rules.conflicts(who, wanted, held, self.facts, now);
            }
            Holdings::Unread { why } => {
                let matters = self.rules.constrains(wanted, self.facts);
                self.holdings_unread = matters.then(|| why.clone());
            }
        }
    }
}

impl Compiled {
    /// Warnings about sides that name what is not there: they protect nothing.
    pub(super) fn sides_of_nothing(
        &self,
        facts: Option<&Directory>,
        cancel: &CancelFlag,
    ) -> Vec<Diagnostic> {
        let mut found = Vec::new();
        let Some(facts) = facts else {
            return found;
        };
        for side in self.constraints.iter().flat_map(|it| &it.sides) {
            unknown_targets(side, facts, cancel, &mut found);
        }
        found
    }

    fn constrains(&self, target: &Ask<'_>, facts: &Directory) -> bool {
        let mut constraints = self.constraints.iter();
        constraints.any(|it| !it.sides_of(target, facts).is_empty())
    }
}

impl Rules {
    pub fn have_constraints(&self) -> bool {
        !self.compiled.constraints.is_empty()
    }

    /// Whether some constraint names the target, so that what a person holds matters.
    pub fn constrain(&self, target: &Ask<'_>, facts: &Directory) -> bool {
        self.compiled.constrains(target, facts)
    }

    pub fn constrained_groups(&self) -> BTreeSet<GroupRef> {
        let constraints = self.compiled.constraints.iter();
        constraints.flat_map(Constraint::groups).cloned().collect()
    }

    /// What a person holds against each constraint.
    pub fn conflicts_of(
        &self,
        person: &Person,
        held: &BTreeSet<Holding>,
        facts: &Directory,
        now: Timestamp,
    ) -> Vec<HeldConflict> {
        let who = PersonView::of(&self.compiled, person, facts);
        let conflict = |constraint: &Constraint| {
            let held = constraint.apart_of(held, facts);
            (!held.is_empty()).then(|| HeldConflict {
                constraint: constraint.id.clone(),
                held,
                exception: constraint.exception(&who, now),
            })
        };
        self.compiled
            .constraints
            .iter()
            .filter_map(conflict)
            .collect()
    }
}
