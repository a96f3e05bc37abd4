//! One API operation over many accounts and Regions: which calls are made when, what becomes of
//! answers and refusals, in which order results leave, and how an interrupted run goes on.
//!
//! `Schedule` is the core: calls that may begin now and answers go through it, and it knows no
//! clock, no network and no file. `run` is the only driver. Knows nothing of AWS's protocols,
//! of credentials or of what an operation does.

mod selection;

mod facts;
mod lane;
mod retry;
mod schedule;

mod journal;
mod order;

mod ports;
mod run;

pub use facts::{
    Answer, CallFault, EnabledRegions, Extent, FailureStage, FanoutSettings, FaultKind, NextCall,
    PlannedCall, Progress, RegionChoice, RegionSource, ScheduleNews, Slice, SliceFailure,
    SliceSkip, Ticket, Totals,
};
pub use journal::{BadJournal, Journal, JournalRecord};
pub use order::ResultOrder;
pub use ports::{AccountsPage, ApiCalls, PageOfResults, RegionsPage, ResultSink, Spool, Wait};
pub use retry::Retries;
pub use run::{FanoutError, Leaving, RunReport, run};
pub use schedule::Schedule;
pub use selection::{Entry, FoundAccount, ListingOrder, Management, Selection, Verdict};
