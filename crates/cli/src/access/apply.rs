use std::path::PathBuf;

use hallpass_access_files::{PLAN_KIND, SavedDiff};
use hallpass_app::chores::access_look::{directory, usable};
use hallpass_app::chores::plans::chore;
use hallpass_app::chores::plans::{self, PlanArgs, RunningArgs, run_failed};
use hallpass_app::host::runtime::runtime;
use hallpass_plans::{Plan, PlanId};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;

use super::confirming::{Confirming, ask};
use super::plan::MakingArgs;
use super::run::{AccessChore, check_drift, finished, tell};

/// Apply files or a saved plan
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Apply files or a saved plan\n\nPrints the changes, asks for confirmation, and \
                  makes them. A plan is refused with exit 1 if its targets changed after it was \
                  made. `hallpass org plan resume` continues a stopped run.",
    after_help = "Examples:
  hallpass access apply access.yaml
  hallpass access apply 3f0c9a5b7d1e2f46 --yes
  hallpass access apply access.yaml --unprotect BreakGlass"
)]
pub(super) struct Args {
    /// The files, or the id of a plan
    #[arg(value_name = "FILE|PLAN", required = true)]
    given: Vec<PathBuf>,
    #[command(flatten)]
    making: MakingArgs,
    #[command(flatten)]
    confirming: Confirming,
    #[command(flatten)]
    running: RunningArgs,
}

impl Args {
    fn plan(&self) -> Option<PlanId> {
        let [only] = self.given.as_slice() else {
            return None;
        };
        plans::plan_id(only.to_str()?)
            .ok()
            .filter(|_| !only.exists())
    }
}

pub(super) fn run(args: &Args) -> Outcome {
    // the store has the plan; without it files would remove temporary access
    args.running.config.existing_store()?;
    if let Some(id) = args.plan() {
        return runtime()?.block_on(apply_plan(args, &id));
    }
    let chore = AccessChore {
        file: usable(&args.given, |it| output::say(&it))?,
        revoke_first: args.making.revoke_first,
        confirming: Some(&args.confirming),
        has_code: false,
    };
    let running = args.running.clone();
    chore::run(
        &chore,
        &PlanArgs::carrying_out(running, args.making.max_changes),
    )
}

/// Applies a saved plan; gathers and drafts nothing new.
async fn apply_plan(args: &Args, id: &PlanId) -> Outcome {
    let running = &args.running;
    let context = plans::open(&running.config.load()?).await?;
    let (mut plan, folded) = context.runner.load(id).await.map_err(run_failed)?;
    let saved = saved_diff(&plan)?;
    let applying = running.applying();
    let was_run = folded.began.is_some_and(|began| began >= plan.made_at);
    let report = if was_run {
        output::say(&format!("plan {id} was begun before"));
        context.runner.resume(id, &applying).await
    } else {
        let directory = directory(&context.access(), false).await?;
        tell(&saved, &directory);
        args.confirming.check(&saved)?;
        check_drift(&context, &saved, running).await?;
        ask(&saved, running)?;
        check_drift(&context, &saved, running).await?;
        if let Some(most) = args.making.max_changes {
            plan.limits.changes_max = most;
            context.runner.save(&plan).await.map_err(run_failed)?;
        }
        context.runner.apply(id, &applying).await
    };
    let report = report.map_err(run_failed)?;
    plans::print(&report, None, running.format())?;
    Ok(finished(plans::exit_of(&report), &saved))
}

fn saved_diff(plan: &Plan) -> Result<SavedDiff, Failure> {
    if plan.kind != PLAN_KIND {
        let message = format!("plan {} is of the kind `{}`", plan.id, plan.kind);
        return Err(
            Failure::bad_input(message).help("`hallpass org plan resume` continues any plan")
        );
    }
    serde_json::from_value(plan.facts.clone()).map_err(Failure::bug)
}
