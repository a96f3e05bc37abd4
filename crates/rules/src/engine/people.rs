//! Who somebody is to the rules: all their addresses, and the groups they are in.

use std::{cell::RefCell, collections::BTreeSet};

use hallpass_base::{Email, UserId};

use super::{Compiled, Ready};
use crate::{
    attributes::{AttributeMatch, HasAttributes, Known, PersonAttribute, PersonAttributes, judge},
    directory::{Directory, NotOnePerson, Person},
    rule::{PeopleLeftOut, Requesters},
};

/// Somebody about whom rules are asked. Whoever has a user id is that user of the directory and nobody
/// else, whatever their address was or has become; an address alone, as in a decision case, is
/// whoever has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Principal<'a> {
    /// The user id.
    pub user: Option<&'a UserId>,
    /// The address, for showing, and for finding them when there is no user id.
    pub email: &'a Email,
}

impl<'a> Principal<'a> {
    /// A user of the directory.
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

/// Whether somebody is in a group, or an account among those that a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Membership {
    Yes,
    No,
    /// The group's members, who the person is, or the account's tags could not be read.
    Unread,
}

impl Membership {
    pub(super) const fn of(is_in: bool) -> Self {
        if is_in { Self::Yes } else { Self::No }
    }

    /// Both: what is not in one is not in both, whatever of the other was read.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::No, _) | (_, Self::No) => Self::No,
            (Self::Unread, _) | (_, Self::Unread) => Self::Unread,
            (Self::Yes, Self::Yes) => Self::Yes,
        }
    }

    /// Either.
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

/// Somebody as rules see them.
pub(super) struct PersonView<'a> {
    rules: &'a Compiled,
    facts: &'a Directory,
    user: Option<&'a UserId>,
    /// The address they were found by; none for whoever is a user of the directory.
    email: Option<&'a Email>,
    person: Option<&'a Person>,
    /// Places of this person's addresses among the approvers of all rules.
    own: Vec<usize>,
    /// Those of them that nobody else has: what several have names nobody.
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
        Self::build(rules, facts, (user, email, person))
    }

    /// A user of the directory, whatever their addresses are.
    pub(super) fn of(rules: &'a Compiled, person: &'a Person, facts: &'a Directory) -> Self {
        Self::build(rules, facts, (Some(&person.user_id), None, Some(person)))
    }

    fn build(
        rules: &'a Compiled,
        facts: &'a Directory,
        (user, email, person): (Option<&'a UserId>, Option<&'a Email>, Option<&'a Person>),
    ) -> Self {
        // whoever is asked about by an address is meant by it, however many have it
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

    /// Whether this address is one of the person's.
    pub(super) fn has(&self, email: &Email) -> bool {
        Some(email) == self.email
            || self
                .person
                .is_some_and(|person| person.emails.contains(email))
    }

    /// The address they are shown and notified by.
    pub(super) fn address(&self) -> Option<Email> {
        let known = self.person.and_then(address_of);
        known.or_else(|| self.email.cloned())
    }

    /// The user of the directory that they are.
    pub(super) fn person(&self) -> Option<&'a Person> {
        self.person
    }

    /// Whether this is the person's user id.
    pub(super) fn is_user(&self, user: &UserId) -> bool {
        self.user == Some(user)
    }

    /// Whether the two are one person.
    pub(super) fn is(&self, other: &PersonView<'_>) -> bool {
        match (self.user, other.user) {
            (Some(one), Some(two)) => one == two,
            // an address that several have may be either's
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

    /// Whether the place among the approvers of all rules is this person.
    pub(super) fn is_place(&self, place: usize) -> bool {
        self.own.contains(&place)
    }

    /// Whether the rule lists the person as an approver, by name or through a group, and does not leave
    /// them out.
    pub(super) fn listed_by(&self, ready: &Ready) -> Membership {
        match self.named_by(ready) {
            Membership::No => Membership::No,
            named => named.and(self.is_no_approver(ready).not()),
        }
    }

    /// Whether the rule lists the person as an approver, be they left out or not.
    pub(super) fn named_by(&self, ready: &Ready) -> Membership {
        let lists = |places: &[usize]| {
            let mut places = places.iter();
            places.any(|own| ready.listed.binary_search(own).is_ok())
        };
        if lists(&self.sole) {
            return Membership::Yes;
        }
        match self.in_any(&ready.listed_groups) {
            // an address that several have: it may be meant for this one
            Membership::No if lists(&self.own) => Membership::Unread,
            membership => membership,
        }
    }

    /// Whether the rule lets the person ask, hours aside: they are one of those whom it names, are not
    /// left out, and have the attributes that it wants.
    pub(super) fn may_ask(&self, ready: &Ready) -> Membership {
        let has = self.has_attributes(&ready.terms().requester_attributes);
        let named = self.is_named(ready).and(has);
        match named {
            Membership::No => Membership::No,
            named => named.and(self.is_no_requester(ready).not()),
        }
    }

    /// Whether the rule leaves the person out of those who may ask.
    pub(super) fn is_no_requester(&self, ready: &Ready) -> Membership {
        let left_out = &ready.terms().except_requesters;
        self.is_left_out(left_out, &ready.except_requester_groups)
    }

    /// Whether the rule leaves the person out of its approvers.
    pub(super) fn is_no_approver(&self, ready: &Ready) -> Membership {
        let left_out = &ready.terms().except_approvers;
        self.is_left_out(left_out, &ready.except_approver_groups)
    }

    fn is_left_out(&self, left_out: &PeopleLeftOut, groups: &[usize]) -> Membership {
        if left_out.is_nobody() {
            return Membership::No;
        }
        // an address that several have leaves out every one of them
        if left_out.emails.iter().any(|email| self.has(email)) {
            return Membership::Yes;
        }
        let by_id = self.is_any(&left_out.user_ids);
        // nobody knows the addresses of a user whom the directory does not hold
        let is_unknown = self.user.is_some() && self.person.is_none();
        let by_address = if is_unknown && !left_out.emails.is_empty() {
            Membership::Unread
        } else {
            Membership::No
        };
        by_id.or(self.in_any(groups)).or(by_address)
    }

    /// Whether the person has every one of the attributes.
    fn has_attributes(&self, wanted: &BTreeSet<AttributeMatch>) -> Membership {
        let nothing = PersonAttributes::default();
        // nobody is known, or an address that several have: nothing was read
        let has = self.person.map_or(&nothing, |person| &person.attributes);
        match judge(wanted, has) {
            HasAttributes::Yes => Membership::Yes,
            HasAttributes::No => Membership::No,
            HasAttributes::Unread => Membership::Unread,
        }
    }

    /// The attributes in which the person is none of those whom the rule wants; nothing where it is not
    /// attributes that keep them out.
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

    /// What of the attributes that a rule wants was not read of this person.
    pub(super) fn unread_attributes(&self, ready: &Ready) -> impl Iterator<Item = PersonAttribute> {
        let wanted = ready.terms().requester_attributes.iter();
        wanted.map(|want| want.attribute).filter(|attribute| {
            self.person
                .is_none_or(|person| person.attributes.get(*attribute) == Known::Unread)
        })
    }

    /// Whether the rule names the person as one of those who may ask, be they left out or not.
    pub(super) fn is_named(&self, ready: &Ready) -> Membership {
        match &ready.terms().requesters {
            Requesters::Everyone => Membership::Yes,
            Requesters::Only { users, .. } if self.has_any(users) => Membership::Yes,
            Requesters::Only { user_ids, .. } => {
                self.is_any(user_ids).or(self.in_any(&ready.allowed_groups))
            }
        }
    }

    /// Whether the person is one of these users.
    fn is_any(&self, users: &BTreeSet<UserId>) -> Membership {
        match (self.user, self.email) {
            (Some(user), _) if users.contains(user) => Membership::Yes,
            (None, _) if !users.is_empty() && !self.facts.knows_people() => Membership::Unread,
            // an address that several users have could be one of these
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

/// The address a person is shown and notified by.
pub(super) fn address_of(person: &Person) -> Option<Email> {
    person
        .emails
        .first()
        .cloned()
        .or_else(|| Email::new(&person.user_name).ok())
}
