//! Runs one API operation over many accounts and Regions: call order, retries, output order,
//! resume.
//!
//! `Schedule` is the core, without clock, network and files. `run` is the only driver. Independent
//! of AWS protocols, credentials and the operation.

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
