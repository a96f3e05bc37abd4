//! `hallpass org …`: how an organization is set up.

mod check_output;
mod delegate;
mod enroll;
mod payer_audit;
mod payer_look;
mod payer_plan;
mod readiness;
mod standards;
mod vend;

use crate::exit::Outcome;

/// Set the organization up, and check how it is set up
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org readiness --profile merger --report readiness.html
  hallpass org payer audit org-payer.yaml --strict --output junit > payer.xml
  hallpass org delegate org-delegate.yaml --apply
  hallpass org standards diff org-standards.yaml
  hallpass org enroll --ou-from Legacy --to Workloads --check-only
  hallpass org vend accounts.csv --assign Developers=ReadOnly --apply
  hallpass plan resume 3f0c9a5b7d1e2f46

What changes the organization is a plan: shown first, carried out with `--apply`. One that
was stopped goes on with `hallpass plan resume`, and is taken back with `hallpass plan undo`.

Other chores of the organization:
  hallpass outage       deny calls below a unit for a while, to see what breaks
  hallpass sessions     cut off sessions that are open
  hallpass findings     what findings of Security Hub get from their accounts
  hallpass remediate    automatic remediation of findings
  hallpass insights     what DevOps Guru found, and whom it tells
  hallpass pci          people who have not signed in for long
  hallpass public-ips   public addresses, and what they belong to
  hallpass access       permission sets and assignments as files
  hallpass each         one call over many accounts and Regions
  hallpass plan         what these changed, are changing, or would change")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Delegate(delegate::Args),
    Enroll(enroll::Args),
    Payer(PayerArgs),
    Readiness(readiness::Args),
    Standards(standards::Args),
    Vend(vend::Args),
}

/// A payer account that a partner and a customer share
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org payer audit org-payer.yaml")]
struct PayerArgs {
    #[command(subcommand)]
    command: PayerCommand,
}

#[derive(Debug, clap::Subcommand)]
enum PayerCommand {
    Audit(payer_audit::Args),
    Plan(payer_plan::Args),
}

pub(crate) fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Delegate(args) => delegate::run(args),
        Command::Enroll(args) => enroll::run(args),
        Command::Payer(PayerArgs { command }) => match command {
            PayerCommand::Audit(args) => payer_audit::run(args),
            PayerCommand::Plan(args) => payer_plan::run(args),
        },
        Command::Readiness(args) => readiness::run(args),
        Command::Standards(args) => standards::run(args),
        Command::Vend(args) => vend::run(args),
    }
}
