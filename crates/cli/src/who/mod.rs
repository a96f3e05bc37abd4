//! `hallpass who`: run by the companion, except commands that change access.

mod apply_review;

use hallpass_app::host::query_binary;
use hallpass_terminal::exit::Outcome;

/// Arguments after `hallpass who`.
#[derive(Debug, clap::Args)]
#[group(skip)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    companion: query_binary::Args,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    ApplyReview(Box<apply_review::Args>),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Some(Command::ApplyReview(args)) => apply_review::run(args),
        None => query_binary::run("who", &args.companion),
    }
}
