use hallpass_terminal::exit::Outcome;

use super::{absence, lock, sessions};

/// Lock people, end their sessions, set absences and delegates
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people lock --user eve@acme.example --reason 'laptop stolen' --end-sessions
  hallpass people unlock --user eve@acme.example --reason 'new laptop, keys changed'
  hallpass people sessions end --user eve@acme.example
  hallpass people out-of-office --until +3d --delegate nina@acme.example")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Lock(lock::LockArgs),
    Unlock(lock::UnlockArgs),
    Sessions(sessions::Args),
    OutOfOffice(absence::SetArgs),
    Back(absence::BackArgs),
    Absences(absence::ListArgs),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Lock(args) => lock::run_lock(args),
        Command::Unlock(args) => lock::run_unlock(args),
        Command::Sessions(args) => sessions::run(args),
        Command::OutOfOffice(args) => absence::run_set(args),
        Command::Back(args) => absence::run_back(args),
        Command::Absences(args) => absence::run_list(args),
    }
}
