//! Drives a schedule: makes calls, feeds responses, outputs results in order.

use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::pin;

use futures_util::future::{Either, select};
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use crate::fanout::facts::{
    Answer, CallFault, Extent, FanoutSettings, NextCall, PlannedCall, ScheduleNews, Slice,
    SliceFailure, Ticket, Totals,
};
use crate::fanout::journal::JournalRecord;
use crate::fanout::order::ResultOrder;
use crate::fanout::ports::{ApiCalls, PageOfResults, ResultSink, Spool, Wait};
use crate::fanout::schedule::Schedule;

/// Memory cache of results; others are reread from the spool.
const HELD_BYTES_MAX: u64 = 64 << 20;
/// Grace period for calls in flight after a stop.
const STOP_MS: u64 = 5_000;

#[derive(Debug, thiserror::Error)]
pub enum FanoutError {
    #[error("the results cannot be kept")]
    Spool(#[source] io::Error),
    #[error("the results cannot be written")]
    Sink(#[source] io::Error),
    #[error("there is no account {}", .0.iter().map(|id| format!("`{id}`")).collect::<Vec<_>>().join(", "))]
    UnknownAccounts(Vec<hallpass_base::AccountId>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RunReport {
    pub totals: Totals,
    pub is_stopped: bool,
    /// The account listing failed: accounts may be missing.
    pub is_unlisted: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leaving {
    /// By account, Region and page. After a stop, waiting results stay in the spool for a resume.
    InOrder,
    /// As soon as a slice is complete; used for writes, which cannot resume.
    AtOnce,
}

/// Runs all calls. `stop` ends it early.
///
/// # Errors
/// See [`FanoutError`]; AWS failures go to the sink and are not errors.
pub async fn run(
    settings: FanoutSettings,
    leaving: Leaving,
    calls: &dyn ApiCalls,
    wait: &dyn Wait,
    spool: &mut dyn Spool,
    sink: &mut dyn ResultSink,
    stop: impl Future<Output = ()>,
) -> Result<RunReport, FanoutError> {
    let mut driver = FanoutDriver {
        schedule: Schedule::new(settings),
        order: ResultOrder::default(),
        leaving,
        held: HashMap::new(),
        held_bytes: 0,
        spool,
        sink,
        report: RunReport::default(),
    };
    let ended = driver.drive(calls, wait, stop).await;
    // also after an error: calls in flight may have taken effect
    let told = driver.break_off(calls.unanswered().as_ref());
    driver.report.totals = driver.schedule.progress().totals;
    ended.and(told).map(|()| driver.report)
}

enum Turn {
    Answered(Ticket, Result<Called, CallFault>),
    Later,
    Stopped,
}

/// A call's result before storage.
enum Called {
    Answer(Answer),
    Results(PageOfResults),
}

async fn turn<F: Future<Output = (Ticket, Result<Called, CallFault>)>>(
    under_way: &mut FuturesUnordered<F>,
    wait: &dyn Wait,
    until: Option<u64>,
    stop: &mut (impl Future<Output = ()> + Unpin),
    may_stop: bool,
) -> Turn {
    let answered = async {
        match under_way.next().await {
            Some((ticket, answer)) => Turn::Answered(ticket, answer),
            None => std::future::pending().await,
        }
    };
    let later = async {
        match until {
            Some(at) => wait.until_ms(at).await,
            None => std::future::pending().await,
        }
        Turn::Later
    };
    let stopped = async {
        if may_stop {
            stop.await;
        } else {
            std::future::pending::<()>().await;
        }
        Turn::Stopped
    };
    let (answered, later, stopped) = (pin!(answered), pin!(later), pin!(stopped));
    match select(select(stopped, answered), later).await {
        Either::Left((Either::Left((turn, _)) | Either::Right((turn, _)), _))
        | Either::Right((turn, _)) => turn,
    }
}

async fn make(
    calls: &dyn ApiCalls,
    wait: &dyn Wait,
    ticket: Ticket,
    call: PlannedCall,
) -> (Ticket, Result<Called, CallFault>) {
    let answer = match call {
        PlannedCall::Accounts => calls.accounts().await.map(|page| Answer::Accounts {
            accounts: page.accounts,
            more: page.more,
        }),
        PlannedCall::AssumeRole(account) => {
            let good = calls.assume_role(&account).await;
            good.map(|good_ms| Answer::Role {
                until_ms: good_ms.map(|good| wait.now_ms().saturating_add(good)),
            })
        }
        PlannedCall::Regions {
            account,
            source,
            token,
        } => {
            let page = calls.regions(&account, (source, token.as_deref())).await;
            page.map(|page| Answer::Regions {
                regions: page.regions,
                next: page.next,
            })
        }
        PlannedCall::Page { slice, page, token } => {
            let found = calls.page(&slice, (page, token.as_ref())).await;
            return (ticket, found.map(Called::Results));
        }
    };
    (ticket, answer.map(Called::Answer))
}

struct FanoutDriver<'a> {
    schedule: Schedule,
    order: ResultOrder,
    leaving: Leaving,
    held: HashMap<u64, Vec<u8>>,
    held_bytes: u64,
    spool: &'a mut dyn Spool,
    sink: &'a mut dyn ResultSink,
    report: RunReport,
}

impl FanoutDriver<'_> {
    async fn drive(
        &mut self,
        calls: &dyn ApiCalls,
        wait: &dyn Wait,
        stop: impl Future<Output = ()>,
    ) -> Result<(), FanoutError> {
        let mut stop = pin!(stop);
        let mut under_way = FuturesUnordered::new();
        let mut stopped_at: Option<u64> = None;
        loop {
            let next = self.schedule.next(wait.now_ms());
            let news = self.schedule.news();
            self.take(news)?;
            let until = match next {
                NextCall::Begin(ticket, call) => {
                    under_way.push(make(calls, wait, ticket, call));
                    continue;
                }
                NextCall::Done => return Ok(()),
                NextCall::At(at) => Some(at),
                NextCall::Answer => None,
            };
            let until = stopped_at.map_or(until, |at| Some(at + STOP_MS));
            match turn(&mut under_way, wait, until, &mut stop, stopped_at.is_none()).await {
                Turn::Answered(ticket, answer) => self.learn(wait.now_ms(), ticket, answer)?,
                Turn::Later if stopped_at.is_some() => return Ok(()),
                Turn::Later => {}
                Turn::Stopped => {
                    stopped_at = Some(wait.now_ms());
                    self.report.is_stopped = true;
                    self.schedule.stop();
                }
            }
        }
    }

    /// Reports calls in flight that may have taken effect.
    fn break_off(&mut self, unanswered: Option<&CallFault>) -> Result<(), FanoutError> {
        let news = self.schedule.break_off(unanswered);
        self.take(news)
    }

    fn learn(
        &mut self,
        now_ms: u64,
        ticket: Ticket,
        answer: Result<Called, CallFault>,
    ) -> Result<(), FanoutError> {
        let answer = match answer {
            Ok(Called::Results(page)) => Ok(Answer::Page {
                extent: self.keep(page.lines)?,
                next: page.next,
            }),
            Ok(Called::Answer(answer)) => Ok(answer),
            Err(fault) => Err(fault),
        };
        let news = self.schedule.learn(now_ms, ticket, answer);
        self.take(news)
    }

    fn keep(&mut self, lines: Vec<u8>) -> Result<Option<Extent>, FanoutError> {
        if lines.is_empty() {
            return Ok(None);
        }
        let extent = self.spool.append(&lines).map_err(FanoutError::Spool)?;
        if self.held_bytes + extent.bytes <= HELD_BYTES_MAX {
            self.held_bytes += extent.bytes;
            self.held.insert(extent.at, lines);
        }
        Ok(Some(extent))
    }

    /// Processes all news even after a failed write: a completed call must not count as never made.
    /// Returns the first error.
    fn take(&mut self, news: Vec<ScheduleNews>) -> Result<(), FanoutError> {
        let is_news = !news.is_empty();
        let mut taken = Ok(());
        for one in news {
            taken = taken.and(self.take_one(one));
        }
        if is_news {
            self.sink.progress(&self.schedule.progress());
        }
        while let Some((slice, extents)) = self.order.pop() {
            taken = taken.and(self.leave(&slice, &extents));
        }
        taken
    }

    fn take_one(&mut self, news: ScheduleNews) -> Result<(), FanoutError> {
        match news {
            ScheduleNews::Account(id) => self.order.add_account(id),
            ScheduleNews::Listed => self.order.all_listed(),
            ScheduleNews::Regions(account, regions) => {
                self.order.set_regions(&account, regions.asked.clone());
                self.record(&JournalRecord::Regions { account, regions })?;
            }
            ScheduleNews::Done(slice, extents) => {
                let record = JournalRecord::Done {
                    slice: slice.clone(),
                    extents: extents.clone(),
                };
                let recorded = self.record(&record);
                recorded.and(self.ended(&slice, extents))?;
            }
            ScheduleNews::DoneBefore(slice, extents) => self.ended(&slice, extents)?,
            ScheduleNews::Failed(failure) => self.failed(failure),
            ScheduleNews::Dropped(half) => {
                for extent in half {
                    if self.held.remove(&extent.at).is_some() {
                        self.held_bytes = self.held_bytes.saturating_sub(extent.bytes);
                    }
                }
            }
            ScheduleNews::Skipped(skip) => self.sink.skipped(&skip),
            ScheduleNews::UnknownAccounts(ids) => {
                return Err(FanoutError::UnknownAccounts(ids));
            }
        }
        Ok(())
    }

    fn failed(&mut self, failure: SliceFailure) {
        self.sink.failed(&failure);
        match (failure.account, failure.region) {
            (Some(account), Some(region)) => {
                let slice = Slice { account, region };
                self.order.ended(&slice, Vec::new());
            }
            (Some(account), None) => self.order.lost(&account),
            (None, _) => {
                self.report.is_unlisted = true;
                self.order.all_listed();
            }
        }
    }

    fn record(&mut self, record: &JournalRecord) -> Result<(), FanoutError> {
        self.spool.record(record).map_err(FanoutError::Spool)
    }

    fn ended(&mut self, slice: &Slice, extents: Vec<Extent>) -> Result<(), FanoutError> {
        match self.leaving {
            Leaving::InOrder => {
                self.order.ended(slice, extents);
                Ok(())
            }
            Leaving::AtOnce => self.leave(slice, &extents),
        }
    }

    fn leave(&mut self, slice: &Slice, extents: &[Extent]) -> Result<(), FanoutError> {
        let mut pages = Vec::with_capacity(extents.len());
        for extent in extents {
            pages.push(match self.held.remove(&extent.at) {
                Some(lines) => {
                    self.held_bytes = self.held_bytes.saturating_sub(extent.bytes);
                    lines
                }
                None => match self.spool.read(*extent) {
                    Ok(lines) => lines,
                    Err(error) => {
                        // the call completed; the run already has an error
                        drop(self.sink.slice(slice, &[]));
                        return Err(FanoutError::Spool(error));
                    }
                },
            });
        }
        if pages.is_empty() {
            return Ok(());
        }
        self.sink.slice(slice, &pages).map_err(FanoutError::Sink)
    }
}
