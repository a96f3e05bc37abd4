//! `hallpass audit key`: the public half of the key that a server signs with.

use crate::commands::serve::ConfigArgs;
use crate::exit::{Exit, Outcome};
use crate::{keys, output};

/// Print the public key that the server's files are signed with
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print the public key that the server's files are signed with\n\nOn the server's \
                  machine. The key lies beside the store and is made here when there is none yet. \
                  Guards elsewhere name the public half in `guard.public_key` and believe no \
                  other file of ends.",
    after_help = "Example:
  hallpass audit key --config /etc/hallpass/hallpass.toml"
)]
pub(crate) struct Args {
    #[command(flatten)]
    config: ConfigArgs,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let store = args.config.load()?.sqlite()?;
    let signer = keys::load_or_make(&store)?;
    output::print(&format!("{}\n", signer.public()))?;
    Ok(Exit::Ok)
}
