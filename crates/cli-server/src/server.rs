mod slack;

use hallpass_terminal::exit::Outcome;

use super::{
    doctor, first_sign_in, group_sync, guard, lambda, report, standing, store, sweep, token,
};

/// Check the server, back up its database, make tokens, run sweeps
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass server doctor
  hallpass server store backup --to hallpass-backup.db
  hallpass server token create --user ana@acme.example --scope read --ttl 30d
  hallpass server guard --bound 60s

`hallpass serve` runs the server itself.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Doctor(doctor::Args),
    Report(report::Args),
    Guard(guard::Args),
    Store(store::Args),
    Token(token::Args),
    FirstSignIn(first_sign_in::Args),
    Slack(slack::Args),
    Lambda(lambda::Args),
    Sweep(sweep::Args),
    Standing(standing::Args),
    GroupSync(group_sync::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Doctor(args) => doctor::run(args),
        Command::Report(args) => report::run(args),
        Command::Guard(args) => guard::run(args),
        Command::Store(args) => store::run(args),
        Command::Token(args) => token::run(args),
        Command::FirstSignIn(args) => first_sign_in::run(args),
        Command::Slack(args) => slack::run(args),
        Command::Lambda(args) => lambda::run(args),
        Command::Sweep(args) => sweep::run(args),
        Command::Standing(args) => standing::run(args),
        Command::GroupSync(args) => group_sync::run(args),
    }
}
