//! Guards from both sides: the ports of one, filled, and what a server reads of them.
//!
//! In the folder of journals each guard has three files of its own: `NAME.jsonl`, its journal;
//! `NAME.status`, what it says of itself every half minute; `NAME.memory`, what the next one of its
//! name should know. None ends in `.json`, so that the folder may lie in the export.

pub mod center;
pub mod ends;
pub mod files;
pub mod journals;
pub mod report;
pub mod router;
pub mod time;

use std::path::PathBuf;
use std::time::Duration;

/// The end of a journal's name.
pub const JOURNAL: &str = "jsonl";
/// The end of a status's name.
pub const STATUS: &str = "status";
/// How long a file may keep anybody waiting.
const FILE_PATIENCE: Duration = Duration::from_secs(3);

/// Runs what blocks on a file, and gives up on it when the file does not answer: the thread is left
/// behind, the caller is not.
async fn within<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, &'static str> {
    match tokio::time::timeout(FILE_PATIENCE, tokio::task::spawn_blocking(work)).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err("interrupted"),
        Err(_) => Err("no answer within 3 s"),
    }
}

/// A file of a guard in the folder of journals.
pub fn file_of(folder: &std::path::Path, name: &str, ending: &str) -> PathBuf {
    folder.join(format!("{name}.{ending}"))
}
