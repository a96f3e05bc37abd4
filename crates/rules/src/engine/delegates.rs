//! Approvals in the place of approvers who are out of office (`access.md` §27).

use std::collections::{BTreeMap, BTreeSet};

use hallpass_base::{Email, UserId};

use super::people::address_of;
use crate::directory::Directory;

/// Delegates, each with the approvers in whose place they approve. An approver has one delegate at
/// a time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delegates(BTreeMap<UserId, BTreeSet<UserId>>);

impl Delegates {
    pub(super) fn add(&mut self, delegate: &UserId, from: &UserId) {
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

    /// Whether an approval of the user would count beside these.
    pub(super) fn may_add(&self, user: &UserId, approvals: &BTreeSet<UserId>) -> bool {
        !self.0.contains_key(user) || self.counts(user, approvals)
    }

    /// The approvals that count: those of a delegate only if one of their approvers has not approved.
    pub(super) fn counted<'a>(&self, approvals: &'a BTreeSet<UserId>) -> BTreeSet<&'a str> {
        let counted = approvals.iter();
        counted
            .filter(|it| self.may_add(it, approvals))
            .map(UserId::as_str)
            .collect()
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
