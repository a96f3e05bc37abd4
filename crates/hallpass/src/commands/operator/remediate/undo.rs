//! `hallpass remediate undo`: back to what was, by a plan.

use hallpass_remediation::{RemediationStore as _, may_undo, undone};
use hallpass_runner::undo;

use super::found;
use crate::clock;
use crate::exit::{Exit, Failure, Outcome};
use crate::opening::{open_store, runtime};
use crate::output;
use crate::plans::{self, PlanArgs};
use crate::server_store::ServerStore;

/// Take back what a remediation changed
#[derive(Debug, clap::Args)]
#[command(
    long_about = "Take back what a remediation changed\n\nExactly the part that it changed comes back, \
                  and the finding is NEW again. The same rule leaves the resource to people for a day; \
                  write an exception if it is to stay as it is.",
    after_help = "Example:\n  hallpass remediate undo rm-3f0c9a5b7d1e2f46 --apply"
)]
pub(super) struct UndoArgs {
    /// Its id
    #[arg(value_name = "ID")]
    id: String,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &UndoArgs) -> Outcome {
    let format = args.plan.format();
    let loaded = args.plan.load()?;
    runtime()?.block_on(async {
        let store = open_store(loaded.sqlite()?).await?;
        let it = found(&store, &args.id).await?;
        may_undo(&it).map_err(|refusal| Failure::bad_input(refusal.to_string()))?;
        let Some(id) = &it.plan else {
            // no account was touched: the finding alone is opened again
            if !args.plan.is_applying() {
                output::say("nothing was done; `--apply` sets the finding to NEW again");
                return Ok(Exit::Ok);
            }
            let question = format!("Set the finding of {} to NEW again?", it.id);
            args.plan.running().consent(&question)?;
            let next = undone(it, "an operator", clock::now());
            return kept(&store, &next).await.map(|()| Exit::Ok);
        };
        let context = plans::open(&loaded).await?;
        let (plan, folded) = context.runner.load(id).await?;
        let undoing = undo(&plan, &folded, context.hands.as_ref());
        for (target, why) in &undoing.not_undoable {
            output::say(&format!("not undoable: {target}: {why}"));
        }
        let question = format!("Take back what {} changed?", it.id);
        let settled = plans::settle(&context, undoing.draft, &args.plan, &question).await?;
        let done = args.plan.is_applying() && settled.exit == Exit::Ok && settled.refused.is_none();
        if done {
            // CRASH: before this the plan is found done when undone once more
            let by = context.aws.about().arn.clone();
            kept(&store, &undone(it, &by, clock::now())).await?;
        }
        plans::finish(settled, None, format)
    })
}

async fn kept(
    store: &ServerStore,
    next: &hallpass_remediation::Remediation,
) -> Result<(), Failure> {
    let done = store.change_remediation(next).await;
    done.map_err(|fault| {
        Failure::failed(fault.to_string()).help("run it again: what is back already stays")
    })
}
