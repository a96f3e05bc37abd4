use std::sync::Arc;

use hallpass_app::chores::plans::run_failed;
use hallpass_app::chores::plans::{self, SavedPlanArgs};
use hallpass_app::host::runtime::runtime;
use hallpass_app::setup::opening::{ReadingArgs, open_store};
use hallpass_channels::wording::time::utc;
use hallpass_plans::{Plan, PlanReport, PlanStore, RunError, fold};
use hallpass_terminal::exit::{Exit, Failure, Outcome};
use hallpass_terminal::output;
use serde_json::json;

const LIST_MAX: u32 = 200;

const FIELDS: &[&str] = &[
    "plan", "kind", "state", "made_at", "made_by", "changed", "failed",
];

/// List plans, newest first
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org plan list --output json")]
pub(super) struct ListArgs {
    #[command(flatten)]
    shown: ReadingArgs,
}

/// Show a plan and the result of each target
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  hallpass org plan show 3f0c9a5b7d1e2f46 --output json")]
pub(super) struct ShowArgs {
    #[command(flatten)]
    plan: SavedPlanArgs,
}

pub(super) fn run_list(args: &ListArgs) -> Outcome {
    let address = args.shown.config.existing_store()?;
    let rows = runtime()?.block_on(async {
        let store: Arc<dyn PlanStore> = Arc::new(open_store(address).await?);
        let mut rows = Vec::new();
        for saved in store
            .plans(LIST_MAX)
            .await
            .map_err(RunError::from)
            .map_err(run_failed)?
        {
            let report = report(store.as_ref(), &saved.plan, saved.aborted).await?;
            rows.push((saved.plan, report));
        }
        Ok::<_, Failure>(rows)
    })?;
    let shown: Vec<_> = rows
        .iter()
        .map(|(plan, report)| {
            json!({
                "plan": plan.id, "kind": plan.kind, "state": report.state, "made_at": plan.made_at,
                "made_by": plan.made_by, "round": plan.round, "before": plan.before, "targets": report.targets.len(),
                "changed": report.totals.changed, "failed": report.totals.failed,
            })
        })
        .collect();
    let table = || {
        let mut table = output::Table::new(&["=plan", "kind", "state", "made", "by", "targets"]);
        for (plan, report) in &rows {
            table.row([
                plan.id.to_string(),
                kind_cell(plan),
                report.state.name().to_owned(),
                utc(plan.made_at),
                plan.made_by.clone(),
                report.targets.len().to_string(),
            ]);
        }
        table
    };
    output::list(args.shown.output.format(), &shown, FIELDS, table)?;
    Ok(Exit::Ok)
}

fn kind_cell(plan: &Plan) -> String {
    match plan.round {
        0 => plan.kind.clone(),
        round => format!("{} ({})", plan.kind, u64::from(round) + 1),
    }
}

pub(super) fn run_show(args: &ShowArgs) -> Outcome {
    let address = args.plan.existing_store()?;
    let id = args.plan.id()?;
    let (plan, report) = runtime()?.block_on(async {
        let store = open_store(address).await?;
        let saved = store
            .plan(&id)
            .await
            .map_err(RunError::from)
            .map_err(run_failed)?;
        let saved = saved.ok_or(RunError::Unknown(id)).map_err(run_failed)?;
        let report = report(&store, &saved.plan, saved.aborted).await?;
        Ok::<_, Failure>((saved.plan, report))
    })?;
    if let Some(before) = &plan.before {
        output::say(&format!(
            "the same was done before by plan {before}; this plan has its own journal and way back"
        ));
    }
    let whole = json!({ "report": report, "plan": plan });
    plans::print(&report, Some(&whole), args.plan.format())?;
    Ok(Exit::Ok)
}

async fn report(store: &dyn PlanStore, plan: &Plan, aborted: bool) -> Result<PlanReport, Failure> {
    let stored = store
        .journal(&plan.id)
        .await
        .map_err(RunError::from)
        .map_err(run_failed)?;
    let folded = fold(&stored).map_err(RunError::from).map_err(run_failed)?;
    Ok(hallpass_plans::report_of(plan, &folded, aborted))
}
