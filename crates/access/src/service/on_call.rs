//! A directory that also knows who is on call.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::{join, join_all};
use hallpass_base::{Clock, Email, TimeSpan, Timestamp, UserId};
use hallpass_rules::{Directory, NamedFacts, OnCallList, OnCallLists};

use super::made_directory::MadeDirectory;
use crate::{
    DirectoryFault, DirectoryPrefetch, DirectorySource, OnCallFault, OnCallPeople, OnCallSource,
    OnCallStatus,
};

/// An older answer counts as none.
const BELIEVED: TimeSpan = TimeSpan::seconds(30);
/// A right rests on an answer this old at most (`access.md` §24).
const BELIEVED_FOR_A_RIGHT: TimeSpan = TimeSpan::seconds(5);
const PATIENCE: Duration = Duration::from_secs(3);
/// Between two polls of a server: an answer is then replaced before it is too old.
pub const ON_CALL_POLL: Duration = Duration::from_secs(12);

const NEVER_ASKED: &str = "the service was not asked yet";

struct Answer {
    asked_at: Timestamp,
    addresses: Result<Vec<Email>, OnCallFault>,
}

#[derive(Default)]
struct OnCallAnswers {
    by_list: BTreeMap<String, Answer>,
    revision: u64,
}

/// Adds on-call lists to a directory, and asks for them again whenever a right is about to be used.
pub struct OnCallDirectory {
    inner: Arc<dyn DirectorySource>,
    sources: BTreeMap<String, Arc<dyn OnCallSource>>,
    clock: Arc<dyn Clock>,
    answers: Mutex<OnCallAnswers>,
    made: MadeDirectory,
    /// Held while asking, so that callers share one call.
    asking: tokio::sync::Mutex<()>,
}

impl OnCallDirectory {
    /// `sources` by list name, with the prefix `on-call:`.
    pub fn new(
        inner: Arc<dyn DirectorySource>,
        sources: BTreeMap<String, Arc<dyn OnCallSource>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            inner,
            sources,
            clock,
            answers: Mutex::default(),
            made: MadeDirectory::default(),
            asking: tokio::sync::Mutex::default(),
        }
    }

    pub fn statuses(&self) -> Vec<OnCallStatus> {
        let (directory, now) = (self.inner.current(), self.clock.now());
        let answers = self.answers();
        let status = |list: &String| {
            let answer = answers.by_list.get(list);
            OnCallStatus {
                list: list.clone(),
                asked_at: answer.map(|it| it.asked_at),
                answer: addresses(answer, now).map(|it| resolve(it, &directory)),
            }
        };
        self.sources.keys().map(status).collect()
    }

    fn answers(&self) -> MutexGuard<'_, OnCallAnswers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks the services whose last answer is too old for a right, at most [`PATIENCE`] each.
    pub async fn ask(&self) {
        let _turn = self.asking.lock().await;
        let now = self.clock.now();
        let due: Vec<_> = {
            let answers = self.answers();
            let is_due = |list: &String| {
                let asked_at = answers.by_list.get(list).map(|it| it.asked_at);
                asked_at.is_none_or(|at| !BELIEVED_FOR_A_RIGHT.covers(at, now))
            };
            { self.sources.iter().filter(|(list, _)| is_due(list)) }.collect()
        };
        let asked = due.into_iter().map(|(list, source)| async move {
            let said = tokio::time::timeout(PATIENCE, source.on_call()).await;
            let late = || OnCallFault(format!("no answer within {} s", PATIENCE.as_secs()));
            (list, said.unwrap_or_else(|_| Err(late())))
        });
        let said = join_all(asked).await;
        if said.is_empty() {
            return;
        }
        let directory = self.inner.current();
        let mut answers = self.answers();
        for (list, addresses) in said {
            match &addresses {
                Ok(addresses) => {
                    let before = answers.by_list.get(list);
                    let before = before.and_then(|it| it.addresses.as_ref().ok());
                    let unknown = resolve(addresses, &directory).unknown.into_iter();
                    let is_new = |it: &Email| before.is_none_or(|before| !before.contains(it));
                    for address in unknown.filter(is_new) {
                        tracing::warn!(list = %list, email = %address, "on call, but not the address of one user");
                    }
                }
                Err(fault) => {
                    tracing::warn!(list = %list, error = %fault, "who is on call could not be read");
                }
            }
            // The age counts from the question.
            let answer = Answer {
                asked_at: now,
                addresses,
            };
            answers.by_list.insert(list.clone(), answer);
        }
        answers.revision += 1;
    }

    fn with_lists(&self, directory: Arc<Directory>) -> Arc<Directory> {
        let (now, answers) = (self.clock.now(), self.answers());
        self.made.of(directory, answers.revision, now, |directory| {
            let mut valid_until = Timestamp::MAX;
            let mut lists = OnCallLists::new();
            for list in self.sources.keys() {
                let answer = answers.by_list.get(list);
                let read = match addresses(answer, now) {
                    Ok(addresses) => {
                        let at = answer.map_or(now, |it| it.asked_at);
                        valid_until = valid_until.min(BELIEVED.after(at));
                        let people = resolve(addresses, directory).people;
                        OnCallList::Read { at, people }
                    }
                    Err(OnCallFault(why)) => OnCallList::Unread { why },
                };
                lists.insert(list.clone(), read);
            }
            (directory.with_on_call(lists), valid_until)
        })
    }
}

fn addresses(answer: Option<&Answer>, now: Timestamp) -> Result<&[Email], OnCallFault> {
    let answer = answer.ok_or_else(|| OnCallFault(NEVER_ASKED.to_owned()))?;
    let addresses = answer.addresses.as_ref().map_err(Clone::clone)?;
    if !BELIEVED.covers(answer.asked_at, now) {
        let why = format!("the last answer is from {}", answer.asked_at);
        return Err(OnCallFault(why));
    }
    Ok(addresses)
}

fn resolve(addresses: &[Email], directory: &Directory) -> OnCallPeople {
    let mut found = OnCallPeople::default();
    for address in addresses {
        match directory.person_by_email(address) {
            Ok(person) => found.people.insert(person.user_id.clone()),
            Err(_) => found.unknown.insert(address.clone()),
        };
    }
    found
}

#[async_trait]
impl DirectorySource for OnCallDirectory {
    fn current(&self) -> Arc<Directory> {
        self.with_lists(self.inner.current())
    }

    async fn refresh(&self) -> Result<Arc<Directory>, DirectoryFault> {
        let (read, ()) = join(self.inner.refresh(), self.ask()).await;
        Ok(self.with_lists(read?))
    }

    async fn refresh_person(&self, user: &UserId) -> Result<Arc<Directory>, DirectoryFault> {
        let asked = self.ask();
        let (read, ()) = join(self.inner.refresh_person(user), asked).await;
        Ok(self.with_lists(read?))
    }

    async fn read_ahead(&self, named: &NamedFacts) {
        self.inner.read_ahead(named).await;
    }

    fn ahead(&self, named: &NamedFacts) -> DirectoryPrefetch {
        let ahead = self.inner.ahead(named);
        DirectoryPrefetch {
            directory: self.with_lists(ahead.directory),
            why: ahead.why,
        }
    }
}
