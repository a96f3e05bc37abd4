//! `hallpass org findings template`: what enriching as findings arrive needs at AWS, for `CloudFormation`.

use hallpass_findings::template;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

/// Print a stack template for the enrichment of findings as they arrive
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print a stack template for the enrichment of findings as they arrive\n\nQueue, dead letters, rules and role, \
                  for CloudFormation, as JSON. \
                  For the account and Region of Security Hub's administrator. Nothing is called.",
    after_help = "Example:
  hallpass org findings template > findings.json
  aws cloudformation deploy --stack-name hallpass-findings --template-file findings.json --capabilities CAPABILITY_IAM \\
    --parameter-overrides TrustedPrincipal=arn:aws:iam::111122223333:role/hallpass"
)]
pub(super) struct Args {}

pub(super) fn run(_: &Args) -> Outcome {
    output::print(&format!("{:#}\n", template()))?;
    Ok(Exit::Ok)
}
