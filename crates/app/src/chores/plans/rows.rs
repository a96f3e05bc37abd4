//! The one table of chores whose wish has a row for each place: the same columns for people, as CSV and as JSON, and the
//! same way in which a plan's report gets into the rows.

use std::collections::BTreeMap;

use hallpass_plans::{PlanReport, StepTarget, TargetReport};
use hallpass_terminal::exit::{Exit, Failure};
use hallpass_terminal::output::{self, Format, Table};
use serde_json::{Value, json};

use super::Settled;
use super::chore::{Opened, Shown};

/// A place that something is wanted of, and how it stands.
pub trait ShownRow {
    /// Titles of the table.
    const HEAD: &'static [&'static str];
    /// Columns as CSV.
    const FIELDS: &'static [&'static str];

    /// Takes in the names of accounts, by id.
    fn name(&mut self, _names: &BTreeMap<String, String>) {}

    /// Whether it is what a target of its plan is about.
    fn is_at(&self, target: &StepTarget) -> bool;

    /// Takes in what the plan does there, or would where `report` is of a plan that was only looked at.
    fn tell(&mut self, target: &TargetReport, report: &PlanReport);

    /// Whether it needs somebody's attention whatever the plan does.
    fn is_bad(&self) -> bool;

    /// The row as data.
    fn json(&self, format: Format) -> Value;

    /// The row for people.
    fn cells(&self) -> Vec<String>;
}

/// Rows of a chore.
pub struct ShownRows<R>(pub Vec<R>);

impl<R: ShownRow> ShownRows<R> {
    /// Takes in what a plan would do, or did.
    pub fn take_in(&mut self, report: &PlanReport) {
        for target in &report.targets {
            let mut rows = self.0.iter_mut();
            if let Some(row) = rows.find(|row| row.is_at(&target.target)) {
                row.tell(target, report);
            }
        }
    }

    /// Takes in the names of accounts, by id.
    pub fn take_names(&mut self, names: &BTreeMap<String, String>) {
        for row in &mut self.0 {
            row.name(names);
        }
    }

    /// The table for people.
    pub fn table(&self) -> Table {
        let mut table = Table::new(R::HEAD);
        for row in &self.0 {
            table.row(row.cells());
        }
        table
    }
}

impl<R: ShownRow> Shown for ShownRows<R> {
    async fn name(&mut self, at: &Opened<'_>) {
        self.take_names(&at.context.account_names().await);
    }

    async fn tell(&mut self, _at: &Opened<'_>, settled: &Settled) -> Result<(), Failure> {
        self.take_in(&settled.report);
        Ok(())
    }

    fn print(&self, settled: Option<&Settled>, format: Format) -> Result<(), Failure> {
        let rows: Vec<Value> = self.0.iter().map(|row| row.json(format)).collect();
        match format {
            Format::Table | Format::Csv => output::list(format, &rows, R::FIELDS, || self.table()),
            Format::Json | Format::Jsonl => {
                let report = settled.map(|it| &it.report);
                let whole = json!({ "rows": rows, "report": report });
                output::one(format, &whole, &[], String::new)
            }
        }
    }

    fn exit(&self, otherwise: Exit) -> Exit {
        if self.0.iter().any(ShownRow::is_bad) {
            Exit::Failed
        } else {
            otherwise
        }
    }
}
