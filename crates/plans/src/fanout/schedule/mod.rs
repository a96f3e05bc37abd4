//! Chooses the next call and processes results. Pure: time is an argument.
//!
//! Starts accounts by id, and the next only if no started one has work: limits buffering, and a
//! slow account blocks no others.

mod account;
mod learn;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, VecDeque};

use hallpass_base::AccountId;

use self::account::{AccountProgress, Entered, KnownRegions, PlannedTry};
use crate::fanout::facts::{
    Answer, CallFault, EnabledRegions, Extent, FailureStage, FanoutSettings, FaultKind, NextCall,
    PlannedCall, Progress, RegionChoice, RegionSource, ScheduleNews, Slice, SliceFailure,
    SliceSkip, Ticket, Totals,
};
use crate::fanout::lane::{LaneKey, LaneWidth};
use crate::fanout::retry::Retries;
use crate::fanout::selection::{Entry, ListingOrder};

#[derive(Debug)]
struct CallInFlight {
    planned: PlannedTry,
    lane: LaneKey,
    begun_ms: u64,
}

#[derive(Debug)]
enum AccountListing {
    Ready(PlannedTry),
    Asking,
    Whole,
    Failed,
}

#[derive(Debug)]
pub struct Schedule {
    settings: FanoutSettings,
    retries: Retries,
    listing: AccountListing,
    listed: BTreeSet<AccountId>,
    waiting: BTreeMap<AccountId, Entry>,
    accounts: BTreeMap<AccountId, AccountProgress>,
    /// Round robin of accounts with work.
    turn: VecDeque<AccountId>,
    later: BinaryHeap<Reverse<(u64, u64)>>,
    later_tries: BTreeMap<u64, PlannedTry>,
    in_flight: BTreeMap<Ticket, CallInFlight>,
    lanes: BTreeMap<LaneKey, LaneWidth>,
    read: BTreeMap<Slice, Vec<Extent>>,
    source: RegionSource,
    news: Vec<ScheduleNews>,
    is_stopped: bool,
    count: u64,
    totals: Totals,
    slices: usize,
}

impl Schedule {
    pub fn new(settings: FanoutSettings) -> Self {
        Self {
            retries: Retries::new(settings.seed),
            listing: AccountListing::Ready(PlannedTry::first(PlannedCall::Accounts)),
            listed: BTreeSet::new(),
            waiting: BTreeMap::new(),
            accounts: BTreeMap::new(),
            turn: VecDeque::new(),
            later: BinaryHeap::new(),
            later_tries: BTreeMap::new(),
            in_flight: BTreeMap::new(),
            lanes: BTreeMap::new(),
            read: BTreeMap::new(),
            source: RegionSource::Outside,
            news: Vec::new(),
            is_stopped: false,
            count: 0,
            totals: Totals::default(),
            slices: 0,
            settings,
        }
    }

    /// Starts no new calls; those in flight may complete.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    pub fn progress(&self) -> Progress {
        let mut totals = self.totals;
        (totals.calls, totals.retries) = (self.retries.calls(), self.retries.made());
        let cut = self.accounts.values().all(|it| it.is_cut);
        Progress {
            totals,
            slices: self.slices,
            is_whole: matches!(self.listing, AccountListing::Whole)
                && self.waiting.is_empty()
                && cut,
        }
    }

    /// Call until it returns a wait.
    pub fn next(&mut self, now_ms: u64) -> NextCall {
        self.wake(now_ms);
        if self.is_stopped {
            return if self.in_flight.is_empty() {
                NextCall::Done
            } else {
                NextCall::Answer
            };
        }
        if self.in_flight.len() >= self.settings.concurrency {
            return NextCall::Answer;
        }
        if let Some(begun) = self.next_listing(now_ms) {
            return begun;
        }
        loop {
            if let Some(begun) = self.next_inside(now_ms) {
                return begun;
            }
            if !self.begin_account(now_ms) {
                break;
            }
        }
        match self.later.peek() {
            Some(Reverse((at, _))) => NextCall::At(*at),
            None if self.in_flight.is_empty() => NextCall::Done,
            None => NextCall::Answer,
        }
    }

    fn wake(&mut self, now_ms: u64) {
        while let Some(Reverse((at, number))) = self.later.peek().copied()
            && at <= now_ms
        {
            self.later.pop();
            if let Some(planned) = self.later_tries.remove(&number) {
                self.make_ready(planned);
            }
        }
    }

    fn make_ready(&mut self, planned: PlannedTry) {
        let id = match &planned.call {
            PlannedCall::Accounts => {
                self.listing = AccountListing::Ready(planned);
                return;
            }
            PlannedCall::AssumeRole(account) | PlannedCall::Regions { account, .. } => account,
            PlannedCall::Page { slice, .. } => &slice.account,
        };
        let id = id.clone();
        if let Some(account) = self.accounts.get_mut(&id) {
            if matches!(account.entered, Entered::Refused(_)) && lane_of(&planned.call).1 {
                let news = self.lost_inside(&id, vec![planned]);
                self.news.extend(news);
                return;
            }
            if account.ready.is_empty() {
                self.turn.push_back(id);
            }
            account.ready.push_back(planned);
        }
    }

    fn next_listing(&mut self, now_ms: u64) -> Option<NextCall> {
        let AccountListing::Ready(planned) = &self.listing else {
            return None;
        };
        let planned = planned.clone();
        self.listing = AccountListing::Asking;
        Some(self.begin(planned, LaneKey::Accounts, now_ms))
    }

    fn next_inside(&mut self, now_ms: u64) -> Option<NextCall> {
        for _ in 0..self.turn.len() {
            let id = self.turn.pop_front()?;
            let found = self.ready_in(&id, now_ms);
            let has_more = self
                .accounts
                .get(&id)
                .is_some_and(|it| !it.ready.is_empty());
            if has_more {
                self.turn.push_back(id);
            }
            if let Some((planned, lane)) = found {
                return Some(self.begin(planned, lane, now_ms));
            }
        }
        None
    }

    fn ready_in(&mut self, id: &AccountId, now_ms: u64) -> Option<(PlannedTry, LaneKey)> {
        let per_account = self.settings.per_account;
        let account = self.accounts.get_mut(id)?;
        if account.in_flight >= per_account {
            return None;
        }
        if account.is_stale(now_ms) {
            account.entered = Entered::Soon;
            let role = PlannedCall::AssumeRole(id.clone());
            account.ready.push_front(PlannedTry::first(role));
        }
        let account = self.accounts.get(id)?;
        let most = self.settings.concurrency;
        let may = |planned: &PlannedTry| {
            let (lane, inside) = lane_of(&planned.call);
            let wide = self
                .lanes
                .get(&lane)
                .copied()
                .unwrap_or_else(|| LaneWidth::new(most))
                .has_room(now_ms);
            wide && (!inside || account.is_open(now_ms))
        };
        let at = account.ready.iter().position(may)?;
        let planned = self.accounts.get_mut(id)?.ready.remove(at)?;
        let lane = lane_of(&planned.call).0;
        Some((planned, lane))
    }

    /// False if none remains or no role can be assumed now.
    fn begin_account(&mut self, now_ms: u64) -> bool {
        let whole = matches!(self.listing, AccountListing::Whole);
        if !whole && self.settings.selection.listing() == ListingOrder::First {
            return false;
        }
        let most = self.settings.concurrency;
        let narrow = |key| {
            let lane: Option<&LaneWidth> = self.lanes.get(key);
            !lane
                .copied()
                .unwrap_or_else(|| LaneWidth::new(most))
                .has_room(now_ms)
        };
        if narrow(&LaneKey::Roles) || narrow(&LaneKey::Regions) {
            return false;
        }
        let Some((id, entry)) = self.waiting.pop_first() else {
            return false;
        };
        let known = match &self.settings.regions {
            RegionChoice::Certain(regions) => Some(EnabledRegions {
                asked: regions.clone(),
                off: Vec::new(),
            }),
            RegionChoice::Enabled | RegionChoice::Named(_) => {
                self.settings.regions_known.get(&id).cloned()
            }
        };
        let mut ready = VecDeque::new();
        let done = |region: &String| {
            let slice = Slice {
                account: id.clone(),
                region: region.clone(),
            };
            self.settings.done.contains_key(&slice)
        };
        let is_read = known.as_ref().is_some_and(|it| it.asked.iter().all(done));
        let entered = if entry.is_base() || is_read {
            Entered::Yes(None)
        } else {
            ready.push_back(PlannedTry::first(PlannedCall::AssumeRole(id.clone())));
            Entered::Soon
        };
        ready.push_back(PlannedTry::first(PlannedCall::Regions {
            account: id.clone(),
            source: self.source,
            token: None,
        }));
        let account = AccountProgress {
            entered,
            regions: KnownRegions::Asking(Vec::new()),
            ready,
            in_flight: 0,
            is_cut: false,
        };
        self.accounts.insert(id.clone(), account);
        self.turn.push_back(id.clone());
        if let Some(known) = known {
            self.known_before(&id, known);
        }
        true
    }

    fn begin(&mut self, planned: PlannedTry, lane: LaneKey, now_ms: u64) -> NextCall {
        self.count += 1;
        let ticket = Ticket(self.count);
        let most = self.settings.concurrency;
        let width = self.lanes.entry(lane.clone());
        width.or_insert_with(|| LaneWidth::new(most)).take();
        if let Some(account) = account_of(&planned.call)
            && let Some(account) = self.accounts.get_mut(account)
        {
            account.in_flight += 1;
        }
        self.retries.count_call();
        let call = planned.call.clone();
        let flying = CallInFlight {
            planned,
            lane,
            begun_ms: now_ms,
        };
        self.in_flight.insert(ticket, flying);
        NextCall::Begin(ticket, call)
    }
}

fn lane_of(call: &PlannedCall) -> (LaneKey, bool) {
    match call {
        PlannedCall::Accounts => (LaneKey::Accounts, false),
        PlannedCall::AssumeRole(_) => (LaneKey::Roles, false),
        PlannedCall::Regions {
            source: RegionSource::Outside,
            ..
        } => (LaneKey::Regions, false),
        PlannedCall::Regions { account, .. } => {
            (LaneKey::Inside(account.clone(), String::new()), true)
        }
        PlannedCall::Page { slice, .. } => {
            let lane = LaneKey::Inside(slice.account.clone(), slice.region.clone());
            (lane, true)
        }
    }
}

fn account_of(call: &PlannedCall) -> Option<&AccountId> {
    match call {
        PlannedCall::Accounts => None,
        PlannedCall::AssumeRole(account) | PlannedCall::Regions { account, .. } => Some(account),
        PlannedCall::Page { slice, .. } => Some(&slice.account),
    }
}
