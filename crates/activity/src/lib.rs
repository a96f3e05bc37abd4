//! What people did with their access, from logs of CloudTrail (`inventory.md` §7).
//!
//! Eight modules. `log` reads logs, once and at the speed of the disk, one record after the other
//! whatever the size of a file, and only those of wanted names. `digest` holds what lies there against what
//! CloudTrail signed. `pci` folds records into when each person's password
//! was set and when they were last there, and judges that at an instant. `table` folds all records into the activity
//! table: who did what, where, on which day. `unused` holds what is allowed against that, and `shrink` proposes the smaller
//! policy with the proof that nobody misses anything. `recorded` says who
//! changed what, and `center` reads that of Identity Center.
//!
//! Knows CloudTrail's records and what they say of people of Identity Center. Never knows file systems, networks,
//! clocks, or how anything is told: files come through [`LogFiles`], the instant is an argument.
#![warn(missing_docs)]

mod center;
mod digest;
#[cfg(test)]
mod fuzz;
mod log;
mod pci;
mod recorded;
mod shrink;
mod table;
mod unused;

pub use center::{CenterChange, read_center_changes};
pub use digest::{
    ChainSpan, DigestChain, DigestFault, DigestFinding, DigestReport, KeyError, PublicKeys,
    digest_chains, verify_digests,
};
pub use log::{
    CloudTrailRecord, DayFolder, EventNames, FileLook, LogEntry, LogFault, LogFile, LogFiles,
    LogScope, ReadCount, RecordIdentity, folders, read_log, trail_regions,
};
pub use pci::{
    ActivityPolicy, AgeBasis, AgeLimits, AgeVerdict, CoveredLog, EventName, FailedPciRun,
    IgnoredEvent, KeptPci, KeptPerson, KeptReport, LogCoverage, LookupPass, PasswordSource,
    PciAlert, PciAlertKind, PciFold, PciLimits, PciPerson, PciQuestion, PciReport, PciRow,
    PciRules, PciState, PciStore, PciStoreFault, PeopleError, PeopleList, PersonStatus, ReadLog,
    ReadLogs, SignInPlace, SignInRegions, StateError, WholePciRun, judge, read_file, read_folder,
    seed,
};
pub use recorded::{RecordedChange, read_recorded_changes};
pub use shrink::{
    CallOutcome, GivenUpRisk, GivenUpService, KeptBecause, LevelChange, PolicyText,
    ProposedStatement, ReplayAnswer, ReplayVerdict, ReplayedCalls, ResourceGrain, SeenCall,
    SeenFold, SeenUse, ShrinkError, ShrinkGrain, ShrinkProof, ShrinkQuestion, Shrunk, Unseen,
    UnseenKept, UseOf, UsedPart, UsesWanted, data_event_services, prove, shrink,
};
pub use table::{
    AccountActivity, AccountReach, AccountSpan, ActivityDay, ActivityFacts, ActivityFold,
    ActivityKey, ActivityLog, ActivityManifest, ActivityPrincipal, ActivityRows, ActivityTotals,
    GrantCall, GrantUse, GrantUseState, GrantWindow, LineError, ManifestError, MergedPiece,
    NotableKind, PIECE_EVENTS, PrincipalKind, RowPiece, SAMPLES_MAX, SampleSet, SessionAccount,
    SessionCall, SessionDayError, SessionDayHead, SessionDayMaking, SessionOfDay, StandingUse,
    StandingWindow, UncountedEvent, UnorderedPart, account_in, grant_use, merge_rows, piece_line,
    read_activity, read_line, session_day, standing_use, write_line, write_lines,
};
pub use unused::{
    CalledAction, EventActions, Right, RightState, ServiceRights, Visibility, by_service,
    event_actions, iam_action, rights, visibility,
};
