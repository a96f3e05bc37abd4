//! `hallpass query`, `snapshots`, `tables` and `who`: run `hallpass-query` from this program's
//! folder in its place. The server must not link its engine.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hallpass_terminal::exit::{Failure, Outcome};

/// Raw arguments for the companion.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Arguments of `hallpass-query`; `--help` shows them
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_name = "ARGUMENTS"
    )]
    arguments: Vec<OsString>,
}

const COMPANION: &str = "hallpass-query";

/// The companion refuses another release.
const VERSION_VARIABLE: &str = "HALLPASS_COMPANION_VERSION";

pub fn path() -> Result<PathBuf, Failure> {
    let own = env::current_exe().map_err(|error| Failure::unreadable("hallpass", &error))?;
    let companion = own.with_file_name(COMPANION);
    match companion.metadata() {
        Ok(_) => Ok(companion),
        Err(error) => Err(unrunnable(&companion, &error)),
    }
}

pub fn command() -> Result<Command, Failure> {
    let mut command = Command::new(path()?);
    command.env(VERSION_VARIABLE, env!("CARGO_PKG_VERSION"));
    Ok(command)
}

pub fn unrunnable(companion: &Path, error: &io::Error) -> Failure {
    let path = companion.display();
    let message = match error.kind() {
        io::ErrorKind::NotFound => {
            format!("this needs the program `{COMPANION}`, and there is no `{path}`")
        }
        _ => format!("cannot run `{path}`: {error}"),
    };
    Failure::failed(message).help(
        "put it there: the archive of the release has it beside `hallpass`, and `make query` builds it in a checkout",
    )
}

/// Replaces this process by the companion.
pub fn run(command: &str, args: &Args) -> Outcome {
    let mut companion = self::command()?;
    let error = companion.arg(command).args(&args.arguments).exec();
    // reached only if that failed
    Err(unrunnable(Path::new(companion.get_program()), &error))
}
