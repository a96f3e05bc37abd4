use hallpass_app::chores::plans::chore::{self, Chore, Drafted, Opened, ReportWithin, Within};
use hallpass_app::chores::plans::chore_failed;
use hallpass_app::chores::plans::{PlanArgs, Settled};
use hallpass_enforcement::Drill;
use hallpass_org::outage::{plan_reap, plan_remove};
use hallpass_plans::PlanDraft;
use hallpass_terminal::exit::{Failure, Outcome};
use serde_json::{Value, json};

use super::kept;

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
    chore::run(&EndChore::One(&args.id), &args.plan)
}

pub(super) fn run_reap(args: &ReapArgs) -> Outcome {
    chore::run(&EndChore::EveryPast, &args.plan)
}

enum EndChore<'a> {
    One(&'a String),
    EveryPast,
}

impl Chore for EndChore<'_> {
    type Facts = (PlanDraft, Vec<String>);
    type Shown = Within<EndReport>;

    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure> {
        let organization = at.context.organization.as_ref();
        let kept = at.context.kept.as_ref();
        Ok(match self {
            Self::One(id) => {
                let ids = vec![(*id).clone()];
                let draft = plan_remove(organization, kept, id).await;
                (draft.map_err(chore_failed)?, ids)
            }
            Self::EveryPast => {
                let now = at.context.clock.now();
                plan_reap(organization, kept, now)
                    .await
                    .map_err(chore_failed)?
            }
        })
    }

    fn draft(&self, (draft, ids): Self::Facts) -> Result<Drafted<Self::Shown>, Failure> {
        let question = format!("End drill {}?", ids.join(", "));
        let drills = ids.into_iter().map(|id| (id, None));
        let shown = Within(EndReport(drills.collect()));
        Ok(match self {
            Self::One(_) => Drafted::plan(draft, question, shown),
            Self::EveryPast => Drafted::plan_or(draft, question, shown, "no drill is past its end"),
        })
    }
}

/// Stored drills by id.
struct EndReport(Vec<(String, Option<Drill>)>);

impl ReportWithin for EndReport {
    async fn look_up(&mut self, at: &Opened<'_>) -> Result<(), Failure> {
        for (id, drill) in &mut self.0 {
            *drill = kept(at, id).await?;
        }
        Ok(())
    }

    fn whole(&self, settled: &Settled) -> Result<Value, Failure> {
        let row = |(id, kept): &(String, Option<Drill>)| {
            json!({
                "id": id,
                "target": kept.as_ref().map(|drill| drill.target.clone()),
                "applied_at": kept.as_ref().and_then(|drill| drill.applied_at),
                "removed_at": kept.as_ref().and_then(|drill| drill.removed_at),
            })
        };
        let drills: Vec<Value> = self.0.iter().map(row).collect();
        Ok(json!({ "drills": drills, "plan": settled.report }))
    }
}
