//! `hallpass policy …`: what policies say, and what is known about what they name.

mod data;

use crate::exit::Outcome;

/// Work with policies and with what they name
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass policy data --action s3:GetObject")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Data(data::Args),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Data(args) => data::run(args),
    }
}
