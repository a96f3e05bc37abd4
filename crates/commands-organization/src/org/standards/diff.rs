//! `hallpass org standards diff FILE`.

use std::path::PathBuf;

use hallpass_chores::plans::chore::{self, ComparingArgs};
use hallpass_host::selection_args::TargetSelectionArgs;
use hallpass_terminal::exit::Outcome;

use super::carry::{OwnHubArgs, StandardsChore};
use super::central::Mode;
use super::read_file;

/// Compare a file with the organization; nothing is changed or saved
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass org standards diff org-standards.yaml --fail-on-findings -o json"
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
    #[command(flatten)]
    check: ComparingArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let wish = StandardsChore {
        path: &args.file,
        file: read_file(&args.file)?,
        selection: &args.selection,
        mode: args.mode,
        enable_central: false,
        own: &OwnHubArgs::default(),
    };
    chore::check(&wish, &args.check)
}
