//! Finds stale passwords and accounts (`inventory.md` §7): records become events, then facts per
//! person, judged at an instant. The order of records does not matter.

mod people;

mod events;
mod identity;
mod ignored;

mod covered;
mod facts;
mod fold;
mod next_state;
mod state;

mod coverage;
mod logs;
mod lookup;
mod passes;

mod names;
mod report;
mod seed;

mod kept;

pub use coverage::LogCoverage;
pub use covered::CoveredLog;
pub use events::{EventName, PciRules};
pub use fold::PciFold;
pub use ignored::IgnoredEvent;
pub use kept::{
    FailedPciRun, KeptPci, KeptPerson, KeptReport, PciStore, PciStoreFault, WholePciRun,
};
pub use logs::{ReadLog, ReadLogs, read_file, read_folder};
pub use lookup::LookupPass;
pub use people::{PciPerson, PeopleError, PeopleList, PersonStatus, SignInPlace};
pub use report::{
    ActivityPolicy, AgeBasis, AgeLimits, AgeVerdict, PasswordSource, PciAlert, PciAlertKind,
    PciLimits, PciQuestion, PciReport, PciRow, SignInRegions, judge,
};
pub use seed::seed;
pub use state::{PciState, StateError};
