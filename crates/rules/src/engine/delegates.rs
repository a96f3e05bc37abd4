//! Approvals in the place of approvers who are out of office (`access.md` §27).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, TimeSpan, UserId};

use super::{
    Compiled, Ready,
    decide::{Evaluation, Exclusion},
    decision::Decision,
    people::{Membership, PersonView, address_of},
};
use crate::directory::{Directory, Person};

/// Delegates, each with the approvers in whose place they approve. An approver has one delegate at
/// a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegates(BTreeMap<UserId, BTreeSet<UserId>>);

impl Delegates {
    fn add(&mut self, delegate: &UserId, from: &UserId) {
        let theirs = self.0.entry(delegate.clone()).or_default();
        theirs.insert(from.clone());
    }

    pub fn users(&self) -> impl Iterator<Item = &UserId> {
        self.0.keys()
    }

    /// The approvers in whose place this user approves.
    pub fn of(&self, user: &UserId) -> impl Iterator<Item = &UserId> {
        self.0.get(user).into_iter().flatten()
    }

    pub fn addresses(&self, facts: &Directory) -> BTreeSet<Email> {
        let people = self.users().filter_map(|it| facts.person(it));
        people.filter_map(address_of).collect()
    }

    fn counts(&self, delegate: &UserId, approvals: &BTreeSet<UserId>) -> bool {
        self.of(delegate).any(|from| !approvals.contains(from))
    }

    /// Delegates of an approver who has not approved.
    pub(super) fn fitting<'a>(
        &'a self,
        approvals: &'a BTreeSet<UserId>,
    ) -> impl Iterator<Item = &'a UserId> {
        self.users().filter(|it| self.counts(it, approvals))
    }

    /// The approvals that count: those of a delegate only if one of their approvers has not approved.
    pub(super) fn counted<'a>(&self, approvals: &'a BTreeSet<UserId>) -> BTreeSet<&'a str> {
        let counted = approvals.iter();
        counted
            .filter(|it| !self.0.contains_key(*it) || self.counts(it, approvals))
            .map(UserId::as_str)
            .collect()
    }
}

impl<'a> Evaluation<'a> {
    /// Returns whether the user approves in the place of someone whom the rule lists. Never the
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

impl Decision {
    /// Those to notify, as people are in office now.
    pub fn recipients(&self, facts: &Directory) -> BTreeSet<Email> {
        recipients(self.notify.clone(), &self.delegates, facts)
    }
}

/// Adds delegates and leaves out those who are out of office, unless no one would remain.
pub(super) fn recipients(
    mut notify: BTreeSet<Email>,
    delegates: &Delegates,
    facts: &Directory,
) -> BTreeSet<Email> {
    notify.extend(delegates.addresses(facts));
    let is_away = |email: &Email| {
        let known = facts.person_by_email(email);
        known.is_ok_and(|person| facts.is_away(&person.user_id))
    };
    if !notify.iter().all(is_away) {
        notify.retain(|email| !is_away(email));
    }
    notify
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
