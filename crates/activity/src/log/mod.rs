mod ports;

mod elements;
mod fault;
mod layout;
mod names;
mod record;

mod read;

pub use fault::LogFault;
pub use layout::{DayFolder, LogScope, folders, trail_regions};
pub use names::EventNames;
pub use ports::{FileLook, LogEntry, LogFile, LogFiles};
pub use read::{ReadCount, read_log};
pub use record::{CloudTrailRecord, RecordIdentity};

pub(crate) use layout::{digest_folders, split_at_logs};
pub(crate) use read::{each_text, unpacked};
pub(crate) use record::{null_is_default, record_text};
