use std::path::PathBuf;

use hallpass_app::chores::access_look::usable;
use hallpass_app::chores::plans::PlanArgs;
use hallpass_app::chores::plans::chore;
use hallpass_app::setup::opening::ReadingArgs;
use hallpass_terminal::exit::Outcome;
use hallpass_terminal::output;

use super::run::AccessChore;

/// Preview applying files, and save it as a plan
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Preview applying files, and save it as a plan\n\nLines begin with + (created), \
                  ~ (changed), - (deleted), > (provisioned again) and ! (replaced, or not \
                  possible). `hallpass access apply PLAN` applies the saved plan.",
    after_help = "Examples:
  hallpass access plan access.yaml
  hallpass access plan access.yaml --detailed-exitcode --output json"
)]
pub(super) struct Args {
    /// The files: YAML, TOML or JSON
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    #[command(flatten)]
    making: MakingArgs,
    /// Exit with 3 if there are changes
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    shown: ReadingArgs,
}

/// Plan options.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct MakingArgs {
    /// Remove access before adding it: a move leaves a gap
    #[arg(long)]
    pub(super) revoke_first: bool,
    /// Refuse a plan with more writes than this [default: 50]
    #[arg(long, value_name = "N")]
    pub(super) max_changes: Option<usize>,
}

pub(super) fn run(args: &Args) -> Outcome {
    // without it the plan would remove temporary access
    args.shown.config.existing_store()?;
    let chore = AccessChore {
        file: usable(&args.files, |it| output::say(&it))?,
        revoke_first: args.making.revoke_first,
        confirming: None,
        has_code: args.detailed_exitcode,
    };
    let (config, output) = (args.shown.config.clone(), args.shown.output.clone());
    chore::run(
        &chore,
        &PlanArgs::looking(config, output, args.making.max_changes),
    )
}
