use std::path::PathBuf;

use hallpass_app::chores::plans::chore::Shown as _;
use hallpass_app::chores::plans::run_failed;
use hallpass_app::chores::plans::{self, PlanContext, RunningArgs, SavedPlanArgs, Settled};
use hallpass_app::chores::vending_mail::with_mails;
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::ConfigArgs;
use hallpass_org::vending::VendingPlan;
use hallpass_plans::PlanId;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

use super::render::{ShownList, kept_list, list_path, told_meanwhile};

/// Show the results of a list's rows
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org vend status 3f0c9a5b7d1e2f46")]
pub(super) struct StatusArgs {
    #[command(flatten)]
    plan: SavedPlanArgs,
}

/// Print the CSV of a list with its last columns filled
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org vend export 3f0c9a5b7d1e2f46 --to done.csv")]
pub(super) struct ExportArgs {
    /// The plan's id
    #[arg(value_name = "PLAN")]
    id: String,
    /// The file [default: stdout]
    #[arg(long, value_name = "PATH")]
    to: Option<PathBuf>,
    #[command(flatten)]
    config: ConfigArgs,
}

/// Retry the rows that failed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org vend retry 3f0c9a5b7d1e2f46 --yes")]
pub(super) struct RetryArgs {
    /// The plan's id
    #[arg(value_name = "PLAN")]
    id: String,
    #[command(flatten)]
    running: RunningArgs,
}

async fn shown(context: &PlanContext, id: &PlanId) -> Result<ShownList, Failure> {
    let (plan, folded) = context.runner.load(id).await.map_err(run_failed)?;
    let vending = VendingPlan::of(&plan).ok_or_else(|| {
        Failure::bad_input(format!("plan {id} is of kind `{}`", plan.kind))
            .help("`hallpass org plan show` shows plans of every kind")
    })?;
    ShownList::of_plan(context, vending, &plan, &folded).await
}

pub(super) fn status(args: &StatusArgs) -> Outcome {
    let format = args.plan.format();
    let id = args.plan.id()?;
    args.plan.existing_store()?;
    runtime()?.block_on(async {
        let context = plans::open(&args.plan.load()?).await?;
        let shown = shown(&context, &id).await?;
        let settled = Settled::of(context.runner.report(&id).await.map_err(run_failed)?);
        shown.print(Some(&settled), format)?;
        Ok(if shown.has_bad() {
            Exit::Failed
        } else {
            Exit::Ok
        })
    })
}

pub(super) fn export(args: &ExportArgs) -> Outcome {
    let id = plans::plan_id(&args.id)?;
    args.config.existing_store()?;
    let shown = runtime()?.block_on(async {
        let context = plans::open(&args.config.load()?).await?;
        shown(&context, &id).await
    })?;
    match &args.to {
        Some(path) => shown.replace(path)?,
        None => output::print(&shown.csv())?,
    }
    Ok(Exit::Ok)
}

pub(super) fn retry(args: &RetryArgs) -> Outcome {
    let format = args.running.format();
    let id = plans::plan_id(&args.id)?;
    args.running.config.existing_store()?;
    runtime()?.block_on(async {
        let context = plans::open(&args.running.config.load()?).await?;
        let before = shown(&context, &id).await?;
        if before.has_failed() {
            let question = format!("Try the rows of plan {id} that failed once more?");
            args.running.consent_to_named(&question)?;
        }
        let mut applying = args.running.applying();
        applying.retry_failed = before.has_failed();
        let run = async {
            let report = context
                .runner
                .resume(&id, &applying)
                .await
                .map_err(run_failed)?;
            Ok(Settled::of(report))
        };
        let state = |settled: &Settled| settled.report.state;
        let run = told_meanwhile(&context, &id, run);
        let settled = with_mails(context.mailer.as_ref(), &id, run, state).await?;
        let (plan, folded) = context.runner.load(&id).await.map_err(run_failed)?;
        let mut shown = ShownList::of_check(kept_list(&plan)?);
        shown.look_at_run(&context, &plan, &folded).await?;
        shown.print(Some(&settled), format)?;
        shown.write(&list_path(&id))?;
        Ok(shown.exit(Exit::Ok))
    })
}
