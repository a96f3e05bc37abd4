//! Why a file of a log was not read to its end.

use std::io;

/// Why a file was not read to its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    /// It ends before it should.
    #[error("it ends before it should")]
    Truncated,
    /// It is gzipped, and that is broken.
    #[error("its compression is broken: {0}")]
    Compression(String),
    /// It is JSON of something else.
    #[error("it is no log: there is no `Records` and there are no `Events`")]
    NoLog,
    /// It is no JSON.
    #[error("it is not JSON at byte {at}")]
    NoJson {
        /// Where, in what was compressed.
        at: u64,
    },
    /// A record is larger than any that CloudTrail writes.
    #[error("a record is larger than {bytes_max} bytes")]
    TooLarge {
        /// The largest that is read.
        bytes_max: usize,
    },
    /// A record is no text.
    #[error("record {record} is not UTF-8")]
    NoText {
        /// Which, counted from 1.
        record: u64,
    },
    /// A wanted record is not as CloudTrail writes them.
    #[error("record {record}: {why}")]
    BadRecord {
        /// Which, counted from 1.
        record: u64,
        /// In what.
        why: String,
    },
}

impl LogFault {
    pub(crate) fn of(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => Self::Truncated,
            io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
                Self::Compression(error.to_string())
            }
            _ => Self::Unreadable(error.to_string()),
        }
    }
}
