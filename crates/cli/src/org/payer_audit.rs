//! `hallpass org payer audit`: checks a shared payer account against its agreement
//! (`organization.md` §8).

use hallpass_terminal::exit::Outcome;

use super::check_output::CheckOutputArgs;
use super::payer_look::PayerLookArgs;

/// Check the payer account against the parties' agreement
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:
  hallpass org payer audit org-payer.yaml --strict

Runs with credentials of the payer account. What could not be read is `unknown`,
with the action that was refused, and never passes. Exit 1 where a check of
severity error fails; with `--strict` also for warnings and unknown results.")]
pub(super) struct Args {
    #[command(flatten)]
    payer: PayerLookArgs,
    #[command(flatten)]
    output: CheckOutputArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let seen = args.payer.look()?;
    args.output
        .tell("org payer audit", &seen.checks, &seen.checks)
}
