//! Account tags, while rules name them. Each account costs a call, so tags are cached, and the
//! oldest are read first. Unreadable tags count as unread, never as no tags.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt, stream};
use hallpass_assignments::CenterFault;
use hallpass_base::{AccountId, TimeSpan, Timestamp};
use hallpass_rules::directory::{AccountTags, Snapshot};
use jiff::SignedDuration;
use tokio::time::Instant;

use crate::Aws;
use crate::call::Deadline;
use crate::fault::CallFailure;
use crate::pages::listing;

/// Returns whether account tags are relevant now (whether rules name any).
pub type TagsToRead = Arc<dyn Fn() -> bool + Send + Sync>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagPace {
    /// All with each inventory read, however long: for one-time reads.
    Whole,
    /// None: a server [reads them](super::Inventory::read_tags) in between, so that nothing waits
    /// for them. The interval until an account is read again.
    ByAndBy(TimeSpan),
}

const BELIEVED: SignedDuration = SignedDuration::from_hours(6);
/// Duration of one round: a stopping server waits for it.
const READ_ON: Duration = Duration::from_secs(10);
const STEADY: usize = 20;
/// Pause after such a round: 2 calls a second at most, because AWS's rate is shared.
const STEADY_REST: Duration = Duration::from_secs(10);
const WIDTH: usize = 6;
/// Refusals without any success that count as a missing right.
const REFUSED_ENOUGH: usize = 20;

#[derive(Clone, Debug)]
struct ObservedTags {
    asked: Timestamp,
    /// The last tags and their time: from the last call, or an earlier one if that failed
    /// transiently.
    read: Option<(Timestamp, BTreeMap<String, String>)>,
    fault: Option<CenterFault>,
}

impl ObservedTags {
    const fn told(at: Timestamp, tags: BTreeMap<String, String>) -> Self {
        Self {
            asked: at,
            read: Some((at, tags)),
            fault: None,
        }
    }

    const fn failed(
        at: Timestamp,
        fault: CenterFault,
        read: Option<(Timestamp, BTreeMap<String, String>)>,
    ) -> Self {
        Self {
            asked: at,
            read,
            fault: Some(fault),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UntoldTags {
    pub accounts: usize,
    pub account: AccountId,
    pub fault: CenterFault,
}

pub(super) struct KnownTags {
    wanted: Option<TagsToRead>,
    pace: TagPace,
    heard: Mutex<HashMap<AccountId, ObservedTags>>,
    reading: tokio::sync::Mutex<()>,
}

impl KnownTags {
    pub(super) fn unwanted() -> Self {
        Self {
            wanted: None,
            pace: TagPace::Whole,
            heard: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
        }
    }

    pub(super) fn want(&mut self, wanted: TagsToRead, pace: TagPace) {
        self.wanted = Some(wanted);
        self.pace = pace;
    }

    pub(super) fn are_wanted(&self) -> bool {
        self.wanted.as_ref().is_some_and(|wanted| wanted())
    }

    pub(super) fn seed(&self, snapshot: &Snapshot) {
        let Some(at) = snapshot.taken_at else {
            return;
        };
        let known = snapshot.accounts.iter().filter_map(|account| {
            let tags = account.tags.known()?.clone();
            Some((account.id.clone(), ObservedTags::told(at, tags)))
        });
        *self.lock() = known.collect();
    }

    pub(super) async fn read(&self, aws: &Aws, accounts: &[AccountId]) {
        if !self.are_wanted() {
            self.lock().clear();
            return;
        }
        if self.pace == TagPace::Whole {
            let reading = self.reading.lock().await;
            let due = self.due(accounts, aws.clock.now(), SignedDuration::ZERO);
            self.ask(aws, &due, due.len(), None).await;
            drop(reading);
        }
        self.forget_but(accounts);
    }

    /// Reads due accounts, never-read ones without pauses; returns the next pause, or `None` if
    /// none were due.
    pub(super) async fn read_on(&self, aws: &Aws, accounts: &[AccountId]) -> Option<Duration> {
        let reading = self.reading.lock().await;
        let again = match self.pace {
            // reads once
            TagPace::Whole => SignedDuration::MAX,
            TagPace::ByAndBy(again) => {
                let seconds = i64::try_from(again.as_seconds()).unwrap_or(i64::MAX);
                SignedDuration::from_secs(seconds)
            }
        };
        let due = self.due(accounts, aws.clock.now(), again);
        if due.is_empty() {
            return None;
        }
        let new = {
            let heard = self.lock();
            due.iter().filter(|id| !heard.contains_key(*id)).count()
        };
        let (count, rest) = if new > 0 {
            (new, Duration::ZERO)
        } else {
            (STEADY, STEADY_REST)
        };
        let until = Instant::now().checked_add(READ_ON);
        self.ask(aws, &due, count, until).await;
        drop(reading);
        Some(rest)
    }

    pub(super) fn fill(&self, snapshot: &mut Snapshot, now: Timestamp) {
        let heard = self.lock();
        let are_wanted = self.are_wanted();
        for account in &mut snapshot.accounts {
            let known = heard.get(&account.id).filter(|_| are_wanted);
            let read = known.and_then(|it| it.read.as_ref());
            // a clock set back must not extend validity
            let read = read.filter(|(at, _)| now.duration_since(*at).abs() < BELIEVED);
            let tags = read.map(|(_, tags)| tags.clone());
            account.tags = tags.map_or(AccountTags::Unread, AccountTags::Read);
        }
    }

    fn due(&self, accounts: &[AccountId], now: Timestamp, since: SignedDuration) -> Vec<AccountId> {
        let heard = self.lock();
        let asked = accounts
            .iter()
            .map(|id| (heard.get(id).map(|it| it.asked), id));
        let mut due: Vec<_> = asked
            .filter(|(at, _)| at.is_none_or(|at| now.duration_since(at).abs() >= since))
            .collect();
        due.sort();
        due.into_iter().map(|(_, id)| id.clone()).collect()
    }

    /// Reads up to `count` accounts until the deadline. Refusals without any success mark all as
    /// unread.
    async fn ask(&self, aws: &Aws, accounts: &[AccountId], count: usize, until: Option<Instant>) {
        let (told, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let is_refused = || {
            told.load(Ordering::Relaxed) == 0 && refused.load(Ordering::Relaxed) >= REFUSED_ENOUGH
        };
        let asked = stream::iter(accounts.iter().take(count).cloned().collect::<Vec<_>>())
            .map(|id| {
                let is_over = until.is_some_and(|until| Instant::now() >= until) || is_refused();
                async move {
                    if is_over {
                        return None;
                    }
                    let found = of_account(aws, &id).await;
                    Some((id, found))
                }
            })
            .buffer_unordered(WIDTH);
        let mut asked = std::pin::pin!(asked);
        let mut failed = false;
        while let Some(answer) = asked.next().await {
            let Some((id, found)) = answer else {
                continue;
            };
            let found = found.map_err(|failure| failure.fault);
            match &found {
                Ok(_) => told.fetch_add(1, Ordering::Relaxed),
                Err(CenterFault::Refused { .. }) => refused.fetch_add(1, Ordering::Relaxed),
                Err(_) => 0,
            };
            failed |= found.is_err();
            self.hear(id, found, aws.clock.now());
        }
        if is_refused() {
            self.refuse_all(accounts, aws.clock.now());
        }
        if let Some(untold) = self.untold().filter(|_| failed) {
            tracing::warn!(
                accounts = untold.accounts,
                account = %untold.account,
                fault = %untold.fault,
                "the tags of accounts could not be read: where none were read in the last hours, rules that \
                 name tags allow no requests, and still limit"
            );
        }
    }

    /// A transient fault keeps the earlier tags.
    fn hear(
        &self,
        id: AccountId,
        found: Result<BTreeMap<String, String>, CenterFault>,
        at: Timestamp,
    ) {
        let mut heard = self.lock();
        let before = heard.remove(&id);
        let now = match found {
            Ok(tags) => ObservedTags::told(at, tags),
            Err(fault) => {
                let read = before.filter(|_| is_passing(&fault));
                ObservedTags::failed(at, fault, read.and_then(|it| it.read))
            }
        };
        heard.insert(id, now);
    }

    pub(super) fn untold(&self) -> Option<UntoldTags> {
        let heard = self.lock();
        let untold = || {
            heard
                .iter()
                .filter_map(|(id, it)| Some((id, it.fault.as_ref()?)))
        };
        let (account, fault) = untold().min_by_key(|(id, _)| *id)?;
        Some(UntoldTags {
            accounts: untold().count(),
            account: account.clone(),
            fault: fault.clone(),
        })
    }

    /// A general refusal invalidates all accounts' tags, and delays the next calls.
    fn refuse_all(&self, accounts: &[AccountId], at: Timestamp) {
        let mut heard = self.lock();
        let mut faults = heard.values().filter_map(|it| it.fault.as_ref());
        let fault = faults.find(|it| matches!(it, CenterFault::Refused { .. }));
        let Some(fault) = fault.cloned() else {
            return;
        };
        for id in accounts {
            heard.insert(id.clone(), ObservedTags::failed(at, fault.clone(), None));
        }
    }

    fn forget_but(&self, accounts: &[AccountId]) {
        let mut heard = self.lock();
        if heard.len() > accounts.len() {
            let listed: std::collections::BTreeSet<&AccountId> = accounts.iter().collect();
            heard.retain(|id, _| listed.contains(id));
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AccountId, ObservedTags>> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the fault is transient: neither about the account nor the right.
const fn is_passing(fault: &CenterFault) -> bool {
    matches!(
        fault,
        CenterFault::Throttled { .. }
            | CenterFault::NotSent
            | CenterFault::Full { .. }
            | CenterFault::Conflict { .. }
            | CenterFault::Unreachable { .. }
    )
}

pub(super) async fn of_account(
    aws: &Aws,
    account: &AccountId,
) -> Result<BTreeMap<String, String>, CallFailure> {
    let rows = listing!(
        aws.org_line.read("ListTagsForResource", Deadline::look()),
        tags,
        aws.org
            .list_tags_for_resource()
            .resource_id(account.as_str())
    )
    .await?;
    Ok(rows.into_iter().map(|tag| (tag.key, tag.value)).collect())
}
