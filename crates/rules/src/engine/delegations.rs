//! Who approves in whose place by the rules of a request (`access.md` §27).

use std::collections::BTreeSet;

use hallpass_base::{TimeSpan, UserId};

use super::{
    Compiled, Ready,
    decide::{Evaluation, Exclusion},
    delegates::Delegates,
    people::{Membership, PersonView},
};
use crate::directory::{Directory, Person};

impl<'a> Evaluation<'a> {
    /// Returns whether the user approves in the place of an approver of the rule. Never the
    /// requester, and in the place of the requester no one.
    pub(super) fn lists_as_delegate(&self, who: &PersonView<'_>, ready: &Ready) -> Membership {
        let Some(delegate) = who.person() else {
            return Membership::No;
        };
        let mut listed = Membership::No;
        for from in self.facts.delegators_of(&delegate.user_id) {
            listed = listed.or(self.stands_in(delegate, from, ready));
        }
        listed
    }

    fn stands_in(&self, delegate: &Person, from: &UserId, ready: &Ready) -> Membership {
        let (Some(approver), Some(delegate)) = (
            self.facts.person(from).filter(|it| it.enabled),
            self.facts.person(&delegate.user_id).filter(|it| it.enabled),
        ) else {
            return Membership::No;
        };
        let (approver, delegate) = (self.view(approver), self.view(delegate));
        if approver.is(&self.requester) || delegate.is(&self.requester) || !self.allows_delegates()
        {
            return Membership::No;
        }
        let listed = self.lists_personally(&approver, ready);
        listed.and(delegate.is_no_approver(ready).not())
    }

    fn view(&self, person: &'a Person) -> PersonView<'a> {
        PersonView::of(self.rules, person, self.facts)
    }

    /// The approvers in whose place this user approves; empty if a rule lists the user too.
    pub(super) fn represented(&self, who: &PersonView<'_>) -> BTreeSet<UserId> {
        let mut eligible = self.eligible.iter();
        let personally = eligible.any(|it| self.lists_personally(who, it) == Membership::Yes);
        let Some(delegate) = who.person().filter(|_| !personally) else {
            return BTreeSet::new();
        };
        let from = self.facts.delegators_of(&delegate.user_id);
        from.filter(|from| {
            let mut eligible = self.eligible.iter();
            eligible.any(|it| self.stands_in(delegate, from, it) == Membership::Yes)
        })
        .cloned()
        .collect()
    }

    /// Those who approve only in the place of others.
    pub(super) fn delegates(&self) -> Delegates {
        let mut found = Delegates::default();
        let all: BTreeSet<&UserId> = self.facts.delegations().map(|(_, to)| to).collect();
        for user in all {
            let Some(person) = self.facts.person(user) else {
                continue;
            };
            for from in self.represented(&self.view(person)) {
                found.add(user, &from);
            }
        }
        found
    }

    /// Those who approve in the place of one of these users of a stage.
    pub(super) fn delegates_in(&self, ready: &Ready, users: &BTreeSet<UserId>) -> Delegates {
        let mut found = Delegates::default();
        for (from, to) in self.facts.delegations() {
            if !users.contains(from) || users.contains(to) {
                continue;
            }
            let delegate = self.facts.person(to);
            if delegate.is_some_and(|it| self.stands_in(it, from, ready) == Membership::Yes) {
                found.add(to, from);
            }
        }
        found
    }

    /// After how long a wait the next rule adds approvers.
    pub(super) fn escalates_after(&self) -> Option<TimeSpan> {
        let later = { self.excluded.iter() }.filter(|(_, why)| *why == Exclusion::NotYet);
        later
            .filter_map(|(ready, _)| ready.terms().after_waiting)
            .min()
    }
}

/// The people in whose place a user approves.
pub(super) fn delegators<'a>(
    view: &PersonView<'a>,
    rules: &'a Compiled,
    facts: &'a Directory,
) -> Vec<PersonView<'a>> {
    let Some(user) = view.person().map(|it| &it.user_id) else {
        return Vec::new();
    };
    let from = facts.delegators_of(user);
    from.filter_map(|from| facts.person(from))
        .map(|it| PersonView::of(rules, it, facts))
        .collect()
}
