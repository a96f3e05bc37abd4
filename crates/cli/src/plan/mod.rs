mod run;
mod show;

use hallpass_terminal::exit::Outcome;

/// List, show, resume, abort and undo plans
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org plan list
  hallpass org plan show 3f0c9a5b7d1e2f46
  hallpass org plan resume 3f0c9a5b7d1e2f46
  hallpass org plan undo 3f0c9a5b7d1e2f46 --apply")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    List(show::ListArgs),
    Show(show::ShowArgs),
    Resume(run::ResumeArgs),
    Abort(run::AbortArgs),
    Undo(run::UndoArgs),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::List(args) => show::run_list(args),
        Command::Show(args) => show::run_show(args),
        Command::Resume(args) => run::run_resume(args),
        Command::Abort(args) => run::run_abort(args),
        Command::Undo(args) => run::run_undo(args),
    }
}
