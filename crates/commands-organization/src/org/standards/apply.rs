//! `hallpass org standards apply FILE`.

use std::path::PathBuf;

use hallpass_chores::plans::PlanArgs;
use hallpass_chores::plans::chore;
use hallpass_host::selection_args::TargetSelectionArgs;
use hallpass_terminal::exit::{Failure, Outcome};

use super::carry::{OwnHubArgs, StandardsChore};
use super::central::Mode;
use super::read_file;

/// Plan what a file wants; `--apply` carries it out
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "plan",
    after_help = "Example:\n  hallpass org standards apply org-standards.yaml --max-changes 500 --apply"
)]
pub(super) struct Args {
    /// Which standards and controls are on or off: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    selection: TargetSelectionArgs,
    /// Who says which standards are on
    #[arg(long, value_enum, value_name = "MODE", default_value = "auto")]
    mode: Mode,
    /// With `--mode central`: let policies configure the organization, where they do not yet
    #[arg(long, requires = "mode")]
    enable_central: bool,
    #[command(flatten)]
    own: OwnHubArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.enable_central && args.mode != Mode::Central {
        let text = "`--enable-central` is for policies";
        return Err(Failure::bad_input(text).help("`--mode central`"));
    }
    let wish = StandardsChore {
        path: &args.file,
        file: read_file(&args.file)?,
        selection: &args.selection,
        mode: args.mode,
        enable_central: args.enable_central,
        own: &args.own,
    };
    chore::run(&wish, &args.plan)
}
