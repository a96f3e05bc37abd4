//! `hallpass org outage remove|reap`: takes drills away, by their tags alone.

use hallpass_chores::plans::chore_failed;
use hallpass_org::outage::{plan_reap, plan_remove};
use hallpass_runner::PlanDraft;
use serde_json::{Value, json};

use hallpass_chores::plans::{self, PlanArgs, PlanContext, Settled};
use hallpass_host::runtime::runtime;
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;

/// Detach and delete a drill's policy, wherever it is attached
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org outage remove 4f1a2b3c4d5e --apply")]
pub(super) struct RemoveArgs {
    /// The drill's id
    #[arg(value_name = "DRILL")]
    id: String,
    #[command(flatten)]
    plan: PlanArgs,
}

/// Remove every drill whose end has passed
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org outage reap --apply")]
pub(super) struct ReapArgs {
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run_remove(args: &RemoveArgs) -> Outcome {
    let format = args.plan.format();
    let done = runtime()?.block_on(async {
        let context = plans::open(&args.plan.load()?).await?;
        let draft = plan_remove(context.organization.as_ref(), &args.id)
            .await
            .map_err(chore_failed)?;
        settle(&context, draft, std::slice::from_ref(&args.id), &args.plan).await
    });
    let (settled, whole) = done?;
    plans::finish(settled, Some(&whole), format)
}

pub(super) fn run_reap(args: &ReapArgs) -> Outcome {
    let format = args.plan.format();
    let done = runtime()?.block_on(async {
        let context = plans::open(&args.plan.load()?).await?;
        let now = context.clock.now();
        let (organization, kept) = (context.organization.as_ref(), context.kept.as_ref());
        let (draft, ids) = plan_reap(organization, kept, now)
            .await
            .map_err(chore_failed)?;
        if draft.is_empty() {
            return Ok(None);
        }
        settle(&context, draft, &ids, &args.plan).await.map(Some)
    });
    let done = done?;
    if let Some((settled, whole)) = done {
        return plans::finish(settled, Some(&whole), format);
    }
    output::say("no drill is past its end");
    Ok(Exit::Ok)
}

async fn settle(
    context: &PlanContext,
    draft: PlanDraft,
    ids: &[String],
    args: &PlanArgs,
) -> Result<(Settled, Value), Failure> {
    let question = format!("End drill {}?", ids.join(", "));
    let settled = plans::settle(context, draft, args, &question).await?;
    let mut drills = Vec::new();
    for id in ids {
        let kept = context.kept.drill(id).await;
        let kept = kept.map_err(|fault| Failure::failed(fault.to_string()))?;
        drills.push(json!({
            "id": id,
            "target": kept.as_ref().map(|drill| drill.target.clone()),
            "applied_at": kept.as_ref().and_then(|drill| drill.applied_at),
            "removed_at": kept.as_ref().and_then(|drill| drill.removed_at),
        }));
    }
    let whole = json!({ "drills": drills, "plan": settled.report });
    Ok((settled, whole))
}
