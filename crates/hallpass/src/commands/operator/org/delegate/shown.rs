//! How rows of services and Regions are shown.

use hallpass_org::delegation::{DelegationRow, DelegationState};
use hallpass_runner::{PlanReport, StepEnd, TargetReport};
use serde_json::{Value, json};

use crate::delegation_files::step_names;
use crate::exit::{Exit, Failure};
use crate::output::{self, Format, Table};

/// Columns as CSV.
const FIELDS: &[&str] = &["service", "region", "account", "outcome", "reason"];

struct ShownRow {
    service: &'static str,
    region: String,
    account: String,
    outcome: String,
    reason: String,
    steps: Value,
    is_planned: bool,
    is_bad: bool,
}

/// A row for each service and Region.
pub(super) struct ShownDelegation(Vec<ShownRow>);

impl ShownDelegation {
    /// As the comparison says.
    pub(super) fn of(rows: &[DelegationRow]) -> Self {
        Self(rows.iter().map(shown).collect())
    }

    /// Adds what a plan would do, or did.
    pub(super) fn tell(&mut self, report: &PlanReport) {
        let would = report.is_planned();
        for row in &mut self.0 {
            let target = report.targets.iter().find(|it| {
                it.target.key == row.service
                    && it.target.region == row.region
                    && it.target.account == row.account
            });
            if let Some(target) = target {
                row.tell(target, would);
            }
        }
    }

    /// The exit code: 1 where a row needs somebody's attention.
    pub(super) fn exit(&self, otherwise: Exit) -> Exit {
        if self.0.iter().any(|row| row.is_bad) {
            Exit::Failed
        } else {
            otherwise
        }
    }

    /// Prints it.
    ///
    /// # Errors
    /// When stdout does not take it.
    pub(super) fn print(&self, report: Option<&PlanReport>, format: Format) -> Result<(), Failure> {
        let rows: Vec<Value> = self.0.iter().map(ShownRow::json).collect();
        match format {
            Format::Table | Format::Csv => output::list(format, &rows, FIELDS, || self.table()),
            Format::Json | Format::Jsonl => {
                let whole = json!({ "rows": rows, "report": report });
                output::one(format, &whole, &[], String::new)
            }
        }
    }

    fn table(&self) -> Table {
        let mut table = Table::new(&["service", "where", "administrator", "outcome", "why"]);
        for row in &self.0 {
            table.row([
                row.service.to_owned(),
                row.region.clone(),
                row.account.clone(),
                row.words(),
                row.reason.clone(),
            ]);
        }
        table
    }
}

impl ShownRow {
    fn tell(&mut self, target: &TargetReport, would: bool) {
        self.outcome = target.outcome.to_string();
        self.is_planned = would && target.outcome == StepEnd::Changed;
        let changes = step_names(target);
        let told = if target.reason.is_empty() {
            changes.join(", ")
        } else {
            target.reason.clone()
        };
        let parts = [told.as_str(), self.reason.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        self.reason = parts.join("; ");
        self.steps = json!(target.steps);
    }

    fn words(&self) -> String {
        if self.is_planned {
            "would change".to_owned()
        } else {
            self.outcome.clone()
        }
    }

    fn json(&self) -> Value {
        json!({
            "service": self.service, "region": self.region, "account": self.account,
            "outcome": self.outcome, "reason": self.reason, "steps": self.steps,
        })
    }
}

fn shown(row: &DelegationRow) -> ShownRow {
    let waiting = row.waiting.iter();
    let waiting = waiting.map(|it| format!("account {it} was invited and has not said yes"));
    let problems: Vec<String> = row.problems.iter().cloned().chain(waiting).collect();
    let problems = problems.join("; ");
    let (outcome, reason) = match &row.state {
        DelegationState::Planned => ("planned", problems),
        DelegationState::Conflict { other } => {
            let way = if row.wish.service.name == "detective" {
                "`org delegate remove` takes it away, and its graphs with it"
            } else {
                "`--replace` takes its place"
            };
            ("conflict", format!("{other} administers it; {way}"))
        }
        DelegationState::Skipped { reason } => ("skipped", reason.clone()),
        DelegationState::Unread { reason } => ("unread", reason.clone()),
    };
    ShownRow {
        service: row.wish.service.name,
        region: row.region.clone(),
        account: row.wish.account.to_string(),
        outcome: outcome.to_owned(),
        reason,
        steps: Value::Array(Vec::new()),
        is_planned: false,
        is_bad: row.is_bad(),
    }
}

/// A report by itself.
///
/// # Errors
/// When stdout does not take it.
pub(super) fn print_report(report: &PlanReport, format: Format) -> Result<(), Failure> {
    crate::plans::print(report, None, format)
}
