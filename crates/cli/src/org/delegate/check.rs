use std::path::PathBuf;

use hallpass_app::chores::delegation_files::read_file;
use hallpass_app::chores::plans::chore::{self, ComparingArgs};
use hallpass_org::delegation::Replacing;
use hallpass_terminal::exit::Outcome;

use super::apply::DelegationChore;

/// Compare a file with the organization; changes and saves nothing
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org delegate check org-delegate.yaml --fail-on-findings"
)]
pub(super) struct Args {
    /// Administrators per service: YAML
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    check: ComparingArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let wish = DelegationChore {
        file: read_file(&args.file)?,
        path: Some(&args.file),
        replacing: Replacing::Never,
    };
    chore::check(&wish, &args.check)
}
