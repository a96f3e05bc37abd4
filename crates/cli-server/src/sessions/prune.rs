use hallpass_app::chores::plans::PlanArgs;
use hallpass_app::chores::plans::chore::{self, ByReport, Chore, Drafted, Opened};
use hallpass_app::chores::plans::chore_failed;
use hallpass_base::Timestamp;
use hallpass_iam::residual::instant;
use hallpass_org::sessions::{Pruned, plan_prune};
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;

/// Remove entries after their last session ended, and empty policies
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  hallpass people sessions prune --at now
  hallpass people sessions prune --at 2026-03-03T00:00:00Z --apply")]
pub(super) struct Args {
    /// Remove entries with an end up to this: an instant with its zone, or `now`
    #[arg(long, value_name = "TIME")]
    at: String,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let at = match args.at.as_str() {
        "now" => None,
        text => Some(instant(text, "--at")?),
    };
    chore::run(&PruneChore(at), &args.plan)
}

struct PruneChore(Option<Timestamp>);

impl Chore for PruneChore {
    type Facts = Pruned;
    type Shown = ByReport;

    async fn gather(&self, at: &Opened<'_>) -> Result<Pruned, Failure> {
        let (organization, kept) = (at.context.organization.as_ref(), at.context.kept.as_ref());
        let end = self.0.unwrap_or_else(|| at.context.clock.now());
        plan_prune(organization, kept, end)
            .await
            .map_err(chore_failed)
    }

    fn draft(&self, pruned: Pruned) -> Result<Drafted<ByReport>, Failure> {
        for entry in &pruned.without_end {
            output::say(&format!(
                "warning: {entry}: its end was not stored, so it stays"
            ));
        }
        let question = format!("Take {} entries out?", pruned.gone.len());
        let nothing = "no entry is past its end";
        Ok(Drafted::plan_or(pruned.draft, question, ByReport, nothing))
    }
}
