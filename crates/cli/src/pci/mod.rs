//! `hallpass activity pci …`: finds stale passwords and accounts from CloudTrail logs
//! (`inventory.md` §7).

mod act;
mod args;
mod ended;
mod people;
mod provided;
mod reading;
mod render;
mod report;
mod rungs;
mod watch;

use hallpass_terminal::exit::Outcome;

/// Report stale passwords and accounts from CloudTrail logs, for PCI DSS
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  aws identitystore list-users --identity-store-id d-1234567890 > users.json
  hallpass activity pci report --users users.json --source s3://trail --regions eu-west-1 \\
      --accounts 111111111111
  hallpass activity pci watch --users users.json --source lookup --state pci.json")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Report(report::Args),
    Watch(watch::Args),
    Act(Box<act::Args>),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Report(args) => report::run(args),
        Command::Watch(args) => watch::run(args),
        Command::Act(args) => act::run(args),
    }
}
