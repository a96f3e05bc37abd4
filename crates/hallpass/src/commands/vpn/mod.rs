//! `hallpass vpn …`: who may connect to a Client VPN endpoint, and from where AWS may be reached.

mod handler;

use crate::exit::Outcome;

/// Answer Client VPN connection events by country
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass vpn handler --geo country.mmdb --allow US,GB <events.jsonl"
)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Handler(handler::Args),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Handler(args) => handler::run(args),
    }
}
