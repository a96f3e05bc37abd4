//! `hallpass query`: carried out by the companion, as are its snapshots and tables; alerts are not.

use std::ffi::OsString;

use super::{alerts, companion};
use crate::exit::Outcome;

/// Run SQL over a snapshot of the organization, manage snapshots and alerts
#[derive(Debug, clap::Args)]
// its name is that of the companion's arguments
#[group(skip)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    asked: AskedOfCompanion,
    #[command(flatten)]
    companion: companion::Args,
}

/// What clap would answer for a command that has commands below it, and the companion knows better.
#[derive(Debug, clap::Args)]
struct AskedOfCompanion {
    #[arg(long, hide = true)]
    help: bool,
    #[arg(id = "short_help", short = 'h', hide = true)]
    short_help: bool,
    #[arg(long, short = 'V', hide = true)]
    version: bool,
}

impl AskedOfCompanion {
    fn words(&self) -> impl Iterator<Item = OsString> {
        let all = [
            (self.help, "--help"),
            (self.short_help, "-h"),
            (self.version, "--version"),
        ];
        let asked = all.into_iter().filter(|(is_asked, _)| *is_asked);
        asked.map(|(_, word)| word.into())
    }
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List, show, import, export, compare and remove snapshots
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Snapshots(companion::Args),
    /// List the tables that can be queried, or the columns of one
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Tables(companion::Args),
    Alerts(alerts::Args),
}

impl Args {
    /// Whether the companion is asked for the help of what is below `query`.
    pub(crate) fn asks_for_help(&self) -> bool {
        match &self.command {
            Some(Command::Snapshots(args) | Command::Tables(args)) => args.asks_for_help(),
            Some(Command::Alerts(_)) | None => false,
        }
    }
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Some(Command::Snapshots(args)) => companion::run("snapshots", args),
        Some(Command::Tables(args)) => companion::run("tables", args),
        Some(Command::Alerts(args)) => alerts::run(args),
        None => companion::run("query", &args.companion.after(args.asked.words())),
    }
}
