//! A simulated organization in virtual time, and a run's results.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use hallpass_base::AccountId;
use hallpass_plans::fanout::{
    AccountsPage, ApiCalls, CallFault, Entry, Extent, FailureStage, FanoutError, FanoutSettings,
    FaultKind, FoundAccount, Journal, JournalRecord, Leaving, PageOfResults, Progress,
    RegionChoice, RegionSource, RegionsPage, ResultSink, RunReport, Selection, Slice, SliceFailure,
    SliceSkip, Spool, Wait, run,
};
use serde_json::Value;
use tokio::time::Instant;

pub(crate) const ASKED: &str = "ec2 DescribeThings";

pub(crate) fn id(n: usize) -> AccountId {
    AccountId::new(format!("{n:012}")).unwrap()
}

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) accounts: usize,
    pub(crate) regions: Vec<String>,
    pub(crate) latency_ms: u64,
    pub(crate) seed: u64,
    pub(crate) pages: u32,
    pub(crate) line_bytes: usize,
    /// One in so many accounts refuses the role.
    pub(crate) denied_every: usize,
    pub(crate) throttled_percent: u64,
    pub(crate) suspended: BTreeSet<usize>,
    pub(crate) off: BTreeSet<(usize, String)>,
    pub(crate) broken: BTreeSet<(usize, String)>,
    pub(crate) outside_denied: bool,
    pub(crate) hanging: BTreeSet<(usize, String)>,
    pub(crate) writes: bool,
    /// The sink refuses later results.
    pub(crate) taken_most: Option<usize>,
    pub(crate) slow: Option<(usize, u64)>,
    pub(crate) credentials_ms: Option<u64>,
    pub(crate) concurrency: usize,
    pub(crate) selection: Selection,
    pub(crate) choice: RegionChoice,
    pub(crate) leaving: Leaving,
    pub(crate) killed_at: Option<u64>,
    pub(crate) stopped_at_ms: Option<u64>,
}

impl World {
    pub(crate) fn new(accounts: usize, regions: usize) -> Self {
        Self {
            accounts,
            regions: (0..regions).map(|n| format!("r-{n:02}")).collect(),
            latency_ms: 50,
            seed: 1,
            pages: 1,
            line_bytes: 0,
            denied_every: 0,
            throttled_percent: 0,
            suspended: BTreeSet::new(),
            off: BTreeSet::new(),
            broken: BTreeSet::new(),
            outside_denied: false,
            hanging: BTreeSet::new(),
            writes: false,
            taken_most: None,
            slow: None,
            credentials_ms: Some(3_600_000),
            concurrency: 64,
            selection: Selection::default(),
            choice: RegionChoice::Enabled,
            leaving: Leaving::InOrder,
            killed_at: None,
            stopped_at_ms: None,
        }
    }
}

#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) calls: AtomicU64,
    in_flight: AtomicU64,
    pub(crate) in_flight_most: AtomicU64,
    pub(crate) by_account_most: Mutex<BTreeMap<AccountId, (u64, u64)>>,
    pub(crate) roles: Mutex<Vec<AccountId>>,
    pub(crate) regions_asked: Mutex<Vec<(AccountId, RegionSource)>>,
    pub(crate) slices_asked: Mutex<Vec<Slice>>,
    pub(crate) first_page_ms: AtomicU64,
}

struct Calls {
    world: World,
    seen: Arc<Seen>,
    begun: Instant,
    random: Mutex<fastrand::Rng>,
    listed: Mutex<usize>,
}

impl Calls {
    async fn call(&self, account: Option<&AccountId>) -> Result<(), CallFault> {
        let number = self.seen.calls.fetch_add(1, SeqCst) + 1;
        let flying = self.seen.in_flight.fetch_add(1, SeqCst) + 1;
        self.seen.in_flight_most.fetch_max(flying, SeqCst);
        if let Some(account) = account {
            let mut all = self.seen.by_account_most.lock().unwrap();
            let (now, most) = all.entry(account.clone()).or_default();
            *now += 1;
            *most = (*most).max(*now);
        }
        if self.world.killed_at.is_some_and(|at| number > at) {
            std::future::pending::<()>().await;
        }
        let (spread, throttled) = {
            let mut random = self.random.lock().unwrap();
            let throttled = random.u64(0..100) < self.world.throttled_percent;
            (random.u64(0..=self.world.latency_ms / 5), throttled)
        };
        let mut latency = self.world.latency_ms + spread;
        if let Some((slow, ms)) = self.world.slow
            && account == Some(&id(slow))
        {
            latency = ms;
        }
        tokio::time::sleep(Duration::from_millis(latency)).await;
        self.seen.in_flight.fetch_sub(1, SeqCst);
        if let Some(account) = account {
            self.seen
                .by_account_most
                .lock()
                .unwrap()
                .get_mut(account)
                .unwrap()
                .0 -= 1;
        }
        if throttled {
            return Err(fault(FaultKind::Throttled, "ThrottlingException"));
        }
        Ok(())
    }

    fn number(account: &AccountId) -> usize {
        account.as_str().parse().unwrap()
    }
}

pub(crate) fn fault(kind: FaultKind, code: &str) -> CallFault {
    CallFault {
        kind,
        stage: FailureStage::Call,
        code: code.to_owned(),
        message: "no".to_owned(),
        http: Some(400),
        request_id: None,
        retry_after_ms: None,
    }
}

#[async_trait]
impl ApiCalls for Calls {
    async fn accounts(&self) -> Result<AccountsPage, CallFault> {
        self.call(None).await?;
        let mut listed = self.listed.lock().unwrap();
        let from = *listed;
        let to = (from + 20).min(self.world.accounts);
        *listed = to;
        let numbers = (from..to).map(|n| (n * 7919) % self.world.accounts);
        let accounts = numbers.map(|n| FoundAccount {
            id: id(n),
            name: format!("account-{n}"),
            is_active: !self.world.suspended.contains(&n),
            entry: if n == 0 {
                Entry::OwnManagement
            } else {
                Entry::Role
            },
            tags: BTreeMap::new(),
        });
        Ok(AccountsPage {
            accounts: accounts.collect(),
            more: to < self.world.accounts,
        })
    }

    async fn assume_role(&self, account: &AccountId) -> Result<Option<u64>, CallFault> {
        self.seen.roles.lock().unwrap().push(account.clone());
        self.call(Some(account)).await?;
        let every = self.world.denied_every;
        if every > 0 && Self::number(account).is_multiple_of(every) {
            return Err(fault(FaultKind::Denied, "AccessDenied"));
        }
        Ok(self.world.credentials_ms)
    }

    async fn regions(
        &self,
        account: &AccountId,
        (source, token): (RegionSource, Option<&str>),
    ) -> Result<RegionsPage, CallFault> {
        let asked = (account.clone(), source);
        self.seen.regions_asked.lock().unwrap().push(asked);
        self.call(Some(account)).await?;
        if source == RegionSource::Outside && self.world.outside_denied {
            return Err(fault(FaultKind::Denied, "AccessDeniedException"));
        }
        let n = Self::number(account);
        let on = self.world.regions.iter().filter(|it| {
            let place = (n, (*it).clone());
            !self.world.off.contains(&place)
        });
        let on: Vec<String> = on.cloned().collect();
        let half = on.len() / 2;
        Ok(match token {
            None => RegionsPage {
                regions: on.get(half..).unwrap().to_vec(),
                next: Some("2".to_owned()),
            },
            Some(_) => RegionsPage {
                regions: on.get(..half).unwrap().to_vec(),
                next: None,
            },
        })
    }

    async fn page(
        &self,
        slice: &Slice,
        (page, token): (u32, Option<&Value>),
    ) -> Result<PageOfResults, CallFault> {
        assert_eq!(token.is_some(), page > 1);
        let begun = u64::try_from(self.begun.elapsed().as_millis()).unwrap();
        let first = &self.seen.first_page_ms;
        let _ = first.compare_exchange(0, begun, SeqCst, SeqCst);
        self.seen.slices_asked.lock().unwrap().push(slice.clone());
        let place = (Self::number(&slice.account), slice.region.clone());
        if self.world.hanging.contains(&place) {
            std::future::pending::<()>().await;
        }
        self.call(Some(&slice.account)).await?;
        if self.world.broken.contains(&place) && page == self.world.pages {
            return Err(fault(FaultKind::Final, "AuthFailure"));
        }
        let pad = "x".repeat(self.world.line_bytes);
        let line = format!("{} {} {page}{pad}\n", slice.account, slice.region);
        Ok(PageOfResults {
            lines: line.into_bytes(),
            next: (page < self.world.pages).then(|| Value::from(page + 1)),
        })
    }

    fn unanswered(&self) -> Option<CallFault> {
        let unanswered = || fault(FaultKind::Final, "NoAnswer");
        self.world.writes.then(unanswered)
    }
}

#[derive(Default)]
pub(crate) struct Disk {
    pub(crate) data: Vec<u8>,
    pub(crate) journal: Vec<u8>,
    pub(crate) reads: u64,
    /// Slices that fit as done; none for unlimited.
    pub(crate) room: Option<usize>,
}

struct Spooled(Arc<Mutex<Disk>>);

impl Spool for Spooled {
    fn append(&mut self, bytes: &[u8]) -> io::Result<Extent> {
        let mut disk = self.0.lock().unwrap();
        let at = disk.data.len() as u64;
        disk.data.extend_from_slice(bytes);
        Ok(Extent {
            at,
            bytes: bytes.len() as u64,
        })
    }

    fn read(&mut self, extent: Extent) -> io::Result<Vec<u8>> {
        let mut disk = self.0.lock().unwrap();
        disk.reads += 1;
        let from = usize::try_from(extent.at).unwrap();
        let to = from + usize::try_from(extent.bytes).unwrap();
        Ok(disk.data.get(from..to).unwrap().to_vec())
    }

    fn record(&mut self, record: &JournalRecord) -> io::Result<()> {
        let line = Journal::line(record);
        let mut disk = self.0.lock().unwrap();
        if matches!(record, JournalRecord::Done { .. })
            && let Some(room) = &mut disk.room
        {
            *room = room.checked_sub(1).ok_or(io::ErrorKind::StorageFull)?;
        }
        disk.journal.extend(line);
        Ok(())
    }
}

#[derive(Default)]
pub(crate) struct Given {
    pub(crate) output: Vec<u8>,
    pub(crate) failures: Vec<SliceFailure>,
    pub(crate) skips: Vec<SliceSkip>,
    pub(crate) progress: Vec<Progress>,
    taken: usize,
    taken_most: Option<usize>,
}

impl ResultSink for Given {
    fn slice(&mut self, _: &Slice, pages: &[Vec<u8>]) -> io::Result<()> {
        if self.taken_most.is_some_and(|most| self.taken >= most) {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        self.taken += 1;
        self.output.extend(pages.concat());
        Ok(())
    }

    fn failed(&mut self, failure: &SliceFailure) {
        self.failures.push(failure.clone());
    }

    fn skipped(&mut self, skip: &SliceSkip) {
        self.skips.push(skip.clone());
    }

    fn progress(&mut self, progress: &Progress) {
        self.progress.push(*progress);
    }
}

struct VirtualTime(Instant);

#[async_trait]
impl Wait for VirtualTime {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap()
    }

    async fn until_ms(&self, at_ms: u64) {
        tokio::time::sleep_until(self.0 + Duration::from_millis(at_ms)).await;
    }
}

pub(crate) struct Ran {
    pub(crate) report: Option<Result<RunReport, FanoutError>>,
    pub(crate) given: Given,
    pub(crate) seen: Arc<Seen>,
    pub(crate) ms: u64,
}

impl Ran {
    pub(crate) fn report(&self) -> RunReport {
        *self.report.as_ref().unwrap().as_ref().unwrap()
    }

    pub(crate) fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.given.output.clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

pub(crate) fn run_over(world: &World, disk: &Arc<Mutex<Disk>>) -> Ran {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let begun = Instant::now();
        let seen = Arc::new(Seen::default());
        let calls = Calls {
            world: world.clone(),
            seen: Arc::clone(&seen),
            begun,
            random: Mutex::new(fastrand::Rng::with_seed(world.seed)),
            listed: Mutex::new(0),
        };
        let journal = {
            let mut disk = disk.lock().unwrap();
            if disk.journal.is_empty() {
                disk.journal = Journal::line(&JournalRecord::Asked(ASKED.to_owned()));
            }
            Journal::read(&disk.journal, ASKED, disk.data.len() as u64).unwrap()
        };
        let settings = FanoutSettings {
            concurrency: world.concurrency,
            per_account: 8,
            selection: world.selection.clone(),
            regions: world.choice.clone(),
            seed: world.seed,
            regions_known: journal.regions,
            done: journal.done,
        };
        let mut spool = Spooled(Arc::clone(disk));
        let mut given = Given {
            taken_most: world.taken_most,
            ..Given::default()
        };
        let time = VirtualTime(begun);
        let stop = async {
            match world.stopped_at_ms {
                Some(at) => time.until_ms(at).await,
                None => std::future::pending().await,
            }
        };
        let running = run(
            settings,
            world.leaving,
            &calls,
            &time,
            &mut spool,
            &mut given,
            stop,
        );
        let ended = tokio::time::timeout(Duration::from_hours(1), running).await;
        Ran {
            report: ended.ok(),
            given,
            seen,
            ms: u64::try_from(begun.elapsed().as_millis()).unwrap(),
        }
    })
}

pub(crate) fn run_once(world: &World) -> Ran {
    run_over(world, &Arc::default())
}
