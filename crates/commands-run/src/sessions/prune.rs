//! `hallpass people sessions prune`: takes entries out whose last session has ended.

use hallpass_chores::plans::chore_failed;
use hallpass_iam::residual::instant;
use hallpass_org::sessions::plan_prune;

use hallpass_chores::plans::{self, PlanArgs};
use hallpass_host::runtime::runtime;
use hallpass_terminal::exit::{Exit, Outcome};
use hallpass_terminal::output;

/// Remove entries whose last session has ended, and policies left with none
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people sessions prune --at now
  hallpass people sessions prune --at 2026-03-03T00:00:00Z --apply")]
pub(super) struct Args {
    /// Entries whose end is not after this go: an instant with its zone, or `now`
    #[arg(long, value_name = "TIME")]
    at: String,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let format = args.plan.format();
    let settled = runtime()?.block_on(async {
        let context = plans::open(&args.plan.load()?).await?;
        let at = match args.at.as_str() {
            "now" => context.clock.now(),
            text => instant(text, "--at")?,
        };
        let (organization, kept) = (context.organization.as_ref(), context.kept.as_ref());
        let pruned = plan_prune(organization, kept, at)
            .await
            .map_err(chore_failed)?;
        for entry in &pruned.without_end {
            output::say(&format!(
                "warning: {entry}: nobody kept its end, so it stays"
            ));
        }
        if pruned.draft.is_empty() {
            output::say("no entry is past its end");
            return Ok(None);
        }
        let question = format!("Take {} entries out?", pruned.gone.len());
        plans::settle(&context, pruned.draft, &args.plan, &question)
            .await
            .map(Some)
    });
    match settled? {
        Some(settled) => plans::finish(settled, None, format),
        None => Ok(Exit::Ok),
    }
}
