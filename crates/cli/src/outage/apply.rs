use std::path::PathBuf;

use hallpass_app::chores::plans::chore::{self, Chore, Drafted, Opened, ReportWithin, Within};
use hallpass_app::chores::plans::chore_failed;
use hallpass_app::chores::plans::{PlanArgs, Settled};
use hallpass_enforcement::{Drill, SCPS_PER_TARGET};
use hallpass_org::outage::{ApplyDrill, BreakGlass, DrillFile, plan_apply, probes};
use hallpass_plans::PlanDraft;
use hallpass_terminal::exit::{Failure, Outcome};
use hallpass_terminal::output;
use hallpass_terminal::text_file::{TEXT_BYTES_MAX, read_text};
use serde_json::{Value, json};

use super::kept;

/// Attach a drill's policy to a unit or an account
#[derive(Debug, clap::Args)]
#[command(
    long_about = format!("Attach a drill's policy to a unit or an account\n\nRefused (exit 4) at the root, in \
                  the management account, where an account is in production (tag hallpass:prod=true), \
                  where {SCPS_PER_TARGET} policies are attached already, and where no break-glass role is seen. \
                  Without --apply the plan is only shown and saved."),
    after_help = "Examples:
  hallpass org outage apply drill.json --target ou-ab12-11111111
  hallpass org outage apply drill.json --target 222233334444 --apply"
)]
pub(super) struct Args {
    /// The policy, as `org outage generate` writes it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The unit (`ou-…`) or account to attach it to
    #[arg(long, value_name = "ID")]
    target: String,
    /// Continue without a visible break-glass role in every account
    #[arg(long)]
    without_break_glass: bool,
    #[command(flatten)]
    plan: PlanArgs,
}

pub(super) fn run(args: &Args) -> Outcome {
    let text = read_text(&args.file, TEXT_BYTES_MAX)?;
    let file = DrillFile::read(&text)?;
    chore::run(&DrillChore { args, file }, &args.plan)
}

struct DrillChore<'a> {
    args: &'a Args,
    file: DrillFile,
}

impl Chore for DrillChore<'_> {
    type Facts = (PlanDraft, Drill);
    type Shown = Within<DrillReport>;

    async fn gather(&self, at: &Opened<'_>) -> Result<Self::Facts, Failure> {
        let wanted = ApplyDrill {
            file: self.file.clone(),
            target: self.args.target.clone(),
            prod: at.loaded.config.outage.prod_accounts.clone(),
            break_glass: if self.args.without_break_glass {
                BreakGlass::Waived
            } else {
                BreakGlass::Needed
            },
        };
        plan_apply(at.context.organization.as_ref(), &wanted)
            .await
            .map_err(chore_failed)
    }

    fn draft(&self, (draft, drill): Self::Facts) -> Result<Drafted<Self::Shown>, Failure> {
        let question = format!(
            "Deny calls in {} accounts below {} until {}?",
            drill.accounts.len(),
            drill.target,
            drill.ends_at
        );
        let file = self.file.clone();
        let shown = Within(DrillReport { file, drill });
        Ok(Drafted::plan(draft, question, shown))
    }

    async fn done(
        &self,
        _at: &Opened<'_>,
        Within(DrillReport { drill, .. }): &Self::Shown,
        _settled: Option<&Settled>,
    ) -> Result<(), Failure> {
        output::say(&format!(
            "drill {} ends automatically at {}; `hallpass org outage remove {} --apply` ends it sooner",
            drill.id, drill.ends_at, drill.id
        ));
        Ok(())
    }
}

/// Drill report (`policies.md` §8.3), plus the plan's.
struct DrillReport {
    file: DrillFile,
    drill: Drill,
}

impl ReportWithin for DrillReport {
    async fn look_up(&mut self, at: &Opened<'_>) -> Result<(), Failure> {
        if let Some(kept) = kept(at, &self.drill.id).await? {
            self.drill = kept;
        }
        Ok(())
    }

    fn whole(&self, settled: &Settled) -> Result<Value, Failure> {
        let drill = &self.drill;
        let statement: Value = serde_json::from_str(&drill.statement).map_err(Failure::bug)?;
        let rows = probes(&self.file).map_err(Failure::bug)?;
        Ok(json!({
            "id": drill.id,
            "target": drill.target,
            "accounts": drill.accounts,
            "statement": statement.get("Statement"),
            "starts_at": drill.starts_at,
            "ends_at": drill.ends_at,
            "applied_at": drill.applied_at,
            "removed_at": drill.removed_at,
            "probes": rows,
            "plan": settled.report,
        }))
    }
}
