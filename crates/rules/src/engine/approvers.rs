//! Approvers: listed users, stages, and whether they suffice.

use std::collections::BTreeSet;

use hallpass_base::{Email, UserId};

use super::{
    Ready,
    decide::Evaluation,
    decision::Stage,
    people::{Membership, PersonView, Principal, address_of},
    quorum::{self, Seats},
    requester_manager::NoManager,
};
use crate::{
    directory::Person,
    named_facts::UnreadFact,
    rule::{GroupRef, StageRule},
};

impl<'a> Evaluation<'a> {
    fn approving_manager(&self, ready: &Ready) -> Option<&'a Person> {
        let manager = self.manager.as_ref()?.as_ref().ok()?;
        (ready.terms().asks_manager() && self.is_left_in(ready, manager)).then_some(*manager)
    }

    /// Step 7: all approvers of eligible rules, without the requester.
    pub(super) fn approvers(&mut self) -> BTreeSet<Email> {
        let (approvers, groups) = self.listed_by(self.eligible.iter().copied());
        self.note_unread_groups(&groups);
        if let Some(Err(why @ NoManager::Unread)) = self.manager {
            self.unread.insert(why.words().to_owned());
            self.not_read.insert(UnreadFact::Manager);
        }
        approvers
    }

    fn listed_by(&self, rules: impl Iterator<Item = &'a Ready>) -> (BTreeSet<Email>, Vec<usize>) {
        let mut named = vec![false; self.rules.people.len()];
        let mut groups = BTreeSet::new();
        let (mut left, mut of_excluding) = (BTreeSet::new(), BTreeSet::new());
        for ready in rules {
            left.extend(self.approving_manager(ready).and_then(address_of));
            if ready.excludes_approvers() {
                let terms = ready.terms();
                left.extend(self.approving(ready, &terms.approvers, &terms.approver_groups));
                for stage in &terms.stages {
                    left.extend(self.approving(ready, &stage.people, &stage.groups));
                }
                of_excluding.extend(&ready.listed_groups);
                of_excluding.extend(&ready.except_approver_groups);
                continue;
            }
            for place in &ready.listed {
                if let Some(slot) = named.get_mut(*place) {
                    *slot = true;
                }
            }
            groups.extend(ready.listed_groups.iter().copied());
        }
        let mut people: BTreeSet<Email> = self
            .rules
            .people
            .iter()
            .zip(named)
            .enumerate()
            .filter(|(place, (_, named))| *named && !self.requester.is_place(*place))
            .map(|(_, (email, _))| email.clone())
            .collect();
        let groups: Vec<usize> = groups.into_iter().collect();
        for group in groups
            .iter()
            .filter_map(|group| self.rules.groups.get(*group))
        {
            people.extend(self.members(group));
        }
        people.extend(left);
        (people, groups.into_iter().chain(of_excluding).collect())
    }

    fn approving(
        &self,
        ready: &Ready,
        people: &BTreeSet<Email>,
        groups: &BTreeSet<GroupRef>,
    ) -> BTreeSet<Email> {
        let is_left_in = |email: &Email| {
            let who = || PersonView::new(self.rules, Principal::from(email), self.facts);
            !ready.excludes_approvers() || who().is_no_approver(ready) == Membership::No
        };
        let named = people.iter().filter(|email| !self.requester.has(email));
        let named = named.filter(|email| is_left_in(email)).cloned();
        let members = groups.iter().flat_map(|group| self.members_of(group));
        let members = members
            .filter(|person| self.is_left_in(ready, person))
            .filter_map(address_of)
            .filter(|email| !self.requester.has(email));
        named.chain(members).collect()
    }

    fn is_left_in(&self, ready: &Ready, person: &'a Person) -> bool {
        !ready.excludes_approvers()
            || PersonView::of(self.rules, person, self.facts).is_no_approver(ready)
                == Membership::No
    }

    fn members_of(&self, group: &GroupRef) -> impl Iterator<Item = &'a Person> {
        let members = self.facts.members_named(group);
        members
            .into_iter()
            .flatten()
            .filter_map(|id| self.facts.person(id))
            .filter(|person| person.enabled && !self.requester.is_user(&person.user_id))
    }

    fn members(&self, group: &GroupRef) -> Vec<Email> {
        let members = self.members_of(group).filter_map(address_of);
        members.filter(|email| !self.requester.has(email)).collect()
    }

    pub(super) fn stages(&self) -> Vec<Stage> {
        let stage = |ready: &Ready, stage: &StageRule| {
            let found = stage.people.iter();
            let found = found.filter_map(|email| self.facts.person_by_email(email).ok());
            let of_groups = stage.groups.iter().flat_map(|it| self.members_of(it));
            let users = { found.chain(of_groups) }
                .filter(|person| self.is_left_in(ready, person))
                .map(|person| &person.user_id);
            let manager = self.approving_manager(ready).filter(|_| stage.manager);
            let users = users.chain(manager.map(|person| &person.user_id));
            let mut approvers = self.approving(ready, &stage.people, &stage.groups);
            approvers.extend(manager.and_then(address_of));
            let users: BTreeSet<UserId> = users
                .filter(|user| !self.requester.is_user(user))
                .cloned()
                .collect();
            Stage {
                rule: ready.rule.id.clone(),
                name: stage.name.clone(),
                approvers,
                quorum: stage.quorum,
                delegates: self.delegates_in(ready, &users),
                users,
            }
        };
        self.limited()
            .flat_map(|ready| ready.terms().stages.iter().map(move |s| stage(ready, s)))
            .collect()
    }

    pub(super) fn enough<'e>(
        &'e self,
        approvers: &'e BTreeSet<Email>,
        stages: &'e [Stage],
        needed: u32,
    ) -> bool {
        if needed <= 1 && stages.is_empty() {
            return true;
        }
        let person = |email: &'e Email| -> &'e str {
            let known = self.facts.person_by_email(email).ok();
            known.map_or(email.as_str(), |person| person.user_id.as_str())
        };
        let people: BTreeSet<&str> = approvers.iter().map(person).collect();
        let seats: Vec<Seats<'_>> = stages
            .iter()
            .map(|s| Seats {
                fitting: s.approvers.iter().map(person).collect(),
                count: s.quorum,
            })
            .collect();
        let count = u32::try_from(people.len()).unwrap_or(u32::MAX);
        count >= needed && quorum::fills(&seats, &people)
    }

    pub(super) fn notify(&self, approvers: &BTreeSet<Email>) -> BTreeSet<Email> {
        let named = |ready: &&Ready| ready.limited && ready.terms().notify.is_some();
        if !self.eligible.iter().any(named) {
            return approvers.clone();
        }
        let (mut notify, _) = self.listed_by(self.eligible.iter().copied().filter(|r| !named(r)));
        notify.extend(
            self.limited_eligible()
                .filter_map(|r| r.terms().notify.clone())
                .flatten(),
        );
        notify.retain(|email| !self.requester.has(email));
        notify
    }
}
