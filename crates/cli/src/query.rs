//! `hallpass query`: run by the companion, as are its snapshots and tables; `sync` and alerts are
//! not.

use hallpass_app::host::query_binary;
use hallpass_terminal::exit::Outcome;

use super::{alerts, sync};

/// Snapshot the organization, run SQL over it, and manage alerts
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    companion: query_binary::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    /// List, show, import, export, compare and remove snapshots
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Snapshots(query_binary::Args),
    /// List the tables to query, or the columns of one
    #[command(disable_help_flag = true, disable_version_flag = true)]
    Tables(query_binary::Args),
    Alerts(alerts::Args),
    Sync(Box<sync::Args>),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Some(Command::Snapshots(args)) => query_binary::run("snapshots", args),
        Some(Command::Tables(args)) => query_binary::run("tables", args),
        Some(Command::Alerts(args)) => alerts::run(args),
        Some(Command::Sync(args)) => sync::run(args),
        None => query_binary::run("query", &args.companion),
    }
}
