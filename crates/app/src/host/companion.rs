//! `hallpass query`, `snapshots`, `tables` and `who`: carried out by `hallpass-query`, which lies beside this
//! program and takes its place. The engine that it links is not to be part of the server.

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hallpass_terminal::exit::{Failure, Outcome};

/// What the companion is given, word by word.
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

/// Tells the companion whose it is: it refuses to be of another release.
const VERSION_VARIABLE: &str = "HALLPASS_COMPANION_VERSION";

/// Where the companion is.
///
/// # Errors
/// It is not there.
pub fn path() -> Result<PathBuf, Failure> {
    let own = env::current_exe().map_err(|error| Failure::unreadable("hallpass", &error))?;
    let companion = own.with_file_name(COMPANION);
    match companion.metadata() {
        Ok(_) => Ok(companion),
        Err(error) => Err(unrunnable(&companion, &error)),
    }
}

/// The companion, to be run with what is added.
///
/// # Errors
/// It is not there.
pub fn command() -> Result<Command, Failure> {
    let mut command = Command::new(path()?);
    command.env(VERSION_VARIABLE, env!("CARGO_PKG_VERSION"));
    Ok(command)
}

/// It could not be run.
pub fn unrunnable(companion: &Path, error: &io::Error) -> Failure {
    let message = format!("cannot run `{}`: {error}", companion.display());
    Failure::failed(message).help(
        "it is in the archive of the release, beside `hallpass`; in a checkout `make query` builds it",
    )
}

/// Becomes the companion, with its exit code.
pub fn run(command: &str, args: &Args) -> Outcome {
    let mut companion = self::command()?;
    let error = companion.arg(command).args(&args.arguments).exec();
    // only reached when there is nothing to become
    Err(unrunnable(Path::new(companion.get_program()), &error))
}
