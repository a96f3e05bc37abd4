//! `hallpass activity …`: use of access, from CloudTrail logs (`inventory.md` §7.4).

mod ingest;
mod ledger;
mod place;
mod regions;
mod run_folder;
mod show;
mod unused;

use hallpass_terminal::exit::Outcome;

use super::pci;

/// Report who did what, from CloudTrail logs
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass activity ingest s3://acme-trail
  hallpass query 'SELECT principal, service, sum(events) FROM aws_activity
                  WHERE is_write GROUP BY 1, 2 ORDER BY 3 DESC'")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Ingest(ingest::Args),
    Show(show::Args),
    Unused(unused::Args),
    Pci(Box<pci::Args>),
}

/// Runs the command.
///
/// # Errors
/// Exit 2 for invalid arguments, before any read.
pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Ingest(args) => ingest::run(args),
        Command::Show(args) => show::run(args),
        Command::Unused(args) => unused::run(args),
        Command::Pci(args) => pci::run(args),
    }
}
