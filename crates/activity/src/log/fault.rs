use std::io;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    #[error("it cannot be read: {0}")]
    Unreadable(String),
    #[error("it ends before it should")]
    Truncated,
    #[error("its compression is broken: {0}")]
    Compression(String),
    #[error("it is no log: there is no `Records` and there are no `Events`")]
    NoLog,
    #[error("it is not JSON at byte {at}")]
    NoJson {
        /// The offset in the decompressed data.
        at: u64,
    },
    #[error("a record is larger than {bytes_max} bytes")]
    TooLarge { bytes_max: usize },
    #[error("record {record} is not UTF-8")]
    NoText {
        /// Counted from 1.
        record: u64,
    },
    #[error("record {record}: {why}")]
    BadRecord {
        /// Counted from 1.
        record: u64,
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
