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
use hallpass_enforcement::armed_ends::{ForeignStatements, NotOurs};
use hallpass_server::{Bearing, ProbeResult, ReadinessProbe};
use hallpass_store::LeadStanding;
use tokio::task::{AbortHandle, JoinHandle};
use tokio::time::Instant;

use super::lead::Lead;
pub(crate) use home_region::HomeRegionProbe;

/// Write timeout: shorter than the caller's.
const WRITE_WITHIN: Duration = Duration::from_secs(2);
const WRITTEN_EVERY: Duration = Duration::from_secs(5);
/// Interval of the structure check, which reads the whole file.
const CHECKED_EVERY: Duration = Duration::from_hours(6);
const CHECK_WAIT: Duration = Duration::from_millis(500);
const CHECK_FAILED_AGAIN: Duration = Duration::from_secs(30);
const NOT_WRITTEN: &str =
    "nothing could be written within two seconds: others write, or the disk does not answer";
const LATE_AFTER: TimeSpan = TimeSpan::minutes(2);

/// The executor's last cycle, by the monotonic clock: wall clock steps neither hide nor fake a
/// stop.
pub(crate) struct Pulse(Mutex<Instant>);

impl Pulse {
    pub(crate) fn new() -> Self {
        Self(Mutex::new(Instant::now()))
    }

    pub(crate) fn beat(&self) {
        *self.last() = Instant::now();
    }

    pub(crate) fn age(&self) -> TimeSpan {
        TimeSpan::seconds(self.last().elapsed().as_secs())
    }

    fn last(&self) -> MutexGuard<'_, Instant> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct StoreProbe {
    access: Arc<Access>,
    store: ServerStore,
    is_shared: bool,
    written: Mutex<Option<Instant>>,
    writing: Arc<tokio::sync::Mutex<()>>,
    structure: Arc<Mutex<Structure>>,
}

/// Last structure check of the database file.
#[derive(Default)]
struct Structure {
    again: Option<Instant>,
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

    async fn write(&self) -> Result<(), String> {
        let lock = || self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if lock().is_some_and(|at| at.elapsed() < WRITTEN_EVERY) {
            return Ok(());
        }
        let (store, writing) = (self.store.clone(), Arc::clone(&self.writing));
        // one at a time, even after the caller's timeout: each blocks a thread until the disk
        // responds
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

    /// Whether the file is damaged. The full read may exceed the caller's timeout: a task runs it
    /// periodically, and the last result is reported.
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
            // details name tables: log only
            (Ok(_), true) => Err(health::DATABASE_DAMAGED.to_owned()),
            // readable, not writable
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

    /// A file database has one node: even with a full disk users can still end and revoke access
    /// here.
    fn bearing(&self) -> Bearing {
        if self.is_shared {
            Bearing::Readiness
        } else {
            Bearing::Everywhere
        }
    }
}

type RowsReading = Pin<Box<dyn Future<Output = Result<Vec<String>, String>> + Send>>;
type ReadRows = Box<dyn Fn() -> RowsReading + Send + Sync>;

/// Whether all access rows are readable: an unreadable one blocks no other and would be unnoticed.
///
/// The full read may exceed the caller's timeout, so it runs periodically in the background, one at
/// a time; the last result is reported.
pub(super) struct RowsProbe {
    read: ReadRows,
    state: Arc<Mutex<RowsRead>>,
}

#[derive(Default)]
struct RowsRead {
    reading: Option<AbortHandle>,
    again: Option<Instant>,
    /// Unreadable rows after the first complete read; earlier, a failure.
    found: Option<Result<Vec<String>, ()>>,
}

impl RowsProbe {
    const READ_EVERY: Duration = Duration::from_mins(5);
    const FAILED_AGAIN: Duration = Duration::from_secs(30);
    /// Reads usually finish in time, so the result is current.
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
                        "rows could not be checked: whether all can be read is not known"
                    );
                    // the earlier result is still the newest
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
            // continues after the timeout
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

    /// Other nodes read the same rows.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

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

    /// Pages and actions work here; other nodes have no leader either.
    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

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
            // reported by the leader probe
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

pub(crate) struct OverdueProbe {
    access: Arc<Access>,
    last: LastCounted,
}

#[derive(Default)]
struct LastCounted(Mutex<Option<Result<String, String>>>);

impl LastCounted {
    /// Returns the last result if counting failed.
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

async fn told(access: &Access, kind: AlarmKind) -> Option<String> {
    let standing = access.ports().store.alarms().await;
    let mut standing = standing.unwrap_or_default().into_iter();
    let found = standing.find(|alarm| alarm.alarm == kind);
    found.map(|alarm| alarm.text)
}

pub(crate) struct AwsProbe {
    directory: Arc<Inventory>,
    access: Arc<Access>,
    clock: Arc<dyn Clock>,
    store: ServerStore,
    /// Whether another node stored a newer read than this one uses.
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
            // tolerates two failed reads
            (Some(taken), false) => Err(health::organization_is_old(taken)),
            (Some(taken), true) => {
                let age = TimeSpan::between(taken, self.clock.now());
                Ok(health::organization_was_read(age))
            }
        };
        ProbeResult { name: "aws", works }
    }

    /// Nodes share one read, except a new node without one, or one that cannot load it.
    fn bearing(&self) -> Bearing {
        let is_behind = self.is_behind.load(Ordering::Relaxed);
        match self.directory.current().taken_at() {
            Some(_) if !is_behind => Bearing::Everywhere,
            Some(_) | None => Bearing::Readiness,
        }
    }
}

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

    fn bearing(&self) -> Bearing {
        Bearing::Advice
    }
}

pub(crate) struct ArmedPoliciesProbe {
    foreign: Arc<ForeignStatements>,
    access: Arc<Access>,
}

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

    /// Access works as before, unless its expiry must be enforced.
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
