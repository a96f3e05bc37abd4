mod apply;
mod entries;
mod generate;
mod prune;
mod residual;
mod signed_in;

use hallpass_aws_model::facts;
use hallpass_base::TimeSpan;
use hallpass_terminal::exit::Outcome;

const LONGEST_SESSION: TimeSpan = TimeSpan::hours(facts::SESSION_HOURS.value as u64);

/// List and end web sessions, and revoke sessions at AWS
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people sessions list
  hallpass people sessions list --web
  hallpass people sessions end --user ana@example.com
  hallpass people sessions forget --user ana@example.com
  hallpass people sessions generate --as scp --user ana@example.com --plan
  hallpass people sessions apply cut.json --target r-ab12 --apply
  hallpass people sessions prune --at now --apply
  hallpass people sessions residual --at 2026-03-02T09:00:00Z --event user-disabled --assume-worst")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(entries::Args),
    End(signed_in::EndArgs),
    Forget(signed_in::ForgetArgs),
    Generate(Box<generate::Args>),
    Residual(Box<residual::Args>),
    Apply(Box<apply::Args>),
    Prune(Box<prune::Args>),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => entries::run(args),
        Command::End(args) => signed_in::run_end(args),
        Command::Forget(args) => signed_in::run_forget(args),
        Command::Generate(args) => generate::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Prune(args) => prune::run(args),
        Command::Residual(args) => residual::run(args),
    }
}
