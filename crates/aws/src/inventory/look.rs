//! Partial read of some users between two full reads: existence, status, and on request group
//! memberships. Uses single reads or a listing, whichever takes fewer calls; confirms absences from
//! a listing with a single read, because listings may lag.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use hallpass_access::{DirectoryFault, DirectorySource, PeopleLook, PeopleQuestion, PeopleSource};
use hallpass_assignments::{CenterFault, Urgency};
use hallpass_base::{GroupId, UserId};
use hallpass_rules::directory::{Person, Snapshot};
use hallpass_rules::{Directory, PersonAttribute};
use tokio::time::Instant;

use super::{Inventory, described_users, fault, people};
use crate::Aws;
use crate::call::Deadline;
use crate::center::user_ids;
use crate::fault::CallFailure;

const LOOK_ANSWER_MAX: Duration = Duration::from_secs(20);
const WIDTH: usize = 6;
const ROWS_A_PAGE: usize = 100;

type KnownMembership = (GroupId, UserId);

#[derive(Default)]
struct Answers {
    people: BTreeMap<UserId, Option<Person>>,
    unchanged: BTreeSet<UserId>,
    left: BTreeSet<KnownMembership>,
    placed: BTreeSet<UserId>,
    fault: Option<DirectoryFault>,
}

impl Answers {
    fn differ_from(&self, known: &Directory) -> bool {
        let mut people = self.people.iter();
        let mut left = self.left.iter();
        people.any(|(user, found)| known.person(user) != found.as_ref())
            || left.any(|(group, user)| {
                let members = known.members_of(group);
                members.is_some_and(|members| members.contains(user))
            })
    }

    fn failed(&mut self, fault: DirectoryFault) {
        tracing::warn!(error = %fault, "not all users could be read");
        self.fault.get_or_insert(fault);
    }
}

#[async_trait]
impl PeopleSource for Inventory {
    async fn look_at(&self, users: &BTreeSet<UserId>, question: PeopleQuestion) -> PeopleLook {
        let (began, known) = (Instant::now(), self.current());
        let mut answers = Answers::default();
        let aws = self.aws.as_ref();
        let wanted = self.wanted_attributes();
        look_at_people(aws, users, &known, &wanted, &mut answers).await;
        match question {
            PeopleQuestion::AreThere => {}
            PeopleQuestion::AreThereAndInGroups => {
                look_at_groups(aws, users, &known, &mut answers).await;
            }
        }
        self.learn(began, answers)
    }
}

impl Inventory {
    /// Merges the results into the newest snapshot.
    fn learn(&self, began: Instant, answers: Answers) -> PeopleLook {
        let mut told = self.described();
        for (user, found) in &answers.people {
            let left = answers.left.iter().filter(|(_, of)| of == user);
            let left = left.map(|(group, _)| group.clone()).collect();
            told.learn(user, began, found.clone(), left);
        }
        let mut directory = self.current();
        if answers.differ_from(&directory) {
            let mut snapshot = directory.snapshot().clone();
            for (user, found) in &answers.people {
                described_users::put(&mut snapshot, user, found.clone());
            }
            leave(&mut snapshot, &answers.left);
            tracing::info!("people were found changed before the directory was read again");
            directory = Arc::new(Directory::new(snapshot));
            self.put(Arc::clone(&directory));
        }
        drop(told);
        PeopleLook {
            directory,
            answered: answers
                .people
                .into_keys()
                .chain(answers.unchanged)
                .collect(),
            placed: answers.placed,
            fault: answers.fault,
        }
    }
}

fn leave(snapshot: &mut Snapshot, left: &BTreeSet<KnownMembership>) {
    for group in &mut snapshot.groups {
        let Some(members) = &mut group.members else {
            continue;
        };
        for (_, user) in left.iter().filter(|(of, _)| *of == group.id) {
            members.remove(user);
        }
    }
}

async fn look_at_people(
    aws: &Aws,
    users: &BTreeSet<UserId>,
    known: &Directory,
    wanted: &BTreeSet<PersonAttribute>,
    answers: &mut Answers,
) {
    let mut unclear: Vec<UserId> = users.iter().cloned().collect();
    if users.len() > pages(known.people().len()) {
        match people::users(aws, wanted).await {
            Ok(listed) => {
                // users listed with changes are read singly: the listing may lag
                let is_as_known = |it: &Person| {
                    let known = known.person(&it.user_id).filter(|known| known.enabled);
                    known.is_some_and(|known| !it.attributes.differ_from(&known.attributes))
                };
                let listed = listed
                    .into_iter()
                    .filter(|it| it.enabled && is_as_known(it));
                answers.unchanged = listed.map(|it| it.user_id).collect();
                unclear.retain(|user| !answers.unchanged.contains(user));
            }
            // single reads would take even longer
            Err(fault) => return answers.failed(fault),
        }
    }
    let asked = stream::iter(unclear)
        .map(|user| async move {
            let pace = Deadline::within(Urgency::Background, LOOK_ANSWER_MAX);
            let found = people::user(aws, &user, wanted, pace).await;
            (user, found)
        })
        .buffer_unordered(WIDTH);
    let found: Vec<_> = asked.collect().await;
    for (user, found) in found {
        match found {
            Ok(found) => drop(answers.people.insert(user, found)),
            Err(fault) => answers.failed(fault),
        }
    }
}

async fn look_at_groups(
    aws: &Aws,
    users: &BTreeSet<UserId>,
    known: &Directory,
    answers: &mut Answers,
) {
    let mut unclear: Vec<KnownMembership> = Vec::new();
    let mut told = users.clone();
    for group in known.groups() {
        let Some(members) = &group.members else {
            continue;
        };
        let mut theirs: BTreeSet<UserId> = members.intersection(users).cloned().collect();
        if theirs.len() > pages(members.len()) {
            match aws.members(&group.id, Deadline::look()).await {
                Ok(listed) => {
                    let listed = user_ids(listed);
                    theirs.retain(|user| !listed.contains(user));
                }
                // a deleted group lists no members; each is confirmed
                Err(failure) if matches!(failure.fault, CenterFault::NotFound { .. }) => {}
                Err(failure) => {
                    told.retain(|user| !theirs.contains(user));
                    answers.failed(fault("a group's members", &failure));
                    continue;
                }
            }
        }
        let places = theirs.into_iter().map(|user| (group.id.clone(), user));
        unclear.extend(places);
    }
    let asked = stream::iter(unclear)
        .map(|place| async move {
            let pace = Deadline::within(Urgency::Background, LOOK_ANSWER_MAX);
            let is_member = aws.is_member(&place.0, &place.1, pace).await;
            (place, is_member)
        })
        .buffer_unordered(WIDTH);
    let found: Vec<(KnownMembership, Result<bool, CallFailure>)> = asked.collect().await;
    for ((group, user), is_member) in found {
        match is_member {
            Ok(true) => {}
            Ok(false) => drop(answers.left.insert((group, user))),
            Err(failure) => {
                told.remove(&user);
                answers.failed(fault("a membership", &failure));
            }
        }
    }
    answers.placed = told;
}

fn pages(rows: usize) -> usize {
    rows.div_ceil(ROWS_A_PAGE).max(1)
}
