//! Effects of a response or fault.

use hallpass_base::AccountId;

use super::{
    AccountListing, Answer, CallFault, CallInFlight, EnabledRegions, Entered, FailureStage,
    FaultKind, KnownRegions, PlannedCall, PlannedTry, RegionChoice, RegionSource, Reverse,
    Schedule, ScheduleNews, Slice, SliceFailure, SliceSkip, Ticket, account_of,
};
use crate::fanout::facts::Extent;
use crate::fanout::selection::{FoundAccount, Verdict};

impl Schedule {
    pub fn learn(
        &mut self,
        now_ms: u64,
        ticket: Ticket,
        answer: Result<Answer, CallFault>,
    ) -> Vec<ScheduleNews> {
        let Some(flying) = self.in_flight.remove(&ticket) else {
            return Vec::new();
        };
        if let Some(account) = account_of(&flying.planned.call)
            && let Some(account) = self.accounts.get_mut(account)
        {
            account.in_flight = account.in_flight.saturating_sub(1);
        }
        if let Some(lane) = self.lanes.get_mut(&flying.lane) {
            lane.give_back();
            let throttled = matches!(&answer, Err(it) if it.kind == FaultKind::Throttled);
            if throttled {
                lane.throttled(flying.begun_ms, now_ms);
            }
            if lane.is_idle() {
                self.lanes.remove(&flying.lane);
            }
        }
        match answer {
            Ok(answer) => self.answered(flying.planned.call, answer),
            Err(fault) => self.failed(now_ms, flying, &fault),
        }
    }

    fn answered(&mut self, call: PlannedCall, answer: Answer) -> Vec<ScheduleNews> {
        match (call, answer) {
            (PlannedCall::Accounts, Answer::Accounts { accounts, more }) => {
                self.found(accounts, more)
            }
            (PlannedCall::AssumeRole(id), Answer::Role { until_ms }) => {
                if let Some(account) = self.accounts.get_mut(&id) {
                    account.entered = Entered::Yes(until_ms);
                }
                self.cut(&id)
            }
            (
                PlannedCall::Regions {
                    account, source, ..
                },
                Answer::Regions { regions, next },
            ) => self.regions_of(&account, source, regions, next),
            (PlannedCall::Page { slice, page, .. }, Answer::Page { extent, next }) => {
                self.page_of(slice, page, extent, next)
            }
            _ => Vec::new(),
        }
    }

    fn found(&mut self, accounts: Vec<FoundAccount>, more: bool) -> Vec<ScheduleNews> {
        let mut news = Vec::new();
        for account in accounts {
            // a changing listing may repeat an account
            if !self.listed.insert(account.id.clone()) {
                continue;
            }
            match self.settings.selection.judge(&account) {
                Verdict::Asked => {
                    self.waiting.insert(account.id.clone(), account.entry);
                    news.push(ScheduleNews::Account(account.id));
                }
                Verdict::Skipped(reason) => {
                    self.totals.skipped += 1;
                    news.push(ScheduleNews::Skipped(SliceSkip {
                        account: account.id,
                        region: None,
                        reason,
                    }));
                }
                Verdict::Other => {}
            }
        }
        if more {
            self.listing = AccountListing::Ready(PlannedTry::first(PlannedCall::Accounts));
            return news;
        }
        self.listing = AccountListing::Whole;
        let unknown = self.settings.selection.unknown(&self.listed);
        if unknown.is_empty() {
            news.push(ScheduleNews::Listed);
        } else {
            self.stop();
            news.push(ScheduleNews::UnknownAccounts(unknown));
        }
        news
    }

    fn regions_of(
        &mut self,
        id: &AccountId,
        source: RegionSource,
        regions: Vec<String>,
        next: Option<String>,
    ) -> Vec<ScheduleNews> {
        let Some(account) = self.accounts.get_mut(id) else {
            return Vec::new();
        };
        let KnownRegions::Asking(found) = &mut account.regions else {
            return Vec::new();
        };
        found.extend(regions);
        if next.is_some() {
            let call = PlannedCall::Regions {
                account: id.clone(),
                source,
                token: next,
            };
            self.make_ready(PlannedTry::first(call));
            return Vec::new();
        }
        let mut on = std::mem::take(found);
        on.sort();
        on.dedup();
        let regions = match &self.settings.regions {
            RegionChoice::Enabled | RegionChoice::Certain(_) => EnabledRegions {
                asked: on,
                off: Vec::new(),
            },
            RegionChoice::Named(named) => {
                let (asked, off) = named.iter().cloned().partition(|it| on.contains(it));
                EnabledRegions { asked, off }
            }
        };
        account.regions = KnownRegions::Known(regions.clone());
        let mut news = vec![ScheduleNews::Regions(id.clone(), regions)];
        news.extend(self.cut(id));
        news
    }

    /// Uses known Regions and cancels the call for them.
    pub(super) fn known_before(&mut self, id: &AccountId, regions: EnabledRegions) {
        let news = ScheduleNews::Regions(id.clone(), regions.clone());
        if let Some(account) = self.accounts.get_mut(id) {
            account.regions = KnownRegions::Known(regions);
            account
                .ready
                .retain(|it| !matches!(it.call, PlannedCall::Regions { .. }));
        }
        self.news.push(news);
        let cut = self.cut(id);
        self.news.extend(cut);
    }

    pub fn news(&mut self) -> Vec<ScheduleNews> {
        std::mem::take(&mut self.news)
    }

    /// Creates slices once the account is entered and its Regions are known, or fails it.
    fn cut(&mut self, id: &AccountId) -> Vec<ScheduleNews> {
        let Some(account) = self.accounts.get_mut(id).filter(|it| !it.is_cut) else {
            return Vec::new();
        };
        let regions = match (&account.entered, &account.regions) {
            (Entered::Soon, _)
            | (_, KnownRegions::Asking(_))
            | (Entered::Yes(_), KnownRegions::Lost) => return Vec::new(),
            (Entered::Refused(failure), regions) => {
                let lost = match regions {
                    KnownRegions::Known(regions) => Some(regions.asked.len()),
                    KnownRegions::Asking(_) | KnownRegions::Lost => None,
                };
                let failure = SliceFailure {
                    regions: lost,
                    ..failure.clone()
                };
                account.is_cut = true;
                self.totals.failed += lost.unwrap_or(1);
                self.slices += lost.unwrap_or(1);
                return vec![ScheduleNews::Failed(failure)];
            }
            (Entered::Yes(_), KnownRegions::Known(regions)) => regions.clone(),
        };
        account.is_cut = true;
        self.slices += regions.asked.len() + regions.off.len();
        let mut news = Vec::new();
        let skip = |region: String| {
            ScheduleNews::Skipped(SliceSkip {
                account: id.clone(),
                region: Some(region),
                reason: "region disabled",
            })
        };
        self.totals.skipped += regions.off.len();
        news.extend(regions.off.into_iter().map(skip));
        for region in regions.asked {
            let slice = Slice {
                account: id.clone(),
                region,
            };
            if let Some(extents) = self.settings.done.remove(&slice) {
                self.totals.ok += 1;
                news.push(ScheduleNews::DoneBefore(slice, extents));
                continue;
            }
            let (page, token) = (1, None);
            let call = PlannedCall::Page { slice, page, token };
            self.make_ready(PlannedTry::first(call));
        }
        news
    }

    fn page_of(
        &mut self,
        slice: Slice,
        page: u32,
        extent: Option<Extent>,
        next: Option<serde_json::Value>,
    ) -> Vec<ScheduleNews> {
        self.read.entry(slice.clone()).or_default().extend(extent);
        if next.is_some() {
            let call = PlannedCall::Page {
                slice,
                page: page + 1,
                token: next,
            };
            self.make_ready(PlannedTry::first(call));
            return Vec::new();
        }
        self.totals.ok += 1;
        let extents = self.read.remove(&slice).unwrap_or_default();
        vec![ScheduleNews::Done(slice, extents)]
    }

    fn failed(
        &mut self,
        now_ms: u64,
        flying: CallInFlight,
        fault: &CallFault,
    ) -> Vec<ScheduleNews> {
        let PlannedTry { call, tries } = flying.planned;
        let tries = tries + 1;
        if fault.kind == FaultKind::Expired
            && let PlannedCall::Page { slice, .. } = &call
            && let Some(account) = self.accounts.get_mut(&slice.account)
            && let Entered::Yes(Some(_)) = account.entered
        {
            account.entered = Entered::Yes(Some(0));
        }
        // it allows five calls per second (AWS: "Quotas for AWS Account Management"), EC2 in each
        // account many more
        let is_narrow = matches!(
            call,
            PlannedCall::Regions {
                source: RegionSource::Outside,
                ..
            }
        );
        if is_narrow && fault.kind == FaultKind::Throttled {
            return self.given_up(call, fault, tries);
        }
        let pause = self
            .retries
            .pause_ms(fault.kind, tries, fault.retry_after_ms);
        if let Some(pause) = pause {
            self.count += 1;
            self.later.push(Reverse((now_ms + pause, self.count)));
            let again = PlannedTry { call, tries };
            self.later_tries.insert(self.count, again);
            return Vec::new();
        }
        self.given_up(call, fault, tries)
    }

    /// Abandons calls in flight. With `unanswered` their pages fail, as they may have taken effect;
    /// else they count as never made.
    pub fn break_off(&mut self, unanswered: Option<&CallFault>) -> Vec<ScheduleNews> {
        self.stop();
        let under_way = std::mem::take(&mut self.in_flight);
        let Some(fault) = unanswered else {
            return Vec::new();
        };
        let mut news = Vec::new();
        for flying in under_way.into_values() {
            let PlannedTry { call, tries } = flying.planned;
            if matches!(call, PlannedCall::Page { .. }) {
                news.extend(self.given_up(call, fault, tries + 1));
            }
        }
        news
    }

    fn given_up(&mut self, call: PlannedCall, fault: &CallFault, tries: u32) -> Vec<ScheduleNews> {
        let failure = |account: Option<AccountId>, region: Option<String>, stage| SliceFailure {
            account,
            region,
            stage,
            code: fault.code.clone(),
            message: fault.message.clone(),
            http: fault.http,
            attempts: tries,
            request_id: fault.request_id.clone(),
            regions: None,
        };
        match call {
            PlannedCall::Accounts => {
                self.listing = AccountListing::Failed;
                self.stop();
                vec![ScheduleNews::Failed(failure(
                    None,
                    None,
                    FailureStage::Accounts,
                ))]
            }
            PlannedCall::AssumeRole(id) => {
                let failure = failure(Some(id.clone()), None, FailureStage::AssumeRole);
                if let Some(account) = self.accounts.get_mut(&id) {
                    account.entered = Entered::Refused(failure);
                    let pages = account.ready.drain(..);
                    let (inside, outside): (Vec<_>, Vec<_>) =
                        pages.partition(|it| super::lane_of(&it.call).1);
                    account.ready.extend(outside);
                    return self.lost_inside(&id, inside);
                }
                Vec::new()
            }
            PlannedCall::Regions {
                account, source, ..
            } => {
                if source == RegionSource::Outside {
                    return self.ask_inside(&account);
                }
                let failure = failure(Some(account.clone()), None, FailureStage::Regions);
                self.lost_regions(&account, failure)
            }
            PlannedCall::Page { slice, .. } => {
                self.totals.failed += 1;
                let half = self.read.remove(&slice).unwrap_or_default();
                let failure = failure(Some(slice.account), Some(slice.region), fault.stage);
                vec![ScheduleNews::Dropped(half), ScheduleNews::Failed(failure)]
            }
        }
    }

    /// The account service fails: queries EC2 inside, also for later accounts.
    fn ask_inside(&mut self, id: &AccountId) -> Vec<ScheduleNews> {
        self.source = RegionSource::Inside;
        let Some(account) = self.accounts.get_mut(id) else {
            return Vec::new();
        };
        if let Entered::Refused(_) = account.entered {
            account.regions = KnownRegions::Lost;
            return self.cut(id);
        }
        account.regions = KnownRegions::Asking(Vec::new());
        self.make_ready(PlannedTry::first(PlannedCall::Regions {
            account: id.clone(),
            source: RegionSource::Inside,
            token: None,
        }));
        Vec::new()
    }

    fn lost_regions(&mut self, id: &AccountId, failure: SliceFailure) -> Vec<ScheduleNews> {
        if let Some(account) = self.accounts.get_mut(id) {
            account.regions = KnownRegions::Lost;
            account.is_cut = true;
        }
        self.totals.failed += 1;
        self.slices += 1;
        vec![ScheduleNews::Failed(failure)]
    }

    pub(super) fn lost_inside(
        &mut self,
        id: &AccountId,
        inside: Vec<PlannedTry>,
    ) -> Vec<ScheduleNews> {
        let Some(account) = self.accounts.get_mut(id) else {
            return Vec::new();
        };
        let Entered::Refused(failure) = account.entered.clone() else {
            return Vec::new();
        };
        let regions = |it: &PlannedTry| matches!(it.call, PlannedCall::Regions { .. });
        if inside.iter().any(regions) {
            account.regions = KnownRegions::Lost;
        }
        if !account.is_cut {
            return self.cut(id);
        }
        let mut news = Vec::new();
        for it in inside {
            if let PlannedCall::Page { slice, .. } = it.call {
                self.totals.failed += 1;
                let half = self.read.remove(&slice).unwrap_or_default();
                news.push(ScheduleNews::Dropped(half));
                news.push(ScheduleNews::Failed(SliceFailure {
                    region: Some(slice.region),
                    ..failure.clone()
                }));
            }
        }
        news
    }
}
