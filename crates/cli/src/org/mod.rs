mod check_output;
mod delegate;
mod enroll;
mod payer_audit;
mod payer_look;
mod payer_plan;
mod readiness;
mod standards;
mod vend;

use crate::public_ips;
use hallpass_terminal::exit::Outcome;

use super::{events, findings, insights, outage, plan, remediate};

/// Set up and check the organization: accounts, standards, findings
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org readiness --profile merger --report readiness.html
  hallpass org payer audit org-payer.yaml --strict --output junit > payer.xml
  hallpass org delegate org-delegate.yaml --apply
  hallpass org standards diff org-standards.yaml
  hallpass org enroll --ou-from Legacy --to Workloads --check-only
  hallpass org vend accounts.csv --assign Developers=ReadOnly --apply
  hallpass org plan resume 3f0c9a5b7d1e2f46

Each command that changes the organization makes a plan: it shows the plan first, and
`--apply` applies it. `hallpass org plan resume` continues a stopped plan,
`hallpass org plan undo` undoes one.")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, clap::Subcommand)]
enum Command {
    Vend(vend::Args),
    Enroll(enroll::Args),
    Standards(standards::Args),
    Delegate(delegate::Args),
    Readiness(readiness::Args),
    Payer(PayerArgs),
    Findings(findings::Args),
    Remediate(Box<remediate::Args>),
    Insights(insights::Args),
    Events(events::Args),
    Outage(outage::Args),
    PublicIps(Box<public_ips::Args>),
    Plan(plan::Args),
}

/// Check and plan a payer account shared by a partner and a customer
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

pub fn run(args: &Args) -> Outcome {
    match &args.command {
        Command::Vend(args) => vend::run(args),
        Command::Enroll(args) => enroll::run(args),
        Command::Standards(args) => standards::run(args),
        Command::Delegate(args) => delegate::run(args),
        Command::Readiness(args) => readiness::run(args),
        Command::Payer(PayerArgs { command }) => match command {
            PayerCommand::Audit(args) => payer_audit::run(args),
            PayerCommand::Plan(args) => payer_plan::run(args),
        },
        Command::Findings(args) => findings::run(args),
        Command::Remediate(args) => remediate::run(args),
        Command::Insights(args) => insights::run(args),
        Command::Events(args) => events::run(args),
        Command::Outage(args) => outage::run(args),
        Command::PublicIps(args) => public_ips::run(args),
        Command::Plan(args) => plan::run(args),
    }
}
