//! `hallpass org plan resume|abort|undo`.

use hallpass_chores::plans::run_failed;
use std::time::Duration;

use hallpass_runner::{LANE_LEASE, PlanReport, undo};

use hallpass_chores::plans::{self, PlanArgs, RunningArgs};
use hallpass_chores::vending_mail::with_mails;
use hallpass_host::runtime::runtime;
use hallpass_setup::opening::ConfigArgs;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output::{self, OutputArgs};

/// Resume a plan that was stopped, paused or aborted, or begin a saved one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org plan resume 3f0c9a5b7d1e2f46
  hallpass org plan resume 3f0c9a5b7d1e2f46 --retry-failed")]
pub(super) struct ResumeArgs {
    /// The plan's id
    #[arg(value_name = "PLAN")]
    id: String,
    /// Begin a plan that was never applied, exactly as it was saved, without asking
    #[arg(long)]
    apply: bool,
    /// Try what failed once more
    #[arg(long)]
    retry_failed: bool,
    #[command(flatten)]
    running: RunningArgs,
}

/// Abort a plan: begin nothing new, and wait for what runs
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org plan abort 3f0c9a5b7d1e2f46")]
pub(super) struct AbortArgs {
    /// The plan's id
    #[arg(value_name = "PLAN")]
    id: String,
    #[command(flatten)]
    config: ConfigArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Undo a plan: plan the way back from what it changed
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  hallpass org plan undo 3f0c9a5b7d1e2f46\n  hallpass org plan undo 3f0c9a5b7d1e2f46 --apply"
)]
pub(super) struct UndoArgs {
    /// The plan's id
    #[arg(value_name = "PLAN")]
    id: String,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run_resume(args: &ResumeArgs) -> Outcome {
    let id = plans::plan_id(&args.id)?;
    let format = args.running.format();
    let report = runtime()?.block_on(async {
        let context = plans::open(&args.running.config.load()?).await?;
        let (plan, folded) = context.runner.load(&id).await.map_err(run_failed)?;
        if folded.began.is_none() && !args.apply {
            let question = format!(
                "Begin plan {id} ({}), with {} changes?",
                plan.kind,
                plan.changes()
            );
            args.running.consent_to(&plan, &question)?;
        }
        let mut applying = args.running.applying();
        applying.retry_failed = args.retry_failed;
        let run = async {
            Ok(context
                .runner
                .resume(&id, &applying)
                .await
                .map_err(run_failed)?)
        };
        with_mails(context.mailer.as_ref(), &id, run, |it: &PlanReport| {
            it.state
        })
        .await
    });
    let report = report?;
    plans::print(&report, None, format)?;
    Ok(plans::exit_of(&report))
}

pub(super) fn run_abort(args: &AbortArgs) -> Outcome {
    let id = plans::plan_id(&args.id)?;
    let format = args.output.format();
    let report = runtime()?.block_on(async {
        let context = plans::open(&args.config.load()?).await?;
        let patience = Duration::from_secs(2 * LANE_LEASE.as_seconds());
        Ok::<PlanReport, Failure>(
            context
                .runner
                .abort(&id, patience)
                .await
                .map_err(run_failed)?,
        )
    });
    let report = report?;
    output::say(&format!("plan {id} begins nothing new"));
    plans::print(&report, None, format)?;
    Ok(Exit::Ok)
}

pub(super) fn run_undo(args: &UndoArgs) -> Outcome {
    let id = plans::plan_id(&args.id)?;
    let format = args.plan.format();
    let settled = runtime()?.block_on(async {
        let context = plans::open(&args.plan.load()?).await?;
        let (plan, folded) = context.runner.load(&id).await.map_err(run_failed)?;
        let undoing = undo(&plan, &folded, context.hands.as_ref());
        for (target, why) in &undoing.not_undoable {
            output::say(&format!("not undoable: {target}: {why}"));
        }
        let question = format!("Take back what plan {id} changed?");
        plans::settle(&context, undoing.draft, &args.plan, &question).await
    });
    let settled = settled?;
    plans::finish(settled, None, format)
}
