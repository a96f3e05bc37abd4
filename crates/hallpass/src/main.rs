//! The `hallpass` binary: a command line in, one exit code out.
//!
//! Commands are in the crates `commands-…`, one file each; here are the two that compose a server.

mod cli;
mod complete;
mod completions;
mod compose;
mod demo;
mod man;
#[cfg(test)]
mod reference;
mod serve;

use std::process::ExitCode;

fn main() -> ExitCode {
    let exit = match cli::parse() {
        Ok(called) => {
            let form = called.form;
            cli::run(called).unwrap_or_else(|failure| {
                failure.report(form);
                failure.exit()
            })
        }
        Err(exit) => exit,
    };
    exit.into()
}
