use std::ops::Deref;
use std::time::Duration;

use hallpass_terminal::exit::Failure;
use tokio::runtime::{Builder, Runtime};

const BLOCKED_MAX: Duration = Duration::from_secs(5);

/// A runtime with a shutdown limit: tokio's waits forever for blocked threads.
#[derive(Debug)]
pub struct CommandRuntime(Option<Runtime>);

impl Deref for CommandRuntime {
    type Target = Runtime;

    #[expect(clippy::expect_used, reason = "it is taken when this is dropped")]
    fn deref(&self) -> &Runtime {
        self.0.as_ref().expect("a runtime until it is dropped")
    }
}

impl Drop for CommandRuntime {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_timeout(BLOCKED_MAX);
        }
    }
}

pub fn runtime() -> Result<CommandRuntime, Failure> {
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    Ok(CommandRuntime(Some(runtime)))
}
