use std::time::Duration;

use hallpass_app::chores::plans::chore::{self, ByReport, Chore, Drafted, Opened};
use hallpass_app::chores::plans::run_failed;
use hallpass_app::chores::plans::{self, PlanArgs, RunningArgs, SavedPlanArgs};
use hallpass_app::chores::vending_mail::with_mails;
use hallpass_app::host::runtime::runtime;
use hallpass_plans::{LANE_LEASE, PlanDraft, PlanId, PlanReport};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Resume a stopped, paused or aborted plan, or start a saved one
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass org plan resume 3f0c9a5b7d1e2f46
  hallpass org plan resume 3f0c9a5b7d1e2f46 --retry-failed")]
pub(super) struct ResumeArgs {
    /// The plan's id
    #[arg(value_name = "PLAN")]
    id: String,
    /// Start an unapplied plan exactly as saved, without confirmation
    #[arg(long)]
    apply: bool,
    /// Retry failed steps
    #[arg(long)]
    retry_failed: bool,
    #[command(flatten)]
    running: RunningArgs,
}

/// Abort a plan: start nothing new, and wait for running steps
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org plan abort 3f0c9a5b7d1e2f46")]
pub(super) struct AbortArgs {
    #[command(flatten)]
    plan: SavedPlanArgs,
}

/// Undo a plan: plan the reversal of its changes
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
    args.running.config.existing_store()?;
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
            context
                .runner
                .resume(&id, &applying)
                .await
                .map_err(run_failed)
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
    let id = args.plan.id()?;
    let format = args.plan.format();
    args.plan.existing_store()?;
    let report = runtime()?.block_on(async {
        let context = plans::open(&args.plan.load()?).await?;
        let patience = Duration::from_secs(2 * LANE_LEASE.as_seconds());
        context
            .runner
            .abort(&id, patience)
            .await
            .map_err(run_failed)
    });
    let report = report?;
    output::say(&format!("plan {id} begins nothing new"));
    plans::print(&report, None, format)?;
    Ok(Exit::Ok)
}

pub(super) fn run_undo(args: &UndoArgs) -> Outcome {
    let id = plans::plan_id(&args.id)?;
    args.plan.running().config.existing_store()?;
    chore::run(&UndoChore(id), &args.plan)
}

struct UndoChore(PlanId);

impl Chore for UndoChore {
    type Facts = PlanDraft;
    type Shown = ByReport;

    async fn gather(&self, at: &Opened<'_>) -> Result<PlanDraft, Failure> {
        chore::way_back(at.context, &self.0).await
    }

    fn draft(&self, draft: PlanDraft) -> Result<Drafted<ByReport>, Failure> {
        let question = format!("Take back what plan {} changed?", self.0);
        Ok(Drafted::plan(draft, question, ByReport))
    }
}
