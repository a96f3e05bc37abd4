//! `hallpass perimeter …`: a boundary around an organization, written, proved and surveyed.

mod generate;

use crate::exit::Outcome;

/// Draw a boundary around an organization, and prove it
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass perimeter generate --side resource --scope org --id o-ab12cd34ef --as scp")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Generate(generate::Args),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Generate(args) => generate::run(args),
    }
}
