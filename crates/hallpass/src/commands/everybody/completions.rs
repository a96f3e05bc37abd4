//! `hallpass completions`: what a shell needs to complete our commands.

use clap_complete::Shell;

use crate::cli;
use crate::exit::{Exit, Failure, Outcome};
use crate::output;

/// Print completions for a shell
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  hallpass completions zsh > ~/.zfunc/_hallpass\n  \
                  hallpass completions bash > /etc/bash_completion.d/hallpass"
)]
pub(crate) struct Args {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

pub(crate) fn run(args: &Args) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut cli::program(), "hallpass", &mut script);
    let script = String::from_utf8(script).map_err(Failure::bug)?;
    output::print(&script)?;
    Ok(Exit::Ok)
}
