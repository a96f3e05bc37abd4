use hallpass_app::chores::plans::PlanArgs;
use hallpass_app::chores::plans::chore;
use hallpass_terminal::exit::{Failure, Outcome};

use super::central::Mode;
use super::run::{OwnHubArgs, WantedArgs};

/// Plan a file's changes; `--apply` carries them out
#[derive(Debug, clap::Args)]
#[command(
    visible_alias = "plan",
    after_help = "Example:\n  hallpass org standards apply org-standards.yaml --max-changes 500 --apply"
)]
pub(super) struct Args {
    #[command(flatten)]
    wanted: WantedArgs,
    /// With `--mode central`: let policies configure the organization, if they do not yet
    #[arg(long, requires = "mode")]
    enable_central: bool,
    #[command(flatten)]
    own: OwnHubArgs,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    if args.enable_central && args.wanted.mode != Mode::Central {
        let text = "`--enable-central` is for policies";
        return Err(Failure::bad_input(text).help("`--mode central`"));
    }
    let wish = args.wanted.chore(args.enable_central, &args.own)?;
    chore::run(&wish, &args.plan)
}
