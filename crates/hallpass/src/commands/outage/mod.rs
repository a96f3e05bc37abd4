//! `hallpass outage …`: rehearse the loss of the control planes of one region.

mod generate;

use crate::exit::Outcome;

/// Rehearse an outage: deny the calls to one region's control planes for a while
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass outage generate --region us-east-1 --services iam,route53 \\
      --start 2026-03-02T10:00:00Z --end 2026-03-02T12:00:00Z \\
      --exempt-role 'arn:aws:iam::*:role/break-glass'")]
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
