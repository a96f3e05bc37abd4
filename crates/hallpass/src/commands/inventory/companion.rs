//! `hallpass query`, `snapshots`, `tables` and `who`: carried out by `hallpass-query`, which lies beside this
//! program and takes its place. The engine that it links is not to be part of the server.

use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::exit::{Failure, Outcome};

/// What the companion is given, word by word.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
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

/// Becomes the companion, with its exit code.
pub(crate) fn run(command: &str, args: &Args) -> Outcome {
    let own = env::current_exe().map_err(|error| Failure::unreadable("hallpass", &error))?;
    let companion = own.with_file_name(COMPANION);
    let error = Command::new(&companion)
        .arg(command)
        .args(&args.arguments)
        .env(VERSION_VARIABLE, env!("CARGO_PKG_VERSION"))
        .exec();
    // only reached when there is nothing to become
    let message = format!("cannot run `{}`: {error}", companion.display());
    Err(Failure::failed(message).help(
        "it is in the archive of the release, beside `hallpass`; in a checkout `make query` builds it",
    ))
}
