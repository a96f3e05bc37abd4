//! `hallpass rules import --from-plan`: whichever tool the resources of a Terraform plan are of.

use std::path::{Path, PathBuf};

use hallpass_imports::{PlanSource, plan_sources};
use hallpass_setup::facts::FactsSource;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output::OutputArgs;

use super::named::NamedArgs;
use super::{elevator, granted};

#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    /// Import from a plan or state of Terraform as JSON (`terraform show -json`), of whichever tool it is
    #[arg(long, value_name = "FILE", required = true)]
    from_plan: Option<PathBuf>,
    /// The rule file to write; never one that is there [default: rules.toml, of sso-elevator statements.json]
    #[arg(long, value_name = "FILE", requires = "from_plan")]
    to: Option<PathBuf>,
    /// File of names: what the ids of Common Fate are called at AWS
    #[arg(long, value_name = "FILE", requires = "from_plan")]
    names: Option<PathBuf>,
    /// Organization file, or `live` for the organization as AWS has it, for the names of permission sets (Common Fate), or to tell who of the people who are named it does not have (sso-elevator)
    #[arg(long, value_name = "ORGANIZATION", requires = "from_plan")]
    facts: Option<FactsSource>,
    /// Remove each night what nobody recorded, as sso-elevator does; without it, report it
    #[arg(long, requires = "from_plan")]
    keep_sweep: bool,
    #[command(flatten)]
    output: OutputArgs,
}

pub(super) fn run(args: &PlanArgs) -> Outcome {
    let Some(plan) = &args.from_plan else {
        return Err(Failure::bug("no plan is named"));
    };
    match source(plan)? {
        PlanSource::Elevator => {
            ensure_none("--names", args.names.is_some(), "sso-elevator")?;
            elevator::run(&elevator::Args {
                file: plan.clone(),
                var_file: Vec::new(),
                to: to(args, "statements.json"),
                facts: args.facts.clone(),
                keep_sweep: args.keep_sweep,
                output: args.output.clone(),
            })
        }
        PlanSource::Granted => {
            ensure_none("--keep-sweep", args.keep_sweep, "Common Fate")?;
            granted::run(&granted::Args {
                named: NamedArgs {
                    files: vec![plan.clone()],
                    names: args.names.clone(),
                    facts: args.facts.clone(),
                    to: to(args, "rules.toml"),
                    output: args.output.clone(),
                },
            })
        }
        PlanSource::Teleport => Err(Failure::bad_input(format!(
            "`{}` has roles of Teleport, which are not imported from a plan",
            plan.display()
        ))
        .help("`tctl get roles > roles.yaml`, then `hallpass rules import teleport roles.yaml`")),
    }
}

fn to(args: &PlanArgs, otherwise: &str) -> PathBuf {
    args.to.clone().unwrap_or_else(|| PathBuf::from(otherwise))
}

fn ensure_none(flag: &str, is_given: bool, tool: &str) -> Result<(), Failure> {
    if is_given {
        let message = format!("the plan is of {tool}, to which `{flag}` says nothing");
        return Err(Failure::bad_input(message));
    }
    Ok(())
}

/// The one tool that a plan is of.
fn source(path: &Path) -> Result<PlanSource, Failure> {
    let (name, text) = (path.display(), elevator::text(path)?);
    let found = plan_sources(&text).map_err(|error| {
        Failure::bad_input(format!("`{name}` is not JSON, or cut off: {error}"))
            .help("write it by `terraform show -json plan > plan.json`")
    })?;
    let Some(found) = found else {
        return Err(Failure::bad_input(format!("`{name}` is no plan or state of Terraform"))
            .help("write it by `terraform show -json plan > plan.json`; other files are imported by the tool's name"));
    };
    match found.as_slice() {
        [only] => Ok(*only),
        [] => Err(Failure::bad_input(format!(
            "`{name}` has no resources of sso-elevator or Common Fate"
        ))
        .help("plan the workspace that makes them; see `hallpass rules import --help` for other tools. Permission sets and \
               assignments need no plan: `hallpass access export` writes an access file of what stands at AWS")),
        _ => Err(Failure::bad_input(format!(
            "`{name}` has resources of several tools, and a rule file is of one of them"
        ))
        .help("name the tool: `hallpass rules import elevator PLAN`, `hallpass rules import granted PLAN`")),
    }
}
