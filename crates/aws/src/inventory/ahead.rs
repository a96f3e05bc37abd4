//! Reads facts named by rules that are not in force, when such rules are tested. Cached for
//! minutes, so that repeated tests cost AWS nothing; never part of the snapshot.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use hallpass_base::{AccountId, GroupId, UserId};
use hallpass_rules::{PersonAttribute, PersonAttributes, ReadFacts, UnreadFacts, WhyUnread};
use tokio::time::{Instant, timeout};

use super::{people, tags};
use crate::Aws;
use crate::call::{Deadline, LOOK_MAX};
use crate::center::user_ids;
use crate::fault::CallFailure;

const KEPT: Duration = Duration::from_mins(10);
const TAGS_KEPT: Duration = Duration::from_hours(1);
const AGAIN: Duration = Duration::from_mins(1);
/// Maximum wait for another read to end.
const TURN_MAX: Duration = Duration::from_secs(15);
const WIDTH: usize = 6;
/// Initial failures in a row that end the read.
const FAILED_ENOUGH: usize = 6;

struct Heard<T> {
    at: Instant,
    told: Result<T, String>,
}

impl<T> Heard<T> {
    fn now(told: Result<T, String>) -> Self {
        let at = Instant::now();
        Self { at, told }
    }

    fn counts(&self, kept: Duration) -> bool {
        let kept = if self.told.is_ok() { kept } else { AGAIN };
        self.at.elapsed() < kept
    }
}

struct ListedPeople {
    at: Instant,
    told: BTreeSet<PersonAttribute>,
    people: BTreeMap<UserId, PersonAttributes>,
}

struct Untold {
    at: Instant,
    why: String,
}

#[derive(Default)]
struct Kept {
    members: HashMap<GroupId, Heard<BTreeSet<UserId>>>,
    people: Option<ListedPeople>,
    untold: HashMap<PersonAttribute, Untold>,
    tags: HashMap<AccountId, Heard<BTreeMap<String, String>>>,
}

impl Kept {
    fn forget_old(&mut self) {
        self.members.retain(|_, heard| heard.counts(KEPT));
        self.people.take_if(|listed| listed.at.elapsed() >= KEPT);
        self.untold.retain(|_, untold| untold.at.elapsed() < AGAIN);
        self.tags.retain(|_, heard| heard.counts(TAGS_KEPT));
    }

    fn attributes(&self) -> BTreeSet<PersonAttribute> {
        let listed = self.people.iter();
        listed.flat_map(|it| &it.told).copied().collect()
    }

    fn did_not_tell(&mut self, attributes: impl IntoIterator<Item = PersonAttribute>, why: &str) {
        let (at, why) = (Instant::now(), why.to_owned());
        for attribute in attributes {
            let why = why.clone();
            self.untold.insert(attribute, Untold { at, why });
        }
    }
}

#[derive(Default)]
pub(super) struct ReadAhead {
    /// Held while reading, to prevent duplicate calls.
    reading: tokio::sync::Mutex<()>,
    kept: Mutex<Kept>,
}

impl ReadAhead {
    /// Reads missing facts, at most for the time of one inventory read.
    pub(super) async fn read(&self, aws: &Aws, unread: &UnreadFacts) {
        // limits the wait; during an outage AWS must not be called by every waiter
        let Ok(reading) = timeout(TURN_MAX, self.reading.lock()).await else {
            return;
        };
        self.forget_old();
        let whole = async {
            tokio::join!(
                self.read_members(aws, &unread.groups),
                self.read_people(aws, &unread.attributes),
                self.read_tags(aws, &unread.tags),
            )
        };
        if timeout(LOOK_MAX, whole).await.is_err() {
            tracing::info!("what rules name that are not in force could not be read in time");
        }
        drop(reading);
    }

    pub(super) fn forget_old(&self) {
        self.lock().forget_old();
    }

    /// The cached facts, and why others are missing.
    pub(super) fn found(&self, unread: &UnreadFacts) -> (ReadFacts, WhyUnread) {
        let (mut read, mut why) = (ReadFacts::default(), WhyUnread::default());
        let kept = self.lock();
        for id in &unread.groups {
            match kept.members.get(id).map(|heard| &heard.told) {
                Some(Ok(members)) => drop(read.members.insert(id.clone(), members.clone())),
                Some(Err(fault)) => drop(why.groups.insert(id.clone(), fault.clone())),
                None => {}
            }
        }
        if let Some(listed) = &kept.people {
            read.attributes.clone_from(&listed.people);
        }
        for attribute in &unread.attributes {
            if let Some(untold) = kept.untold.get(attribute) {
                why.attributes.insert(*attribute, untold.why.clone());
            }
        }
        for id in &unread.tags {
            match kept.tags.get(id).map(|heard| &heard.told) {
                Some(Ok(tags)) => drop(read.tags.insert(id.clone(), tags.clone())),
                Some(Err(fault)) => drop(why.tags.insert(id.clone(), fault.clone())),
                None => {}
            }
        }
        (read, why)
    }

    async fn read_members(&self, aws: &Aws, groups: &BTreeSet<GroupId>) {
        let due = self.due(groups, |kept| &kept.members);
        let ask = |id: GroupId| async move {
            let found = aws.members(&id, Deadline::look()).await;
            found.map(user_ids)
        };
        each(due, ask, |id, told| {
            self.lock().members.insert(id, Heard::now(told));
        })
        .await;
    }

    async fn read_tags(&self, aws: &Aws, accounts: &BTreeSet<AccountId>) {
        let due = self.due(accounts, |kept| &kept.tags);
        let ask = |id: AccountId| async move { tags::of_account(aws, &id).await };
        each(due, ask, |id, told| {
            self.lock().tags.insert(id, Heard::now(told));
        })
        .await;
    }

    /// One listing returns every attribute of all users: includes cached ones, so that the cache
    /// soon holds all.
    async fn read_people(&self, aws: &Aws, wanted: &BTreeSet<PersonAttribute>) {
        let known = {
            let kept = self.lock();
            let known = kept.attributes();
            let mut wanted = wanted.iter();
            if wanted.all(|it| known.contains(it) || kept.untold.contains_key(it)) {
                return;
            }
            known
        };
        let asked: BTreeSet<_> = wanted.union(&known).copied().collect();
        let (listed, extensions) = people::with_attributes(aws, &asked).await;
        let mut kept = self.lock();
        match listed {
            Ok(people) => {
                let (told, refused): (BTreeSet<_>, BTreeSet<_>) =
                    { asked.into_iter() }.partition(|it| extensions.tell(*it));
                kept.did_not_tell(refused, "AWS refuses them");
                let people = people.into_iter();
                kept.people = Some(ListedPeople {
                    at: Instant::now(),
                    told,
                    people: people.map(|it| (it.user_id, it.attributes)).collect(),
                });
            }
            Err(failure) => {
                let untold = wanted.difference(&known).copied();
                kept.did_not_tell(untold, &failure.fault.to_string());
            }
        }
    }

    fn due<K: Clone + Eq + Hash, T>(
        &self,
        wanted: &BTreeSet<K>,
        known: impl Fn(&Kept) -> &HashMap<K, Heard<T>>,
    ) -> Vec<K> {
        let kept = self.lock();
        let due = wanted.iter().filter(|it| !known(&kept).contains_key(*it));
        due.cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads each; gives up if the first calls all fail.
async fn each<K: Clone, T, F>(
    due: Vec<K>,
    ask: impl Fn(K) -> F,
    hear: impl Fn(K, Result<T, String>),
) where
    F: Future<Output = Result<T, CallFailure>>,
{
    let (told, failed) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let has_failed =
        || told.load(Ordering::Relaxed) == 0 && failed.load(Ordering::Relaxed) >= FAILED_ENOUGH;
    let answers = stream::iter(due)
        .map(|id| {
            let asked = (!has_failed()).then(|| ask(id.clone()));
            async move {
                let answer = match asked {
                    Some(asked) => Some(asked.await),
                    None => None,
                };
                (id, answer)
            }
        })
        .buffer_unordered(WIDTH);
    let mut answers = std::pin::pin!(answers);
    let mut fault = String::new();
    while let Some((id, answer)) = answers.next().await {
        match answer {
            Some(Ok(found)) => {
                told.fetch_add(1, Ordering::Relaxed);
                hear(id, Ok(found));
            }
            Some(Err(failure)) => {
                failed.fetch_add(1, Ordering::Relaxed);
                fault = failure.fault.to_string();
                hear(id, Err(fault.clone()));
            }
            None => hear(id, Err(fault.clone())),
        }
    }
}
