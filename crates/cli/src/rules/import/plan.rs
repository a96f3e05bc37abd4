use std::path::PathBuf;

use hallpass_app::setup::facts::FactsSource;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::OutputArgs;

use super::elevator;

#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    /// Import sso-elevator from a plan or state of Terraform as JSON (`terraform show -json`)
    #[arg(long, value_name = "FILE", required = true)]
    from_plan: Option<PathBuf>,
    /// The rule file to write, `.json` or `.toml`; an existing file is never overwritten
    #[arg(
        long,
        value_name = "FILE",
        requires = "from_plan",
        default_value = "statements.json"
    )]
    to: PathBuf,
    /// Organization file, or `live` for the organization at AWS, to report approvers and requesters who are not users of it
    #[arg(long, value_name = "ORGANIZATION", requires = "from_plan")]
    facts: Option<FactsSource>,
    /// Remove unmanaged assignments every night, as sso-elevator does; without it, report them
    #[arg(long, requires = "from_plan")]
    keep_sweep: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &PlanArgs) -> Outcome {
    let Some(plan) = &args.from_plan else {
        return Err(Failure::bug("no plan is named"));
    };
    elevator::run(&elevator::Args {
        file: plan.clone(),
        var_file: Vec::new(),
        to: args.to.clone(),
        facts: args.facts.clone(),
        keep_sweep: args.keep_sweep,
        output: args.output.clone(),
    })
}
