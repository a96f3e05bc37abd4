//! Processes of our own program that a demo starts, and that end with it however it ends.
//!
//! They are in process groups of their own: Ctrl-Z and Ctrl-C at the demo's terminal reach the server
//! alone. Each ends when its standard input does, which the system closes even for a killed demo.

use std::ffi::OsString;
use std::fs::File;
use std::process::{self, ChildStdout, Command, Stdio};

use hallpass_terminal::exit::Failure;

/// Where it goes what a process says.
pub enum ChildSaid {
    /// What it prints is read by the demo; its errors are the demo's.
    Heard,
    /// All of it to a file.
    Kept(File),
}

/// A running process. Dropping it ends the process, and waits for that.
pub struct Child(process::Child);

impl Child {
    /// Starts this program with other arguments, and with `environment` beside the demo's own.
    ///
    /// # Errors
    /// When the system does not start it.
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

    /// What it prints, once.
    pub fn said(&mut self) -> Option<ChildStdout> {
        self.0.stdout.take()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        // nothing is left to do about one that cannot be waited for
        let _gone: Result<_, _> = self.0.wait();
    }
}
