//! `hallpass org payer audit`: whether a shared payer account is as its parties agreed (`organization.md` §8).

use hallpass_terminal::exit::Outcome;

use super::check_output::CheckOutputArgs;
use super::payer_look::PayerLookArgs;

/// Check the payer account against what its two parties agreed on
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org payer audit org-payer.yaml --strict

Runs with credentials of the payer account. What could not be read is `unknown`,
with the action that was refused, and never passes. Exit 1 where a check of
severity error fails; with `--strict` also for warnings and what is unknown.")]
pub(super) struct Args {
    #[command(flatten)]
    payer: PayerLookArgs,
    #[command(flatten)]
    output: CheckOutputArgs,
}

/// Runs the command.
///
/// # Errors
/// Exit 2 where the file cannot be read, or the credentials are not the payer's.
pub(super) fn run(args: &Args) -> Outcome {
    let seen = args.payer.look()?;
    args.output
        .tell("org payer audit", &seen.checks, &seen.checks)
}
