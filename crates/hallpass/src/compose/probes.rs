//! What readiness asks.

mod home_region;

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_access::{Access, AlarmKind, DirectorySource};
use hallpass_app::host::server_store::ServerStore;
use hallpass_app::setup::sources::cached_snapshot_taken;
use hallpass_aws::{Aws, Inventory};
use hallpass_base::{Clock, TimeSpan};
use hallpass_channels::wording::health;
use hallpass_org::armed_ends::{ForeignStatements, NotOurs};
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use hallpass_store::LeadStanding;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::lead::Lead;
pub(crate) use home_region::HomeRegionProbe;

/// How long the probe of the store waits until something is written: less than those who ask wait.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
/// How often it writes at most.
const WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// How often the structure of the database is checked: the whole file is read.
const CHECKED_EVERY: Duration = Duration::from_hours(6);
/// How long those who ask wait for it.
const CHECK_WAIT: Duration = Duration::from_millis(500);
/// How soon it is checked again where the store did not answer.
const CHECK_FAILED_AGAIN: Duration = Duration::from_secs(30);
/// What is said where nothing was written by then.
const NOT_WRITTEN: &str =
    "nothing could be written within two seconds: others write, or the disk does not answer";
/// A loop that has not come round for this long is late.
const LATE_AFTER: TimeSpan = TimeSpan::minutes(2);

/// When the executor last came round. By the monotonic clock: a step of the other one neither hides
/// a stop nor makes one up.
pub(crate) struct Pulse(Mutex<Instant>);

impl Pulse {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    pub(crate) fn beat(&self) {
        *self.last() = Instant::now();
    }

    /// Time since the last beat.
    pub(crate) fn age(&self) -> TimeSpan {
        TimeSpan::seconds(self.last().elapsed().as_secs())
    }

    fn last(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether the store reads, writes and is whole.
pub(crate) struct StoreProbe {
    access: Arc<Access>,
    store: ServerStore,
    /// Whether other nodes use the database too.
    is_shared: bool,
    /// When something was written last.
    written: Mutex<Option<Instant>>,
    writing: Arc<tokio::sync::Mutex<()>>,
    structure: Arc<Mutex<Structure>>,
}

/// What is known of the structure of the database's file.
#[derive(Default)]
struct Structure {
    /// When it is to be checked again.
    again: Option<Instant>,
    /// Whether it was damaged when it was checked last.
    is_damaged: bool,
}

impl StoreProbe {
    pub(crate) fn new(access: &Arc<Access>, store: &ServerStore, is_shared: bool) -> Self {
        Self {
            access: Arc::clone(access),
            store: store.clone(),
            is_shared,
            written: Mutex::default(),
            writing: Arc::default(),
            structure: Arc::default(),
        }
    }

    /// Why nothing can be written, if so.
    async fn write(&self) -> Result<(), String> {
        let lock = || self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().is_some_and(|at| at.elapsed() < WRITTEN_EVERY) {
            return Ok(());
        }
        let (store, writing) = (self.store.clone(), Arc::clone(&self.writing));
        // one at a time, also where those who asked wait no more: each holds a thread until the disk answers
        let attempt = async move {
            let alone = writing.lock_owned().await;
            let written = tokio::spawn(async move {
                let written = store.can_write().await;
                drop(alone);
                written.map_err(|error| error.to_string())
            });
            written.await.unwrap_or_else(|error| Err(error.to_string()))
        };
        let written = tokio::time::timeout(WRITE_WITHIN, attempt).await;
        let written = written.unwrap_or_else(|_| Err(NOT_WRITTEN.to_owned()));
        *lock() = written.is_ok().then(Instant::now);
        written
    }

    /// Whether the file is damaged. It is read whole for that, which may take longer than those who ask wait: a task does it
    /// at times, and what it found last is told.
    async fn is_damaged(&self) -> bool {
        if let Some(checking) = self.begin_check() {
            drop(tokio::time::timeout(CHECK_WAIT, checking).await);
        }
        structure(&self.structure).is_damaged
    }

    fn begin_check(&self) -> Option<JoinHandle<()>> {
        let mut state = structure(&self.structure);
        if state.again.is_some_and(|again| Instant::now() < again) {
            return None;
        }
        state.again = Some(Instant::now() + CHECKED_EVERY);
        let (store, found) = (self.store.clone(), Arc::clone(&self.structure));
        Some(tokio::spawn(async move {
            let complaints = store.damage().await;
            let mut state = structure(&found);
            match complaints {
                Ok(complaints) => {
                    state.is_damaged = !complaints.is_empty();
                    for complaint in complaints {
                        tracing::error!(complaint, "the database is damaged");
                    }
                }
                Err(error) => {
                    tracing::warn!(error = %error, "the structure of the database could not be checked");
                    state.again = Some(Instant::now() + CHECK_FAILED_AGAIN);
                }
            }
        }))
    }
}

fn structure(state: &Mutex<Structure>) -> MutexGuard<'_, Structure> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl ReadinessProbe for StoreProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match (
            self.access.counts(TimeSpan::minutes(5)).await,
            self.is_damaged().await,
        ) {
            (Err(error), _) => Err(error.to_string()),
            // its words name tables: they are in the log
            (Ok(_), true) => Err(health::DATABASE_DAMAGED.to_owned()),
            // it reads, and does not write
            (Ok(counts), false) => match (self.write().await, self.store.complaint()) {
                (_, Some(complaint)) => Err(complaint),
                (Err(why), None) => Err(why),
                (Ok(()), None) => Ok(health::grants_counted(counts.overdue, counts.stuck)),
            },
        };
        ProbeResult {
            name: "store",
            works,
        }
    }

    /// With a database in a file there is no other node: where its disk is full, people still release and revoke here.
    fn bearing(&self) -> Bearing {
        if self.is_shared {
            Bearing::Readiness
        } else {
            Bearing::Everywhere
        }
    }
}

/// A reading of all rows: which of them cannot be read.
type RowsReading = Pin<Box<dyn Future<Output = Result<Vec<String>, String>> + Send>>;
/// Begins one.
type ReadRows = Box<dyn Fn() -> RowsReading + Send + Sync>;

/// Whether every row that makes access begin and end can be read: one that cannot stops no other, and would go unnoticed.
///
/// All of them are read for that, which may take longer than anybody waits for an answer: that is done once in a while, by
/// itself, one at a time, and what it found is told until the next.
pub(super) struct RowsProbe {
    read: ReadRows,
    state: Arc<Mutex<RowsRead>>,
}

/// What is known of the rows.
#[derive(Default)]
struct RowsRead {
    /// Who reads them; finished when nobody does.
    reading: Option<AbortHandle>,
    /// Not before then again.
    again: Option<Instant>,
    /// Which cannot be read, once somebody has read them all; what went wrong before that.
    found: Option<Result<Vec<String>, ()>>,
}

impl RowsProbe {
    /// They are tried again as often.
    const READ_EVERY: Duration = Duration::from_mins(5);
    /// Where they were not given out.
    const FAILED_AGAIN: Duration = Duration::from_secs(30);
    /// As good as always, they are read by then, and what is told is as of now.
    const WAIT: Duration = Duration::from_millis(500);

    pub(super) fn new(store: &ServerStore) -> Self {
        let store = store.clone();
        Self::of(Box::new(move || {
            let store = store.clone();
            Box::pin(async move {
                let rows = store.unreadable_rows().await;
                rows.map_err(|error| error.to_string())
            })
        }))
    }

    fn of(read: ReadRows) -> Self {
        Self {
            read,
            state: Arc::default(),
        }
    }

    /// Reads them all in a task of its own, if it is time to and nobody does.
    fn begin(&self) -> Option<JoinHandle<()>> {
        let mut state = known(&self.state);
        let is_read = state.reading.as_ref().is_some_and(|it| !it.is_finished());
        if is_read || state.again.is_some_and(|again| Instant::now() < again) {
            return None;
        }
        let (found, all) = ((self.read)(), Arc::clone(&self.state));
        let reading = tokio::spawn(async move {
            let found = found.await;
            let mut state = known(&all);
            let pause = match found {
                Ok(rows) => {
                    state.found = Some(Ok(rows));
                    Self::READ_EVERY
                }
                Err(error) => {
                    tracing::warn!(
                        error,
                        "rows could not be looked at: whether all can be read is not known"
                    );
                    // what was found before is still the newest that is known
                    state.found.get_or_insert(Err(()));
                    Self::FAILED_AGAIN
                }
            };
            state.again = Some(Instant::now() + pause);
        });
        state.reading = Some(reading.abort_handle());
        Some(reading)
    }
}

fn known(state: &Mutex<RowsRead>) -> MutexGuard<'_, RowsRead> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl ReadinessProbe for RowsProbe {
    async fn probe(&self) -> ProbeResult {
        if let Some(reading) = self.begin() {
            // it goes on where that is too short, and where nobody waits for this any more
            drop(tokio::time::timeout(Self::WAIT, reading).await);
        }
        let works = match &known(&self.state).found {
            None => Ok(health::ROWS_NOT_YET_READ.to_owned()),
            Some(Ok(rows)) if rows.is_empty() => Ok(health::ROWS_CAN_BE_READ.to_owned()),
            Some(Ok(rows)) => Err(health::rows_cannot_be_read(rows.len())),
            Some(Err(())) => Err(health::ROWS_COULD_NOT_BE_LOOKED_AT.to_owned()),
        };
        ProbeResult {
            name: "rows",
            works,
        }
    }

    fn named(&self) -> Vec<String> {
        match &known(&self.state).found {
            Some(Ok(rows)) => rows.clone(),
            Some(Err(())) | None => Vec::new(),
        }
    }

    /// Another node reads the same rows.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

/// Who works.
pub(super) struct LeadProbe(pub(super) Arc<Lead>);

#[async_trait]
impl ReadinessProbe for LeadProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match self.0.standing() {
            LeadStanding::Here(name, epoch) => Ok(health::this_node_leads(&name, epoch)),
            LeadStanding::There(name, epoch) => Ok(health::another_node_leads(&name, epoch)),
            LeadStanding::Nobody => Err(health::NOBODY_LEADS.to_owned()),
        };
        ProbeResult {
            name: "leader",
            works,
        }
    }

    /// Pages and presses go on here; sending people elsewhere brings no leader.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

/// A probe of what the node that leads does.
pub(super) struct OfLeader<P> {
    pub(super) lead: Arc<Lead>,
    pub(super) probe: P,
}

#[async_trait]
impl<P: ReadinessProbe> ReadinessProbe for OfLeader<P> {
    async fn probe(&self) -> ProbeResult {
        let found = self.probe.probe().await;
        match self.lead.standing() {
            LeadStanding::Here(..) => found,
            LeadStanding::There(name, _) => ProbeResult {
                works: Ok(health::the_leader_sees_to_it(&name)),
                ..found
            },
            // told by the probe of who leads
            LeadStanding::Nobody => ProbeResult {
                works: Ok(health::NOBODY_LEADS.to_owned()),
                ..found
            },
        }
    }

    fn bearing(&self) -> Bearing {
        self.probe.bearing()
    }
}

/// Whether access is past its end by more than five minutes.
pub(crate) struct OverdueProbe {
    access: Arc<Access>,
    last: LastCounted,
}

/// What was found when it was counted last.
#[derive(Default)]
struct LastCounted(Mutex<Option<Result<String, String>>>);

impl LastCounted {
    /// What is known now: as before, where it could not be counted.
    fn now(&self, overdue: Option<u64>) -> Option<Result<String, String>> {
        let found = overdue.map(|overdue| match overdue {
            0 => Ok(health::NO_END_IS_LATE.to_owned()),
            overdue => Err(health::ends_are_overdue(overdue)),
        });
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *last = found.or_else(|| last.take());
        last.clone()
    }
}

impl OverdueProbe {
    pub(crate) fn new(access: &Arc<Access>) -> Self {
        Self {
            access: Arc::clone(access),
            last: LastCounted::default(),
        }
    }
}

#[async_trait]
impl ReadinessProbe for OverdueProbe {
    async fn probe(&self) -> ProbeResult {
        // a store that does not answer is told of by its own probe
        let counted = self.access.counts(TimeSpan::minutes(5)).await.ok();
        let works = match self.last.now(counted.map(|counts| counts.overdue)) {
            Some(found) => found,
            None => match told(&self.access, AlarmKind::EndsOverdue).await {
                Some(text) => Err(text),
                None => Ok(health::NO_END_IS_LATE.to_owned()),
            },
        };
        ProbeResult {
            name: "ends",
            works,
        }
    }
}

/// What an alarm says that stands.
async fn told(access: &Access, kind: AlarmKind) -> Option<String> {
    let standing = access.ports().store.alarms().await;
    // a store that does not answer is told of by its own probe
    let mut standing = standing.unwrap_or_default().into_iter();
    let found = standing.find(|alarm| alarm.alarm == kind);
    found.map(|alarm| alarm.text)
}

pub(crate) struct AwsProbe {
    directory: Arc<Inventory>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
    store: ServerStore,
    /// Whether another node has stored a newer reading than this one goes by.
    is_behind: AtomicBool,
}

impl AwsProbe {
    pub(crate) fn new(
        directory: &Arc<Inventory>,
        access: &Arc<Access>,
        clock: &Arc<dyn Clock>,
        store: &ServerStore,
    ) -> Self {
        Self {
            directory: Arc::clone(directory),
            access: Arc::clone(access),
            clock: Arc::clone(clock),
            store: store.clone(),
            is_behind: AtomicBool::new(false),
        }
    }
}

#[async_trait]
impl ReadinessProbe for AwsProbe {
    async fn probe(&self) -> ProbeResult {
        let taken = self.directory.current().taken_at();
        let stored = cached_snapshot_taken(&self.store).await;
        self.is_behind.store(stored > taken, Ordering::Relaxed);
        let works = match (taken, self.access.directory_is_fresh()) {
            (None, _) => Err(health::ORGANIZATION_UNREAD.to_owned()),
            // two readings may fail before this says so
            (Some(taken), false) => Err(health::organization_is_old(taken)),
            (Some(taken), true) => {
                let age = TimeSpan::between(taken, self.clock.now());
                Ok(health::organization_was_read(age))
            }
        };
        ProbeResult { name: "aws", works }
    }

    /// Nodes judge by the same reading, but for one that has just started and has none, and one that cannot take over what
    /// another has read.
    fn bearing(&self) -> Bearing {
        let is_behind = self.is_behind.load(Ordering::Relaxed);
        match self.directory.current().taken_at() {
            Some(_) if !is_behind => Bearing::Everywhere,
            Some(_) | None => Bearing::Readiness,
        }
    }
}

/// Whether Identity Center can use the key of its data.
pub(crate) struct InstanceKeyProbe(pub(crate) Arc<Aws>);

#[async_trait]
impl ReadinessProbe for InstanceKeyProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match self.0.unusable_key().await {
            None => Ok(health::KEY_IS_USABLE.to_owned()),
            Some(trouble) => Err(health::key_is_unusable(trouble.since, &trouble.words)),
        };
        ProbeResult {
            name: "instance_key",
            works,
        }
    }

    /// The pages, what is known and what is decided go on.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

/// Whether policies of armed ends have what is not ours.
pub(crate) struct ArmedPoliciesProbe {
    foreign: Arc<ForeignStatements>,
    access: Arc<Access>,
}

/// What Health and alarms ask; nothing where no ends are armed.
pub(super) fn of_armed_policies(
    access: &Arc<Access>,
    foreign: &Arc<ForeignStatements>,
) -> Option<ArmedPoliciesProbe> {
    let is_on = access.settings().armed_ends.mode.is_on();
    is_on.then(|| ArmedPoliciesProbe {
        foreign: Arc::clone(foreign),
        access: Arc::clone(access),
    })
}

impl ArmedPoliciesProbe {
    /// What was told before, while nobody has looked at all of them since.
    async fn told_before(&self) -> Result<String, String> {
        match told(&self.access, AlarmKind::ForeignStatement).await {
            Some(text) => Err(text),
            None => Ok(health::ARMED_POLICIES_NOT_YET.to_owned()),
        }
    }
}

#[async_trait]
impl ReadinessProbe for ArmedPoliciesProbe {
    async fn probe(&self) -> ProbeResult {
        let works = match self.foreign.found() {
            None => self.told_before().await,
            Some(found) if found.is_empty() => Ok(health::ARMED_POLICIES_ARE_OURS.to_owned()),
            Some(found) => {
                let with = |is: fn(&NotOurs) -> bool| -> Vec<&str> {
                    let accounts = found.iter().filter(|(_, it)| is(it));
                    accounts.map(|(account, _)| account.as_str()).collect()
                };
                Err(health::armed_policies_have_others(
                    &with(|it| it.statements > 0),
                    &with(|it| it.people > 0),
                ))
            }
        };
        ProbeResult {
            name: "armed_policies",
            works,
        }
    }

    /// Access is given and ends as before, unless its end must be armed.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

pub(crate) struct ReconcilerProbe(pub(crate) Arc<Pulse>);

#[async_trait]
impl ReadinessProbe for ReconcilerProbe {
    async fn probe(&self) -> ProbeResult {
        let age = self.0.age();
        let works = if age > LATE_AFTER {
            Err(health::assignments_wait(age))
        } else {
            Ok(health::assignments_were_tended(age))
        };
        ProbeResult {
            name: "reconciler",
            works,
        }
    }
}

#[cfg(test)]
#[path = "probes_tests.rs"]
mod tests;
