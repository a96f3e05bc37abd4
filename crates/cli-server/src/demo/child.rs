//! Child processes that end with the demo, even if it is killed.
//!
//! Separate process groups: Ctrl-Z and Ctrl-C reach only the server. Each ends with its standard
//! input, which the system closes for a killed demo.

use std::ffi::OsString;
use std::fs::File;
use std::process::{self, ChildStdout, Command, Stdio};

use hallpass_terminal::exit::Failure;

pub enum ChildSaid {
    /// Stdout is piped to the demo; stderr is shared.
    Heard,
    Kept(File),
}

/// Dropping it ends the process and waits.
pub struct Child(process::Child);

impl Child {
    pub fn start(
        arguments: Vec<OsString>,
        environment: Vec<(&str, String)>,
        said: ChildSaid,
    ) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::failed(format!("cannot start a process: {error}"));
        let program = std::env::current_exe().map_err(failed)?;
        let mut command = Command::new(program);
        command.args(arguments).envs(environment);
        command.stdin(Stdio::piped());
        match said {
            ChildSaid::Heard => command.stdout(Stdio::piped()),
            ChildSaid::Kept(file) => {
                let errors = file.try_clone().map_err(failed)?;
                command.stdout(file).stderr(errors)
            }
        };
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        command.spawn().map(Self).map_err(failed)
    }

    pub fn said(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _gone: Result<_, _> = self.0.wait();
    }
}
