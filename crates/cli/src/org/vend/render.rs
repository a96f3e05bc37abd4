use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hallpass_app::chores::plans::chore::{Opened, Shown};
use hallpass_app::chores::plans::run_failed;
use hallpass_app::chores::plans::{PlanContext, Settled};
use hallpass_app::chores::vending_lists::unread;
use hallpass_org::vending::{
    PlannedRow, RowResult, RowStatus, VendingPlan, checked_results, finished, results,
};
use hallpass_plans::{Folded, Plan, PlanId, PlanState};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Value, json};

pub(super) struct ShownList {
    vending: VendingPlan,
    results: BTreeMap<usize, RowResult>,
    stage: ListStage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ListStage {
    /// Checked only, or run by another process.
    Looked,
    Run,
}

/// Retry limit while a listing lacks new accounts.
const LISTS_WITHIN: u32 = 20;

/// Returns the plan's list.
pub(super) fn kept_list(plan: &Plan) -> Result<VendingPlan, Failure> {
    VendingPlan::of(plan).ok_or_else(|| Failure::bug("a plan of a list that keeps no list"))
}

pub(super) fn list_path(plan: &PlanId) -> PathBuf {
    PathBuf::from(format!("{plan}.csv"))
}

impl ShownList {
    /// Reads the plan's journal.
    pub(super) async fn of_plan(
        context: &PlanContext,
        vending: VendingPlan,
        plan: &Plan,
        folded: &Folded,
    ) -> Result<Self, Failure> {
        let mut shown = Self::of_check(vending);
        shown.look(context, plan, folded).await?;
        Ok(shown)
    }

    pub(super) fn of_check(vending: VendingPlan) -> Self {
        Self {
            results: checked_results(&vending),
            vending,
            stage: ListStage::Looked,
        }
    }

    /// Applies the journal; returns whether the listing has every row's account.
    async fn look(
        &mut self,
        context: &PlanContext,
        plan: &Plan,
        folded: &Folded,
    ) -> Result<bool, Failure> {
        let accounts = accounts(context).await?;
        self.results = results(&self.vending, plan, folded, &accounts);
        let ids: BTreeSet<&String> = accounts.values().collect();
        let is_listed =
            |row: &RowResult| row.account_id.is_empty() || ids.contains(&row.account_id);
        Ok(self.results.values().all(is_listed))
    }

    /// Applies the journal of a finished run, then waits until a listing shows the new accounts, so
    /// that the next reader sees them.
    pub(super) async fn look_at_run(
        &mut self,
        context: &PlanContext,
        plan: &Plan,
        folded: &Folded,
    ) -> Result<(), Failure> {
        self.stage = ListStage::Run;
        let mut looks = 1;
        while !self.look(context, plan, folded).await? && looks < LISTS_WITHIN {
            looks += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        Ok(())
    }

    pub(super) fn csv(&self) -> String {
        self.vending.file.write(&self.results)
    }

    pub(super) fn has_bad(&self) -> bool {
        self.results.values().any(|result| result.status.is_bad())
    }

    pub(super) fn has_failed(&self) -> bool {
        let failed =
            |result: &RowResult| result.status.is_bad() && result.status != RowStatus::Invalid;
        self.results.values().any(failed)
    }

    pub(super) fn write(&self, path: &Path) -> Result<(), Failure> {
        self.replace(path)?;
        output::say(&format!("the list is written to {}", path.display()));
        Ok(())
    }

    /// Writes the filled list atomically.
    pub(super) fn replace(&self, path: &Path) -> Result<(), Failure> {
        let unwritable = |error| Failure::unwritable(path.display(), &error);
        let half = path.with_extension("csv.part");
        fs::write(&half, self.csv()).map_err(unwritable)?;
        fs::rename(&half, path).map_err(unwritable)
    }

    fn action(&self, number: usize) -> &'static str {
        match self.results.get(&number).map(|result| result.status) {
            None => "keep",
            Some(RowStatus::Invalid) => "-",
            Some(_) if is_adopted(&self.vending, number) => "adopt",
            Some(_) => "create",
        }
    }

    fn row(&self, row: &hallpass_org::vending::VendingRow<'_>) -> Value {
        let result = self.results.get(&row.number);
        json!({
            "row": row.number,
            "name": row.cell("AccountName"),
            "email": row.cell("AccountEmail"),
            "unit": row.cell("OrgUnit"),
            "action": self.action(row.number),
            "status": result.map_or(row.status(), |it| it.status.name()),
            "account_id": result.map_or(row.account_id(), |it| &it.account_id),
            "error": result.map_or("", |it| &it.error),
        })
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["row", "account", "unit", "action", "status", "id", "why"]);
        for row in self.vending.file.rows() {
            let result = self.results.get(&row.number);
            table.row([
                row.number.to_string(),
                row.cell("AccountName").to_owned(),
                row.cell("OrgUnit").to_owned(),
                self.action(row.number).to_owned(),
                result
                    .map_or(row.status(), |it| it.status.name())
                    .to_owned(),
                result
                    .map_or(row.account_id(), |it| &it.account_id)
                    .to_owned(),
                result.map_or("", |it| &it.error).to_owned(),
            ]);
        }
        table
    }
}

impl Shown for ShownList {
    async fn tell(&mut self, at: &Opened<'_>, settled: &Settled) -> Result<(), Failure> {
        if !settled.was_begun() {
            return Ok(());
        }
        let (plan, folded) = at
            .context
            .runner
            .load(&settled.report.plan)
            .await
            .map_err(run_failed)?;
        if settled.report.state == PlanState::Running {
            self.look(at.context, &plan, &folded).await?;
            return Ok(());
        }
        self.look_at_run(at.context, &plan, &folded).await
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        if format == Format::Csv {
            return output::print(&self.csv());
        }
        let rows = self.vending.file.rows();
        let rows: Vec<Value> = rows.map(|row| self.row(&row)).collect();
        let kept = settled.filter(|it| it.refused.is_none());
        let plan = kept.map(|it| &it.report.plan);
        let report = settled.map(|it| &it.report);
        let whole = json!({ "plan": plan, "rows": rows, "report": report });
        output::one(format, &whole, &[], || self.table().text(output::width()))
    }

    fn exit(&self, otherwise: Exit) -> Exit {
        let is_well = match self.stage {
            ListStage::Looked => !self.has_bad(),
            ListStage::Run if otherwise == Exit::Ok => finished(&self.results),
            ListStage::Run => true,
        };
        if is_well { otherwise } else { Exit::Failed }
    }
}

fn is_adopted(vending: &VendingPlan, number: usize) -> bool {
    let row = number.checked_sub(2).and_then(|it| vending.rows.get(it));
    let adopts = |row: &PlannedRow| {
        matches!(
            row,
            PlannedRow::Wanted {
                adopts: Some(_),
                ..
            }
        )
    };
    row.is_some_and(adopts)
}

async fn accounts(context: &PlanContext) -> Result<BTreeMap<String, String>, Failure> {
    let all = context.accounts.accounts().await.map_err(unread)?;
    let rows = all.into_iter();
    Ok(rows
        .map(|it| (it.email.to_ascii_lowercase(), it.id))
        .collect())
}

pub(super) async fn told_meanwhile<T>(
    context: &PlanContext,
    plan: &PlanId,
    run: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    tokio::select! {
        ran = run => ran,
        never = follow(context, plan) => match never {},
    }
}

async fn follow(context: &PlanContext, plan: &PlanId) -> std::convert::Infallible {
    let mut told: BTreeMap<usize, RowStatus> = BTreeMap::new();
    loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let Ok((saved, folded)) = context.runner.load(plan).await else {
            continue;
        };
        let Some(vending) = VendingPlan::of(&saved).filter(|_| folded.began.is_some()) else {
            continue;
        };
        let now = results(&vending, &saved, &folded, &BTreeMap::new());
        for row in vending.file.rows() {
            let Some(result) = now.get(&row.number) else {
                continue;
            };
            let is_news = told.insert(row.number, result.status) != Some(result.status);
            let waits = matches!(result.status, RowStatus::Valid | RowStatus::Invalid);
            if is_news && !waits {
                let line = format!(
                    "row {} {}: {}",
                    row.number,
                    row.cell("AccountName"),
                    result.status.name()
                );
                output::say(&output::plain(&line));
            }
        }
    }
}
