mod handler;
mod policy;

use hallpass_terminal::exit::Outcome;

/// Decide who may connect to a VPN; make AWS reachable only through it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass policy vpn handler --geo country.mmdb --allow US,GB <events.jsonl
  hallpass policy vpn policy --form iam --nat-ip 3.120.10.5")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Handler(handler::Args),
    Policy(policy::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Handler(args) => handler::run(args),
        Command::Policy(args) => policy::run(args),
    }
}
