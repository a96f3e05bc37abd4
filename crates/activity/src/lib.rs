//! What people did with their access, from logs of CloudTrail (`inventory.md` §7).
//!
//! Two halves. `log` reads logs, once and at the speed of the disk: where they lie, one record after the other
//! whatever the size of a file, and only those of wanted names. `pci` folds records into when each person's password
//! was set and when they were last there, and judges that at an instant.
//!
//! Knows CloudTrail's records and what they say of people of Identity Center. Never knows file systems, networks,
//! clocks, or how anything is told: files come through [`LogFiles`], the instant is an argument.
#![warn(missing_docs)]

#[cfg(test)]
mod fuzz;
mod log;
mod pci;

pub use log::{
    CloudTrailRecord, DayFolder, EventNames, LogEntry, LogFault, LogFiles, LogScope, ReadCount,
    RecordIdentity, folders, read_log,
};
pub use pci::{
    ActivityPolicy, AgeBasis, AgeLimits, AgeVerdict, EventName, IgnoredEvent, LogCoverage,
    PasswordSource, PciAlert, PciAlertKind, PciFold, PciLimits, PciPerson, PciQuestion, PciReport,
    PciRow, PciRules, PciState, PeopleError, PeopleList, PersonStatus, ReadLog, ReadLogs, SeedForm,
    SignInPlace, StateError, judge, read_file, read_folder, seed,
};
