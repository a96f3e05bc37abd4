//! Users as rules see them: all their addresses and groups.

use std::{cell::RefCell, collections::BTreeSet};

use hallpass_base::{Email, UserId};

use super::{Compiled, Ready};
use crate::{
    attributes::{AttributeMatch, HasAttributes, Known, PersonAttribute, PersonAttributes, judge},
    directory::{Directory, NotOnePerson, Person},
    rule::{PeopleLeftOut, Requesters},
};

/// A user to evaluate. With a user id, exactly that directory user, whatever the address; with an
/// address alone, as in a decision case, its current owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal<'a> {
    pub user: Option<&'a UserId>,
    /// For display, and for lookup without a user id.
    pub email: &'a Email,
}

impl<'a> Principal<'a> {
    pub const fn user(user: &'a UserId, email: &'a Email) -> Self {
        Self {
            user: Some(user),
            email,
        }
    }
}

impl<'a> From<&'a Email> for Principal<'a> {
    fn from(email: &'a Email) -> Self {
        Self { user: None, email }
    }
}

/// Membership in a group, or of an account in the targets of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Yes,
    No,
    /// Group members, user or account tags are unread.
    Unread,
}

impl Membership {
    pub(super) const fn of(is_in: bool) -> Self {
        if is_in { Self::Yes } else { Self::No }
    }

    /// Conjunction: `No` wins over `Unread`.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unread, _) | (_, Self::Unread) => Self::Unread,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Yes, _) | (_, Self::Yes) => Self::Yes,
            (Self::Unread, _) | (_, Self::Unread) => Self::Unread,
            (Self::No, Self::No) => Self::No,
        }
    }

    pub(super) fn not(self) -> Self {
        match self {
            Self::Yes => Self::No,
            Self::No => Self::Yes,
            Self::Unread => Self::Unread,
        }
    }
}

pub(super) struct PersonView<'a> {
    rules: &'a Compiled,
    facts: &'a Directory,
    user: Option<&'a UserId>,
    /// The lookup address; none for a directory user.
    email: Option<&'a Email>,
    person: Option<&'a Person>,
    /// Indexes of this user's addresses among all approvers.
    own: Vec<usize>,
    /// Those that are unique: a shared address identifies no user.
    sole: Vec<usize>,
    memberships: RefCell<Vec<Option<Membership>>>,
}

impl<'a> PersonView<'a> {
    pub(super) fn new(rules: &'a Compiled, who: Principal<'a>, facts: &'a Directory) -> Self {
        let (person, email) = match who.user {
            Some(user) => (facts.person(user), None),
            None => (facts.person_by_email(who.email).ok(), Some(who.email)),
        };
        let user = who.user.or_else(|| person.map(|person| &person.user_id));
        Self::build(rules, facts, user, email, person)
    }

    pub(super) fn of(rules: &'a Compiled, person: &'a Person, facts: &'a Directory) -> Self {
        Self::build(rules, facts, Some(&person.user_id), None, Some(person))
    }

    fn build(
        rules: &'a Compiled,
        facts: &'a Directory,
        user: Option<&'a UserId>,
        email: Option<&'a Email>,
        person: Option<&'a Person>,
    ) -> Self {
        // a lookup by address matches even if users share it
        let is_sole = |address: &Email| {
            email.is_some() || facts.person_by_email(address) != Err(NotOnePerson::Ambiguous)
        };
        let (mut own, mut sole) = (Vec::new(), Vec::new());
        let theirs = person.into_iter().flat_map(|person| &person.emails);
        for address in email.into_iter().chain(theirs) {
            if let Some(place) = rules.person_ids.get(address).copied() {
                own.push(place);
                if is_sole(address) {
                    sole.push(place);
                }
            }
        }
        own.sort_unstable();
        own.dedup();
        Self {
            rules,
            facts,
            user,
            email,
            person,
            own,
            sole,
            memberships: RefCell::default(),
        }
    }

    pub(super) fn has(&self, email: &Email) -> bool {
        Some(email) == self.email
            || self
                .person
                .is_some_and(|person| person.emails.contains(email))
    }

    pub(super) fn address(&self) -> Option<Email> {
        let known = self.person.and_then(address_of);
        known.or_else(|| self.email.cloned())
    }

    pub(super) fn person(&self) -> Option<&'a Person> {
        self.person
    }

    pub(super) fn is_user(&self, user: &UserId) -> bool {
        self.user == Some(user)
    }

    /// Returns whether both are the same user.
    pub(super) fn is(&self, other: &PersonView<'_>) -> bool {
        match (self.user, other.user) {
            (Some(one), Some(two)) => one == two,
            _ => {
                other.email.is_some_and(|email| self.has(email))
                    || self.email.is_some_and(|email| other.has(email))
            }
        }
    }

    pub(super) fn has_any(&self, emails: &BTreeSet<Email>) -> bool {
        let is_theirs = |email: &&Email| {
            let found = self.facts.person_by_email(email);
            emails.contains(*email)
                && (self.email.is_some() || found != Err(NotOnePerson::Ambiguous))
        };
        let addresses = self.person.into_iter().flat_map(|person| &person.emails);
        self.email
            .into_iter()
            .chain(addresses)
            .any(|email| is_theirs(&email))
    }

    pub(super) fn is_place(&self, place: usize) -> bool {
        self.own.contains(&place)
    }

    /// Returns whether the rule lists the approver by name or group and does not exclude them.
    pub(super) fn listed_by(&self, ready: &Ready) -> Membership {
        match self.named_by(ready) {
            Membership::No => Membership::No,
            named => named.and(self.is_no_approver(ready).not()),
        }
    }

    pub(super) fn named_by(&self, ready: &Ready) -> Membership {
        let lists = |places: &[usize]| {
            let mut places = places.iter();
            places.any(|own| ready.listed.binary_search(own).is_ok())
        };
        if lists(&self.sole) {
            return Membership::Yes;
        }
        match self.in_any(&ready.listed_groups) {
            // a shared address may belong to this user
            Membership::No if lists(&self.own) => Membership::Unread,
            membership => membership,
        }
    }

    /// Returns whether the rule allows the requester, ignoring hours: named, not excluded, matching
    /// attributes.
    pub(super) fn may_ask(&self, ready: &Ready) -> Membership {
        let has = self.has_attributes(&ready.terms().requester_attributes);
        let named = self.is_named(ready).and(has);
        match named {
            Membership::No => Membership::No,
            named => named.and(self.is_no_requester(ready).not()),
        }
    }

    pub(super) fn is_no_requester(&self, ready: &Ready) -> Membership {
        let left_out = &ready.terms().except_requesters;
        self.is_left_out(left_out, &ready.except_requester_groups)
    }

    pub(super) fn is_no_approver(&self, ready: &Ready) -> Membership {
        let left_out = &ready.terms().except_approvers;
        self.is_left_out(left_out, &ready.except_approver_groups)
    }

    fn is_left_out(&self, left_out: &PeopleLeftOut, groups: &[usize]) -> Membership {
        if left_out.is_nobody() {
            return Membership::No;
        }
        // a shared address excludes all its users
        if left_out.emails.iter().any(|email| self.has(email)) {
            return Membership::Yes;
        }
        let by_id = self.is_any(&left_out.user_ids);
        // the addresses of a user missing in the directory are unknown
        let is_unknown = self.user.is_some() && self.person.is_none();
        let by_address = if is_unknown && !left_out.emails.is_empty() {
            Membership::Unread
        } else {
            Membership::No
        };
        by_id.or(self.in_any(groups)).or(by_address)
    }

    fn has_attributes(&self, wanted: &BTreeSet<AttributeMatch>) -> Membership {
        let nothing = PersonAttributes::default();
        // unknown user or shared address: nothing was read
        let has = self.person.map_or(&nothing, |person| &person.attributes);
        match judge(wanted, has) {
            HasAttributes::Yes => Membership::Yes,
            HasAttributes::No => Membership::No,
            HasAttributes::Unread => Membership::Unread,
        }
    }

    /// Returns the mismatching attributes; empty if attributes are not the obstacle.
    pub(super) fn other_attributes(&self, ready: &Ready) -> Vec<PersonAttribute> {
        if self.is_named(ready) == Membership::No {
            return Vec::new();
        }
        let wanted = ready.terms().requester_attributes.iter();
        let others = wanted.filter(|want| {
            self.has_attributes(&BTreeSet::from([(*want).clone()])) == Membership::No
        });
        others.map(|want| want.attribute).collect()
    }

    /// Returns the unread attributes that a rule requires.
    pub(super) fn unread_attributes(&self, ready: &Ready) -> impl Iterator<Item = PersonAttribute> {
        let wanted = ready.terms().requester_attributes.iter();
        wanted.map(|want| want.attribute).filter(|attribute| {
            self.person
                .is_none_or(|person| person.attributes.get(*attribute) == Known::Unread)
        })
    }

    pub(super) fn is_named(&self, ready: &Ready) -> Membership {
        match &ready.terms().requesters {
            Requesters::Everyone => Membership::Yes,
            Requesters::Only { users, .. } if self.has_any(users) => Membership::Yes,
            Requesters::Only { user_ids, .. } => {
                self.is_any(user_ids).or(self.in_any(&ready.allowed_groups))
            }
        }
    }

    fn is_any(&self, users: &BTreeSet<UserId>) -> Membership {
        match (self.user, self.email) {
            (Some(user), _) if users.contains(user) => Membership::Yes,
            (None, _) if !users.is_empty() && !self.facts.knows_people() => Membership::Unread,
            // a shared address may be one of these
            (None, Some(email))
                if users
                    .iter()
                    .filter_map(|user| self.facts.person(user))
                    .any(|person| person.emails.contains(email)) =>
            {
                Membership::Unread
            }
            (Some(_) | None, _) => Membership::No,
        }
    }

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
            .and_then(|group| self.facts.members_named(group));
        match (members, self.person) {
            (Some(members), Some(person)) if members.contains(&person.user_id) => Membership::Yes,
            (Some(_), Some(_)) => Membership::No,
            (Some(members), None) => {
                // a shared address may be any of them
                let ambiguous = self.email.is_some_and(|email| {
                    let mut people = members.iter().filter_map(|id| self.facts.person(id));
                    people.any(|person| person.emails.contains(email))
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

pub(super) fn address_of(person: &Person) -> Option<Email> {
    person
        .emails
        .first()
        .cloned()
        .or_else(|| Email::new(&person.user_name).ok())
}
