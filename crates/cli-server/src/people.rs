use hallpass_terminal::exit::Outcome;

use super::{lock, sessions};

/// Lock and unlock people, list their sessions and revoke them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people lock --user eve@acme.example --reason 'laptop stolen' --end-sessions
  hallpass people unlock --user eve@acme.example --reason 'new laptop, keys changed'
  hallpass people sessions end --user eve@acme.example")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Lock(lock::LockArgs),
    Unlock(lock::UnlockArgs),
    Sessions(sessions::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Lock(args) => lock::run_lock(args),
        Command::Unlock(args) => lock::run_unlock(args),
        Command::Sessions(args) => sessions::run(args),
    }
}
