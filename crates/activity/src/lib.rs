//! Activity of users, from CloudTrail logs (`inventory.md` §7).
//!
//! * `log` streams records of wanted names in bounded memory.
//! * `digest` verifies files against CloudTrail's signatures.
//! * `pci` finds password age and last activity per person, and judges them at an instant.
//! * `table` folds all records into the activity table: actor, action, place, day.
//! * `unused` compares permissions with that; `shrink` proposes a smaller policy with proof.
//! * `recorded` returns changes with their authors; `center` those of Identity Center.
//!
//! The crate knows no file systems, networks, clocks or output: files come through [`LogFiles`],
//! the instant is an argument.

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
    CallOutcome, GivenUpRisk, GivenUpService, KeptReason, LevelChange, PolicyText,
    ProposedStatement, ReplayAnswer, ReplayVerdict, ReplayedCalls, ResourceGrain, SeenCall,
    SeenFold, SeenUse, ShrinkError, ShrinkGrain, ShrinkProof, ShrinkQuestion, Shrunk, Unseen,
    UnseenKept, UseOf, UsedPart, UsesWanted, data_event_services, prove, shrink,
};
pub use table::{
    AccountActivity, AccountReach, AccountSpan, ActivityDay, ActivityFacts, ActivityFold,
    ActivityKey, ActivityLog, ActivityManifest, ActivityPrincipal, ActivityRows, ActivityTotals,
    GrantCall, GrantUse, GrantUseState, GrantWindow, LastUses, LineError, ManifestError,
    MergedPiece, NotableKind, PIECE_EVENTS, PrincipalKind, RowPiece, SAMPLES_MAX, SampleSet,
    SessionAccount, SessionCall, SessionDayError, SessionDayHead, SessionDayMaking, SessionOfDay,
    StandingUse, StandingWindow, UncountedEvent, UnorderedPart, account_in, grant_use, merge_rows,
    piece_line, read_activity, read_line, session_day, standing_use, write_line, write_lines,
};
pub use unused::{
    CalledAction, EventActions, Right, RightState, ServiceRights, Visibility, by_service,
    event_actions, iam_action, rights, visibility,
};
