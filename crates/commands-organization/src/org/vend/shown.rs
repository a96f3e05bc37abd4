//! What became of the rows of a list, as it is printed and written.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::time::Duration;

use hallpass_org::vending::{
    AccountsFile, PlannedRow, RowResult, RowStatus, VendingPlan, checked_results, finished, results,
};
use hallpass_runner::{Folded, Plan, PlanId};
use serde_json::{Value, json};

use hallpass_chores::plans::PlanContext;
use hallpass_chores::vending_lists::unread;
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, Table};

/// Rows of a list, and what became of them.
pub(super) struct ShownList {
    pub(super) file: AccountsFile,
    pub(super) results: BTreeMap<usize, RowResult>,
    /// Rows whose account is there already.
    adopted: Vec<usize>,
    /// Whether a listing shows every account that a row has.
    listed: bool,
}

/// How long a listing that does not show what was just made is looked at again.
const LISTS_WITHIN: u32 = 20;

impl ShownList {
    /// As the journal of a plan says.
    ///
    /// # Errors
    /// When AWS does not name its accounts.
    pub(super) async fn of_plan(
        context: &PlanContext,
        vending: &VendingPlan,
        plan: &Plan,
        folded: &Folded,
    ) -> Result<Self, Failure> {
        let accounts = accounts(context).await?;
        let results = results(vending, plan, folded, &accounts);
        let ids: BTreeSet<&String> = accounts.values().collect();
        let is_listed =
            |row: &RowResult| row.account_id.is_empty() || ids.contains(&row.account_id);
        Ok(Self {
            listed: results.values().all(is_listed),
            results,
            adopted: adopted(vending),
            file: vending.file.clone(),
        })
    }

    /// As the journal of a plan says that was just run; once a listing shows what it made, so that whoever reads the
    /// organization next sees it.
    ///
    /// # Errors
    /// When AWS does not name its accounts.
    pub(super) async fn of_run(
        context: &PlanContext,
        vending: &VendingPlan,
        plan: &Plan,
        folded: &Folded,
    ) -> Result<Self, Failure> {
        let mut looks = 1;
        loop {
            let shown = Self::of_plan(context, vending, plan, folded).await?;
            if shown.listed || looks >= LISTS_WITHIN {
                return Ok(shown);
            }
            looks += 1;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    /// As the check says: nothing was begun.
    pub(super) fn of_check(vending: &VendingPlan) -> Self {
        Self {
            listed: true,
            results: checked_results(vending),
            adopted: adopted(vending),
            file: vending.file.clone(),
        }
    }

    /// The list with its last columns filled.
    pub(super) fn csv(&self) -> String {
        self.file.write(&self.results)
    }

    /// Whether a row cannot be used, or went wrong.
    pub(super) fn has_bad(&self) -> bool {
        self.results.values().any(|result| result.status.is_bad())
    }

    /// Whether a row that was begun went wrong.
    pub(super) fn has_failed(&self) -> bool {
        let failed =
            |result: &RowResult| result.status.is_bad() && result.status != RowStatus::Invalid;
        self.results.values().any(failed)
    }

    /// Whether every row is done.
    pub(super) fn exit(&self) -> Exit {
        if finished(&self.results) {
            Exit::Ok
        } else {
            Exit::Failed
        }
    }

    /// What is done for a row.
    fn action(&self, number: usize) -> &'static str {
        match self.results.get(&number).map(|result| result.status) {
            None => "keep",
            Some(RowStatus::Invalid) => "-",
            Some(_) if self.adopted.contains(&number) => "adopt",
            Some(_) => "create",
        }
    }

    /// Prints it: for people, as JSON with `report` beside the rows, or as the CSV itself.
    ///
    /// # Errors
    /// When stdout does not take it.
    pub(super) fn print(
        &self,
        plan: Option<&PlanId>,
        report: &Value,
        format: Format,
    ) -> Result<(), Failure> {
        if format == Format::Csv {
            return output::print(&self.csv());
        }
        let rows: Vec<Value> = self.file.rows().map(|row| self.row(&row)).collect();
        let whole = json!({ "plan": plan, "rows": rows, "report": report });
        output::one(format, &whole, &[], || self.table().text(output::width()))
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
        for row in self.file.rows() {
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

fn adopted(vending: &VendingPlan) -> Vec<usize> {
    let rows = (2..).zip(&vending.rows);
    rows.filter_map(|(number, row)| match row {
        PlannedRow::Wanted {
            adopts: Some(_), ..
        } => Some(number),
        PlannedRow::Wanted { .. } | PlannedRow::Kept | PlannedRow::Invalid { .. } => None,
    })
    .collect()
}

/// Ids of accounts by their address in lower case.
async fn accounts(context: &PlanContext) -> Result<BTreeMap<String, String>, Failure> {
    let all = context.accounts.accounts().await.map_err(unread)?;
    let rows = all.into_iter();
    Ok(rows
        .map(|it| (it.email.to_ascii_lowercase(), it.id))
        .collect())
}

/// Writes a list to a file, whole or not at all.
///
/// # Errors
/// When the folder does not take it.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let unwritable = |error| Failure::unwritable(path.display(), &error);
    let half = path.with_extension("csv.part");
    fs::write(&half, text).map_err(unwritable)?;
    fs::rename(&half, path).map_err(unwritable)
}

/// Says on stderr whenever a row comes further; never returns.
pub(super) async fn follow(context: &PlanContext, plan: &PlanId) -> std::convert::Infallible {
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
