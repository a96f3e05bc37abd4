//! `hallpass sessions …`: sessions of the web pages, and those that people hold at AWS.

mod generate;
mod residual;
mod signed_in;

use crate::exit::Outcome;

/// List and end sessions of the web pages; find and cut off those at AWS
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass sessions list
  hallpass sessions end --user ana@example.com
  hallpass sessions generate --as scp --user ana@example.com --plan
  hallpass sessions residual --at 2026-03-02T09:00:00Z --event user-disabled --assume-worst")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(signed_in::ListArgs),
    End(signed_in::EndArgs),
    Generate(Box<generate::Args>),
    Residual(Box<residual::Args>),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => signed_in::run_list(args),
        Command::End(args) => signed_in::run_end(args),
        Command::Generate(args) => generate::run(args),
        Command::Residual(args) => residual::run(args),
    }
}
