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
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::task::JoinError;

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
    in_time(tokio::task::spawn_blocking(work)).await
}

async fn in_time<T>(done: impl Future<Output = Result<T, JoinError>>) -> Result<T, &'static str> {
    match tokio::time::timeout(FILE_PATIENCE, done).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) => Err("interrupted"),
        Err(_) => Err("no answer within 3 s"),
    }
}

/// What is asked again and again, and may hang each time, such as a folder of another machine: one thread at most is left
/// behind in it. A process without threads looks up no name, and reaches nobody.
#[derive(Clone, Debug, Default)]
struct OneAtATime(Arc<Mutex<()>>);

impl OneAtATime {
    /// The same, when nobody else is at it.
    async fn within<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, &'static str> {
        let one = Arc::clone(&self.0);
        in_time(async move {
            let turn = one.lock_owned().await;
            let in_turn = move || {
                let _turn = turn;
                work()
            };
            tokio::task::spawn_blocking(in_turn).await
        })
        .await
    }
}

/// A file of a guard in the folder of journals.
pub fn file_of(folder: &std::path::Path, name: &str, ending: &str) -> PathBuf {
    folder.join(format!("{name}.{ending}"))
}
