//! `hallpass-query`: snapshots of an organization as Parquet files, and SQL over them. `hallpass`
//! finds this companion next to its own executable and runs it for `query`, `snapshots`, `tables`
//! and `who`. It is a separate program so that nothing else links the engine.

mod commands;

mod dataset;
mod document;
mod engine;
mod folder;
mod postgres;
mod saved;

mod failure;
mod output;
mod progress;

use std::env;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser};
use jiff::Timestamp;

use commands::{evaluate, query, seal, seal_activity, snapshots, tables, who};
use failure::{QueryExit, QueryFailure, QueryOutcome};

/// Snapshots of an AWS organization, and SQL over them; run it as `hallpass`
#[derive(Debug, Parser)]
#[command(
    name = "hallpass",
    bin_name = "hallpass",
    version,
    propagate_version = true,
    max_term_width = 100
)]
enum Cli {
    Query(Box<query::Args>),
    Snapshots(snapshots::Args),
    Tables(tables::Args),
    Who(Box<who::Args>),
    #[command(hide = true)]
    Seal(seal::Args),
    #[command(hide = true)]
    SealActivity(seal_activity::Args),
    #[command(hide = true)]
    Evaluate(evaluate::Args),
}

/// `hallpass` sets its version here; both programs must be of one release.
const VERSION_VARIABLE: &str = "HALLPASS_COMPANION_VERSION";

fn main() -> ExitCode {
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // a print error cannot be reported
            let _ = error.print();
            let exit = if error.use_stderr() {
                QueryExit::BadInput
            } else {
                QueryExit::Ok
            };
            return exit.into();
        }
    };
    match same_release().and_then(|()| run(&cli)) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            failure.report();
            failure.exit().into()
        }
    }
}

/// Parses the command line. `hallpass` runs `query snapshots` and `query tables` without the word
/// `query`; help shows it.
fn parse() -> Result<Cli, clap::Error> {
    let command = env::args_os().nth(1).unwrap_or_default();
    let program = if command == "snapshots" || command == "tables" {
        Cli::command().bin_name("hallpass query")
    } else {
        Cli::command()
    };
    Cli::from_arg_matches(&program.try_get_matches()?)
}

fn same_release() -> Result<(), QueryFailure> {
    let own = env!("CARGO_PKG_VERSION");
    match env::var(VERSION_VARIABLE) {
        Ok(version) if version != own => {
            let message =
                format!("`hallpass` is {version}, and `hallpass-query` beside it is {own}");
            Err(QueryFailure::failed(message).help("install both from one release"))
        }
        _ => Ok(()),
    }
}

fn run(cli: &Cli) -> QueryOutcome {
    #[expect(
        clippy::disallowed_methods,
        reason = "the program's only clock; everything else gets `now` from here"
    )]
    let now = Timestamp::now();
    match cli {
        Cli::Query(args) => with_engine(query::run(args, now)),
        Cli::Evaluate(args) => with_engine(evaluate::run(args, now)),
        Cli::Snapshots(args) => with_engine(snapshots::run(args, now)),
        Cli::Tables(args) => tables::run(args),
        Cli::Who(args) => with_engine(who::run(args)),
        Cli::Seal(args) => with_engine(seal::run(args)),
        Cli::SealActivity(args) => seal_activity::run(args),
    }
}

fn with_engine(run: impl Future<Output = QueryOutcome>) -> QueryOutcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(QueryFailure::bug)?;
    let outcome = runtime.block_on(run);
    // does not wait for a query that timed out
    runtime.shutdown_background();
    outcome
}
