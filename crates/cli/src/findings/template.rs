use hallpass_findings::{management_template, template};
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

/// Print a stack template for continuous enrichment of findings
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Print a stack template for continuous enrichment of findings\n\nQueue, dead \
                  letters, rules and role, for CloudFormation, as JSON. For the account and \
                  Region of Security Hub's administrator. With `--management`: the rules that \
                  forward changes of accounts there, for us-east-1 of the management account, the \
                  only Region with these events. Nothing is called.",
    after_help = "Example:
  hallpass org findings template > findings.json
  aws cloudformation deploy --stack-name hallpass-findings --template-file findings.json --capabilities CAPABILITY_IAM \\
    --parameter-overrides TrustedPrincipal=arn:aws:iam::111122223333:role/hallpass ManagementAccount=111111111111"
)]
pub(super) struct Args {
    /// The template for us-east-1 of the management account
    #[arg(long)]
    management: bool,
}

pub(super) fn run(args: &Args) -> Outcome {
    let template = if args.management {
        management_template()
    } else {
        template()
    };
    output::print(&format!("{template:#}\n"))?;
    Ok(Exit::Ok)
}
