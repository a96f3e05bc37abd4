//! Who somebody is to the rules: all their addresses, and the groups they are in.

use std::{cell::RefCell, collections::BTreeSet};

use hallpass_model::Email;

use super::{Compiled, Ready};
use crate::{
    directory::{Directory, Person},
    rule::Requesters,
};

/// Whether somebody is in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Yes,
    No,
    /// The group's members, or who the person is, could not be read.
    Unread,
}

/// Somebody as rules see them.
pub(super) struct PersonView<'a> {
    rules: &'a Compiled,
    facts: &'a Directory,
    email: &'a Email,
    person: Option<&'a Person>,
    /// Places of this person's addresses among the approvers of all rules.
    own: Vec<usize>,
    memberships: RefCell<Vec<Option<Membership>>>,
}

impl<'a> PersonView<'a> {
    pub(super) fn new(rules: &'a Compiled, email: &'a Email, facts: &'a Directory) -> Self {
        let person = facts.person_by_email(email).ok();
        let mut own: Vec<usize> = std::iter::once(email)
            .chain(person.into_iter().flat_map(|person| &person.emails))
            .filter_map(|email| rules.person_ids.get(email).copied())
            .collect();
        own.sort_unstable();
        own.dedup();
        Self {
            rules,
            facts,
            email,
            person,
            own,
            memberships: RefCell::default(),
        }
    }

    /// Whether this address is one of the person's.
    pub(super) fn has(&self, email: &Email) -> bool {
        email == self.email
            || self
                .person
                .is_some_and(|person| person.emails.contains(email))
    }

    /// Whether the two are one person.
    pub(super) fn is(&self, other: &PersonView<'_>) -> bool {
        match (self.person, other.person) {
            (Some(one), Some(two)) if one.user_id == two.user_id => true,
            _ => self.has(other.email) || other.has(self.email),
        }
    }

    pub(super) fn has_any(&self, emails: &BTreeSet<Email>) -> bool {
        emails.contains(self.email)
            || self
                .person
                .is_some_and(|person| person.emails.iter().any(|e| emails.contains(e)))
    }

    /// Whether the place among the approvers of all rules is this person.
    pub(super) fn is_place(&self, place: usize) -> bool {
        self.own.contains(&place)
    }

    /// Whether the rule lists the person as an approver, by name or through a group.
    pub(super) fn listed_by(&self, ready: &Ready) -> Membership {
        if self
            .own
            .iter()
            .any(|own| ready.listed.binary_search(own).is_ok())
        {
            return Membership::Yes;
        }
        self.in_any(&ready.listed_groups)
    }

    /// Whether the rule lets the person ask, hours aside.
    pub(super) fn may_ask(&self, ready: &Ready) -> Membership {
        match &ready.terms().requesters {
            Requesters::Everyone => Membership::Yes,
            Requesters::Only { users, .. } if self.has_any(users) => Membership::Yes,
            Requesters::Only { .. } => self.in_any(&ready.allowed_groups),
        }
    }

    /// Whether the person is in one of the groups, each given by place.
    pub(super) fn in_any(&self, groups: &[usize]) -> Membership {
        let mut unread = false;
        for group in groups {
            match self.in_group(*group) {
                Membership::Yes => return Membership::Yes,
                Membership::No => {}
                Membership::Unread => unread = true,
            }
        }
        if unread {
            Membership::Unread
        } else {
            Membership::No
        }
    }

    fn in_group(&self, group: usize) -> Membership {
        let mut known = self.memberships.borrow_mut();
        if known.len() <= group {
            known.resize(self.rules.groups.len().max(group + 1), None);
        }
        match known.get_mut(group) {
            Some(slot) => *slot.get_or_insert_with(|| self.look_up(group)),
            None => Membership::Unread,
        }
    }

    fn look_up(&self, group: usize) -> Membership {
        if !self.facts.knows_people() {
            return Membership::Unread;
        }
        let members = self
            .rules
            .groups
            .get(group)
            .and_then(|group| self.facts.resolve_group(group))
            .and_then(|group| group.members.as_ref());
        match (members, self.person) {
            (Some(members), Some(person)) if members.contains(&person.user_id) => Membership::Yes,
            (Some(_), Some(_)) => Membership::No,
            (Some(members), None) => {
                // an address that several users have could be any of them
                let ambiguous = members.iter().any(|id| {
                    self.facts
                        .person(id)
                        .is_some_and(|person| person.emails.contains(self.email))
                });
                if ambiguous {
                    Membership::Unread
                } else {
                    Membership::No
                }
            }
            (None, _) => Membership::Unread,
        }
    }
}

/// The address a person is shown and notified by.
pub(super) fn address_of(person: &Person) -> Option<Email> {
    person
        .emails
        .first()
        .cloned()
        .or_else(|| Email::new(&person.user_name).ok())
}
