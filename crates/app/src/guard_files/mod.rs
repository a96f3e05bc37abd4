//! Files of guards: implements a guard's ports, and a server's reader.
//!
//! Each guard has three files in the journal folder: `NAME.jsonl`, the journal; `NAME.status`,
//! written every 30 s; `NAME.memory`, state for its successor. None ends in `.json`, so that the
//! folder may be inside the export.

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

pub const JOURNAL: &str = "jsonl";
pub const STATUS: &str = "status";
const FILE_PATIENCE: Duration = Duration::from_secs(3);

/// Runs blocking file work with a timeout; leaves a hanging thread behind.
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

/// Limits a repeated, possibly hanging call to one stuck thread: without free threads a process
/// cannot resolve names or connect.
#[derive(Clone, Debug, Default)]
struct OneAtATime(Arc<Mutex<()>>);

impl OneAtATime {
    /// Runs it unless another call is running.
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

pub fn file_of(folder: &std::path::Path, name: &str, ending: &str) -> PathBuf {
    folder.join(format!("{name}.{ending}"))
}
