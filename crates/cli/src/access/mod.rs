//! `hallpass access …`: manages permission sets and account assignments as files (`inventory.md`
//! §4).

mod apply;
mod confirming;
mod convert;
mod convert_forecast;
mod convert_use;
mod diff_text;
mod drift;
mod drift_log;
mod export;
mod json_diff;
mod plan;
mod refused;
mod run;
mod validate;
mod written;

use hallpass_terminal::exit::Outcome;

/// Manage permission sets and assignments as files: plan and apply
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass access export --to access
  hallpass access validate access/access.yaml
  hallpass access plan access/access.yaml
  hallpass access apply access/access.yaml
  hallpass access drift access/access.yaml --detailed-exitcode
  hallpass access convert --approvers leads --to proposed")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Convert(convert::Args),
    Export(export::Args),
    Validate(validate::Args),
    Plan(plan::Args),
    Apply(Box<apply::Args>),
    Drift(drift::Args),
}

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Convert(args) => convert::run(args),
        Command::Export(args) => export::run(args),
        Command::Validate(args) => validate::run(args),
        Command::Plan(args) => plan::run(args),
        Command::Apply(args) => apply::run(args),
        Command::Drift(args) => drift::run(args),
    }
}
