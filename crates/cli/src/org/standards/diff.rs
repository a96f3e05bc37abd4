use hallpass_app::chores::plans::chore::{self, ComparingArgs};
use hallpass_terminal::exit::Outcome;

use super::run::{OwnHubArgs, WantedArgs};

/// Compare a file with the organization; changes and saves nothing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org standards diff org-standards.yaml --fail-on-findings -o json"
)]
pub(super) struct Args {
    #[command(flatten)]
    wanted: WantedArgs,
    #[command(flatten)]
    check: ComparingArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let own = OwnHubArgs::default();
    chore::check(&args.wanted.chore(false, &own)?, &args.check)
}
